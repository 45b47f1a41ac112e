//! The agent's part of a turn, and the reasons for its stop.

use std::future::Future;
use std::pin::Pin;

use crate::agent::{End, Failure};
use crate::engine::TransactError;
use crate::head::{Ending, Head, Phase};
use crate::run_error::RunError;
use crate::store::StoreError;
use crate::turn::StopReason;

/// Why a turn did not come to its own end.
#[derive(Debug)]
pub(crate) enum TurnError {
    /// The task was canceled, or another runner has it.
    LeaseLost(StopReason),
    /// The store failed. The lease expires, and a runner claims the task again.
    Error(RunError),
}

impl From<TransactError> for TurnError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Illegal(refused) => Self::LeaseLost(lost(&refused.snapshot.head)),
            TransactError::Gone => Self::LeaseLost(StopReason::Superseded),
            error => Self::Error(error.into()),
        }
    }
}

impl From<StoreError> for TurnError {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// Why the runner of this task has lost its lease.
pub(super) fn lost(head: &Head) -> StopReason {
    match head.phase {
        Phase::Ended(Ending::Canceled) => StopReason::Canceled,
        _ => StopReason::Superseded,
    }
}

pub(super) type AgentResult = Result<End, Failure>;
type AgentFuture<'a> = Pin<Box<dyn Future<Output = AgentResult> + Send + 'a>>;

/// The agent's future, until it has ended.
pub(super) struct AgentRun<'a>(pub(super) Option<AgentFuture<'a>>);

impl AgentRun<'_> {
    pub(super) fn is_running(&self) -> bool {
        self.0.is_some()
    }

    /// The agent's result. After that it never returns again.
    pub(super) async fn ended(&mut self) -> AgentResult {
        match &mut self.0 {
            Some(future) => {
                let result = future.await;
                self.0 = None;
                result
            }
            None => std::future::pending().await,
        }
    }
}
