//! The facts about a failure: for the config's owner, for the operator, and for the next attempt.

use std::error::Error;
use std::time::Duration;

use tracing::{info, warn};

use crate::engine::chain;
use crate::ids::TaskKey;
use crate::push::delivery::{Again, Failure};
use crate::push::{Answer, Attempt, MAX_CAUSE_BYTES, PushConfig, PushError, Trouble};

/// The owner's text for a failure of this deployment itself.
const OURS: &str = "this service could not send the push";

/// The receiver's answer is not 2xx.
pub(super) fn answered(answer: &Answer) -> Failure {
    let Answer { status, retry_after } = *answer;
    let (reason, again) = if answer.is_final() {
        (format!("HTTP {status}: it wants no more"), Again::Never)
    } else {
        (format!("HTTP {status}"), Again::After(retry_after.unwrap_or_default()))
    };
    Failure { reason, cause: None, again }
}

/// There is no answer.
pub(super) fn unanswered(error: &PushError) -> Failure {
    let reason = match error {
        PushError::Ours(error) => return ours(error.as_ref()),
        // The owner learns nothing about names and open ports in this network.
        PushError::Refused(_) | PushError::Unreachable(_) => {
            "the receiver cannot be reached".to_owned()
        }
        PushError::BadAnswer(_) | PushError::TimedOut(_) | PushError::Withdrawn => {
            error.to_string()
        }
    };
    let cause = error.source().map(cause);
    Failure { reason, cause, again: Again::After(Duration::ZERO) }
}

/// Nothing was sent, and the receiver is not to blame: its secrets cannot be opened, or this
/// process has run out of resources.
pub(super) fn ours(error: &dyn Error) -> Failure {
    Failure { reason: OURS.to_owned(), cause: Some(cause(error)), again: Again::Ours }
}

/// An error with its sources, at most [`MAX_CAUSE_BYTES`].
fn cause(error: &dyn Error) -> String {
    let mut text = chain(error);
    text.truncate(text.floor_char_boundary(MAX_CAUSE_BYTES));
    text
}

pub(super) fn log_failure(task: &TaskKey, config: &PushConfig) {
    let Some(trouble) = &config.delivery.trouble else { return };
    let config = &config.id;
    let (tenant, task) = (&task.tenant, &task.task);
    let Some(Attempt { reason, cause, .. }) = trouble.attempts.last() else { return };
    let cause = cause.as_deref().unwrap_or_default();
    let Trouble { failures, ours, .. } = *trouble;
    match trouble.next {
        Some(next) if ours > 0 => {
            warn!(event = "push_not_sent", %tenant, %task, %config, ours, cause, %next,
                "this process could not send a push and will try again");
        }
        Some(next) => {
            info!(event = "push_failed", %tenant, %task, %config, failures, reason, cause, %next,
                "the receiver did not acknowledge a push, and the deliverer will retry");
        }
        None => {
            warn!(event = "push_config_disabled", %tenant, %task, %config, failures, reason, cause,
                "the receiver failed too often, and its push config is disabled");
        }
    }
}
