//! Recovery: the sweep visits a task whose due time has come.

use crate::engine::{Engine, TransactError};
use crate::head::Phase;
use crate::ids::TaskKey;
use crate::machine::Command;
use crate::run_error::RunError;
use crate::store::{Depth, Snapshot};
use crate::trace;

/// The state in which the sweep found a due task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovered {
    /// No runner has begun it: its signal was lost or is late.
    LostSignal,
    /// Its runner died.
    DeadLease,
    /// Its wake time has come.
    WakeTime,
    /// Its user did not answer in time.
    LateUser,
    /// Its user did not answer within the longest wait. The sweep canceled it.
    Lapsed,
    /// It has expired, and the sweep deleted its items.
    Expired,
    /// It has open and unclaimed pushes, which need a delivery and no signal.
    Push,
    /// It needs nothing, or nothing yet.
    Nothing,
}

impl From<&Phase> for Recovered {
    fn from(phase: &Phase) -> Self {
        match phase {
            Phase::Submitted => Self::LostSignal,
            Phase::Running { .. } => Self::DeadLease,
            Phase::Waiting { .. } => Self::WakeTime,
            Phase::Interrupted { .. } => Self::LateUser,
            Phase::Ended(_) => Self::Nothing,
        }
    }
}

/// Visits a task whose due time has come.
///
/// # Errors
/// When the store fails; the task stays due.
pub(crate) async fn recover(engine: &Engine, key: &TaskKey) -> Result<Recovered, RunError> {
    let Some(snapshot) = engine.read_stored(key, Depth::Tail).await? else {
        return Ok(Recovered::Nothing);
    };
    trace::join(snapshot.head.trace.as_ref());
    let now = engine.clock.now();
    if snapshot.head.due.is_none_or(|due| due > now) {
        return Ok(Recovered::Nothing);
    }
    if engine.is_expired(&snapshot.head) {
        return expire(engine, snapshot).await;
    }
    if snapshot.head.rests() && snapshot.head.has_free_push(now) {
        // The task stays due until its pushes are delivered.
        return Ok(Recovered::Push);
    }
    let (mut found, mut was_over) = (Recovered::Nothing, false);
    let decided = engine
        .transact_with(snapshot, |head, stamp| {
            (found, was_over) = (Recovered::from(&head.phase), head.is_terminal());
            head.apply(Command::Look, stamp)
        })
        .await;
    match decided {
        Ok((snapshot, signals)) => {
            engine.carry_out(&snapshot.head, &signals).await?;
            let signaled = !signals.is_empty();
            // The signaled runner also delivers the pushes.
            Ok(match found {
                // The table's stream, or the next sweep, takes care of its pushes.
                _ if !was_over && snapshot.head.is_terminal() => Recovered::Lapsed,
                _ if !signaled && snapshot.head.has_free_push(now) => Recovered::Push,
                found if signaled => found,
                _ => Recovered::Nothing,
            })
        }
        // The task ended during the visit.
        Err(TransactError::Illegal(_) | TransactError::Gone) => Ok(Recovered::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// Deletes the items of an expired task, or postpones that to its time.
async fn expire(engine: &Engine, snapshot: Snapshot) -> Result<Recovered, RunError> {
    let at = snapshot.head.purge_at(engine.policy.retention.as_ref());
    if at.is_some_and(|at| at <= engine.clock.now()) {
        let done = engine.purge(&snapshot.head, engine.policy.purge_items).await?;
        return Ok(if done { Recovered::Expired } else { Recovered::Nothing });
    }
    let postponed =
        engine.transact_if_stored(snapshot, |head, stamp| Some(Ok(head.postpone(stamp)))).await;
    match postponed {
        Ok(_) | Err(TransactError::Illegal(_) | TransactError::Gone) => Ok(Recovered::Nothing),
        Err(error) => Err(error.into()),
    }
}
