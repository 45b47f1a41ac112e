//! The common steps of operations, runner and sweep: apply a command, commit it, send its signals.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::warn;

use crate::attempts::RunnerName;
use crate::conversation::record::Memory;
use crate::digest::fnv1a;
use crate::env::{Clock, Ids, Queue, Signal, SignalError, Timer};
use crate::head::{Head, Phase};
use crate::ids::{ClaimToken, ConfigId, Registration, TaskKey, WriteId};
use crate::invariants;
use crate::machine::{Change, Command, IllegalTransition, Stamp};
use crate::measure;
use crate::policy::Policy;
use crate::push::{PushConfigs, Vault, Webhook};
use crate::request_key::Fingerprint;
use crate::steps::record::StepRecords;
use crate::store::{
    Committed, Created, Depth, DueTask, Guard, Kept, ListQuery, Page, Snapshot, StoreError,
    TaskStore,
};

/// The first wait before a request to an unavailable store is made again; it doubles.
const STORE_RETRY_FIRST: Duration = Duration::from_millis(50);

/// The longest wait while the store is overloaded.
const STORE_RETRY_MOST: Duration = Duration::from_millis(1_200);

/// How often a request is made while the store is overloaded. A message is then refused soon, so
/// that its sender waits, and not this process.
const TRIES_OVERLOADED: u32 = 2;

/// How often a commit of a turn's work is made while the store is overloaded: for at most 5 s. The
/// work would have to be done again.
const TRIES_AT_WORK: u32 = 8;

/// Sends a request to the store, and repeats it a few times while the store is unavailable.
macro_rules! tried {
    ($engine:ident, $request:expr) => {
        tried!($engine, $request, false)
    };
    ($engine:ident, $request:expr, $at_work:expr) => {{
        let mut tries = Tries { engine: $engine, made: 0, at_work: $at_work };
        loop {
            match $request.await {
                Err(error) => tries.after(error).await?,
                outcome => break outcome,
            }
        }
    }};
}

mod beside;
mod conversation;

/// The parts that operations, runner and sweep are built on. All are required; a clone is cheap.
#[derive(Clone)]
pub struct Engine {
    /// The store of tasks.
    pub store: Arc<dyn TaskStore>,
    /// The store of their push configs.
    pub configs: Arc<dyn PushConfigs>,
    /// The store of their steps' records.
    pub steps: Arc<dyn StepRecords>,
    /// The store of memory and sessions of conversations.
    pub memory: Arc<dyn Memory>,
    /// The way to the runners.
    pub queue: Arc<dyn Queue>,
    /// The way to the runners at a later time.
    pub timer: Arc<dyn Timer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// The way to the receivers of pushes.
    pub webhook: Arc<dyn Webhook>,
    /// The vault of their secrets.
    pub vault: Arc<dyn Vault>,
    /// The bounds and durations.
    pub policy: Arc<Policy>,
    /// This process, as the attempts that it makes name it.
    pub runner: RunnerName,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Why the engine did not carry a command out.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// The task's state does not allow it.
    #[error(transparent)]
    Illegal(#[from] Refused),
    /// The task does not exist any more.
    #[error("the task does not exist")]
    Gone,
    /// Other writers were faster at each try.
    #[error("too many writers change the task at once")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The command was carried out, but the signal that follows from it could not be sent.
    #[error(transparent)]
    Signal(#[from] SignalError),
}

/// An illegal transition, and the task that refused it.
#[derive(Debug, thiserror::Error)]
#[error("{illegal}")]
pub struct Refused {
    /// The refused command.
    pub illegal: IllegalTransition,
    /// The task when it refused the command.
    pub snapshot: Box<Snapshot>,
}

impl Engine {
    /// The same, with this store for tasks, push configs, steps and conversations.
    #[must_use]
    pub fn over<S: TaskStore + PushConfigs + StepRecords + Memory>(self, store: Arc<S>) -> Self {
        Self {
            store: store.clone(),
            configs: store.clone(),
            steps: store.clone(),
            memory: store,
            ..self
        }
    }

    /// The time and a fresh write id, for one command.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            now: self.clock.now(),
            write: self.write_id(),
            signal_grace: self.policy.signal_grace,
            lease: self.policy.lease,
            push_claim: self.policy.push_claim,
            retention: self.policy.retention,
            pusher: None,
            runner: self.policy.scopes.then_some(self.runner),
        }
    }

