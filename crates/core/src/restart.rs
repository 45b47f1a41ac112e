//! The restart of a deployment on one machine: its queue is empty, and its earlier processes have
//! ended.

use a2a_lambda_protocol::Timestamp;
use futures_util::stream::{self, StreamExt as _};
use tracing::warn;

use crate::engine::{Engine, TransactError, chain};
use crate::env::SignalError;
use crate::head::{Head, Phase};
use crate::ids::TaskKey;
use crate::machine::Command;
use crate::push::mark::Mark;
use crate::run_error::RunError;
use crate::store::{Depth, DueTask, Snapshot, StoreError};

/// How many shards are read at once.
const SHARDS_AT_ONCE: usize = 16;

/// Whether processes from before the restart may still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Former {
    /// All have ended: their leases and claims are void.
    Ended,
    /// Some may still run: their leases and claims expire by themselves.
    MayLive,
}

/// The result of a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restarted {
    /// Tasks that were signaled.
    pub signaled: usize,
    /// Tasks whose lease or claim of pushes was void.
    pub voided: usize,
    /// Tasks that the restart could not resume. They stay due, and the sweep finds them.
    pub failed: usize,
}

/// Resumes every task with a due time: voids the earlier processes' leases and claims, and repeats
/// the signals that were lost with the queue.
///
/// Call it before any runner starts: it cannot tell a new runner's lease from an old one.
///
/// # Errors
/// When the due index cannot be read. A task that fails is logged and skipped.
pub async fn restart(engine: &Engine, former: Former) -> Result<Restarted, StoreError> {
    let shards = engine.store.due_shards().all();
    let shards = shards.map(|shard| restart_shard(engine, shard, former));
    let mut shards = stream::iter(shards).buffered(SHARDS_AT_ONCE);
    let mut all = Restarted::default();
    while let Some(shard) = shards.next().await {
        let Restarted { signaled, voided, failed } = shard?;
        all.signaled += signaled;
        all.voided += voided;
        all.failed += failed;
    }
    Ok(all)
}

async fn restart_shard(
    engine: &Engine,
    shard: u8,
    former: Former,
) -> Result<Restarted, StoreError> {
    let forever = Timestamp::from_millis(i64::MAX);
    // Collects all tasks first: a void moves the due time, and so the task's place in the index.
    let mut open: Vec<DueTask> = Vec::new();
    loop {
        let page = engine.due(shard, forever, open.last()).await?;
        if page.is_empty() {
            break;
        }
        open.extend(page);
    }
    let mut done = Restarted::default();
    for DueTask { key, .. } in open {
        match restart_task(engine, &key, former).await {
            Ok(None) => {}
            Ok(Some(is_void)) => {
                done.signaled += 1;
                done.voided += usize::from(is_void);
            }
            Err(error) => {
                let (tenant, task, error) = (&key.tenant, &key.task, chain(&error));
                warn!(event = "task_not_resumed", %tenant, %task, error,
                    "the restart could not resume a task");
                done.failed += 1;
            }
        }
    }
    Ok(done)
}

/// Resumes one task. Returns whether its lease or claim was void; `None` if it needs no visit.
async fn restart_task(
    engine: &Engine,
    key: &TaskKey,
    former: Former,
) -> Result<Option<bool>, RunError> {
    let Some(snapshot) = engine.read(key, Depth::Tail).await? else { return Ok(None) };
    if snapshot.head.rests() && snapshot.head.mark().is_none() {
        // The task is due only for its expiry or its longest wait.
        return Ok(None);
    }
    if former == Former::Ended && is_held(&snapshot.head) {
        return void(engine, snapshot).await.map(Some);
    }
    signal(engine, &snapshot.head).await?;
    Ok(Some(false))
}

fn is_held(head: &Head) -> bool {
    head.leased_until().is_some() || matches!(head.mark(), Some(Mark::Claimed { .. }))
}

async fn void(engine: &Engine, snapshot: Snapshot) -> Result<bool, RunError> {
    match engine.transact(snapshot, Command::Void).await {
        Ok((snapshot, signals)) if signals.is_empty() => {
            signal(engine, &snapshot.head).await?;
            Ok(true)
        }
        // The signaled runner also delivers the pushes.
        Ok((snapshot, signals)) => {
            engine.carry_out(&snapshot.head, &signals).await?;
            Ok(true)
        }
        Err(TransactError::Illegal(_) | TransactError::Gone) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Repeats the signals for the times that the task waits for.
async fn signal(engine: &Engine, head: &Head) -> Result<(), SignalError> {
    let now = engine.clock.now();
    let run = match head.phase {
        Phase::Submitted => Some(now),
        Phase::Running { until, .. } | Phase::Waiting { until } => Some(until),
        Phase::Interrupted { patience, .. } => patience.map(|patience| patience.until),
        Phase::Ended(_) => None,
    };
    let push = head.mark().map(|mark| mark.free_from(now));
    // One signal is enough if both times are equal.
    for at in run.into_iter().chain(push.filter(|push| run != Some(*push))) {
        engine.signal(head, at).await?;
    }
    Ok(())
}
