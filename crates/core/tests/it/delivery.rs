//! Pushes: what receivers are sent, in which order, and what becomes of those in trouble (I6).

mod beside;
mod configs;
mod contents;
mod faults;
mod recovery;
mod secrets;
mod silence;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::push::PushConfig;
use a2a_lambda_core::{
    Delivered, End, Mark, Operations, ProtocolVersion, Reply, Tally, TaskKey, deliver,
};
use a2a_lambda_protocol::{
    DeleteTaskPushNotificationConfigRequest, Message, Part, TaskPushNotificationConfig,
};
use a2a_lambda_testing::{pushing, task_of};

use crate::support::{Scripted, World, millis, script, secs, user};

/// A receiver's URL.
pub(super) fn url(name: &str) -> String {
    format!("https://{name}.example/hook")
}

pub(super) fn config(name: &str) -> TaskPushNotificationConfig {
    TaskPushNotificationConfig {
        id: name.to_owned(),
        ..TaskPushNotificationConfig::of("", url(name))
    }
}

impl World {
    /// A world with a task, which is to be pushed to this receiver.
    pub(super) async fn pushing_to(name: &str, agent: Scripted) -> (Self, TaskKey) {
        let world = Self::new(agent);
        let key = world.submit_for(name).await;
        (world, key)
    }

    /// Submits a message for a new task, which is to be pushed to this receiver.
    pub(super) async fn submit_for(&self, name: &str) -> TaskKey {
        self.submit_with(user("go"), config(name), &SendOptions::default()).await
    }

    /// The same, attended to.
    pub(super) async fn attended_for(&self, name: &str) -> TaskKey {
        let key = self.submit_for(name).await;
        self.attend(&key).await;
        key
    }

    pub(super) async fn submit_with(
        &self,
        message: Message,
        config: TaskPushNotificationConfig,
        options: &SendOptions,
    ) -> TaskKey {
        let request = pushing(message, Some(config));
        let operations = Operations::new(self.healthy());
        let sent = Box::pin(operations.send(&Self::alice(), request, options)).await;
        Self::key(&task_of(sent.unwrap()).id)
    }

    /// Registers a receiver for a task.
    pub(super) async fn register(&self, key: &TaskKey, name: &str) {
        self.register_by(key, name, ProtocolVersion::V1_0).await;
    }

    pub(super) async fn register_by(&self, key: &TaskKey, name: &str, version: ProtocolVersion) {
        let task_id = key.task.as_str().to_owned();
        let config = TaskPushNotificationConfig { task_id, ..config(name) };
        let operations = Operations::new(self.healthy());
        operations.create_push_config(&Self::alice(), config, version).await.unwrap();
    }

    pub(super) async fn unregister(&self, key: &TaskKey, name: &str) {
        let request = DeleteTaskPushNotificationConfigRequest::of(key.task.as_str(), name);
        let operations = Operations::new(self.healthy());
        operations.delete_push_config(&Self::alice(), &request).await.unwrap();
    }

    /// Delivers as stream recovery does.
    pub(super) async fn deliver(&self, key: &TaskKey) -> Delivered {
        let deadline = self.now().saturating_add(secs(60));
        Box::pin(deliver(&self.engine, key, deadline)).await.unwrap()
    }

    pub(super) async fn config_of(&self, key: &TaskKey, name: &str) -> PushConfig {
        self.configs(key).await.into_iter().find(|config| config.id.as_str() == name).unwrap()
    }

    /// Lets time pass as in a deployment: signals arrive, an open mark is seen by stream recovery,
    /// a sweep comes every minute.
    pub(super) async fn live(&self, key: &TaskKey, time: Duration) {
        let end = self.now().saturating_add(time);
        let mut next_sweep = self.now();
        while self.now() < end {
            let mut arrived = self.queue.take_arrived(self.now());
            arrived.extend(self.timer.take_arrived(self.now()));
            for signal in arrived {
                self.attend(&signal.key()).await;
            }
            if self.head(key).await.mark() == Some(&Mark::Open) {
                self.deliver(key).await;
            }
            if self.now() >= next_sweep {
                next_sweep = self.now().saturating_add(secs(60));
                let swept = self.sweep().await;
                assert_eq!((swept.failed, swept.unread), (0, 0), "{swept:?}");
            }
            tokio::time::sleep(secs(1)).await;
        }
    }

    /// A task that is over, to which nothing has been pushed.
    pub(super) async fn done(&self) -> TaskKey {
        let key = self.submit("go").await;
        self.attend(&key).await;
        self.queue.take_times();
        key
    }

    pub(super) fn ids(&self, name: &str) -> Vec<String> {
        self.receivers.arrived(&url(name)).into_iter().map(|arrived| arrived.push.id).collect()
    }

    /// The pushes that a receiver has taken, each once. A repeated id must have the same bytes.
    pub(super) fn taken(&self, name: &str) -> Vec<String> {
        let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut told = Vec::new();
        for arrived in self.receivers.arrived(&url(name)) {
            if let Some(body) = seen.get(&arrived.push.id) {
                assert_eq!(*body, arrived.push.body, "one id, two contents");
            } else {
                told.push(arrived.told());
                seen.insert(arrived.push.id.clone(), arrived.push.body.clone());
            }
        }
        told
    }

    /// The contents of all pushes to a receiver.
    pub(super) fn told(&self, name: &str) -> Vec<String> {
        self.receivers.told(&url(name))
    }
}

pub(super) fn sent(acknowledged: usize) -> Delivered {
    Delivered::Ran(Tally { acknowledged, ..Tally::default() })
}

/// An agent that shows chunks and is done.
pub(super) fn streams(chunks: &'static [&'static str], pause_ms: u64) -> Scripted {
    script!(|turn, _| {
        let mut text = turn.chunked("text");
        for chunk in chunks {
            text.push(vec![Part::text(*chunk)]).await?;
            turn.sleep(millis(pause_ms)).await;
        }
        Ok(End::Completed(Reply::from("done")))
    })
}
