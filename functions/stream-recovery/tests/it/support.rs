//! A function over a store in memory, and receivers of which some do not answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Head, Operations, ProtocolVersion, TaskKey};
use a2a_lambda_protocol::{CancelTaskRequest, TaskPushNotificationConfig};
use a2a_lambda_testing::{Call, Doubles, Fault, Kind, Manner, caller, submit};
use serde_json::{Value, json};

/// How long an invocation lasts.
pub(crate) const INVOCATION: Duration = Duration::from_mins(1);

/// The tasks whose configs cannot be read.
#[derive(Default)]
struct Wrong {
    refused: BTreeSet<TaskKey>,
    /// The tasks whose configs another release has written.
    of_other_release: BTreeSet<TaskKey>,
}

impl Wrong {
    fn fault(&self, call: Call<'_>) -> Option<Fault> {
        let task = call.task.filter(|_| call.kind == Kind::GetConfigs)?;
        if self.refused.contains(task) {
            return Some(Fault::Refuse);
        }
        self.of_other_release.contains(task).then_some(Fault::OtherRelease)
    }
}

/// The function, and the test's view of it.
pub(crate) struct Function {
    doubles: Doubles,
    wrong: Arc<Mutex<Wrong>>,
    /// How many pushes the test has seen.
    seen: AtomicUsize,
}

impl Function {
    /// Make it within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        let doubles = Doubles::new();
        let wrong = Arc::new(Mutex::new(Wrong::default()));
        let told = wrong.clone();
        doubles.store.plan(move |call| told.lock().unwrap().fault(call));
        Self { doubles, wrong, seen: AtomicUsize::new(0) }
    }

    /// A task that was canceled before it began, with an open push.
    pub(crate) async fn canceled(&self, tenant: &str, url: &str) -> TaskKey {
        let caller = caller(tenant, "alice");
        let key = submit(&self.doubles.engine, &caller, "go").await;
        let id = key.task.as_str();
        if url.ends_with("/hangs") {
            self.doubles.receivers.set(url, Manner::Hangs);
        }
        let operations = Operations::new(self.doubles.engine.clone());
        let config = TaskPushNotificationConfig::of(id, url);
        let version = ProtocolVersion::V1_0;
        operations.create_push_config(&caller, config, version).await.unwrap();
        let cancel = CancelTaskRequest::of(id);
        operations.cancel(&caller, &cancel).await.unwrap();
        self.take_signals();
        key
    }

    /// The function's answer, in an invocation of this length.
    pub(crate) async fn handle_within(&self, invocation: Duration, event: &str) -> Value {
        let deadline = self.doubles.engine.clock.now().saturating_add(invocation);
        let event =
            a2a_lambda_stream_recovery::event(serde_json::from_str(event).unwrap()).unwrap();
        let answer =
            a2a_lambda_stream_recovery::handle(event, deadline, &self.doubles.engine).await;
        serde_json::to_value(answer).unwrap()
    }

    pub(crate) async fn handle(&self, event: &str) -> Value {
        self.handle_within(INVOCATION, event).await
    }

    /// Takes the URLs that something was sent to.
    pub(crate) fn take_sent(&self) -> Vec<String> {
        let all = self.doubles.receivers.all();
        let seen = self.seen.swap(all.len(), Ordering::SeqCst);
        all[seen..].iter().map(|arrived| arrived.push.url.clone()).collect()
    }

    /// Takes the tasks that were signaled, and when.
    pub(crate) fn take_signals(&self) -> Vec<(TaskKey, Duration)> {
        let sent = self.doubles.queue.take().into_iter().chain(self.doubles.timer.take());
        sent.map(|sent| (sent.signal.key(), sent.delay())).collect()
    }

    /// From now on, the configs of these tasks cannot be read, and all others can.
    pub(crate) fn refuse(&self, tasks: &[&TaskKey]) {
        self.wrong.lock().unwrap().refused = tasks.iter().map(|task| (*task).clone()).collect();
    }

    /// From now on, the configs of these tasks, and no others, are of another release.
    pub(crate) fn set_of_other_release(&self, tasks: &[&TaskKey]) {
        let set = &mut self.wrong.lock().unwrap().of_other_release;
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
        self.doubles.engine.read(key, Depth::Tail).await.unwrap().unwrap().head
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
