//! An actor: one invocation of a function, or one client's connection, with its own view of the
//! world.
//!
//! Its clock may be wrong. Each of its requests may be slow, be refused, lose its answer, or be its
//! last action.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::Change;
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueShards, DueTask, Guard, ListQuery, Page, Renewed, Snapshot,
    StoreError,
};
use a2a_lambda_core::{
    Clock, Engine, Ids, LeaseToken, Policy, PushConfig, PushConfigs, Queue, Registration,
    RunnerName, Signal, SignalError, TaskKey, TaskStore, Timer, Wanted,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tokio::sync::Notify;

mod memory;
mod steps;

use crate::ground::lock;
use crate::op::Who;
use crate::planted::Planted;
use crate::world::World;
use a2a_lambda_testing::{Random, Signals};

/// The longest one-way time of a request that is not slow.
const USUAL_MS: u64 = 8;

#[derive(Debug)]
pub(crate) struct Actor {
    world: Arc<World>,
    name: String,
    rng: Mutex<Random>,
    skew_ms: AtomicI64,
    ids: AtomicU64,
    /// How many of its pushes are asking the store whether they are wanted.
    checking: AtomicU32,
    dead: AtomicBool,
    died: Notify,
    /// The slot of the task that it creates.
    slot: Option<(u32, Who)>,
}

/// The fate of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Well,
    CrashBefore,
    CrashAfter,
    Refused,
    AnswerLost,
}

impl Actor {
    /// An actor with a unique name.
    pub(crate) fn new(world: &Arc<World>, name: String) -> Self {
        let mut rng = Random::derive(world.seed, &name);
        let most = u64::from(world.skew_ms());
        let skew = rng.within(0, 2 * most);
        let skew_ms = i64::try_from(skew).unwrap_or(0) - i64::from(world.skew_ms());
        Self {
            world: world.clone(),
            name,
            rng: Mutex::new(rng),
            skew_ms: AtomicI64::new(skew_ms),
            ids: AtomicU64::new(0),
            checking: AtomicU32::new(0),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            slot: None,
        }
    }

    pub(crate) fn making(self, slot: u32, who: Who) -> Self {
        Self { slot: Some((slot, who)), ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(crate) fn engine(self: &Arc<Self>) -> Engine {
        Engine {
            store: self.clone(),
            configs: self.clone(),
            steps: self.clone(),
            memory: self.clone(),
            queue: self.clone(),
            timer: self.clone(),
            clock: self.clone(),
            ids: self.clone(),
            webhook: self.clone(),
            vault: self.clone(),
            policy: self.policy(),
            runner: RunnerName::of(&self.name),
        }
    }

    /// Whether it serves a client.
    fn serves_a_client(&self) -> bool {
        self.name.starts_with("op")
    }

    /// The policy of the actor, which may have a planted bug.
    fn policy(&self) -> Arc<Policy> {
        let policy = &self.world.policy;
        let planted =
            self.world.planted.filter(|bug| bug.is_of_clients() == self.serves_a_client());
        match planted {
            Some(Planted::ViewNeverOld) => {
                Arc::new(Policy { push_view: Duration::from_hours(1), ..Policy::clone(policy) })
            }
            Some(Planted::NotesForgotten) => {
                Arc::new(Policy { push_note_every: u32::MAX, ..Policy::clone(policy) })
            }
            Some(Planted::ConfigsUncounted) => {
                Arc::new(Policy { max_push_configs: usize::MAX, ..Policy::clone(policy) })
            }
            Some(Planted::NeverCutOff) => {
                Arc::new(Policy { stop_grace: Duration::from_hours(1), ..Policy::clone(policy) })
            }
            Some(
                bug @ (Planted::ExpiresTooSoon
                | Planted::NeverExpires
                | Planted::LapsesTooSoon
                | Planted::NeverLapses),
            ) => {
                let retention = policy.retention.map(|of| bug.retention(of));
                Arc::new(Policy { retention, ..Policy::clone(policy) })
            }
            _ => policy.clone(),
        }
    }

    /// Runs the work until it is done, until a crash, or until the time is up. Returns a result
    /// only if the work is done.
    pub(crate) fn live<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> impl Future<Output = Option<T>> {
        // Boxed, because the future is large and would make every future around it large.
        let work = Box::pin(crate::panics::caught(work));
        async move {
            tokio::select! {
                biased;
                () = self.died.notified() => None,
                done = work => match done {
                    Ok(done) => Some(done),
                    Err(panic) => {
                        self.world.fail(panic.into());
                        None
                    }
                },
                () = tokio::time::sleep(limit) => {
                    self.world.note(&self.name, "is out of time", "");
                    None
                }
            }
        }
    }

    fn checks(&self) -> bool {
        self.checking.load(Ordering::Relaxed) > 0
    }

    /// Whether a push is wanted, by the core's answer.
    pub(crate) async fn is_wanted(&self, wanted: &dyn Wanted) -> bool {
        self.checking.fetch_add(1, Ordering::Relaxed);
        let is_wanted = wanted.is_still_wanted().await;
        self.checking.fetch_sub(1, Ordering::Relaxed);
        is_wanted
    }

    fn trouble(&self, lasts: Duration) {
        let now_ms = self.world.now_ms();
        let lasts_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        self.world.trouble(&self.name, now_ms, now_ms.saturating_add(lasts_ms));
    }

    /// Draws the fate of the next request, and its times there and back. It makes the same number
    /// of draws for every request, under any faults.
    pub(crate) fn fate(&self) -> (Fate, Duration, Duration) {
        let faults = self.world.faults();
        let rng = &mut *lock(&self.rng);
        let mut there = Duration::from_millis(rng.within(0, USUAL_MS));
        let mut back = Duration::from_millis(rng.within(0, USUAL_MS));
        let mut fate = Fate::Well;
        for (rate, bad) in [
            (faults.crash_before, Fate::CrashBefore),
            (faults.crash_after, Fate::CrashAfter),
            (faults.refuse, Fate::Refused),
            (faults.lose_answer, Fate::AnswerLost),
        ] {
            if rng.chance(rate) {
                fate = bad;
            }
        }
        let slow = rng.chance(faults.slow);
        let long = Duration::from_millis(rng.within(0, u64::from(faults.slow_ms)));
        match (slow, rng.chance(500)) {
            (true, true) => there += long,
            (true, false) => back += long,
            (false, _) => {}
        }
        let set = rng.chance(faults.step);
        let most = i64::from(self.world.skew_ms());
        let by = rng.within(0, 2 * u64::from(self.world.skew_ms() / 10));
        if set {
            let by = i64::try_from(by).unwrap_or(0) - most / 10;
            let skew_ms = self.skew_ms.load(Ordering::Relaxed) + by;
            self.skew_ms.store(skew_ms.clamp(-most, most), Ordering::Relaxed);
        }
        if slow || fate != Fate::Well {
            self.trouble(there + back);
        }
        (fate, there, back)
    }

    /// Whether the actor dies in its sleep, and how late it wakes.
    fn fate_of_sleep(&self) -> (bool, Duration) {
        let faults = self.world.faults();
        let rng = &mut *lock(&self.rng);
        let dies = rng.chance(faults.crash_before);
        let slow = rng.chance(faults.slow);
        let late = Duration::from_millis(rng.within(0, u64::from(faults.slow_ms)));
        let late = if slow { late } else { Duration::ZERO };
        if dies || slow {
            self.trouble(late);
        }
        (dies, late)
    }

    /// Whether the actor is dead, or the run is over.
    pub(crate) fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed) || self.world.has_failed()
    }

