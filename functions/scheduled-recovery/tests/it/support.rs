//! A function over a store in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::head::{Impatience, Patience};
use a2a_lambda_core::ids::{LeaseToken, TaskId, TaskKey};
use a2a_lambda_core::ops::{Caller, SendOptions};
use a2a_lambda_core::store::{Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed};
use a2a_lambda_core::{
    Agent, AgentProfile, Agents, Change, Clock, Company, End, Engine, Failure, Formats, Head,
    MemoryStore, Nowhere, Operations, Owner, PlainVault, Policy, Queue, Runner, Signal,
    SignalError, Snapshot, StoreError, TaskStore, Tenant, Timer, Turn,
};
use a2a_lambda_protocol::{
    Message, Part, Role, SendMessageConfiguration, SendMessageRequest, SendMessageResponse,
    Timestamp,
};
use a2a_lambda_runtime::RandomIds;
use a2a_lambda_scheduled_recovery::Context;
use async_trait::async_trait;
use serde_json::Value;
use serde_json::value::RawValue;

/// What Scheduler sends if its target has no `Input`.
pub(crate) const TICK: &str = include_str!("../events/schedule.json");

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

/// Keeps the tasks that were signaled. It can be unreachable.
#[derive(Default)]
struct Signals {
    sent: Mutex<Vec<TaskKey>>,
    is_down: AtomicBool,
}

#[async_trait]
impl Queue for Signals {
    async fn send(&self, signal: &Signal, _: Duration) -> Result<(), SignalError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(SignalError("the test says so".into()));
        }
        self.sent.lock().unwrap().push(signal.key());
        Ok(())
    }
}

#[async_trait]
impl Timer for Signals {
    async fn signal_at(&self, signal: &Signal, _: Timestamp) -> Result<(), SignalError> {
        self.send(signal, Duration::ZERO).await
    }
}

/// A store whose commits take a while, and parts of which refuse what they are asked.
#[derive(Default)]
struct SlowStore {
    memory: MemoryStore,
    commits_take: Mutex<Duration>,
    refuses_commits_to: Mutex<Option<TaskKey>>,
    shards_down: Mutex<Vec<u8>>,
    /// The task that another release has written.
    of_other_release: Mutex<Option<TaskKey>>,
}

#[async_trait]
impl TaskStore for SlowStore {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        self.memory.create(change).await
    }

    async fn replace(
        &self,
        expired: &a2a_lambda_core::Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        self.memory.replace(expired, change).await
    }

    async fn purge(
        &self,
        expired: &a2a_lambda_core::Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        self.memory.purge(expired, limit).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        if self.of_other_release.lock().unwrap().as_ref() == Some(key) {
            let source = Formats::new("head", 1, 1).check(99).unwrap_err();
            return Err(StoreError::OtherRelease { key: key.to_string(), source });
        }
        self.memory.read(key, depth).await
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let takes = *self.commits_take.lock().unwrap();
        tokio::time::sleep(takes).await;
        if self.refuses_commits_to.lock().unwrap().as_ref() == Some(&change.head().key) {
            return Err(StoreError::Refused("the test says so".into()));
        }
        self.memory.commit(base, guard, change).await
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        self.memory.renew(key, token, until).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        TaskStore::list(&self.memory, query).await
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        if self.shards_down.lock().unwrap().contains(&shard) {
            return Err(StoreError::Refused("the test says so".into()));
        }
        self.memory.due(shard, until, after, limit).await
    }
}

/// Does what the message says, in its first turn.
struct Told;

#[async_trait]
impl Agent for Told {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("told", "does as it is told", "1")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let later = turn.now().saturating_add(Duration::from_mins(1));
        match turn.text().as_str() {
            "wait" => turn.sleep(Duration::from_mins(10)).await,
            "park" => return Ok(End::ParkUntil { wake_at: later, checkpoint: None }),
            "ask" => {
                let patience = Some(Patience { until: later, then: Impatience::Wake });
                let question = "which?".into();
                return Ok(End::InputRequired { question, checkpoint: None, patience });
            }
            _ => {}
        }
        Ok(End::completed())
    }
}

/// The function, and what a test looks at.
pub(crate) struct Function {
    engine: Engine,
    store: Arc<SlowStore>,
    signals: Arc<Signals>,
    context: Context,
}

