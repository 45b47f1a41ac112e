//! A function over a store in memory, and records.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_aws::{Records, RecordsError};
use a2a_lambda_core::ids::{LeaseToken, TaskId, TaskKey};
use a2a_lambda_core::ops::{Caller, SendOptions};
use a2a_lambda_core::store::{Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed};
use a2a_lambda_core::{
    Agent, AgentProfile, Agents, Change, Clock, End, Engine, Failure, Formats, MemoryStore,
    Nowhere, Operations, Owner, PlainVault, Policy, Queue, Signal, SignalError, Snapshot,
    StoreError, Swept, TaskStore, Tenant, Timer, Turn, sweep,
};
use a2a_lambda_protocol::{
    Message, Part, Role, SendMessageConfiguration, SendMessageRequest, SendMessageResponse,
    TaskState, Timestamp,
};
use a2a_lambda_runtime::RandomIds;
use a2a_lambda_sqs_executor::Context;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;

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

/// Keeps the signals that were sent, with their delays.
#[derive(Default)]
struct Signals {
    sent: Mutex<Vec<(Signal, Duration)>>,
    is_broken: AtomicBool,
}

#[async_trait]
impl Queue for Signals {
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(SignalError("the test says so".into()));
        }
        self.sent.lock().unwrap().push((signal.clone(), delay));
        Ok(())
    }
}

#[async_trait]
impl Timer for Signals {
    async fn signal_at(&self, _: &Signal, _: Timestamp) -> Result<(), SignalError> {
        panic!("no agent of these tests waits for so long");
    }
}

/// What the queue was told of records.
#[derive(Default)]
struct Told {
    /// When, of which, and for how long they were hidden.
    hidden: Mutex<Vec<(Duration, Vec<String>, Duration)>>,
    deleted: Mutex<Vec<String>>,
    /// How long the queue takes to hide records.
    takes: Mutex<Duration>,
    begin: Option<tokio::time::Instant>,
    is_broken: AtomicBool,
}

impl Told {
    fn allow(&self, operation: &'static str) -> Result<(), RecordsError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(RecordsError { operation, source: "the test says so".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl Records for Told {
    async fn redeliver(&self, receipts: &[String], after: Duration) -> Result<(), RecordsError> {
        self.allow("ChangeMessageVisibility")?;
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let at = self.begin.unwrap().elapsed();
        self.hidden.lock().unwrap().push((at, receipts.to_vec(), after));
        Ok(())
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), RecordsError> {
        self.allow("DeleteMessage")?;
        self.deleted.lock().unwrap().extend_from_slice(receipts);
        Ok(())
    }
}

/// A store that cannot be reached for some tasks, and cannot read others.
#[derive(Default)]
struct PatchyStore {
    memory: MemoryStore,
    unreachable: Mutex<BTreeSet<TaskKey>>,
    /// The tasks that another release has written.
    of_other_release: Mutex<BTreeSet<TaskKey>>,
}

impl PatchyStore {
    fn reach(&self, key: &TaskKey) -> Result<(), StoreError> {
        if self.unreachable.lock().unwrap().contains(key) {
            return Err(StoreError::Unavailable("the test says so".into()));
        }
        if self.of_other_release.lock().unwrap().contains(key) {
            let source = Formats::new("head", 1, 1).check(99).unwrap_err();
            return Err(StoreError::OtherRelease { key: key.to_string(), source });
        }
        Ok(())
    }
}

#[async_trait]
impl TaskStore for PatchyStore {
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
        self.reach(key)?;
        self.memory.read(key, depth).await
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        self.reach(&change.head().key)?;
        self.memory.commit(base, guard, change).await
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        self.reach(key)?;
        self.memory.renew(key, token, until).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.memory.list(query).await
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        self.memory.due(shard, until, after, limit).await
    }
}

/// Works for a second, and counts how often and how many at a time. Told "panic", its first attempt
/// does; told "kill", it asks for the end of the process.
#[derive(Default)]
struct Worker {
    runs: Arc<Runs>,
    /// The end of the process that it is in.
    kill: Arc<Notify>,
}