    /// Creates a task; see [`TaskStore::create`]. It replaces an expired task of the same id.
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        let mut tries = Tries { engine: self, made: 0, at_work: false };
        let mut expired: Option<Head> = None;
        for _ in 0..=self.policy.commit_tries {
            let met = loop {
                let made = match &expired {
                    None => self.store.create(change).await,
                    Some(expired) => {
                        let change = change.clone().in_place_of(expired);
                        self.store.replace(expired, &change).await
                    }
                };
                match made {
                    Err(error) => tries.after(error).await?,
                    Ok(met) => break met,
                }
            };
            let Created::Before(existing) = met else { return Ok(met) };
            if !self.is_expired(&existing.head) {
                return Ok(Created::Before(existing));
            }
            let (existing, new) = (existing.head, change.head());
            if new.incarnation.is_some() && new.incarnation == existing.incarnation {
                // An earlier try created the task, and its answer was lost. The task was deleted
                // since. No commit on top of it can be made.
                let created = Snapshot::created(change, Kept::default());
                return Ok(Created::Now(Box::new(created)));
            }
            let is_younger =
                existing.created_at.saturating_add(self.policy.clock_skew) >= new.created_at;
            if tries.made > 0 && is_younger {
                // The same may have happened, and another task took its place: its push configs may
                // be gone.
                return Err(StoreError::Unavailable(
                    "a task was made and deleted meanwhile".into(),
                ));
            }
            expired = Some(existing);
        }
        Err(StoreError::Unavailable("too many writers change an expired task at once".into()))
    }

    /// Reads a task that has not expired; see [`TaskStore::read`].
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let read = self.read_stored(key, depth).await?;
        Ok(read.filter(|snapshot| !self.is_expired(&snapshot.head)))
    }

    /// As [`read`](Self::read), for a caller that reads again soon. The engine tries only once.
    pub(crate) async fn look(
        &self,
        key: &TaskKey,
        depth: Depth,
    ) -> Result<Option<Snapshot>, StoreError> {
        let read = self.store.read(key, depth).await?;
        Ok(read.filter(|snapshot| !self.is_expired(&snapshot.head)))
    }

    /// As [`look`](Self::look), for a caller that accepts an answer that is a moment old. The
    /// answer is the known state or a later one. The engine confirms by a strong read that a task
    /// is gone.
    pub(crate) async fn glance(
        &self,
        known: &Head,
        depth: Depth,
    ) -> Result<Option<Snapshot>, StoreError> {
        let is_same = |now: &Head| now.incarnation == known.incarnation && !self.is_expired(now);
        match self.store.glance(&known.key, depth).await? {
            Some(now) if is_same(&now.head) && now.head.revision < known.revision => {
                let (head, kept) = (known.clone(), Kept::default());
                Ok(Some(Snapshot { head, tail: Vec::new(), kept }))
            }
            Some(now) if is_same(&now.head) => Ok(Some(now)),
            _ => self.look(&known.key, depth).await,
        }
    }

    /// A task that a runner may claim, as it is or was a moment ago: for a claim, which fails if it has
    /// changed. It costs half as much as a read. `None` if the caller must read the task.
    pub(crate) async fn glance_to_claim(&self, key: &TaskKey) -> Option<Snapshot> {
        let now = self.clock.now();
        let is_free = |head: &Head| head.claimable(now).is_ok() && !head.is_suspect(now);
        // The read that follows tells of a store that fails.
        let glanced = self.store.glance(key, Depth::Tail).await.ok().flatten();
        glanced.filter(|task| is_free(&task.head) && !self.is_expired(&task.head))
    }

    /// Reads a task, even an expired one that is still stored; see [`TaskStore::read`].
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn read_stored(
        &self,
        key: &TaskKey,
        depth: Depth,
    ) -> Result<Option<Snapshot>, StoreError> {
        tried!(self, self.store.read(key, depth))
    }

    /// Deletes the items of an expired task; see [`TaskStore::purge`].
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError> {
        tried!(self, self.store.purge(expired, limit))
    }

    /// Whether a task has expired.
    pub(crate) fn is_expired(&self, head: &Head) -> bool {
        head.is_expired(self.clock.now(), self.policy.retention.as_ref())
    }

    /// Lists tasks; see [`TaskStore::list`].
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        tried!(self, self.store.list(query))
    }

    /// Finds a page of tasks that are due; see [`TaskStore::due`].
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
    ) -> Result<Vec<DueTask>, StoreError> {
        tried!(self, self.store.due(shard, until, after, self.policy.sweep_batch))
    }

    /// A fresh registration for the push config with this id.
    pub fn registration(&self, id: &ConfigId) -> Registration {
        Registration::new(id, &self.ids.fresh())
    }

    /// At least half of a wait and at most all of it, by chance, so that those who wait do not come
    /// again together.
    pub fn jittered(&self, wait: Duration) -> Duration {
        let chance = u32::try_from(fnv1a(self.ids.fresh().as_bytes()) % 1_000).unwrap_or(0);
        wait / 2 + (wait / 2_000) * chance
    }

    /// A fresh id for a write.
    pub fn write_id(&self) -> WriteId {
        WriteId::new(self.ids.fresh())
    }

    /// Reads the whole of a task, unless the snapshot has it already. The result is the task as of
    /// `snapshot` or later.
    ///
    /// # Errors
    /// When the store fails, or the task is gone.
    pub async fn complete(&self, snapshot: Snapshot) -> Result<Snapshot, TransactError> {
        if snapshot.is_full() {
            return Ok(snapshot);
        }
        let full = self.read(&snapshot.head.key, Depth::Full).await?;
        let is_same = |full: &Snapshot| full.head.incarnation == snapshot.head.incarnation;
        full.filter(is_same).ok_or(TransactError::Gone)
    }

    /// Applies a command to a task and commits the change. When another writer was faster, the
    /// engine applies the command to the new state, a bounded number of times.
    ///
    /// Returns the task as committed and the signals, which the caller carries out.
    ///
    /// # Errors
    /// When the task does not allow the command, when it is gone, or when the store fails.
    pub async fn transact(
        &self,
        base: Snapshot,
        command: Command,
    ) -> Result<(Snapshot, Vec<Timestamp>), TransactError> {
        self.transact_with(base, |head, stamp| head.apply(command.clone(), stamp)).await
    }

    /// As [`transact`](Self::transact). The commit claims the pushes that it adds for `pusher`, a
    /// deliverer beside the caller, if there is one.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    pub async fn transact_as(
        &self,
        pusher: Option<&ClaimToken>,
        base: Snapshot,
        command: Command,
    ) -> Result<(Snapshot, Vec<Timestamp>), TransactError> {
        let decide = |head: &Head, stamp: &Stamp| {
            let stamp = Stamp { pusher: pusher.cloned(), ..stamp.clone() };
            head.apply(command.clone(), &stamp)
        };
        self.transact_with(base, decide).await
    }

    /// As [`transact`](Self::transact), for any function of the head.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    pub async fn transact_with(
        &self,
        base: Snapshot,
        mut decide: impl FnMut(&Head, &Stamp) -> Result<Change, IllegalTransition> + Send,
    ) -> Result<(Snapshot, Vec<Timestamp>), TransactError> {
        let retention = self.policy.retention.as_ref();
        self.transact_if_stored(base, |head, stamp| {
            let is_there = !head.is_expired(stamp.now, retention);
            is_there.then(|| decide(head, stamp))
        })
        .await
    }

    /// As [`transact_with`](Self::transact_with), but also for an expired task. If `decide` returns
    /// `None`, the task counts as gone.
    pub(crate) async fn transact_if_stored(
        &self,
        mut base: Snapshot,
        mut decide: impl FnMut(&Head, &Stamp) -> Option<Result<Change, IllegalTransition>> + Send,
    ) -> Result<(Snapshot, Vec<Timestamp>), TransactError> {
        for _ in 0..self.policy.commit_tries {
            let stamp = self.stamp();
            let change = match decide(&base.head, &stamp).ok_or(TransactError::Gone)? {
                Ok(change) => change,
                Err(illegal) => {
                    let refused = Refused { illegal, snapshot: Box::new(base) };
                    return Err(refused.into());
                }
            };
            debug_assert_eq!(invariants::check_change(&base.head, &change), Ok(()));
            match self.commit(&base, &change).await? {
                Committed::Done(now) => {
                    measure_end(&base.head, &now.head);
                    return Ok((*now, change.signals().to_vec()));
                }
                Committed::Lost(Some(current))
                    if current.head.incarnation != base.head.incarnation =>
                {
                    return Err(TransactError::Gone);
                }
                Committed::Lost(Some(current)) => {
                    match self.was_made(&base, &change, &current).await? {
                        Some(true) => {
                            measure_end(&base.head, change.head());
                            return Ok((*current, change.signals().to_vec()));
                        }
                        Some(false) => base = *current,
                        None => return Err(TransactError::Contended),
                    }
                }
                Committed::Lost(None) => return Err(TransactError::Gone),
            }
        }
        Err(TransactError::Contended)
    }

    async fn commit(&self, base: &Snapshot, change: &Change) -> Result<Committed, StoreError> {
        let guard = Guard { revision: base.head.revision, leased_until: change.over_lease() };
        let at_work = base.head.leased_until().is_some();
        tried!(self, self.store.commit(base, guard, change), at_work)
    }

    /// Whether a change that seems lost was made after all. The answer to the first try was lost,
    /// and another writer has committed on top of it, so the newest write id is that writer's.
    ///
    /// The token identifies a claim, and the entries identify a change with entries. No other
    /// writer adds the same entries at the same place, except another request with the same
    /// message. The task's memory of the requests, or their push configs, tell these two apart. The
    /// registration identifies a push config. If the task does not name the config, it may have
    /// been deleted again, and `None` says that the answer is unknown. A remembered request needs
    /// no such check: the task refuses it as repeated, from any writer. Any other change is safe to
    /// repeat.
    async fn was_made(
        &self,
        base: &Snapshot,
        change: &Change,
        current: &Snapshot,
    ) -> Result<Option<bool>, TransactError> {
        if current.head.revision <= base.head.revision.next() {
            // Only one commit followed, and its write id is another writer's.
            return Ok(Some(false));
        }
        if let Phase::Running { token, .. } = &change.head().phase
            && current.head.is_held_by(token)
            && !base.head.is_held_by(token)
        {
            return Ok(Some(true));
        }
        let (before, after) = (base.head.registrations(), change.head().registrations());
        let config = after.iter().find(|registration| !before.contains(registration));
        let names = |of: &Registration| current.head.registrations().contains(of);
        let Some(first) = change.entries().first() else {
            return Ok(match config {
                None => Some(false),
                Some(config) => names(config).then_some(true),
            });
        };
        let reaches_back =
            current.tail.first().is_some_and(|oldest| oldest.position <= first.position);
        let full;
        let log = if reaches_back {
            &current.tail
        } else {
            full = self.complete(current.clone()).await?;
            &full.tail
        };
        let since = log.iter().skip_while(|entry| entry.position < first.position);
        if since.take(change.entries().len()).ne(change.entries())
            || !is_same_request(change, &current.head)
        {
            return Ok(Some(false));
        }
        // Two requests with the same message may add the same entry within a millisecond.
        Ok(match config {
            Some(config) if !names(config) => remembered(change, &current.head).map(|_| false),
            _ => Some(true),
        })
    }

    /// Carries out signals.
    ///
    /// # Errors
    /// When a signal cannot be sent. The due index brings the task up again, but a caller that is
    /// invoked again is sooner.
    pub async fn carry_out(&self, head: &Head, signals: &[Timestamp]) -> Result<(), SignalError> {
        let alone = head.is_suspect(self.clock.now());
        for at in signals {
            let mut signal = Signal::new(&head.key, &head.owner);
            signal.alone = alone;
            self.send(&signal, *at).await?;
        }
        Ok(())
    }

    /// As [`carry_out`](Self::carry_out), for callers whose work is done. It logs a failure and
    /// leaves the task to the due index.
    pub async fn carry_out_or_leave(&self, head: &Head, signals: &[Timestamp]) {
        if let Err(error) = self.carry_out(head, signals).await {
            let (tenant, task, error) = (&head.key.tenant, &head.key.task, chain(&error));
            warn!(event = "signal_lost", %tenant, %task, error,
                "the signal could not be sent, and the sweep will send another");
        }
    }

    /// Signals a task at a time, by queue or timer.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub async fn signal(&self, head: &Head, at: Timestamp) -> Result<(), SignalError> {
        self.send(&Signal::new(&head.key, &head.owner), at).await
    }

    /// Sends a signal that arrives at a time, by queue or timer.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub async fn send(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        let delay = at.saturating_since(self.clock.now());
        if delay <= self.queue.longest_delay() {
            self.queue.send(signal, delay).await
        } else {
            self.timer.signal_at(signal, at).await
        }
    }
}

