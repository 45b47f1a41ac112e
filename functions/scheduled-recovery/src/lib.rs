#![doc = include_str!("../README.md")]
//!
//! Two parallel invocations are safe but useless: a conditional write moves a task, which is then
//! no longer due. At worst a task is signaled twice, and of two runners one finds the other's
//! lease. An invocation that is cut loses only its answer: the remaining tasks are still due.

mod bootstrap;

use std::time::Duration;

use a2a_lambda_aws::{EventError, EventKind, Named};
use a2a_lambda_core::{Engine, Swept, sweep};
use a2a_lambda_protocol::Timestamp;
use serde_json::value::RawValue;
use tracing::{debug, info};

pub use bootstrap::main;

/// How long before the invocation's end the sweep begins with no further task. The tasks that were
/// begun, at most 16, take three requests each: some 10 ms, or seconds if these are retried.
/// An attempt to push is begun only if the time that it may take is over before that.
/// Then the counts still get out, which is how a sweep that does not keep up is seen.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Nothing is looked after. The invocation counts as failed, so that alarms see it.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// No shard of the due index could be read to its end.
    #[error("the due index could not be read: {first}")]
    Unread {
        /// The first of the errors.
        first: String,
    },
    /// Tasks are due, and there was no time to begin with any of them.
    #[error("there was no time to look after what is due: give the function a longer timeout")]
    NoTime,
    /// The event is of another function.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl Named for SweepError {
    fn name(&self) -> &'static str {
        match self {
            Self::Unread { .. } => "DueIndexUnread",
            Self::NoTime => "NoTime",
            Self::Event(error) => error.name(),
        }
    }
}

/// Checks that an event is for this function. A schedule sends an object with any members, or
/// nothing. An event of another service is refused: its sender would take it for handled.
///
/// # Errors
/// When it is a batch of records, a request, an event of another service, or no object.
pub fn check(event: &RawValue) -> Result<(), EventError> {
    let is_payload = event.get().starts_with('{') || event.get() == "null";
    match EventKind::of(event) {
        EventKind::Other if is_payload => Ok(()),
        found => {
            let (function, taken) = ("scheduled-recovery", "the ticks of a schedule".to_owned());
            Err(EventError::Foreign { function, taken, found })
        }
    }
}

/// Sweeps once.
///
/// `deadline` is the end of the invocation. The function begins no task [shortly](MARGIN) before
/// it. It leaves these to the next invocation, and the answer's `more` says so.
///
/// # Errors
/// When no shard of the due index could be read, or when there was no time for a single task. One
/// task's failure, or one shard's, is in the answer.
pub async fn handle(deadline: Timestamp, engine: &Engine) -> Result<Swept, SweepError> {
    let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX);
    let until = Timestamp::from_millis(deadline.as_millis().saturating_sub(margin));
    let swept = sweep(engine, until).await;
    log(&swept);
    if swept.unread >= engine.store.due_shards().swept() {
        let first = swept.errors.into_iter().next().unwrap_or_default();
        return Err(SweepError::Unread { first });
    }
    if swept.more && swept.due == 0 {
        return Err(SweepError::NoTime);
    }
    Ok(swept)
}

/// One line with the counts. An empty sweep needs no line: Lambda itself says that it was, and the
/// local cloud sweeps every second. Failures have their own lines by then.
fn log(swept: &Swept) {
    let Swept { due, lost_signals, dead_leases, wake_times, late_users, .. } = swept;
    let Swept { lapsed, expired, pushes, settled, failed, unread, more, .. } = swept;
    if due + unread == 0 && !more {
        debug!("nothing is due");
        return;
    }
    info!(
        event = "tasks_swept",
        due,
        lost_signals,
        dead_leases,
        wake_times,
        late_users,
        lapsed,
        expired,
        pushes,
        settled,
        failed,
        unread,
        more,
        "the sweep has recovered the tasks that were due"
    );
}
