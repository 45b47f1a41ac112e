//! The world that the actors share: one store, one queue, one time, and the oracle that watches.

mod conversations;
mod pushes;
mod steps;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use a2a_lambda_core::machine::Change;
use a2a_lambda_core::store::{Committed, Created, Depth, Guard, Renewed, StoreError};
use a2a_lambda_core::{
    Caller, Generation, Head, LeaseToken, Mark, Owner, Policy, Position, Retention, Snapshot,
    TaskKey, Tenant,
};
use a2a_lambda_protocol::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::functions::recover_from_stream;
use crate::ground::{EPOCH, Store, Stores, lock};
use crate::journal::Journal;
use crate::op::Who;
use crate::oracle::{Given, Oracle, TOLD_WITHIN_MS, Violation};
use crate::plan::{Faults, Plan, Settings};
use crate::planted::Planted;
use crate::queue::{Received, SimQueue};
use crate::receiver::Receivers;
use crate::recovering;
use crate::weather::Weather;

/// The setup of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// A planted bug, if any.
    pub planted: Option<Planted>,
    /// Whether to keep the journal.
    pub journal: bool,
}

/// More requests than any run needs.
const MAX_STEPS: u64 = 100_000;

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) policy: Arc<Policy>,
    pub(crate) queue: SimQueue,
    faults: Faults,
    /// The store that the oracle trusts.
    pub(crate) truth: Arc<dyn Store>,
    /// The store that the actors see: the same one, unless a bug is planted.
    pub(crate) shown: Arc<dyn Store>,
    /// It admits one write at a time, so that the oracle sees each by itself.
    pub(crate) gate: tokio::sync::Mutex<()>,
    begin: Instant,
    weather: Weather,
    healed_ms: OnceLock<u64>,
    /// How much longer requests take, and until when, in milliseconds of the run.
    slow: Mutex<(u64, u64)>,
    oracle: Mutex<Oracle>,
    journal: Mutex<Journal>,
    slots: Mutex<BTreeMap<u32, (Who, TaskKey)>>,
    pub(crate) receivers: Receivers,
    pub(crate) planted: Option<Planted>,
    /// The number of stream records.
    records: AtomicU32,
    /// The number of glances, and the result of the last glance at each task.
    glances: Mutex<(u32, BTreeMap<TaskKey, Option<Snapshot>>)>,
    /// Signals each write.
    pub(crate) written: Notify,
    violation: Mutex<Option<Violation>>,
    pub(crate) violated: Notify,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// How long tasks are kept. Clocks may differ by up to 80 s.
fn retention(settings: &Settings) -> Option<Retention> {
    let seconds = |of: u32| (of > 0).then(|| Duration::from_secs(of.into()));
    let ended = seconds(settings.kept_s)?;
    let (waiting, purge_after) = (seconds(settings.waits_s), Duration::from_mins(2));
    Some(Retention { ended: Some(ended), waiting, purge_after })
}

impl Who {
    pub(crate) fn caller(self) -> Caller {
        let (tenant, owner) = match self {
            Self::Alice => ("", "alice"),
            Self::Bob => ("", "bob"),
            Self::Acme => ("acme", "alice"),
        };
        let (Ok(tenant), Ok(owner)) = (Tenant::parse(tenant), Owner::parse(owner)) else {
            unreachable!("these are names")
        };
        Caller { tenant, owner }
    }
}

impl World {
    pub(crate) fn new(plan: &Plan, setup: Setup, stores: Stores, weather: Weather) -> Self {
        let Plan { seed, settings, faults, .. } = plan.clone();
        let policy = Policy {
            max_attempts: settings.max_attempts,
            lease: Duration::from_secs(settings.lease_s.into()),
            sweep_batch: settings.sweep_batch as usize,
            updates_per_commit: settings.updates_per_commit as usize,
            commit_bytes: settings.commit_bytes as usize,
            update_buffer: settings.update_buffer as usize,
            max_entries: settings.max_entries.into(),
            max_turns: settings.max_turns,
            tail_poll_most: Duration::from_millis(settings.tail_poll_ms.into()),
            max_push_configs: settings.max_configs as usize,
            retention: retention(&settings),
            purge_items: 7,
            callback_url: Some("https://hook.test".to_owned()),
            // In most runs this is fewer than a task has.
            push_note_every: [2, 3, 8][(seed % 3) as usize],
            ..Policy::default()
        };
        let policy = Arc::new(policy);
        let shown = match setup.planted {
            Some(bug) => bug.in_store(stores.shown),
            None => stores.shown,
        };
        let connect_ms = u64::from(settings.connect_ms);
        let slowest_ms = plan.slowest_ms().map(|slowest_ms| (slowest_ms, connect_ms));
        let oracle = Oracle::new(policy.clone(), faults, slowest_ms);
        Self {
            seed,
            settings,
            policy,
            queue: SimQueue::default(),
            faults,
            truth: stores.truth,
            shown,
            gate: tokio::sync::Mutex::default(),
            begin: Instant::now(),
            weather,
            healed_ms: OnceLock::new(),
            slow: Mutex::default(),
            oracle: Mutex::new(oracle),
            journal: Mutex::new(Journal::new(setup.journal)),
            slots: Mutex::default(),
            receivers: Receivers::default(),
            planted: setup.planted,
            records: AtomicU32::new(0),
            glances: Mutex::default(),
            written: Notify::new(),
            violation: Mutex::default(),
            violated: Notify::new(),
        }
    }

