//! A function over a store in memory, and receivers of which some do not answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::ops::{Caller, SendOptions};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{
    Answer, Clock, Engine, Formats, Head, MemoryStore, NotAdmitted, Operations, Owner, PlainVault,
    Policy, ProtocolVersion, Push, PushConfig, PushConfigs, PushError, Queue, Signal, SignalError,
    StoreError, TaskId, TaskKey, Tenant, Timer, Wanted, Webhook,
};
use a2a_lambda_protocol::{
    CancelTaskRequest, Message, Part, Role, SendMessageConfiguration, SendMessageRequest,
    SendMessageResponse, TaskPushNotificationConfig, Timestamp,
};
use a2a_lambda_runtime::RandomIds;
use a2a_lambda_stream_recovery::Context;
use async_trait::async_trait;
use serde_json::{Value, json};

/// How long an invocation lasts.
pub(crate) const INVOCATION: Duration = Duration::from_mins(1);

/// Tokio's paused time.
struct TestClock(tokio::time::Instant);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp::from_millis(1_700_000_000_000 + passed)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Counts what is signaled.
#[derive(Default)]
pub(crate) struct Signals(Mutex<Vec<(TaskKey, Duration)>>);

#[async_trait]
impl Queue for Signals {
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        self.0.lock().unwrap().push((signal.key(), delay));
        Ok(())
    }
}

#[async_trait]
impl Timer for Signals {
    async fn signal_at(&self, signal: &Signal, _: Timestamp) -> Result<(), SignalError> {
        self.send(signal, Duration::MAX).await
    }
}

/// Receivers: what is sent to a URL that ends in `/hangs` is not answered.
#[derive(Default)]
struct Receivers(Mutex<Vec<String>>);

#[async_trait]
impl Webhook for Receivers {
    async fn admit(&self, _: &str) -> Result<(), NotAdmitted> {
        Ok(())
    }

    async fn post(&self, push: Push, _wanted: &dyn Wanted) -> Result<Answer, PushError> {
        self.0.lock().unwrap().push(push.url.clone());
        if push.url.ends_with("/hangs") {
            std::future::pending::<()>().await;
        }
        Ok(Answer { status: 200, retry_after: None })
    }
}

/// Configs of which those of some tasks cannot be had.
#[derive(Default)]
struct Configs {
    memory: MemoryStore,
    refused: Mutex<BTreeSet<TaskKey>>,
    /// The tasks whose configs another release has written.
    of_other_release: Mutex<BTreeSet<TaskKey>>,
}

#[async_trait]
impl PushConfigs for Configs {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        self.memory.put(task, config).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        if self.refused.lock().unwrap().contains(task) {
            return Err(StoreError::Refused("the test says so".into()));
        }
        if self.of_other_release.lock().unwrap().contains(task) {
            let source = Formats::new("push config", 1, 1).check(99).unwrap_err();
            return Err(StoreError::OtherRelease { key: task.to_string(), source });
        }
        self.memory.get(task, registrations).await
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        self.memory.delete(task, registration).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        self.memory.advance(task, before, config).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        self.memory.failing(shard, after, limit).await
    }
}

/// The function, and what a test looks at.
pub(crate) struct Function {
    engine: Engine,
    signals: Arc<Signals>,
    receivers: Arc<Receivers>,
    configs: Arc<Configs>,
    context: Context,
}

