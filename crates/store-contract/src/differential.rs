//! The same seeded operations on two stores, which must answer alike.
//!
//! Where the contract leaves a store a choice, the test does not compare: the length of a tail, the
//! end of a page, and the order of tasks that are due, or of configs that fail, since the same
//! time.

mod compare;
mod configs;
mod expiry;
mod operations;
mod pushes;

use std::collections::VecDeque;
use std::time::Duration;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::{Change, Stamp};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::Guard;
use a2a_lambda_core::{
    LeaseToken, PushConfig, PushConfigs, Retention, Snapshot, TaskKey, TaskStore,
};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{Random, stamp};

use crate::Store;
use crate::bench::{LEASE, SIGNAL_GRACE};

const TENANTS: [&str; 2] = ["", "acme"];
const OWNERS: [&str; 2] = ["alice", "bob#1"];

/// How often the whole state of both stores is compared, in steps.
const COMPARE_EVERY: u64 = 25;

/// How long tasks are kept. An operation on an ended task does not check its time.
const RETENTION: Retention = Retention {
    ended: Some(Duration::from_hours(1)),
    waiting: Some(Duration::from_hours(2)),
    purge_after: Duration::from_mins(1),
};

/// How many former snapshots of a task, and how many former writes, are kept to come back to.
const REMEMBERED: usize = 6;

/// Makes `steps` random operations on both stores and compares every answer, and all that can be
/// observed every now and then. Both stores must be empty.
///
/// The operations are the core's, including those that it makes only after faults: writes from old
/// bases, repeated writes, renewals with lost tokens, entries that are too large.
///
/// # Panics
/// At the first difference, saying at which step of which seed.
pub async fn differential(a: &dyn Store, b: &dyn Store, seed: u64, steps: u64) {
    let mut duel = Duel {
        a,
        b,
        a_configs: a,
        b_configs: b,
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
    };
    for step in 1..=steps {
        duel.step = step;
        duel.operate().await;
        if step % COMPARE_EVERY == 0 || step == steps {
            duel.compare_all().await;
        }
    }
}

/// Two stores and their operations so far.
struct Duel<'a> {
    a: &'a dyn TaskStore,
    b: &'a dyn TaskStore,
    a_configs: &'a dyn PushConfigs,
    b_configs: &'a dyn PushConfigs,
    seed: u64,
    step: u64,
    rng: Random,
    now_ms: i64,
    last_id: u64,
    tasks: Vec<Known>,
    /// The tasks that had push configs, or that would have if they were there.
    config_tasks: Vec<TaskKey>,
    writes: VecDeque<Write>,
    /// Advances of configs with their bases, for repetition.
    advances: VecDeque<(TaskKey, WriteId, PushConfig)>,
    /// Places in the listing of what fails, to come back to.
    failing: VecDeque<Failing>,
}

/// A task that exists in both stores.
struct Known {
    key: TaskKey,
    /// The tokens that it was claimed with, as far as remembered; the newest last.
    tokens: VecDeque<LeaseToken>,
    /// How it was seen before.
    bases: VecDeque<Pair>,
}

/// A task as each of the stores showed it. A store is only ever given its own snapshots.
#[derive(Clone)]
struct Pair {
    a: Snapshot,
    b: Snapshot,
}

/// A commit, to be made again.
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
        // Ids in an order that is not that of time, as real ones are.
        let mixed = self.rng.below(0x1_0000);
        format!("{mixed:04x}-{}", self.last_id)
    }

    fn stamp(&mut self) -> Stamp {
        let (retention, usual) = (Some(RETENTION), stamp(self.now(), self.fresh()));
        let (signal_grace, lease, push_claim) = (SIGNAL_GRACE, LEASE, LEASE);
        Stamp { signal_grace, lease, push_claim, retention, ..usual }
    }
}

fn remember<T>(items: &mut VecDeque<T>, item: T) {
    if items.len() == REMEMBERED {
        items.pop_front();
    }
    items.push_back(item);
}