/// Measures a commit that ends its task.
fn measure_end(before: &Head, after: &Head) {
    if !before.is_terminal() && after.is_terminal() {
        measure::ended(after.state());
    }
}

/// Bounded tries of a request to a store that is unavailable.
struct Tries<'a> {
    engine: &'a Engine,
    made: u32,
    /// Whether the request stores the work of a turn.
    at_work: bool,
}

impl Tries<'_> {
    /// Waits before the next try, or returns the error if no try is left.
    async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.made += 1;
        let most = match (error.is_throttled(), self.at_work) {
            (true, true) => TRIES_AT_WORK,
            (true, false) => TRIES_OVERLOADED,
            (false, _) => self.engine.policy.store_tries,
        };
        if !error.is_retryable() || self.made >= most {
            return Err(error);
        }
        let mut wait = STORE_RETRY_FIRST * (1 << (self.made - 1).min(10));
        if error.is_throttled() {
            wait = self.engine.jittered(wait.min(STORE_RETRY_MOST));
        }
        self.engine.clock.sleep(wait).await;
        Ok(())
    }
}

/// Whether the task remembers the request of this change at the position of the change's first
/// entry.
fn is_same_request(change: &Change, current: &Head) -> bool {
    let theirs = remembered(change, current);
    theirs.is_none() || remembered(change, change.head()) == theirs
}

/// The request that the task remembers at the position of the change's first entry.
fn remembered<'h>(change: &Change, head: &'h Head) -> Option<&'h Fingerprint> {
    let at = change.entries().first()?.position;
    head.follow_ups.iter().find(|of| of.position == at).map(|of| &of.request)
}

/// An error and all its sources in one line, for the one place that logs it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