impl Function {
    /// It must be made within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        let signals = Arc::new(Signals::default());
        let receivers = Arc::new(Receivers::default());
        let configs = Arc::new(Configs::default());
        let engine = Engine {
            store: Arc::new(MemoryStore::new()),
            configs: configs.clone(),
            queue: signals.clone(),
            timer: signals.clone(),
            clock: Arc::new(TestClock(tokio::time::Instant::now())),
            ids: Arc::new(RandomIds),
            webhook: receivers.clone(),
            vault: Arc::new(PlainVault),
            policy: Arc::new(Policy::default()),
        };
        Self { context: Context::new(engine.clone()), engine, signals, receivers, configs }
    }

    /// A task that was canceled before it began, and of which that is to be told.
    pub(crate) async fn canceled(&self, tenant: &str, url: &str) -> TaskKey {
        let tenant = Tenant::parse(tenant).unwrap();
        let caller = Caller { tenant: tenant.clone(), owner: Owner::parse("alice").unwrap() };
        let request = SendMessageRequest {
            message: Some(Message {
                message_id: "m1".to_owned(),
                role: Role::User,
                parts: vec![Part::text("go")],
                ..Message::default()
            }),
            configuration: Some(SendMessageConfiguration {
                return_immediately: true,
                ..SendMessageConfiguration::default()
            }),
            ..SendMessageRequest::default()
        };
        let operations = Operations::new(self.engine.clone());
        let sent = operations.send(&caller, request, &SendOptions::default()).await.unwrap();
        let SendMessageResponse::Task(task) = sent else { panic!("no task, but {sent:?}") };
        let config = TaskPushNotificationConfig {
            task_id: task.id.clone(),
            url: url.to_owned(),
            ..TaskPushNotificationConfig::default()
        };
        let version = ProtocolVersion::V1_0;
        operations.create_push_config(&caller, config, version).await.unwrap();
        let cancel = CancelTaskRequest { id: task.id.clone(), ..CancelTaskRequest::default() };
        operations.cancel(&caller, &cancel).await.unwrap();
        self.signals.0.lock().unwrap().clear();
        TaskKey { tenant, task: TaskId::parse(task.id).unwrap() }
    }

    /// What the function answers, in an invocation that lasts this long.
    pub(crate) async fn handle_within(&self, invocation: Duration, event: &str) -> Value {
        let deadline = self.engine.clock.now().saturating_add(invocation);
        let event =
            a2a_lambda_stream_recovery::event(serde_json::from_str(event).unwrap()).unwrap();
        let answer = a2a_lambda_stream_recovery::handle(event, deadline, &self.context).await;
        serde_json::to_value(answer).unwrap()
    }

    pub(crate) async fn handle(&self, event: &str) -> Value {
        self.handle_within(INVOCATION, event).await
    }

    /// Takes the URLs that something was sent to.
    pub(crate) fn take_sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.receivers.0.lock().unwrap())
    }

    /// Takes the tasks that were signaled, and when.
    pub(crate) fn take_signals(&self) -> Vec<(TaskKey, Duration)> {
        std::mem::take(&mut *self.signals.0.lock().unwrap())
    }

    /// From now on, the configs of these tasks cannot be read, and all others can.
    pub(crate) fn refuse(&self, tasks: &[&TaskKey]) {
        *self.configs.refused.lock().unwrap() = tasks.iter().map(|task| (*task).clone()).collect();
    }

    /// From now on, the configs of these tasks, and no others, are of another release.
    pub(crate) fn set_of_other_release(&self, tasks: &[&TaskKey]) {
        let mut set = self.configs.of_other_release.lock().unwrap();
        *set = tasks.iter().map(|task| (*task).clone()).collect();
    }

    pub(crate) async fn is_marked(&self, key: &TaskKey) -> bool {
        self.head(key).await.mark().is_some()
    }

    /// Whether the sweep will look at the task.
    pub(crate) async fn is_due(&self, key: &TaskKey) -> bool {
        self.head(key).await.due.is_some()
    }

    async fn head(&self, key: &TaskKey) -> Head {
        self.engine.read(key, Depth::Tail).await.unwrap().unwrap().head
    }
}

/// A record of a task, as the filter lets it through.
pub(crate) fn record(number: u32, pk: &str) -> Value {
    json!({
        "eventName": "MODIFY",
        "dynamodb": {
            "Keys": { "pk": { "S": pk }, "sk": { "S": "H" } },
            "SequenceNumber": number.to_string(),
        },
    })
}

pub(crate) fn event(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}
