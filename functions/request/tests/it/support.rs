//! A context over a store in memory, and events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_agents::Echo;
use a2a_lambda_aws::RandomIds;
use a2a_lambda_core::ids::{TaskId, TaskKey};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{
    Agents, Clock, Engine, MemoryStore, Policy, Queue, Signal, SignalError, TaskStore, Tenant,
    Timer,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use request::{Config, Context};
use serde_json::{Value, json};

/// The event in a file of `tests/events`.
macro_rules! event {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!(
            "../events/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}
pub(crate) use event;

/// Tokio's paused time.
pub(crate) struct TestClock(tokio::time::Instant);

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

/// Keeps what it is given: there are no runners here.
#[derive(Default)]
pub(crate) struct Signals(Mutex<Vec<Signal>>);

#[async_trait]
impl Queue for Signals {
    async fn send(&self, signal: &Signal, _: Duration) -> Result<(), SignalError> {
        self.0.lock().unwrap().push(signal.clone());
        Ok(())
    }
}

#[async_trait]
impl Timer for Signals {
    async fn signal_at(&self, signal: &Signal, _: Timestamp) -> Result<(), SignalError> {
        self.send(signal, Duration::ZERO).await
    }
}

/// What the function answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) event: Value,
    pub(crate) status: u64,
    /// The body as JSON; `null` if there is none.
    pub(crate) body: Value,
}

/// A function over a store in memory, with the echo agent that nobody runs.
pub(crate) struct Function {
    engine: Engine,
    context: Context,
}

impl Function {
    /// It must be made within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::made_of(Arc::new(MemoryStore::new()), config)
    }

    pub(crate) fn over(store: Arc<dyn TaskStore>) -> Self {
        Self::made_of(store, Config::default())
    }

    fn made_of(store: Arc<dyn TaskStore>, config: Config) -> Self {
        let signals = Arc::new(Signals::default());
        let engine = Engine {
            store,
            queue: signals.clone(),
            timer: signals,
            clock: Arc::new(TestClock(tokio::time::Instant::now())),
            ids: Arc::new(RandomIds),
            policy: Arc::new(Policy::default()),
        };
        let context = Context::new(engine.clone(), Agents::new(Arc::new(Echo)), config);
        Self { engine, context }
    }

    /// Answers an event in an invocation of the usual length.
    pub(crate) async fn answer(&self, event: Value) -> Answer {
        self.answer_within(event, Duration::from_secs(29)).await
    }

    pub(crate) async fn answer_within(&self, event: Value, invocation: Duration) -> Answer {
        let deadline = self.engine.clock.now().saturating_add(invocation);
        answer(event, deadline, &self.context).await
    }

    /// The owner of a task, as it is stored.
    pub(crate) async fn owner_of(&self, task: &Value) -> String {
        let task = TaskId::parse(task.as_str().unwrap()).unwrap();
        let key = TaskKey { tenant: Tenant::default(), task };
        let snapshot = self.engine.store.read(&key, Depth::Tail).await.unwrap().unwrap();
        snapshot.head.owner.as_str().to_owned()
    }
}

pub(crate) async fn answer(event: Value, deadline: Timestamp, context: &Context) -> Answer {
    let event = serde_json::from_value(event).unwrap();
    let event = serde_json::to_value(request::handle(event, deadline, context).await).unwrap();
    let body = match event["body"].as_str() {
        None | Some("") => Value::Null,
        Some(text) => serde_json::from_str(text).unwrap(),
    };
    Answer { status: event["statusCode"].as_u64().unwrap(), body, event }
}

/// The event with another method and path.
pub(crate) fn at(mut event: Value, method: &str, path: &str) -> Value {
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event
}

/// The event with a message for a new task.
pub(crate) fn sending(event: Value, text: &str) -> Value {
    let mut event = at(event, "POST", "/message:send");
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] });
    let configuration = json!({ "returnImmediately": true });
    event["body"] =
        json!(json!({ "message": message, "configuration": configuration }).to_string());
    event
}
