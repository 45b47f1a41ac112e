//! The report of the work on a task. It is the JSON, too.

use a2a_lambda_core::attempts::AttemptRecord;
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::{ScopeWork, StepWork, TaskWork};
use a2a_lambda_protocol::Timestamp;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Work {
    #[serde(flatten)]
    pub(crate) task: TaskKey,
    pub(crate) state: &'static str,
    /// How many turns were committed.
    pub(crate) turns: u32,
    /// The oldest first.
    pub(crate) attempts: Vec<Run>,
    pub(crate) scope: Option<Scope>,
}

/// An attempt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) turn: u32,
    pub(crate) attempt: u32,
    pub(crate) runner: String,
    pub(crate) began_at: Timestamp,
    /// These are not there while it is under way.
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) millis: Option<u64>,
    pub(crate) outcome: Option<&'static str>,
}

/// The steps of a scope.
#[derive(Debug, Serialize)]
pub(crate) struct Scope {
    pub(crate) number: u32,
    pub(crate) open: bool,
    pub(crate) steps: Vec<Recorded>,
}

/// A step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) tries: u32,
    pub(crate) begun_at: Timestamp,
    pub(crate) millis: Option<u64>,
    pub(crate) outcome: &'static str,
    pub(crate) bytes: usize,
}

impl From<TaskWork> for Work {
    fn from(work: TaskWork) -> Self {
        Self {
            attempts: work.attempts.records().iter().map(Run::from).collect(),
            task: work.key,
            state: work.state.as_str(),
            turns: work.turns,
            scope: work.scope.map(Scope::from),
        }
    }
}

impl From<&AttemptRecord> for Run {
    fn from(record: &AttemptRecord) -> Self {
        let AttemptRecord { turn, attempt, began, runner, end } = *record;
        Self {
            turn,
            attempt,
            runner: runner.to_string(),
            began_at: began,
            ended_at: end.map(|end| end.at),
            millis: end.map(|end| millis(end.at.saturating_since(began))),
            outcome: end.map(|end| end.outcome.name()),
        }
    }
}

impl From<ScopeWork> for Scope {
    fn from(scope: ScopeWork) -> Self {
        let ScopeWork { number, is_open, steps } = scope;
        Self { number, open: is_open, steps: steps.into_iter().map(Recorded::from).collect() }
    }
}

impl From<StepWork> for Recorded {
    fn from(step: StepWork) -> Self {
        let StepWork { name, tries, begun_at, took, outcome, bytes } = step;
        Self { name, tries, begun_at, millis: took.map(millis), outcome, bytes }
    }
}

fn millis(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
