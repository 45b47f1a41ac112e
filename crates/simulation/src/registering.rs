//! Clients that use push configs.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::{Operations, ProtocolVersion, TaskKey};
use a2a_lambda_protocol::{
    A2aError, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    ListTaskPushNotificationConfigsRequest, TaskPushNotificationConfig,
};

use crate::client::{Client, TRIES};
use crate::op::{Registration, Who};
use crate::oracle::Violation;

impl Registration {
    fn config_id(id: Option<u32>) -> String {
        id.map(|number| format!("c{number}")).unwrap_or_default()
    }

    /// The id of its config, unless that is a fresh one.
    pub(crate) fn id_in(id: Option<u32>, key: &TaskKey) -> String {
        id.map_or_else(|| key.task.as_str().to_owned(), |_| Self::config_id(id))
    }

    /// The request for the config under a name. Some receivers require a token.
    pub(crate) fn request(&self, name: &str, task: &str) -> TaskPushNotificationConfig {
        let url = self.manner.url(name);
        let has_token = self.id.is_some_and(|id| id % 2 == 1);
        TaskPushNotificationConfig {
            id: Self::config_id(self.id),
            task_id: task.to_owned(),
            token: if has_token { url.clone() } else { String::new() },
            url,
            ..TaskPushNotificationConfig::default()
        }
    }
}

impl Client {
    /// Creates a push config. A request with an id can be repeated.
    pub(crate) async fn register(&self, push: Registration, who: Who, key: TaskKey) {
        for number in 1..=TRIES {
            let actor = Arc::new(self.actor(number));
            let request = push.request(actor.name(), key.task.as_str());
            let before = self.world.makings(&key, &Registration::id_in(push.id, &key));
            let url = request.url.clone();
            let ask = async |ops: Operations| {
                ops.create_push_config(&who.caller(), request, push.version).await
            };
            let answer = self.ask(&actor, Duration::ZERO, ask).await;
            let again = match answer {
                Some(Ok(made)) => {
                    self.world.judge(|oracle| {
                        if made.url != url {
                            let text = format!("{url} was asked for, and {} made", made.url);
                            return Err(Violation::new("I6", text));
                        }
                        oracle.promised(&url)
                    });
                    self.world.silenced(&before, Some(actor.name()));
                    false
                }
                // The task has the most configs that it may have.
                Some(Err(error)) if error.kind == ErrorKind::UnsupportedOperation => false,
                Some(Err(error)) => {
                    let now_ms = self.world.now_ms();
                    self.world.judge(|oracle| oracle.refused_owner(&key, &error, now_ms));
                    true
                }
                None => true,
            };
            if !again || push.id.is_none() && push.version == ProtocolVersion::V1_0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Deletes a push config, and repeats that until it is answered.
    pub(crate) async fn unregister(&self, id: Option<u32>, who: Who, key: TaskKey) {
        let task_id = key.task.as_str().to_owned();
        let id = Registration::id_in(id, &key);
        for number in 1..=TRIES {
            let actor = Arc::new(self.actor(number));
            let request = DeleteTaskPushNotificationConfigRequest::of(&task_id, &id);
            let before = self.world.makings(&key, &id);
            let ask = async |ops: Operations| ops.delete_push_config(&who.caller(), &request).await;
            match self.ask(&actor, Duration::ZERO, ask).await {
                Some(Ok(())) => return self.world.silenced(&before, None),
                Some(Err(error)) => {
                    let now_ms = self.world.now_ms();
                    self.world.judge(|oracle| oracle.refused_owner(&key, &error, now_ms));
                }
                None => {}
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Client {
    /// Lists the push configs of a task.
    pub(crate) async fn configs(&self, who: Who, key: TaskKey) {
        let actor = Arc::new(self.actor(1));
        let before = self.world.configs_of(&key);
        let task_id = key.task.as_str().to_owned();
        let request = ListTaskPushNotificationConfigsRequest::of(task_id);
        let ask = async |ops: Operations| ops.list_push_configs(&who.caller(), &request).await;
        let answer = self.ask(&actor, Duration::ZERO, ask).await;
        self.world.judge(|oracle| match answer {
            Some(Ok(page)) => {
                let shown = page.configs.into_iter().map(|config| (config.id, config.url));
                oracle.listed_configs(&key, &before, &shown.collect::<Vec<_>>())
            }
            Some(Err(error)) => oracle.refused_owner(&key, &error, self.world.now_ms()),
            None => Ok(()),
        });
    }
}

/// Tries to register a config on another owner's task.
pub(crate) async fn intrude(
    operations: &Operations,
    stranger: &a2a_lambda_core::Caller,
    id: String,
) -> Result<(), A2aError> {
    let request = TaskPushNotificationConfig::of(id, "https://dead.test/stranger");
    operations.create_push_config(stranger, request, ProtocolVersion::V1_0).await.map(drop)
}