    /// Makes a request to the world.
    pub(crate) async fn ask<T, E>(
        &self,
        what: &str,
        more: impl std::fmt::Display,
        lost: fn() -> E,
        request: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.is_over() {
            return std::future::pending().await;
        }
        self.world.count_step();
        let (fate, mut there, mut back) = self.fate();
        let slow = self.world.slow_by();
        if !slow.is_zero() {
            there += slow / 2;
            back += slow / 2;
            self.trouble(there + back);
        }
        let note = |what: &str| self.world.note(&self.name, what, &more);
        if fate == Fate::Well {
            note(what);
        } else {
            note(&format!("{what} [{fate:?}]"));
        }
        rest(there).await;
        match fate {
            Fate::CrashBefore => self.die().await,
            Fate::Refused => {
                rest(back).await;
                return Err(lost());
            }
            Fate::Well | Fate::CrashAfter | Fate::AnswerLost => {}
        }
        let answer = request.await;
        self.world.all_observed().await;
        if answer.is_err() {
            // The store has its own faults.
            self.trouble(back);
        }
        match fate {
            Fate::CrashAfter => return self.die().await,
            Fate::AnswerLost => {
                rest(back).await;
                return Err(lost());
            }
            _ => {}
        }
        rest(back).await;
        answer
    }

    async fn look(
        &self,
        what: &str,
        key: &TaskKey,
        request: impl Future<Output = Result<Option<Snapshot>, StoreError>>,
    ) -> Result<Option<Snapshot>, StoreError> {
        let is_slow = !self.world.slow_by().is_zero();
        let seen = self.ask(what, &key.task, unavailable, request).await;
        if is_slow && self.checks() && self.world.planted == Some(Planted::LateIsFailure) {
            return Err(unavailable());
        }
        seen
    }

    /// Ends the process here.
    pub(crate) async fn die<T>(&self) -> T {
        self.world.note(&self.name, "dies", "");
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
        std::future::pending().await
    }
}

pub(crate) async fn rest(duration: Duration) {
    if duration.is_zero() {
        // Even a fast answer takes one await.
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(duration).await;
    }
}

/// How much longer than a view the answer to a deletion or replacement of a push config waits.
const VIEW_MARGIN: Duration = Duration::from_millis(100);

