//! The base of the tests: a world in which time, ids, faults and agents are the test's own.

mod streams;
mod world;

use std::time::Duration;

use a2a_lambda_core::{Attended, End, StoreError};
use a2a_lambda_protocol::{Message, Part, Task, TaskState};

pub(crate) use a2a_lambda_testing::{
    Call, Diary, Fault, Kind, Manner, Scripted, TestClock, VaultFault, script, scripted, to, user,
};
pub(crate) use streams::{drain, event, subscribe, told_by};
pub(crate) use world::World;

/// The store is asked for more than it can carry.
pub(crate) const THROTTLED: Fault = Fault::Fail(|| StoreError::Throttled("too much".into()));

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Does something when this time has passed.
pub(crate) async fn after<T>(time: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::sleep(time).await;
    work.await
}

/// What a runner says that has run so many turns, the last of which left the task in this state.
pub(crate) fn ran(turns: u32, state: TaskState) -> Attended {
    Attended::Ran { turns, state }
}

/// A message's text parts, joined.
pub(crate) fn text_of(message: &Message) -> String {
    message.parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("|")
}

/// The text of the status message, or nothing.
pub(crate) fn status_text(task: &Task) -> String {
    task.status.message.as_ref().map(text_of).unwrap_or_default()
}

/// The texts of the history, oldest first.
pub(crate) fn history(task: &Task) -> Vec<String> {
    task.history.iter().map(text_of).collect()
}

/// Each artifact as `id: part|part`.
pub(crate) fn artifacts(task: &Task) -> Vec<String> {
    let parts =
        |parts: &[Part]| parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("|");
    task.artifacts.iter().map(|a| format!("{}: {}", a.artifact_id, parts(&a.parts))).collect()
}

/// Completes at once.
pub(crate) fn completes() -> Scripted {
    script!(|_, _| { Ok(End::Completed("done".into())) })
}

/// Asks which one, and completes when it is told.
pub(crate) fn asks() -> Scripted {
    script!(|turn, _| {
        match turn.number() {
            1 => Ok(End::input_required("which one?")),
            _ => Ok(End::completed()),
        }
    })
}

/// Answers with a direct message after a while.
pub(crate) fn answers_after(wait_ms: u64) -> Scripted {
    script!(|turn, _| {
        turn.sleep(millis(wait_ms)).await;
        Ok(End::Message("just this".into()))
    })
}

/// Takes a while.
pub(crate) fn takes(seconds: u64) -> Scripted {
    script!(|turn, _| {
        turn.sleep(secs(seconds)).await;
        Ok(End::Completed("done".into()))
    })
}
