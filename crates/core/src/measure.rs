//! Measurements: events of `tracing` with numbers, under their own target.
//!
//! The core does no input or output and knows no metrics. A process that wants metrics installs a
//! layer that collects these events. They cost nothing in any other process. [`NAMES`] lists them.

use std::time::Duration;

use a2a_lambda_protocol::TaskState;
use tracing::trace;

/// The target of these events, and of no others.
pub const TARGET: &str = "measure";

/// The measurements: the names of the events' fields.
pub const NAMES: [&str; 20] = [
    "turn_millis",
    "attempts",
    "step_millis",
    "steps_failed",
    "tasks_completed",
    "tasks_failed",
    "tasks_canceled",
    "tasks_rejected",
    "push_lag_millis",
    "push_attempts_failed",
    "stream_millis",
    "due_tasks",
    "oldest_due_seconds",
    "oldest_push_seconds",
    "lost_signals",
    "dead_leases",
    "late_users",
    "lapsed_tasks",
    "expired_tasks",
    "sweep_failures",
];

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A turn has ended: its duration, and the number of its attempt.
pub(crate) fn turn(took: Duration, attempt: u32) {
    trace!(target: TARGET, turn_millis = millis(took), attempts = attempt);
}

/// A step was recorded: how long its work took, and whether it failed for good.
pub(crate) fn step(took: Duration, failed: bool) {
    trace!(target: TARGET, step_millis = millis(took), steps_failed = u32::from(failed));
}

/// A task has ended in this state.
pub(crate) fn ended(state: TaskState) {
    match state {
        TaskState::Completed => trace!(target: TARGET, tasks_completed = 1),
        TaskState::Failed => trace!(target: TARGET, tasks_failed = 1),
        TaskState::Canceled => trace!(target: TARGET, tasks_canceled = 1),
        TaskState::Rejected => trace!(target: TARGET, tasks_rejected = 1),
        _ => {}
    }
}

/// A receiver has acknowledged an update; `lag` counts from the commit of the update.
pub(crate) fn pushed(lag: Duration) {
    trace!(target: TARGET, push_lag_millis = millis(lag));
}

/// A receiver has not acknowledged an attempt.
pub(crate) fn push_failed() {
    trace!(target: TARGET, push_attempts_failed = 1);
}

/// A stream of events has ended.
pub fn stream(took: Duration) {
    trace!(target: TARGET, stream_millis = millis(took));
}