    /// A task as a glance shows it: its present or its earlier state.
    pub(crate) fn lagging(
        &self,
        key: &TaskKey,
        depth: Depth,
        now: Option<Snapshot>,
    ) -> Option<Snapshot> {
        let mut glances = lock(&self.glances);
        glances.0 += 1;
        let lags = glances.0.is_multiple_of(2);
        let before = glances.1.insert(key.clone(), now.clone());
        let reaches_back = |of: &Snapshot| match depth {
            Depth::After(known) => of.after(known).is_some(),
            Depth::Tail => true,
            Depth::Full => of.is_full(),
        };
        match before {
            Some(before) if lags && before.as_ref().is_none_or(reaches_back) => before,
            _ => now,
        }
    }

    /// How long the run has lasted.
    pub(crate) fn passed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// The same in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.passed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The time by a clock with this error.
    pub(crate) fn now(&self, skew_ms: i64) -> Timestamp {
        let passed = i64::try_from(self.now_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millis(EPOCH.as_millis() + passed + skew_ms)
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.weather.heal();
        self.healed_ms.get_or_init(|| self.now_ms());
        self.note("world", "heals", "");
    }

    /// Slows down all requests, except those to receivers, for a while.
    pub(crate) fn slow_down(&self, by_ms: u64, for_ms: u64) {
        *lock(&self.slow) = (by_ms, self.now_ms().saturating_add(for_ms));
    }

    /// How much longer a request takes that begins now.
    pub(crate) fn slow_by(&self) -> Duration {
        let (by_ms, until_ms) = *lock(&self.slow);
        let is_over = self.has_healed() || self.now_ms() >= until_ms;
        Duration::from_millis(if is_over { 0 } else { by_ms })
    }

    /// Whether a deliverer had this view, and it is wider than usual.
    pub(crate) fn is_wide_view(&self, view: Duration) -> bool {
        lock(&self.oracle).is_wide_view(view)
    }

    pub(crate) fn has_healed(&self) -> bool {
        self.weather.has_healed()
    }

    pub(crate) fn faults(&self) -> Faults {
        if self.weather.has_healed() { Faults::default() } else { self.faults }
    }

    /// Whether clocks are set while actors wait.
    pub(crate) fn has_steps(&self) -> bool {
        self.faults.step > 0
    }

    /// How far an actor's clock may be off. The end of the faults does not correct a clock.
    pub(crate) fn skew_ms(&self) -> u32 {
        self.faults.skew_ms
    }

    pub(crate) fn note(&self, who: &str, what: &str, more: impl fmt::Display) {
        lock(&self.journal).note(self.passed(), who, what, more);
    }

    /// I10: every run ends, in every case.
    pub(crate) fn count_step(&self) {
        let steps = &mut lock(&self.journal).tally.steps;
        *steps += 1;
        if *steps == MAX_STEPS {
            lock(&self.violation).get_or_insert(Violation::new(
                "I10",
                format!("{MAX_STEPS} requests, and no end of it"),
            ));
            self.violated.notify_one();
        }
    }

    /// A fault keeps an actor from the world for a while.
    pub(crate) fn trouble(&self, actor: &str, from_ms: u64, to_ms: u64) {
        lock(&self.journal).tally.faults += 1;
        lock(&self.oracle).trouble(actor, from_ms, to_ms);
    }

    pub(crate) fn agent_begins(self: &Arc<Self>, actor: &str, given: Given) {
        let (now_ms, key) = (self.now_ms(), given.scope.task.clone());
        self.judge(|oracle| oracle.agent_begins(actor, given, now_ms));
        if self.is_canceled(&key) {
            tokio::spawn(self.clone().judge_told(key));
        }
    }

    /// I7: after a while, the agents that work on a canceled task have been told.
    pub(crate) async fn judge_told(self: Arc<Self>, key: TaskKey) {
        tokio::time::sleep(Duration::from_millis(TOLD_WITHIN_MS)).await;
        let now_ms = self.now_ms();
        self.judge(|oracle| oracle.check_told(&key, now_ms));
    }

    pub(crate) fn agent_showed(&self, actor: &str, text: &str) {
        lock(&self.oracle).agent_showed(actor, text);
    }

    pub(crate) fn agent_leaves(&self, actor: &str, checkpoint: &str) {
        lock(&self.oracle).agent_leaves(actor, checkpoint);
    }

    pub(crate) fn agent_returns(&self, actor: &str) {
        lock(&self.oracle).agent_returns(actor);
    }

    pub(crate) fn agent_flushed(&self, actor: &str) {
        self.judge(|oracle| oracle.check_flushed(actor));
    }

    pub(crate) fn agent_told(&self, actor: &str) {
        lock(&self.oracle).agent_told(actor);
    }

    pub(crate) fn agent_ends(&self, actor: &str) {
        lock(&self.oracle).agent_ends(actor);
    }

    /// The newest entry of a task.
    pub(crate) fn position(&self, key: &TaskKey) -> Position {
        lock(&self.oracle).position(key)
    }

    pub(crate) fn generation(&self, key: &TaskKey) -> Generation {
        lock(&self.oracle).generation(key)
    }

    /// Whether the only faults are those of clients and agents.
    pub(crate) fn is_calm(&self) -> bool {
        let slow_ms = self.faults.slow_ms;
        self.has_healed() || self.faults == Faults { slow_ms, ..Faults::default() }
    }

    /// Returns once the world has healed.
    pub(crate) async fn healing(&self) {
        while !self.has_healed() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// The runner of this signal has died; see [`recovering::judge`].
    pub(crate) fn runner_died(self: &Arc<Self>, actor: &str, received: &Received, is_prompt: bool) {
        let (key, now_ms) = (received.signal.key(), self.now_ms());
        if lock(&self.oracle).runner_died(actor, &key, now_ms) {
            tokio::spawn(recovering::judge(self.clone(), key, received.clone(), is_prompt));
        }
    }

    /// How long tasks of dead runners waited for another.
    pub(crate) fn take_recovered(&self) -> Vec<u64> {
        std::mem::take(&mut lock(&self.oracle).recovered_ms)
    }

    /// I4: two sweeps after the world has healed, no task has waited for longer.
    pub(crate) fn judge_sweep(&self) {
        let is_whole = self.settings.sweep_batch >= Settings::default().sweep_batch;
        let Some(healed_ms) = self.healed_ms.get().filter(|_| is_whole) else {
            return;
        };
        let (now_ms, sweep_ms) = (self.now_ms(), u64::from(self.settings.sweep_s) * 1_000);
        self.judge(|oracle| oracle.check_swept(*healed_ms, now_ms, 2 * sweep_ms));
    }

    pub(crate) fn is_canceled(&self, key: &TaskKey) -> bool {
        lock(&self.oracle).is_canceled(key)
    }

    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.oracle).is_settled()
    }

