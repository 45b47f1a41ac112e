//! The same seeded operations on two stores, which must answer alike.
//!
//! The test does not compare what the contract leaves to the store: the length of a tail, the end
//! of a page, and the order of tasks or failing configs with the same time.

mod compare;
mod configs;
mod expiry;
mod memory;
mod operations;
mod pushes;
mod steps;

use std::collections::VecDeque;
use std::time::Duration;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::{Change, Stamp};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::steps::{ScopeKey, StepRecord};
use a2a_lambda_core::store::Guard;
use a2a_lambda_core::{
    LeaseToken, PushConfig, PushConfigs, Retention, RunnerName, Snapshot, StepRecords, TaskKey,
    TaskStore,
};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{Random, stamp};

use crate::Store;
use crate::bench::{LEASE, SIGNAL_GRACE};

const TENANTS: [&str; 2] = ["", "acme"];
const OWNERS: [&str; 2] = ["alice", "bob#1"];

/// After how many steps the whole state of both stores is compared.
const COMPARE_EVERY: u64 = 25;

/// How long tasks are kept. An operation on an ended task does not check its time.
const RETENTION: Retention = Retention {
    ended: Some(Duration::from_hours(1)),
    waiting: Some(Duration::from_hours(2)),
    purge_after: Duration::from_mins(1),
};

/// How many earlier snapshots of a task, and how many earlier writes, are kept for reuse.
const REMEMBERED: usize = 6;

/// Makes `steps` random operations on both stores. It compares every answer, and at intervals the
/// whole observable state. Both stores must be empty.
///
/// The operations are the core's, including those that it makes only after faults: writes from old
/// bases, repeated writes, renewals with lost tokens, entries that are too large.
///
/// # Panics
/// At the first difference, with its step and its seed.
pub async fn differential(a: &dyn Store, b: &dyn Store, seed: u64, steps: u64) {
    let mut duel = Duel {
        a,
        b,
        a_configs: a,
        b_configs: b,
        a_steps: a,
        b_steps: b,
        seed,
        step: 0,
        rng: Random::new(seed),
        now_ms: 1_760_000_000_000,
        last_id: 0,
        tasks: Vec::new(),
        config_tasks: Vec::new(),
        writes: VecDeque::new(),
        advances: VecDeque::new(),
        failing: VecDeque::new(),
        scopes: Vec::new(),
        puts: VecDeque::new(),
    };
    let mut conversations = memory::Conversations::new(a, b, seed);
    for step in 1..=steps {
        duel.step = step;
        duel.operate().await;
        conversations.operate().await;
        if step % COMPARE_EVERY == 0 || step == steps {
            duel.compare_all().await;
            conversations.compare_all().await;
        }
    }
}

/// Two stores and their operations so far.
struct Duel<'a> {
    a: &'a dyn TaskStore,
    b: &'a dyn TaskStore,
    a_configs: &'a dyn PushConfigs,
    b_configs: &'a dyn PushConfigs,
    a_steps: &'a dyn StepRecords,
    b_steps: &'a dyn StepRecords,
    seed: u64,
    step: u64,
    rng: Random,
    now_ms: i64,
    last_id: u64,
    tasks: Vec<Known>,
    /// The tasks whose push configs were used, even if the task does not exist.
    config_tasks: Vec<TaskKey>,
    writes: VecDeque<Write>,
    /// Advances of configs with their bases, for repetition.
    advances: VecDeque<(TaskKey, WriteId, PushConfig)>,
    /// Places in the listing of failing configs, for reuse.
    failing: VecDeque<Failing>,
    /// The scopes that ever had a record.
    scopes: Vec<ScopeKey>,
    /// Records that were put, with the write that they replace, for repetition.
    puts: VecDeque<(ScopeKey, Option<WriteId>, StepRecord)>,
}

/// A task that exists in both stores.
struct Known {
    key: TaskKey,
    /// The remembered tokens of its claims, the newest last.
    tokens: VecDeque<LeaseToken>,
    /// Its earlier snapshots.
    bases: VecDeque<Pair>,
}

/// A task as each store showed it. A store gets only its own snapshots back.
#[derive(Clone)]
struct Pair {
    a: Snapshot,
    b: Snapshot,
}

/// A commit, for repetition.
#[derive(Clone)]
struct Write {
    place: usize,
    base: Pair,
    guard: Guard,
    change: Change,
}

impl Duel<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    fn fresh(&mut self) -> String {
        self.last_id += 1;
        // Ids in another order than that of time, like real ones.
        let mixed = self.rng.below(0x1_0000);
        format!("{mixed:04x}-{}", self.last_id)
    }

    fn stamp(&mut self) -> Stamp {
        let (retention, usual) = (Some(RETENTION), stamp(self.now(), self.fresh()));
        let (signal_grace, lease, push_claim) = (SIGNAL_GRACE, LEASE, LEASE);
        let runner = Some(RunnerName::of("bench"));
        Stamp { signal_grace, lease, push_claim, retention, runner, ..usual }
    }
}

fn remember<T>(items: &mut VecDeque<T>, item: T) {
    if items.len() == REMEMBERED {
        items.pop_front();
    }
    items.push_back(item);
}
