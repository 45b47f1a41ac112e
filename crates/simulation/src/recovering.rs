//! Tasks whose runner died: the time until another runner has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use a2a_lambda_core::{AFTER_LEASE, Attended, Company, RunError, Runner, TaskKey};
use a2a_lambda_protocol::Timestamp;

use crate::actor::Actor;
use crate::planted::Planted;
use crate::queue::Received;
use crate::world::World;

/// The most time for work that is due by then: requests, and the time of a sweep.
const SLACK: Duration = Duration::from_secs(5);

/// Attends to a signal as the executor does. It hides its record for a lease: from before its
/// start, if an earlier runner may have died of the task. A signal for the end of a lease replaces
/// a record that is redelivered under that lease. `is_told` becomes true when the queue knows of
/// the record.
pub(crate) async fn attend(
    actor: &Arc<Actor>,
    runner: &Runner,
    received: &Received,
    deadline: Timestamp,
    is_told: &AtomicBool,
) -> Result<Attended, RunError> {
    let key = received.signal.key();
    let may_kill = received.receives > 1 || received.signal.alone;
    if may_kill {
        hide(actor, received, is_told).await;
    }
    let attending = async {
        let attended = Box::pin(runner.attend(&key, deadline, Company::Alone)).await?;
        match attended {
            Attended::HeldBy { until } if received.receives > 1 => {
                runner.look_again(&received.signal, until).await?;
            }
            _ => {}
        }
        Ok(attended)
    };
    let keeping = async {
        let engine = actor.engine();
        if !may_kill {
            hide(actor, received, is_told).await;
        }
        loop {
            engine.clock.sleep(engine.policy.lease / 3).await;
            hide(actor, received, is_told).await;
        }
    };
    tokio::select! {
        biased;
        () = keeping => unreachable!("records are hidden for as long as it takes"),
        attended = attending => attended,
    }
}

/// A failed request is repeated when the lease is renewed.
async fn hide(actor: &Arc<Actor>, received: &Received, is_told: &AtomicBool) {
    let world = actor.world();
    let request = async {
        if world.planted != Some(Planted::RecordsStayHidden) {
            world.queue.hide(received, world.policy.lease + AFTER_LEASE);
        }
        Ok::<_, ()>(())
    };
    let asked = actor.ask("hide the record", &received.signal.task_id, || (), request).await;
    is_told.fetch_or(asked.is_ok(), Ordering::Relaxed);
}

/// I4: some time after a runner has died, its task has another runner or is signaled. `is_prompt`:
/// only its agent has failed it, and the queue knew of its record.
pub(crate) async fn judge(world: Arc<World>, key: TaskKey, received: Received, is_prompt: bool) {
    let Some(claim) = world.judge(|oracle| Ok(oracle.claim(&key))) else { return };
    let policy = &world.policy;
    // The queue redelivers its own record, unless it has done so too often.
    let by_record = is_prompt && received.receives < world.settings.receives;
    let sweep = Duration::from_secs(world.settings.sweep_s.into());
    let by_sweep = policy.lease + policy.signal_grace + sweep + SLACK;
    let mut bound = policy.lease + AFTER_LEASE + SLACK;
    if by_record {
        tokio::time::sleep(bound).await;
    }
    // An earlier receiver that stalled, and did not die, may have deleted the record.
    if !by_record || world.queue.was_taken_away(&received) {
        bound = by_sweep;
        world.healing().await;
        tokio::time::sleep(bound).await;
    }
    // A signal waits for a free executor. An executor that has just received the signal is about to
    // claim the task.
    if world.queue.is_visible(&key) {
        return;
    }
    tokio::time::sleep(SLACK).await;
    if !world.queue.is_visible(&key) {
        world.judge(|oracle| oracle.check_recovered(&key, claim, bound + SLACK));
    }
}
