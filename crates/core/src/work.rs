//! The work on a task, for those who look: its newest attempts, and the steps of its newest scope.
//!
//! It has names, times, outcomes and sizes. It never has a step's result or arguments, the reason of
//! a failure, or the token of a callback.

use std::time::Duration;

use a2a_lambda_protocol::{A2aError, TaskState, Timestamp};

use crate::attempts::Attempts;
use crate::engine::Engine;
use crate::head::Head;
use crate::ids::TaskKey;
use crate::operations::{Caller, Operations, store_error};
use crate::operator::{OperateError, Operator};
use crate::steps::record::{ScopeKey, StepRecord, StepState};
use crate::store::{Depth, StoreError};

/// The work on a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskWork {
    /// The task.
    pub key: TaskKey,
    /// Its state, as clients see it.
    pub state: TaskState,
    /// How many turns were committed.
    pub turns: u32,
    /// The newest attempts, the oldest first; none of a task that is stored in a format before 4.
    pub attempts: Attempts,
    /// The newest scope that has records of steps; `None` if none has, or they are kept no longer.
    pub scope: Option<ScopeWork>,
}

/// The steps of a scope.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeWork {
    /// The scope's number: how many turns were committed before it.
    pub number: u32,
    /// Whether it is open: another turn finds its records.
    pub is_open: bool,
    /// The steps, in the order in which they were begun: at most
    /// [`Policy::max_steps`](crate::Policy::max_steps), and a few that a replaced runner has added.
    pub steps: Vec<StepWork>,
}

/// A step, without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepWork {
    /// The name that the agent gave it; one of the runner's own begins with `@`.
    pub name: String,
    /// How often its work was begun, in the run that recorded it.
    pub tries: u32,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// How long it took, or a callback waited; `None` if its outcome is not known yet.
    pub took: Option<Duration>,
    /// Its state: [`StepState::name`].
    pub outcome: &'static str,
    /// How many bytes its result has, as JSON, or its reason.
    pub bytes: usize,
}

impl From<StepRecord> for StepWork {
    fn from(record: StepRecord) -> Self {
        let is_known = !matches!(
            record.state,
            StepState::Begun | StepState::Unknown | StepState::Waiting { .. }
        );
        Self {
            took: is_known.then(|| record.recorded_at.saturating_since(record.begun_at)),
            outcome: record.state.name(),
            bytes: record.result_bytes(),
            name: record.name,
            tries: record.tries,
            begun_at: record.begun_at,
        }
    }
}

async fn work(engine: &Engine, head: Head) -> Result<TaskWork, StoreError> {
    let newest = engine.newest_scope(&head.key, head.incarnation.as_ref()).await?;
    let scope = match newest {
        None => None,
        Some(number) => {
            let is_open = number == head.scope() && !head.is_settled();
            let scope = ScopeKey { number, ..ScopeKey::of(&head) };
            let mut records = engine.steps(&scope).await?;
            records.sort_by(|one, other| {
                let order = |of: &StepRecord| (of.begun_at, of.recorded_at);
                order(one).cmp(&order(other)).then_with(|| one.key.cmp(&other.key))
            });
            let steps = records.into_iter().map(StepWork::from).collect();
            Some(ScopeWork { number, is_open, steps })
        }
    };
    let (state, turns) = (head.state(), head.turn);
    Ok(TaskWork { key: head.key, state, turns, attempts: head.attempts, scope })
}

impl Operator {
    /// Shows the work on a task: its newest attempts, and the steps of its newest scope.
    ///
    /// It reads the records of the scope whole: at most
    /// [`Policy::max_scope_bytes`](crate::Policy::max_scope_bytes) beside the answers to callbacks.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`], or when the store fails.
    pub async fn work(&self, task: &TaskKey) -> Result<TaskWork, OperateError> {
        let head = self.task(task, Depth::Tail).await?.head;
        Ok(work(&self.engine, head).await?)
    }
}

impl Operations {
    /// The work on a task that the caller owns. A2A has no field for it.
    ///
    /// # Errors
    /// `TaskNotFound`, or a store's failure.
    pub async fn work(&self, caller: &Caller, task_id: &str) -> Result<TaskWork, A2aError> {
        let head = self.owned(caller, task_id, Depth::Tail).await?.head;
        work(&self.engine, head).await.map_err(store_error)
    }
}
