//! A function over a store in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::head::{Impatience, Patience};
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::{Agents, Company, End, Runner};
use a2a_lambda_testing::{Call, Doubles, Fault, Kind, Scripted, caller, script, submit};
use serde_json::Value;
use serde_json::value::RawValue;

/// Scheduler's event for a target without an `Input`.
pub(crate) const TICK: &str = include_str!("../events/schedule.json");

/// How long an invocation lasts.
pub(crate) const INVOCATION: Duration = Duration::from_mins(1);

/// The store's faults.
#[derive(Default)]
struct Wrong {
    commits_take: Duration,
    refuses_commits_to: Option<TaskKey>,
    shards_down: Vec<u8>,
    /// The task that another release has written.
    of_other_release: Option<TaskKey>,
}

impl Wrong {
    fn fault(&self, call: Call<'_>) -> Option<Fault> {
        let is = |task: &Option<TaskKey>| task.is_some() && call.task == task.as_ref();
        match call.kind {
            Kind::Read => is(&self.of_other_release).then_some(Fault::OtherRelease),
            Kind::Commit if is(&self.refuses_commits_to) => Some(Fault::Refuse),
            Kind::Commit => Some(Fault::SlowRequest(self.commits_take)),
            Kind::Due => {
                let is_down = call.shard.is_some_and(|shard| self.shards_down.contains(&shard));
                is_down.then_some(Fault::Refuse)
            }
            _ => None,
        }
    }
}

/// Obeys its message, in its first turn.
fn told() -> Scripted {
    script!(|turn, _| {
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
    })
}

/// The function, and the test's view of it.
pub(crate) struct Function {
    doubles: Doubles,
    wrong: Arc<Mutex<Wrong>>,
}

impl Function {
    /// Make it within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        let doubles = Doubles::new();
        let wrong = Arc::new(Mutex::new(Wrong::default()));
        let told = wrong.clone();
        doubles.store.plan(move |call| told.lock().unwrap().fault(call));
        Self { doubles, wrong }
    }

    /// A new task, whose signal is lost.
    pub(crate) async fn task(&self, text: &str) -> TaskKey {
        let key = submit(&self.doubles.engine, &caller("", "alice"), text).await;
        self.take_signals();
        key
    }

    /// Runs a task; its signals are lost.
    pub(crate) async fn attend(&self, key: &TaskKey) {
        self.attend_for(key, Duration::from_mins(15)).await;
    }

    /// Attends to a task, for so long; then the runner dies. Its signals are lost.
    pub(crate) async fn attend_for(&self, key: &TaskKey, life: Duration) {
        let runner = Runner::new(self.doubles.engine.clone(), Agents::new(Arc::new(told())));
        let deadline = self.doubles.engine.clock.now().saturating_add(Duration::from_mins(15));
        let attend = runner.attend(key, deadline, Company::Alone);
        // The test decides whether it was done by then.
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
        let deadline = self.doubles.engine.clock.now().saturating_add(invocation);
        let event: Box<RawValue> = serde_json::from_str(event).unwrap();
        a2a_lambda_scheduled_recovery::check(&event).map_err(|error| error.to_string())?;
        let swept = a2a_lambda_scheduled_recovery::handle(deadline, &self.doubles.engine).await;
        swept.map(|swept| serde_json::to_value(swept).unwrap()).map_err(|error| error.to_string())
    }

    /// Takes the tasks that were signaled.
    pub(crate) fn take_signals(&self) -> Vec<TaskKey> {
        let sent = self.doubles.queue.take().into_iter().chain(self.doubles.timer.take());
        sent.map(|sent| sent.signal.key()).collect()
    }

    /// From now on these shards of the due index cannot be read, and all others can.
    pub(crate) fn set_down(&self, shards: &[u8]) {
        self.wrong.lock().unwrap().shards_down = shards.to_vec();
    }

    pub(crate) fn refuse_signals(&self, refuse: bool) {
        self.doubles.queue.set_down(refuse);
        self.doubles.timer.set_down(refuse);
    }

    pub(crate) fn refuse_commits_to(&self, key: Option<&TaskKey>) {
        self.wrong.lock().unwrap().refuses_commits_to = key.cloned();
    }

    pub(crate) fn set_of_other_release(&self, key: Option<&TaskKey>) {
        self.wrong.lock().unwrap().of_other_release = key.cloned();
    }

    pub(crate) fn let_commits_take(&self, time: Duration) {
        self.wrong.lock().unwrap().commits_take = time;
    }
}

/// Paused time passes.
pub(crate) async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}