    pub(crate) fn judge_end(&self) {
        self.judge(|oracle| oracle.check_end());
    }

    pub(crate) fn take_journal(&self) -> Journal {
        std::mem::replace(&mut *lock(&self.journal), Journal::new(false))
    }

    /// Asks the oracle, and ends the run on a violation.
    pub(crate) fn judge<T>(
        &self,
        ask: impl FnOnce(&mut Oracle) -> Result<T, Violation>,
    ) -> Option<T> {
        let judged = ask(&mut lock(&self.oracle));
        judged.map_err(|violation| self.fail(violation)).ok()
    }

    pub(crate) fn fail(&self, violation: Violation) {
        self.note("oracle", "VIOLATION", &violation);
        lock(&self.violation).get_or_insert(violation);
        self.violated.notify_one();
    }

    pub(crate) fn has_failed(&self) -> bool {
        lock(&self.violation).is_some()
    }

    pub(crate) fn take_violation(&self) -> Option<Violation> {
        lock(&self.violation).take()
    }

    /// The task of a slot and its owner, once the task exists.
    pub(crate) fn slot(&self, slot: u32) -> Option<(Who, TaskKey)> {
        lock(&self.slots).get(&slot).cloned()
    }

    /// The owner of a task.
    pub(crate) fn owner(&self, key: &TaskKey) -> Option<Who> {
        let slots = lock(&self.slots);
        slots.values().find(|(_, of)| of == key).map(|(who, _)| *who)
    }

    /// Binds a new task to a slot. The first task stays.
    fn bind(&self, slot: (u32, Who), key: &TaskKey) {
        lock(&self.slots).entry(slot.0).or_insert_with(|| (slot.1, key.clone()));
    }

    /// Returns once the oracle has seen every write that was made. With a slow store, the oracle
    /// must not know less than the readers.
    pub(crate) async fn all_observed(&self) {
        drop(self.gate.lock().await);
    }

