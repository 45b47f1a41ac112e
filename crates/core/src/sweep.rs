//! The sweep visits every task whose due time has come.

use std::fmt;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span, field, trace_span, warn};

use crate::engine::{Engine, chain};
use crate::ids::TaskKey;
use crate::measure;
use crate::push::{Delivered, deliver};
use crate::recover::{Recovered, recover};
use crate::run_error::RunError;
use crate::trace;

/// How many requests for due tasks, and visits to them, are under way at once. The shards take
/// turns, so that a long shard delays no other.
const AT_ONCE: usize = 16;

/// How many errors the report of a sweep contains.
const MAX_ERRORS: usize = 5;

/// The counts of a sweep, stage by stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Tasks whose due time had come.
    pub due: usize,
    /// Tasks that no runner had begun: their signal was lost or is late.
    pub lost_signals: usize,
    /// Tasks whose runner died.
    pub dead_leases: usize,
    /// Tasks whose wake time had come.
    pub wake_times: usize,
    /// Tasks whose user had not answered in time.
    pub late_users: usize,
    /// Tasks that the sweep canceled, because their user did not answer within the longest wait.
    pub lapsed: usize,
    /// Expired tasks whose items are all deleted.
    pub expired: usize,
    /// Tasks with open and unclaimed pushes that the sweep delivered, or tried to deliver.
    pub pushes: usize,
    /// Tasks that needed nothing: their event came meanwhile, or is still to come.
    pub settled: usize,
    /// Tasks whose visit failed. They stay due, or become due again.
    pub failed: usize,
    /// Shards of the due index that could not be read to their end.
    pub unread: usize,
    /// The first errors.
    pub errors: Vec<String>,
    /// Whether time ran out before every due task was visited. The next sweep continues.
    pub more: bool,
}

impl Swept {
    /// Tasks that were signaled.
    pub fn signaled(&self) -> usize {
        self.lost_signals + self.dead_leases + self.wake_times + self.late_users
    }

    fn count(&mut self, recovered: Recovered) {
        *match recovered {
            // The delivery counts it.
            Recovered::Push => return,
            Recovered::LostSignal => &mut self.lost_signals,
            Recovered::DeadLease => &mut self.dead_leases,
            Recovered::WakeTime => &mut self.wake_times,
            Recovered::LateUser => &mut self.late_users,
            Recovered::Lapsed => &mut self.lapsed,
            Recovered::Expired => &mut self.expired,
            Recovered::Nothing => &mut self.settled,
        } += 1;
    }

    fn note(&mut self, error: impl fmt::Display) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error.to_string());
        }
    }

    fn fail(&mut self, key: &TaskKey, error: &RunError) {
        let (tenant, task, error) = (&key.tenant, &key.task, chain(error));
        warn!(event = "sweep_task_failed", %tenant, %task, error,
            "the sweep could not recover a due task");
        self.failed += 1;
        self.note(format_args!("task {task} of tenant {:?}: {error}", tenant.as_str()));
    }

    fn and(mut self, other: Self) -> Self {
        self.due += other.due;
        self.lost_signals += other.lost_signals;
        self.dead_leases += other.dead_leases;
        self.wake_times += other.wake_times;
        self.late_users += other.late_users;
        self.lapsed += other.lapsed;
        self.expired += other.expired;
        self.pushes += other.pushes;
        self.settled += other.settled;
        self.failed += other.failed;
        self.unread += other.unread;
        self.more |= other.more;
        other.errors.into_iter().for_each(|error| self.note(error));
        self
    }
}