/// How long the answer to a deletion or replacement of a push config waits.
fn silence(policy: &Policy) -> Duration {
    policy.push_view + VIEW_MARGIN
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("the simulation wills it".into())
}

fn not_sent() -> SignalError {
    SignalError("the simulation wills it".into())
}

#[async_trait]
impl Clock for Actor {
    fn now(&self) -> Timestamp {
        self.world.now(self.skew_ms.load(Ordering::Relaxed))
    }

    /// A process can die while it waits. It can also stall: then it continues late without
    /// noticing.
    ///
    /// The fate is drawn at the call, and not at the future's first poll: a `select!` without
    /// `biased` polls in a random order.
    fn sleep<'life0, 'async_trait>(
        &'life0 self,
        duration: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let (dies, held_up) = self.fate_of_sleep();
        let usual = silence(&self.world.policy);
        let is_silence = duration == usual && self.serves_a_client();
        let skips = is_silence && self.world.planted == Some(Planted::DeletedAtOnce);
        let narrows = self.world.planted == Some(Planted::WideViewHidden)
            && self.serves_a_client()
            && self.world.is_wide_view(duration.saturating_sub(VIEW_MARGIN));
        let duration = if narrows { usual } else { duration };
        Box::pin(async move {
            if skips {
                // Time must pass for other sleepers.
                return tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if dies {
                tokio::time::sleep(duration / 2).await;
                return self.die().await;
            }
            tokio::time::sleep(duration + held_up).await;
        })
    }
}

impl Ids for Actor {
    fn fresh(&self) -> String {
        let number = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}.{number}", self.name)
    }
}

#[async_trait]
impl TaskStore for Actor {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        let request = self.world.create(&self.name, self.slot, change);
        self.ask("create", &change.head().key.task, unavailable, request).await
    }

    async fn replace(
        &self,
        expired: &a2a_lambda_core::Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        let request = self.world.replace(&self.name, self.slot, expired, change);
        self.ask("replace", &change.head().key.task, unavailable, request).await
    }

    async fn purge(
        &self,
        expired: &a2a_lambda_core::Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let request = self.world.purge(&self.name, expired, limit);
        self.ask("purge", &expired.key.task, unavailable, request).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        self.look("read", key, self.world.shown.read(key, depth)).await
    }

    /// Every other glance shows the task as it was at the glance before.
    async fn glance(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let lagging = async {
            let now = self.world.shown.read(key, depth).await?;
            Ok(self.world.lagging(key, depth, now))
        };
        self.look("glance", key, lagging).await
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let head = change.head();
        let more = format!("{} from revision {}", head.key.task, guard.revision);
        let request = self.world.commit(&self.name, base, guard, change);
        self.ask("commit", more, unavailable, request).await
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        let request = self.world.renew(&self.name, key, token, until);
        self.ask("renew", &key.task, unavailable, request).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let request = TaskStore::list(self.world.shown.as_ref(), query);
        self.ask("list", &query.owner, unavailable, request).await
    }

    fn due_shards(&self) -> DueShards {
        self.world.shown.due_shards()
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let request = self.world.shown.due(shard, until, after, limit);
        self.ask("due", shard, unavailable, request).await
    }
}

#[async_trait]
impl PushConfigs for Actor {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let request = self.world.put_config(&self.name, task, config);
        self.ask("put config", &task.task, unavailable, request).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        let request = self.world.shown.get(task, registrations);
        self.ask("get configs", &task.task, unavailable, request).await
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        let request = self.world.delete_config(&self.name, task, registration);
        self.ask("delete config", &task.task, unavailable, request).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let delivery = &config.delivery;
        let more = format!("{} of {}: {delivery:?}", config.id, task.task);
        let request = self.world.advance_config(&self.name, task, before, config);
        self.ask("advance config", more, unavailable, request).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        let request = self.world.shown.failing(shard, after, limit);
        self.ask("failing", shard, unavailable, request).await
    }
}

#[async_trait]
impl Queue for Actor {
    fn longest_delay(&self) -> Duration {
        Signals::LONGEST_DELAY
    }

    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let faults = self.world.faults();
        let (times, late) = {
            let rng = &mut *lock(&self.rng);
            let times = if rng.chance(faults.repeat) { 2 } else { 1 };
            let late = rng.chance(faults.late);
            let lateness = [rng.within(0, 40_000), rng.within(0, 40_000)];
            (times, lateness.map(|ms| if late { ms } else { ms / 1_000 }))
        };
        let request = async {
            for extra in late.into_iter().take(times) {
                self.world.queue.send(signal, delay + Duration::from_millis(extra));
            }
            Ok(())
        };
        let more = format!("{} in {delay:?}", signal.task_id);
        self.ask("signal", more, not_sent, request).await
    }
}

#[async_trait]
impl Timer for Actor {
    /// As on SQS, the signal comes early, and the receiver sends it on.
    async fn signal_at(&self, signal: &Signal, _: Timestamp) -> Result<(), SignalError> {
        self.send(signal, self.longest_delay()).await
    }
}
