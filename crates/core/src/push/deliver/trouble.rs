//! What is known of a failure: for the config's owner, for the operator, and when to try again.

use std::error::Error;
use std::time::Duration;

use tracing::{info, warn};

use crate::engine::{Engine, chain};
use crate::ids::{ConfigId, Generation, TaskKey, fnv1a};
use crate::push::{Answer, Attempt, MAX_ATTEMPTS_KEPT, MAX_CAUSE_BYTES, PushError, Trouble};

/// The first wait after a failure that is this deployment's own. It doubles each time.
pub(super) const OWN_TROUBLE: Duration = Duration::from_secs(30);
/// The longest such wait.
const OWN_TROUBLE_MOST: Duration = Duration::from_hours(1);

/// What an owner is told of a failure that is this deployment's own.
const OURS: &str = "this service could not send the push";

/// Why a push was not acknowledged.
pub(super) struct Failure {
    /// For the config's owner.
    reason: String,
    /// For the operator: what the owner is not told.
    cause: Option<String>,
    again: Again,
}

/// Whether a receiver is to be sent the same again.
enum Again {
    /// When the schedule has it, but no sooner than this.
    After(Duration),
    /// It wants nothing more, ever.
    Never,
    /// After a wait of our own: the failure is not the receiver's, and does not count.
    Ours,
}

impl Failure {
    /// The receiver's answer is not 2xx.
    pub(super) fn answered(answer: &Answer) -> Self {
        let (reason, again) = match answer.status {
            410 => ("HTTP 410: it wants no more".to_owned(), Again::Never),
            status => {
                (format!("HTTP {status}"), Again::After(answer.retry_after.unwrap_or_default()))
            }
        };
        Self { reason, cause: None, again }
    }

    /// There is no answer.
    pub(super) fn unanswered(error: &PushError) -> Self {
        let reason = match error {
            PushError::Ours(error) => return Self::ours(error.as_ref()),
            // Nothing of what a name stands for in this network, or of which ports are open in it.
            PushError::Refused(_) | PushError::Unreachable(_) => {
                "the receiver cannot be reached".to_owned()
            }
            PushError::BadAnswer(_) | PushError::TimedOut(_) | PushError::Withdrawn => {
                error.to_string()
            }
        };
        let cause = error.source().map(cause);
        Self { reason, cause, again: Again::After(Duration::ZERO) }
    }

    /// Nothing was sent, and the receiver is not to blame: its secrets cannot be opened, or this
    /// process has no resources left.
    pub(super) fn ours(error: &dyn Error) -> Self {
        Self { reason: OURS.to_owned(), cause: Some(cause(error)), again: Again::Ours }
    }
}

/// An error with its sources, at most [`MAX_CAUSE_BYTES`].
fn cause(error: &dyn Error) -> String {
    let mut text = chain(error);
    text.truncate(text.floor_char_boundary(MAX_CAUSE_BYTES));
    text
}

/// What is known of a config's trouble after another failure: how long to wait, or that there is no
/// use in it.
pub(super) fn after_failure(
    engine: &Engine,
    before: Option<Trouble>,
    generation: Generation,
    failure: Failure,
) -> Trouble {
    let policy = &engine.policy;
    let now = engine.clock.now();
    let Failure { reason, cause, again } = failure;
    let mut trouble = before.unwrap_or_else(|| Trouble::begun(now));
    let wait = match again {
        Again::Never => None,
        Again::Ours => Some((own_wait(trouble.ours), Duration::ZERO)),
        Again::After(asked) => {
            let failures = usize::try_from(trouble.failures).ok();
            let wait = failures.and_then(|failures| policy.push_waits.get(failures));
            wait.map(|wait| (*wait, asked.min(policy.push_wait_most)))
        }
    };
    trouble.next = wait
        .map(|(wait, asked)| now.saturating_add(with_jitter(wait, &engine.ids.fresh()).max(asked)));
    if matches!(again, Again::Ours) {
        trouble.ours = trouble.ours.saturating_add(1);
    } else {
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.ours = 0;
    }
    let over = (trouble.attempts.len() + 1).saturating_sub(MAX_ATTEMPTS_KEPT);
    trouble.attempts.drain(..over);
    trouble.attempts.push(Attempt { at: now, generation, reason, cause });
    trouble
}

fn own_wait(before: u32) -> Duration {
    OWN_TROUBLE.saturating_mul(2_u32.saturating_pow(before)).min(OWN_TROUBLE_MOST)
}

/// Up to a tenth is added, so that what failed together is not tried again together.
fn with_jitter(wait: Duration, chance: &str) -> Duration {
    let thousandths = u32::try_from(fnv1a(chance.as_bytes()) % 1_000).unwrap_or_default();
    wait + wait / 10 * thousandths / 1_000
}

pub(super) fn log_failure(task: &TaskKey, config: &ConfigId, trouble: &Trouble) {
    let (tenant, task) = (&task.tenant, &task.task);
    let Some(Attempt { reason, cause, .. }) = trouble.attempts.last() else { return };
    let cause = cause.as_deref().unwrap_or_default();
    let Trouble { failures, ours, .. } = *trouble;
    match trouble.next {
        Some(next) if ours > 0 => {
            warn!(%tenant, %task, %config, ours, cause, %next, "a push could not be begun here");
        }
        Some(next) => {
            info!(%tenant, %task, %config, failures, reason, cause, %next, "a push failed");
        }
        None => {
            warn!(%tenant, %task, %config, failures, reason, cause, "a push config is disabled");
        }
    }
}