/// Sweeps the due index once: lost signals, dead leases, wake times, and late users. It reads the
/// [shards](crate::store::DueShards::swept_at) in parallel, each in pages of [`Policy::sweep_batch`](crate::Policy::sweep_batch), until
/// nothing more is due, or until `deadline`. A task that fails delays no other.
///
/// Unclaimed pushes come last, [`Policy::push_at_once`](crate::Policy::push_at_once) tasks at a
/// time, so that silent receivers delay no task.
pub async fn sweep(engine: &Engine, deadline: Timestamp) -> Swept {
    let turns = Semaphore::new(AT_ONCE);
    let shards = engine.store.due_shards().swept_at(engine.clock.now());
    let shards = shards.map(|shard| sweep_shard(engine, shard, deadline, &turns));
    let shards = join_all(shards).await;
    let mut swept = Swept::default();
    let mut lateness = Lateness::default();
    let mut pushes: Vec<Vec<TaskKey>> = Vec::new();
    for shard in shards {
        swept = swept.and(shard.swept);
        lateness = lateness.max(shard.lateness);
        pushes.push(shard.pushes);
    }
    // Takes the shards by turns, so that no shard's pushes wait for all of another's.
    let most = pushes.iter().map(Vec::len).max().unwrap_or_default();
    let mut by_turns: Vec<TaskKey> = Vec::new();
    for turn in 0..most {
        by_turns.extend(pushes.iter().filter_map(|of| of.get(turn).cloned()));
    }
    let delivered: Vec<Swept> = stream::iter(by_turns)
        .map(|key| async move { sweep_pushes(engine, &key, deadline).await })
        .buffer_unordered(engine.policy.push_at_once.max(1))
        .collect()
        .await;
    let swept = delivered.into_iter().fold(swept, Swept::and);
    measure(lateness, &swept);
    swept
}

async fn sweep_pushes(engine: &Engine, key: &TaskKey, deadline: Timestamp) -> Swept {
    let mut swept = Swept::default();
    let span = span(key);
    match deliver(engine, key, deadline).instrument(span.clone()).await {
        Ok(Delivered::Ran(_)) => swept.pushes += 1,
        Ok(Delivered::TooLate) => swept.more = true,
        Ok(_) => swept.settled += 1,
        Err(error) => span.in_scope(|| swept.fail(key, &error)),
    }
    swept
}

/// The span of a task's visit, in the task's trace.
fn span(key: &TaskKey) -> Span {
    trace_span!(
        target: trace::TARGET,
        "recover",
        parent = field::Empty,
        a2a.task.id = key.task.as_str(),
        a2a.tenant = key.tenant.as_str(),
    )
}

/// The due tasks of a shard.
#[derive(Default)]
struct Shard {
    swept: Swept,
    lateness: Lateness,
    /// The tasks with open pushes.
    pushes: Vec<TaskKey>,
}

async fn sweep_shard(engine: &Engine, shard: u8, deadline: Timestamp, turns: &Semaphore) -> Shard {
    let mut found = Shard::default();
    let Shard { swept, lateness, pushes } = &mut found;
    // Tasks that become due later are left to the next sweep, so that this one ends.
    let until = engine.clock.now();
    let mut after = None;
    loop {
        // The permit is given back before the first visit. The semaphore is never closed.
        let turn = turns.acquire().await;
        let page = engine.due(shard, until, after.as_ref()).await;
        drop(turn);
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let error = chain(&error);
                warn!(
                    event = "sweep_shard_failed",
                    shard, error, "the sweep could not read a shard"
                );
                swept.unread += 1;
                swept.note(format_args!("shard {shard} of the due index: {error}"));
                return found;
            }
        };
        let Some(last) = page.last() else { return found };
        after = Some(last.clone());
        for task in page {
            let _turn = turns.acquire().await;
            if engine.clock.now() >= deadline {
                swept.more = true;
                return found;
            }
            let late = until.saturating_since(task.due);
            swept.due += 1;
            lateness.due = lateness.due.max(late);
            let span = span(&task.key);
            match recover(engine, &task.key).instrument(span.clone()).await {
                Ok(Recovered::Push) => {
                    lateness.push = lateness.push.max(late);
                    pushes.push(task.key);
                }
                Ok(recovered) => swept.count(recovered),
                Err(error) => span.in_scope(|| swept.fail(&task.key, &error)),
            }
        }
    }
}

/// The lateness of a sweep.
#[derive(Debug, Clone, Copy, Default)]
struct Lateness {
    /// For the task with the earliest due time.
    due: Duration,
    /// For the first task with open and unclaimed pushes.
    push: Duration,
}

impl Lateness {
    fn max(self, other: Self) -> Self {
        Self { due: self.due.max(other.due), push: self.push.max(other.push) }
    }
}

/// Measures a sweep that is over.
fn measure(lateness: Lateness, swept: &Swept) {
    tracing::trace!(
        target: measure::TARGET,
        due_tasks = swept.due,
        oldest_due_seconds = lateness.due.as_secs(),
        oldest_push_seconds = lateness.push.as_secs(),
        lost_signals = swept.lost_signals,
        dead_leases = swept.dead_leases,
        late_users = swept.late_users,
        lapsed_tasks = swept.lapsed,
        expired_tasks = swept.expired,
        sweep_failures = swept.failed + swept.unread,
    );
}