impl Function {
    /// It must be made within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        let store = Arc::new(SlowStore::default());
        let signals = Arc::new(Signals::default());
        let engine = Engine {
            store: store.clone(),
            configs: Arc::new(MemoryStore::new()),
            queue: signals.clone(),
            timer: signals.clone(),
            clock: Arc::new(TestClock(tokio::time::Instant::now())),
            ids: Arc::new(RandomIds),
            webhook: Arc::new(Nowhere),
            vault: Arc::new(PlainVault),
            policy: Arc::new(Policy::default()),
        };
        Self { context: Context::new(engine.clone()), engine, store, signals }
    }

    /// A new task, whose signal is lost.
    pub(crate) async fn task(&self, text: &str) -> TaskKey {
        let message = Message {
            message_id: "m1".to_owned(),
            role: Role::User,
            parts: vec![Part::text(text)],
            ..Message::default()
        };
        let request = SendMessageRequest {
            message: Some(message),
            configuration: Some(SendMessageConfiguration {
                return_immediately: true,
                ..SendMessageConfiguration::default()
            }),
            ..SendMessageRequest::default()
        };
        let tenant = Tenant::default();
        let caller = Caller { tenant: tenant.clone(), owner: Owner::parse("alice").unwrap() };
        let operations = Operations::new(self.engine.clone());
        let sent = operations.send(&caller, request, &SendOptions::default()).await.unwrap();
        let SendMessageResponse::Task(task) = sent else { panic!("no task, but {sent:?}") };
        self.take_signals();
        TaskKey { tenant, task: TaskId::parse(task.id).unwrap() }
    }

    /// Attends to a task; what that signals is lost.
    pub(crate) async fn attend(&self, key: &TaskKey) {
        self.attend_for(key, Duration::from_mins(15)).await;
    }

    /// Attends to a task, for so long; then the runner dies. What it signaled is lost.
    pub(crate) async fn attend_for(&self, key: &TaskKey, life: Duration) {
        let runner = Runner::new(self.engine.clone(), Agents::new(Arc::new(Told)));
        let deadline = self.engine.clock.now().saturating_add(Duration::from_mins(15));
        let attend = runner.attend(key, deadline, Company::Alone);
        // Whether it was done by then is the test's affair.
        let _ = tokio::time::timeout(life, Box::pin(attend)).await;
        self.take_signals();
    }

    pub(crate) async fn handle(&self, event: &str) -> Result<Value, String> {
        self.handle_within(INVOCATION, event).await
    }

    /// As [`handle`](Self::handle), in an invocation that lasts this long.
    pub(crate) async fn handle_within(
        &self,
        invocation: Duration,
        event: &str,
    ) -> Result<Value, String> {
        let deadline = self.engine.clock.now().saturating_add(invocation);
        let event: Box<RawValue> = serde_json::from_str(event).unwrap();
        a2a_lambda_scheduled_recovery::check(&event).map_err(|error| error.to_string())?;
        let swept = a2a_lambda_scheduled_recovery::handle(deadline, &self.context).await;
        swept.map(|swept| serde_json::to_value(swept).unwrap()).map_err(|error| error.to_string())
    }

    /// Takes the tasks that were signaled.
    pub(crate) fn take_signals(&self) -> Vec<TaskKey> {
        std::mem::take(&mut *self.signals.sent.lock().unwrap())
    }

    pub(crate) async fn head(&self, key: &TaskKey) -> Head {
        self.store.read(key, Depth::Tail).await.unwrap().unwrap().head
    }

    /// From now on these shards of the due index cannot be read, and all others can.
    pub(crate) fn set_down(&self, shards: &[u8]) {
        *self.store.shards_down.lock().unwrap() = shards.to_vec();
    }

    pub(crate) fn refuse_signals(&self, refuse: bool) {
        self.signals.is_down.store(refuse, Ordering::SeqCst);
    }

    pub(crate) fn refuse_commits_to(&self, key: Option<&TaskKey>) {
        *self.store.refuses_commits_to.lock().unwrap() = key.cloned();
    }

    pub(crate) fn set_of_other_release(&self, key: Option<&TaskKey>) {
        *self.store.of_other_release.lock().unwrap() = key.cloned();
    }

    pub(crate) fn let_commits_take(&self, time: Duration) {
        *self.store.commits_take.lock().unwrap() = time;
    }
}

/// Paused time passes.
pub(crate) async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}
