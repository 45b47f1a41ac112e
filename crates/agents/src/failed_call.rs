//! Calls of agents elsewhere that have no result, in the log.

use a2a_lambda_core::{StopReason, Turn};
use tracing::warn;

/// A call that has no result.
#[derive(Debug, Clone)]
pub(crate) struct FailedCall {
    /// The short name of its fault.
    pub(crate) fault: &'static str,
    /// Whose fault it is: `agent`, `operator` or `ours`.
    pub(crate) of: &'static str,
    /// Whether it is made again.
    pub(crate) retryable: bool,
    /// Whether the agent may have done its work.
    pub(crate) outcome_unknown: bool,
    /// All of it, without secrets.
    pub(crate) error: String,
}

impl FailedCall {
    /// Logs it, unless nobody waits for the task any more.
    pub(crate) fn log(self, turn: &Turn) {
        let Self { fault, of, retryable, outcome_unknown, error } = self;
        if matches!(turn.stop_reason(), Some(StopReason::Canceled | StopReason::Superseded)) {
            return;
        }
        warn!(event = "agent_call_failed", tenant = %turn.tenant(), task = turn.task().id,
            attempt = turn.attempt(), fault, of, retryable, outcome_unknown, error,
            "a call of the agent failed");
    }
}