/// What workers have done, in all processes.
#[derive(Default)]
struct Runs {
    /// The tasks of their runs, in the order in which they were begun.
    begun: Mutex<Vec<String>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A run under way. It ends also when its process does.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Agent for Worker {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("worker", "works for a second", "1")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        let runs = &self.runs;
        runs.begun.lock().unwrap().push(turn.task().id.clone());
        assert!(turn.text() != "panic" || turn.attempt() > 1, "as it was told");
        let now = runs.now.fetch_add(1, Ordering::SeqCst) + 1;
        let _running = Running(&runs.now);
        runs.most.fetch_max(now, Ordering::SeqCst);
        if turn.text() == "kill" {
            self.kill.notify_one();
            std::future::pending::<()>().await;
        }
        turn.sleep(Duration::from_secs(1)).await;
        Ok(End::completed())
    }
}

/// The function, and what a test looks at.
#[derive(Clone)]
pub(crate) struct Function {
    engine: Engine,
    context: Context,
    store: Arc<PatchyStore>,
    signals: Arc<Signals>,
    told: Arc<Told>,
    runs: Arc<Runs>,
}

impl Function {
    /// It must be made within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        let store = Arc::new(PatchyStore::default());
        let signals = Arc::new(Signals::default());
        let begin = tokio::time::Instant::now();
        let told = Arc::new(Told { begin: Some(begin), ..Told::default() });
        let worker = Worker::default();
        let runs = worker.runs.clone();
        let engine = Engine {
            store: store.clone(),
            configs: Arc::new(MemoryStore::new()),
            queue: signals.clone(),
            timer: signals.clone(),
            clock: Arc::new(TestClock(begin)),
            ids: Arc::new(RandomIds),
            webhook: Arc::new(Nowhere),
            vault: Arc::new(PlainVault),
            policy: Arc::new(Policy::default()),
        };
        let agents = Agents::new(Arc::new(worker));
        let context = Context::new(engine.clone(), agents, told.clone());
        Self { engine, context, store, signals, told, runs }
    }

    /// As [`new`](Self::new), with another agent.
    pub(crate) fn of(agent: Arc<dyn Agent>) -> Self {
        let function = Self::new();
        let told = function.told.clone();
        let context = Context::new(function.engine.clone(), Agents::new(agent), told);
        Self { context, ..function }
    }

    /// A new task of this tenant, and the body of its signal.
    pub(crate) async fn task_of(&self, tenant: &str, text: &str) -> (TaskKey, String) {
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
        let tenant = Tenant::parse(tenant).unwrap();
        let caller = Caller { tenant: tenant.clone(), owner: Owner::parse("alice").unwrap() };
        let operations = Operations::new(self.engine.clone());
        let sent = operations.send(&caller, request, &SendOptions::default()).await.unwrap();
        let SendMessageResponse::Task(task) = sent else { panic!("no task, but {sent:?}") };
        let key = TaskKey { tenant, task: TaskId::parse(task.id).unwrap() };
        let (signal, delay) = self.take_signals().pop().unwrap();
        assert_eq!((signal.key(), delay), (key.clone(), Duration::ZERO));
        (key, serde_json::to_string(&signal).unwrap())
    }

    /// As [`task_of`](Self::task_of), of no tenant.
    pub(crate) async fn task(&self, text: &str) -> (TaskKey, String) {
        self.task_of("", text).await
    }

    /// The ids of the records that are to come again, sorted.
    pub(crate) async fn handle(&self, event: Value, invocation: Duration) -> Vec<String> {
        let deadline = self.engine.clock.now().saturating_add(invocation);
        let event = serde_json::from_value(event).unwrap();
        let answer = a2a_lambda_sqs_executor::handle(event, deadline, &self.context).await;
        let answer = serde_json::to_value(answer).unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap();
        let ids = failures.iter().map(|f| f["itemIdentifier"].as_str().unwrap().to_owned());
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids
    }

    /// As [`handle`](Self::handle), by workers in a process of their own, which ends after this
    /// time, or when an agent ends it. `None` if it did.
    pub(crate) async fn handle_or_die(&self, event: Value, after: Duration) -> Option<Vec<String>> {
        let worker = Worker { runs: self.runs.clone(), ..Worker::default() };
        let kill = worker.kill.clone();
        let agents = Agents::new(Arc::new(worker));
        let context = Context::new(self.engine.clone(), agents, self.told.clone());
        let process = Self { context, ..self.clone() };
        tokio::select! {
            biased;
            () = kill.notified() => None,
            () = tokio::time::sleep(after) => None,
            failures = process.handle(event, Duration::from_mins(15)) => Some(failures),
        }
    }

    pub(crate) async fn snapshot(&self, key: &TaskKey) -> Snapshot {
        self.store.memory.read(key, Depth::Full).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, key: &TaskKey) -> TaskState {
        self.snapshot(key).await.head.state()
    }

    /// What a sweep finds now.
    pub(crate) async fn sweep(&self) -> Swept {
        let deadline = self.engine.clock.now().saturating_add(Duration::from_mins(1));
        sweep(&self.engine, deadline).await
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.engine.policy
    }

    /// From now on a task cannot be reached, or can be again.
    pub(crate) fn set_unreachable(&self, key: &TaskKey, unreachable: bool) {
        let mut tasks = self.store.unreachable.lock().unwrap();
        if unreachable {
            tasks.insert(key.clone());
        } else {
            tasks.remove(key);
        }
    }

    /// From now on these tasks, and no others, are of another release.
    pub(crate) fn set_of_other_release(&self, tasks: &[&TaskKey]) {
        let mut set = self.store.of_other_release.lock().unwrap();
        *set = tasks.iter().map(|key| (*key).clone()).collect();
    }

    /// From now on the queue takes nothing, or does again.
    pub(crate) fn set_queue_broken(&self, is_broken: bool) {
        self.signals.is_broken.store(is_broken, Ordering::SeqCst);
        self.told.is_broken.store(is_broken, Ordering::SeqCst);
    }

    /// From now on the queue takes so long to hide records.
    pub(crate) fn set_hiding_takes(&self, takes: Duration) {
        *self.told.takes.lock().unwrap() = takes;
    }

    /// Takes what was hidden so far: after how many seconds, which records, and for how many.
    pub(crate) fn take_hidden(&self) -> Vec<(u64, Vec<String>, u64)> {
        let hidden = std::mem::take(&mut *self.told.hidden.lock().unwrap());
        let seconds =
            |(at, of, hidden): (Duration, _, Duration)| (at.as_secs(), of, hidden.as_secs());
        hidden.into_iter().map(seconds).collect()
    }

    /// Takes what was deleted so far, sorted.
    pub(crate) fn take_deleted(&self) -> Vec<String> {
        let mut deleted = std::mem::take(&mut *self.told.deleted.lock().unwrap());
        deleted.sort();
        deleted
    }

    /// Takes the signals that were sent for now, as bodies.
    pub(crate) fn take_bodies(&self) -> Vec<String> {
        let body = |(signal, delay): (Signal, Duration)| {
            assert_eq!(delay, Duration::ZERO, "{signal:?}");
            serde_json::to_string(&signal).unwrap()
        };
        self.take_signals().into_iter().map(body).collect()
    }

    /// Takes the signals that were sent, with their delays.
    pub(crate) fn take_signals(&self) -> Vec<(Signal, Duration)> {
        std::mem::take(&mut *self.signals.sent.lock().unwrap())
    }

    /// How often the agent was run.
    pub(crate) fn runs(&self) -> usize {
        self.begun().len()
    }

    /// The tasks on which the agent was run, in the order in which it began.
    pub(crate) fn begun(&self) -> Vec<String> {
        self.runs.begun.lock().unwrap().clone()
    }

    /// Counts the agent's runs anew.
    pub(crate) fn forget_runs(&self) {
        self.runs.begun.lock().unwrap().clear();
        self.runs.most.store(0, Ordering::SeqCst);
    }

    /// How many runs there were at one time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.runs.most.load(Ordering::SeqCst)
    }
}

/// An event with these records: their ids and bodies.
pub(crate) fn batch<'a>(records: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let records: Vec<_> = records.into_iter().map(|(id, body)| record(id, json!(body))).collect();
    json!({ "Records": records })
}

/// The documented record, with another id and body.
pub(crate) fn record(id: &str, body: Value) -> Value {
    let documented: Value = serde_json::from_str(include_str!("../events/batch.json")).unwrap();
    let mut record = documented["Records"][0].clone();
    record["messageId"] = json!(id);
    record["receiptHandle"] = json!(format!("receipt of {id}"));
    record["body"] = body;
    record
}

/// The same event, whose records were delivered before.
pub(crate) fn redelivered(mut event: Value) -> Value {
    for record in event["Records"].as_array_mut().unwrap() {
        record["attributes"]["ApproximateReceiveCount"] = json!("2");
    }
    event
}
