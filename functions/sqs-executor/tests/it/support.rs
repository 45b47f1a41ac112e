//! A function over a store in memory, and records.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_aws::{Records, RecordsError};
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::store::{Depth, StoreError};
use a2a_lambda_core::{
    Agent, AgentProfile, Agents, End, Failure, Policy, Signal, Snapshot, Swept, TaskStore, Turn,
    sweep,
};
use a2a_lambda_protocol::TaskState;
use a2a_lambda_sqs_executor::Context;
use a2a_lambda_testing::{Call, Doubles, Fault, Kind, caller, submit};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The requests to the queue about records.
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

/// The tasks that the store cannot read or write.
#[derive(Default)]
struct Patches {
    unreachable: BTreeSet<TaskKey>,
    /// The tasks that another release has written.
    of_other_release: BTreeSet<TaskKey>,
    /// The tasks of an overloaded partition.
    throttled: BTreeSet<TaskKey>,
}

impl Patches {
    fn fault(&self, call: Call<'_>) -> Option<Fault> {
        let task =
            call.task.filter(|_| matches!(call.kind, Kind::Read | Kind::Commit | Kind::Renew))?;
        if self.unreachable.contains(task) {
            return Some(Fault::LoseRequest);
        }
        if self.throttled.contains(task) && call.kind == Kind::Commit {
            return Some(Fault::Fail(|| StoreError::Throttled("the test says so".into())));
        }
        self.of_other_release.contains(task).then_some(Fault::OtherRelease)
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

/// The workers' runs, in all processes.
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

/// The function, and the test's view of it.
#[derive(Clone)]
pub(crate) struct Function {
    doubles: Doubles,
    context: Context,
    patches: Arc<Mutex<Patches>>,
    told: Arc<Told>,
    runs: Arc<Runs>,
}

impl Function {
    /// Make it within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        let doubles = Doubles::new();
        let patches = Arc::new(Mutex::new(Patches::default()));
        let plan = patches.clone();
        doubles.store.plan(move |call| plan.lock().unwrap().fault(call));
        let told = Told { begin: Some(tokio::time::Instant::now()), ..Told::default() };
        let told = Arc::new(told);
        let worker = Worker::default();
        let runs = worker.runs.clone();
        let agents = Agents::new(Arc::new(worker));
        let context = Context::new(doubles.engine.clone(), agents, told.clone());
        Self { doubles, context, patches, told, runs }
    }

    /// As [`new`](Self::new), with another agent.
    pub(crate) fn of(agent: Arc<dyn Agent>) -> Self {
        let function = Self::new();
        let told = function.told.clone();
        let context = Context::new(function.doubles.engine.clone(), Agents::new(agent), told);
        Self { context, ..function }
    }

    /// A new task of this tenant, and the body of its signal.
    pub(crate) async fn task_of(&self, tenant: &str, text: &str) -> (TaskKey, String) {
        let key = submit(&self.doubles.engine, &caller(tenant, "alice"), text).await;
        let (signal, delay) = self.take_signals().pop().unwrap();
        assert_eq!((signal.key(), delay), (key.clone(), Duration::ZERO));
        (key, serde_json::to_string(&signal).unwrap())
    }

    /// As [`task_of`](Self::task_of), of no tenant.
    pub(crate) async fn task(&self, text: &str) -> (TaskKey, String) {
        self.task_of("", text).await
    }

    /// The ids of the failed records, sorted.
    pub(crate) async fn handle(&self, event: Value, invocation: Duration) -> Vec<String> {
        let deadline = self.doubles.engine.clock.now().saturating_add(invocation);
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
        let context = Context::new(self.doubles.engine.clone(), agents, self.told.clone());
        let process = Self { context, ..self.clone() };
        tokio::select! {
            biased;
            () = kill.notified() => None,
            () = tokio::time::sleep(after) => None,
            failures = process.handle(event, Duration::from_mins(15)) => Some(failures),
        }
    }

    pub(crate) async fn snapshot(&self, key: &TaskKey) -> Snapshot {
        self.doubles.memory.read(key, Depth::Full).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, key: &TaskKey) -> TaskState {
        self.snapshot(key).await.head.state()
    }

    /// The result of a sweep now.
    pub(crate) async fn sweep(&self) -> Swept {
        let deadline = self.doubles.engine.clock.now().saturating_add(Duration::from_mins(1));
        sweep(&self.doubles.engine, deadline).await
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.doubles.engine.policy
    }

    /// From now on a task cannot be reached, or can be again.
    pub(crate) fn set_unreachable(&self, key: &TaskKey, unreachable: bool) {
        let tasks = &mut self.patches.lock().unwrap().unreachable;
        if unreachable {
            tasks.insert(key.clone());
        } else {
            tasks.remove(key);
        }
    }

    /// From now on these tasks, and no others, are of another release.
    pub(crate) fn set_of_other_release(&self, tasks: &[&TaskKey]) {
        let set = &mut self.patches.lock().unwrap().of_other_release;
        *set = tasks.iter().map(|key| (*key).clone()).collect();
    }

    /// From now on commits of these tasks, and of no others, are throttled.
    pub(crate) fn set_throttled(&self, tasks: &[&TaskKey]) {
        let set = &mut self.patches.lock().unwrap().throttled;
        *set = tasks.iter().map(|key| (*key).clone()).collect();
    }

    /// From now on the queue takes nothing, or does again.
    pub(crate) fn set_queue_broken(&self, is_broken: bool) {
        self.doubles.queue.set_down(is_broken);
        self.told.is_broken.store(is_broken, Ordering::SeqCst);
    }

    /// From now on the queue takes so long to hide records.
    pub(crate) fn set_hiding_takes(&self, takes: Duration) {
        *self.told.takes.lock().unwrap() = takes;
    }

    /// Takes the hidden records so far: after how many seconds, their ids, and for how many.
    pub(crate) fn take_hidden(&self) -> Vec<(u64, Vec<String>, u64)> {
        let hidden = std::mem::take(&mut *self.told.hidden.lock().unwrap());
        let seconds =
            |(at, of, hidden): (Duration, _, Duration)| (at.as_secs(), of, hidden.as_secs());
        hidden.into_iter().map(seconds).collect()
    }

    /// Takes the deleted records so far, sorted.
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
        assert_eq!(self.doubles.timer.take(), [], "no agent of these tests waits for so long");
        let sent = self.doubles.queue.take().into_iter();
        sent.map(|sent| (sent.signal.clone(), sent.delay())).collect()
    }

    /// How often the agent was run.
    pub(crate) fn runs(&self) -> usize {
        self.begun().len()
    }

    /// The tasks on which the agent was run, in the order in which it began.
    pub(crate) fn begun(&self) -> Vec<String> {
        self.runs.begun.lock().unwrap().clone()
    }

    /// Resets the count of the agent's runs.
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

/// The same event, as a redelivery.
pub(crate) fn redelivered(mut event: Value) -> Value {
    for record in event["Records"].as_array_mut().unwrap() {
        record["attributes"]["ApproximateReceiveCount"] = json!("2");
    }
    event
}