    pub(crate) async fn create(
        self: &Arc<Self>,
        actor: &str,
        slot: Option<(u32, Who)>,
        change: &Change,
    ) -> Result<Created, StoreError> {
        let (shown, change) = (self.shown.clone(), change.clone());
        let key = change.head().key.clone();
        let created =
            self.watched(actor, key.clone(), async move { shown.create(&change).await }).await;
        if let Some(slot) = slot.filter(|_| created.is_ok()) {
            self.bind(slot, &key);
        }
        created
    }

    pub(crate) async fn replace(
        self: &Arc<Self>,
        actor: &str,
        slot: Option<(u32, Who)>,
        expired: &Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        let (shown, expired, change) = (self.shown.clone(), expired.clone(), change.clone());
        let key = change.head().key.clone();
        let replaced = self
            .watched(actor, key.clone(), async move { shown.replace(&expired, &change).await })
            .await;
        if let Some(slot) = slot.filter(|_| replaced.is_ok()) {
            self.bind(slot, &key);
        }
        replaced
    }

    pub(crate) async fn purge(
        self: &Arc<Self>,
        actor: &str,
        expired: &Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let (shown, expired) = (self.shown.clone(), expired.clone());
        let (key, world, name) = (expired.key.clone(), self.clone(), actor.to_owned());
        let purge = async move {
            let purged = shown.purge(&expired, limit).await;
            let now_ms = world.now_ms();
            lock(&world.oracle).purged(&expired, now_ms);
            // A failed purge may have deleted configs, too.
            let stored = lock(&world.oracle).stored_configs(&expired.key);
            for of in stored {
                if world.truth.get(&expired.key, std::slice::from_ref(&of)).await?.is_empty() {
                    let now_ms = world.now_ms();
                    world.judge(|oracle| oracle.config_purged(&name, &of, now_ms));
                }
            }
            purged
        };
        self.watched(actor, key, purge).await
    }

    /// The number of earlier tasks of this id.
    pub(crate) fn life(&self, key: &TaskKey) -> usize {
        lock(&self.oracle).life(key)
    }

    /// Lets the store delete expired items by itself.
    pub(crate) async fn let_die(self: &Arc<Self>, up_to_ms: u64) {
        let mortal = lock(&self.oracle).mortal();
        for (head, from_ms) in mortal {
            let from_ms = match self.planted {
                Some(Planted::DiesTooSoon) => from_ms.saturating_sub(self.kept_ms() / 2),
                _ => from_ms,
            };
            if from_ms <= up_to_ms {
                // The task has only a head.
                let truth = self.truth.clone();
                let key = head.key.clone();
                let died = self.watched("ttl", key, async move { truth.purge(&head, 1_000).await });
                let _ = died.await;
            }
        }
    }

    fn kept_ms(&self) -> u64 {
        u64::from(self.settings.kept_s) * 1_000
    }

    pub(crate) async fn commit(
        self: &Arc<Self>,
        actor: &str,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let (shown, base, change) = (self.shown.clone(), base.clone(), change.clone());
        let key = change.head().key.clone();
        self.watched(actor, key, async move { shown.commit(&base, guard, &change).await }).await
    }

    pub(crate) async fn renew(
        self: &Arc<Self>,
        actor: &str,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        let (shown, key, token) = (self.shown.clone(), key.clone(), token.clone());
        self.watched(actor, key.clone(), async move { shown.renew(&key, &token, until).await })
            .await
    }

    /// Makes a write, and shows the oracle the task afterwards. Once begun, the write completes
    /// even if its actor dies.
    async fn watched<T: Send + 'static>(
        self: &Arc<Self>,
        actor: &str,
        key: TaskKey,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (world, actor) = (self.clone(), actor.to_owned());
        let made = tokio::spawn(async move {
            let _one_at_a_time = world.gate.lock().await;
            let written = write.await;
            if let Some(after) = world.truth.read(&key, Depth::Full).await? {
                let now_ms = world.now_ms();
                let is_open = matches!(after.head.mark(), Some(Mark::Open));
                let line = world.judge(|oracle| oracle.observe(&actor, now_ms, after)).flatten();
                if let Some(line) = line {
                    world.written.notify_one();
                    if is_open {
                        let number = world.records.fetch_add(1, Ordering::Relaxed) + 1;
                        let record = recover_from_stream(world.clone(), key.clone(), number);
                        tokio::spawn(record);
                    }
                    world.note(&actor, "  makes it", format_args!("{} {line}", key.task));
                }
            } else {
                let now_ms = world.now_ms();
                world.judge(|oracle| oracle.gone(&actor, &key, now_ms));
            }
            written
        });
        made.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
    }
}
