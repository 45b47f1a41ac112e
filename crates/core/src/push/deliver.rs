//! Delivery: what the log has is pushed to whoever registered for it (invariant I6).
//!
//! There is one way to deliver: beside the agent, from the table's stream, and from the sweep. A
//! deliverer claims the task's pending-push mark, walks the log from each config's cursor, and gives
//! the mark up when nothing is left, or nothing until a time. It delivers to configs side by side, and
//! to each one thing at a time, in order. A cursor moves when the receiver has acknowledged.
//!
//! An attempt whose outcome could not be written down is made again, with the same id and content:
//! receivers may be sent something twice. They are not sent what they are known to have had: no
//! attempt is begun that could outlast the claim, and a cursor moves only from where it was read.
//!
//! | a receiver | what comes of it |
//! |---|---|
//! | answers 2xx | it has it |
//! | answers 410 | its config is disabled |
//! | answers anything else, redirects included | another attempt, not before `Retry-After` |
//! | does not answer, or its address is refused | another attempt |
//! | is healthy, and the store too slow to tell that its config is still there | another attempt at once, by a wider view; none of it counts |
//! | cannot be sent to for a reason of our own: its secrets do not open, this process has no resources left | another attempt, later and later, which does not count |
//! | has failed at every attempt of [`Policy::push_waits`](crate::Policy::push_waits) | its config is disabled |

mod attempt;
mod feed;
mod lane;
mod parcel;
mod trouble;
mod view;
mod wide;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::{debug, info, warn};

use crate::engine::{Engine, TransactError, chain};
use crate::head::{Head, MAX_PUSH_VIEW};
use crate::ids::{ConfigId, LeaseToken, Position, TaskKey};
use crate::log::Entry;
use crate::machine::{Command, Refusal, Settlement, Stamp};
use crate::run::{RunError, run_error};
use crate::store::{Depth, Snapshot};
use crate::trace::join;

use attempt::{Attempted, NotNoted, Noted, attempt};
use feed::Shown;
pub(crate) use feed::{Beside, Feed};
use lane::{Attempts, Lane};
use parcel::{Found, next};
use view::View;
use wide::{Wide, late_wait, view_for};

/// A claim, and an invocation, must last this much longer than a POST, to note what came of it.
const MARGIN: Duration = Duration::from_secs(1);

/// How long whoever delivers next is waited for, where there was no time for more.
const RELAY: Duration = Duration::from_secs(1);

/// What came of looking after a task's pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// Attempts were made as far as there was something to send.
    Ran(Tally),
    /// There is nothing to send.
    Nothing,
    /// Somebody else delivers.
    HeldBy {
        /// When their claim ends, unless it is renewed.
        until: Timestamp,
    },
    /// It is too early.
    NotBefore {
        /// For what there is.
        at: Timestamp,
    },
    /// There is no such task.
    NoSuchTask,
    /// Too little of the invocation is left for an attempt.
    TooLate,
}

/// How many attempts were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that were acknowledged.
    pub acknowledged: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those of which it could not be written down what came of them.
    pub unknown: usize,
    /// Those that were put off: the store took too long for a push to begin, or too little time was
    /// left.
    pub late: usize,
}

/// Delivers what is to be pushed of a task, if nobody else does. No attempt is begun that `deadline`
/// would cut off.
///
/// It is safe to call this at any time, for any task, any number of times at once.
///
/// # Errors
/// When the store fails. What was not delivered is due, once a claim that may have been made is
/// over.
pub async fn deliver(
    engine: &Engine,
    key: &TaskKey,
    deadline: Timestamp,
) -> Result<Delivered, RunError> {
    let read_at = engine.clock.now();
    let Some(snapshot) = engine.read(key, Depth::Tail).await? else {
        return Ok(Delivered::NoSuchTask);
    };
    join(snapshot.head.trace.as_ref());
    let took = engine.clock.now().saturating_since(read_at);
    if snapshot.head.mark().is_none() {
        return Ok(Delivered::Nothing);
    }
    if !has_time_for_one(engine, deadline) {
        return Ok(Delivered::TooLate);
    }
    let token = LeaseToken::new(engine.ids.fresh());
    // Who finds out later that the store is slow claims again, and has less time left.
    let mut feed = Feed::none();
    feed.wide().widen_if_slow(engine, took);
    let command = Command::ClaimPush { token: feed.wide().claims_as(&token) };
    let as_of = engine.clock.now();
    let claimed = match engine.transact(snapshot, command).await {
        Ok((claimed, _)) => claimed,
        Err(TransactError::Illegal(refused)) => {
            return Ok(match refused.illegal.refusal {
                Refusal::HeldBy { until } => Delivered::HeldBy { until },
                Refusal::NotBefore { at } => Delivered::NotBefore { at },
                _ => Delivered::Nothing,
            });
        }
        Err(TransactError::Gone) => return Ok(Delivered::NoSuchTask),
        Err(error) => return Err(run_error(error)),
    };
    let claimed = Shown { snapshot: claimed, as_of };
    let delivering = Delivering::new(engine, &token, deadline, claimed, &feed);
    Ok(Delivered::Ran(delivering.run(&mut feed).await?))
}

/// Delivers beside a runner, until that is done and everything is delivered, or is left for later.
/// What fails is logged, and left for the runner's next commit, or the sweep.
pub(crate) async fn beside(
    engine: &Engine,
    token: LeaseToken,
    deadline: Timestamp,
    mut feed: Feed,
) {
    // Most tasks have no configs. After a failure it goes on when there is more: what the runner
    // commits is claimed for who is here.
    while let Some(shown) = feed.next().await {
        let key = shown.snapshot.head.key.clone();
        let (tenant, task) = (&key.tenant, &key.task);
        match Delivering::new(engine, &token, deadline, shown, &feed).run(&mut feed).await {
            Ok(tally) if tally == Tally::default() => {}
            Ok(tally) => {
                let Tally { acknowledged, failed, unknown, late } = tally;
                info!(%tenant, %task, acknowledged, failed, unknown, late, "pushed");
            }
            Err(error) => {
                let error = chain(&error);
                warn!(%tenant, %task, error, "pushes are left for later");
            }
        }
    }
}

/// A delivery under way.
struct Delivering<'a> {
    engine: &'a Engine,
    token: &'a LeaseToken,
    deadline: Timestamp,
    head: Head,
    /// What attempts go by that are about to begin.
    view: Arc<View>,
    inline_bytes: usize,
    /// Entries without a gap up to the head's position.
    log: Vec<Entry>,
    lanes: BTreeMap<ConfigId, Lane>,
    /// The epoch that the configs were read at.
    epoch: Option<u64>,
    wide: Wide,
    /// How long it took to learn of the task.
    took: Duration,
    /// Since when there is nothing else to do, and others may wait for this to end.
    alone_since: Option<Timestamp>,
    tally: Tally,
}

impl<'a> Delivering<'a> {
    fn new(
        engine: &'a Engine,
        token: &'a LeaseToken,
        deadline: Timestamp,
        shown: Shown,
        feed: &Feed,
    ) -> Self {
        let Shown { snapshot, as_of } = shown;
        let Snapshot { head, tail, inline_bytes } = snapshot;
        Self {
            took: engine.clock.now().saturating_since(as_of),
            engine,
            token,
            deadline,
            view: Arc::new(View::new(token, &head, Some(as_of), engine.policy.retention)),
            head,
            inline_bytes,
            log: tail,
            lanes: BTreeMap::new(),
            epoch: None,
            wide: feed.wide().clone(),
            alone_since: None,
            tally: Tally::default(),
        }
    }

    async fn run(mut self, feed: &mut Feed) -> Result<Tally, RunError> {
        let key = self.head.key.clone();
        let mut attempts = Attempts::new();
        let run = self.run_all(&key, &mut attempts, feed).await;
        // Whatever has failed: what comes of those that are under way is written down.
        while let Some(attempted) = attempts.next().await {
            self.note(attempted);
        }
        run.map(|()| self.tally)
    }

    async fn run_all<'b>(
        &mut self,
        key: &'b TaskKey,
        attempts: &mut Attempts<'b>,
        feed: &mut Feed,
    ) -> Result<(), RunError>
    where
        'a: 'b,
    {
        let engine = self.engine;
        loop {
            if !feed.is_open() && self.alone_since.is_none() {
                self.alone_since = Some(engine.clock.now());
            }
            let wake = self.begin(key, attempts).await?;
            if attempts.is_empty() && !feed.is_open() {
                if self.is_done().await? {
                    return Ok(());
                }
                continue;
            }
            let looks = !feed.is_open();
            let pause = if looks {
                Some(engine.policy.poll_most)
            } else {
                wake.map(|at| at.saturating_since(engine.clock.now()))
            };
            tokio::select! {
                biased;
                Some(attempted) = attempts.next() => self.note(attempted),
                shown = feed.next(), if feed.is_open() => if let Some(shown) = shown {
                    self.adopt(shown.snapshot, Some(shown.as_of));
                },
                () = sleep(engine, pause) => if looks {
                    attempts.during(self.look()).await;
                },
            }
        }
    }

    /// Begins what can be begun. Returns when there is more, if it is known.
    async fn begin<'b>(
        &mut self,
        key: &'b TaskKey,
        attempts: &mut Attempts<'b>,
    ) -> Result<Option<Timestamp>, RunError>
    where
        'a: 'b,
    {
        if let Some(read) = self.view.take_read() {
            self.adopt(read, None);
        }
        if self.head.pushed_until(self.token).is_none() || self.is_gone() {
            return Ok(None);
        }
        attempts.during(self.read_configs()).await?;
        let mut ids: VecDeque<ConfigId> = self.lanes.keys().cloned().collect();
        let mut wake: Option<Timestamp> = None;
        while let Some(id) = ids.pop_front() {
            let Some(lane) = self.lanes.get(&id) else { continue };
            let Some(at) = lane.next().filter(|_| !lane.is_busy) else { continue };
            if at > self.engine.clock.now() {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
                continue;
            }
            let Some(parcel) = attempts.during(self.find(&id)).await? else { continue };
            if !has_time_for_one(self.engine, self.deadline)
                || self.has_lingered()
                || !attempts.during(self.outlasts_one()).await?
            {
                break;
            }
            if self.has_stale_configs() {
                // The log or the claim took a while. Another deliverer may have sent this meanwhile.
                attempts.during(self.read_configs()).await?;
                ids = self.lanes.keys().cloned().collect();
                continue;
            }
            let Some(claimed) = self.claimed_until() else { break };
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.is_busy = true;
                let ends_by = claimed.min(self.deadline);
                let (config, view) = (lane.config.clone(), self.view.clone());
                let attempt = attempt(self.engine, key, config, parcel, ends_by, view);
                attempts.add(attempt);
            }
        }
        Ok(wake)
    }

    /// Whether the task is there no more: it has expired, or was deleted.
    fn is_gone(&self) -> bool {
        self.view.is_lost() || self.engine.is_expired(&self.head)
    }

    /// The end of this claim.
    fn claimed_until(&self) -> Option<Timestamp> {
        claimed_until(self.engine, &self.head, self.token)
    }

    /// Whether it is time to leave what there is to another, who is signaled.
    fn has_lingered(&self) -> bool {
        let most = self.engine.policy.push_linger;
        let now = self.engine.clock.now();
        self.alone_since.is_some_and(|since| now.saturating_since(since) >= most)
    }

    /// What is to be sent to a receiver next.
    async fn find(&mut self, id: &ConfigId) -> Result<Option<parcel::Parcel>, RunError> {
        // What was read may show that more is needed: the whole log, for a receiver that is sent
        // whole tasks.
        let mut read_after: Option<Position> = None;
        loop {
            let Some(lane) = self.lanes.get(id) else { return Ok(None) };
            let policy = &self.engine.policy;
            match next(&lane.config, &self.head, &self.log, lane.is_clean, policy) {
                Found::Nothing => return Ok(None),
                Found::Parcel(parcel) => return Ok(Some(parcel)),
                Found::NeedsLogAfter(known) if read_after.is_some_and(|read| read <= known) => {
                    return Ok(None);
                }
                Found::NeedsLogAfter(known) => {
                    read_after = Some(known);
                    let depth =
                        if known == Position(0) { Depth::Full } else { Depth::After(known) };
                    let as_of = self.engine.clock.now();
                    if let Some(snapshot) = self.engine.read(&self.head.key, depth).await? {
                        self.log.clear();
                        self.adopt(snapshot, Some(as_of));
                    }
                }
            }
        }
    }

    /// Whether a config may have changed, or another deliverer have been at work, since the configs
    /// were read.
    fn has_stale_configs(&self) -> bool {
        self.epoch != self.head.pushes.as_ref().map(|pushes| pushes.epoch)
    }

    /// Reads the configs again if they are stale.
    async fn read_configs(&mut self) -> Result<(), RunError> {
        if !self.has_stale_configs() {
            return Ok(());
        }
        let epoch = self.head.pushes.as_ref().map(|pushes| pushes.epoch);
        let read = self.engine.configs(&self.head.key, self.head.registrations()).await?;
        let mut before = std::mem::take(&mut self.lanes);
        for config in read {
            let lane = match before.remove(&config.id) {
                // Another deliverer may have sent something and died before it wrote so.
                Some(lane) if lane.config.write == config.write => Lane { is_clean: false, ..lane },
                // An attempt that is under way is against the config that it was begun with. The
                // configs are read again when it is over.
                Some(lane) if lane.is_busy => Lane { is_outdated: true, ..lane },
                _ => Lane::new(config),
            };
            self.lanes.insert(lane.config.id.clone(), lane);
        }
        let gone = before.into_iter().filter(|(_, lane)| lane.is_busy);
        self.lanes.extend(gone.map(|(id, lane)| (id, Lane { is_outdated: true, ..lane })));
        self.epoch = epoch;
        Ok(())
    }

    /// Takes note of what came of an attempt.
    fn note(&mut self, attempted: Attempted) {
        let Attempted { id, result } = attempted;
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        lane.is_busy = false;
        if std::mem::take(&mut lane.is_outdated) {
            self.epoch = None;
        }
        match result {
            Ok(Noted { config, acknowledged }) => {
                lane.config = config;
                lane.is_clean = acknowledged;
                lane.late = 0;
                let count = if acknowledged {
                    &mut self.tally.acknowledged
                } else {
                    &mut self.tally.failed
                };
                *count += 1;
            }
            Err(NotNoted::Later(at)) => {
                lane.is_clean = false;
                lane.later = Some(at);
                // Part of it may have been written, and the mark with it.
                self.tally.unknown += 1;
                self.epoch = None;
            }
            Err(NotNoted::Late { took, config }) => {
                lane.config = *config;
                self.tally.late += 1;
                let now = self.engine.clock.now();
                let view = self.head.push_view(self.engine.policy.push_view).unwrap_or_default();
                if view < MAX_PUSH_VIEW {
                    self.wide.widen(view_for(took.max(view)));
                    lane.later = Some(now);
                } else {
                    lane.later = Some(now.saturating_add(late_wait(lane.late)));
                    lane.late = lane.late.saturating_add(1);
                }
                let (key, view) = (&self.head.key, self.wide.get());
                let (tenant, task) = (&key.tenant, &key.task);
                info!(%tenant, %task, config = %id, ?took, ?view, "the store was too slow for a push");
            }
            Err(NotNoted::NoTime) => {
                lane.is_clean = false;
                self.tally.late += 1;
                self.epoch = None;
                let (tenant, task) = (&self.head.key.tenant, &self.head.key.task);
                info!(%tenant, %task, config = %id, "too little time was left for a push");
            }
            Err(NotNoted::Superseded) => {
                self.tally.unknown += 1;
                self.epoch = None;
                let (tenant, task) = (&self.head.key.tenant, &self.head.key.task);
                debug!(%tenant, %task, config = %id, "another has written what came of a push");
            }
            // Nothing was sent. Which chunks were about to be sent as one may have been noted.
            Err(NotNoted::Withdrawn) => self.epoch = None,
        }
    }

    /// Whether an attempt that is begun now ends before the claim does, which is renewed for it.
    async fn outlasts_one(&mut self) -> Result<bool, RunError> {
        match self.claimed_until() {
            None => Ok(false),
            Some(_) if self.suffices(&self.head) => Ok(true),
            Some(_) => self.claim().await,
        }
    }

    /// Whether a task is claimed for long enough for an attempt, and by as wide a view as it needs.
    fn suffices(&self, head: &Head) -> bool {
        let until = claimed_until(self.engine, head, self.token);
        until.is_some_and(|until| has_time_for_one(self.engine, until))
            && self.wide.is_claimed(head)
    }

    async fn claim(&mut self) -> Result<bool, RunError> {
        let command = Command::ClaimPush { token: self.wide.claims_as(self.token) };
        let as_of = self.engine.clock.now();
        let claim = |head: &Head, stamp: &Stamp| {
            // The runner's commits claim, too: where one came first there may be no need to.
            if self.suffices(head) {
                Err(head.illegal(command.name(), Refusal::Suffices))
            } else {
                head.apply(command.clone(), stamp)
            }
        };
        match self.engine.transact_with(self.snapshot(), claim).await {
            Ok((snapshot, _)) => {
                self.adopt(snapshot, Some(as_of));
                Ok(true)
            }
            Err(TransactError::Illegal(refused)) => {
                self.adopt(*refused.snapshot, None);
                Ok(refused.illegal.refusal == Refusal::Suffices)
            }
            Err(TransactError::Gone) => Ok(false),
            Err(error) => Err(run_error(error)),
        }
    }

    /// With nothing under way, and nothing more to be begun: gives up the claim. False if there is
    /// more to do after all.
    async fn is_done(&mut self) -> Result<bool, RunError> {
        let now = self.engine.clock.now();
        if self.is_gone() {
            return Ok(true);
        }
        if self.head.pushed_until(self.token).is_none() {
            // The runner had nothing to commit, or another has delivered in between.
            let may = self.head.has_free_push(now) && has_time_for_one(self.engine, self.deadline);
            self.wide.widen_if_slow(self.engine, self.took);
            return Ok(!(may && self.claim().await?));
        }
        let mut next: Option<Timestamp> = None;
        for id in self.lanes.keys().cloned().collect::<Vec<ConfigId>>() {
            let Some(at) = self.lanes.get(&id).and_then(Lane::next) else { continue };
            // One that waits has something to wait for; another has if there was no time for it. For
            // that there is a signal, not another record of the stream: those behind it have waited.
            if at > now || self.find(&id).await?.is_some() {
                let at = at.max(now.saturating_add(RELAY));
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        let settlement = Settlement {
            token: self.token.clone(),
            epoch: self.epoch.unwrap_or_default(),
            through: self.head.position,
            next,
        };
        let command = Command::SettlePush(settlement);
        match self.engine.transact(self.snapshot(), command).await {
            Ok((snapshot, effects)) => {
                self.engine.carry_out_or_leave(&snapshot.head, &effects).await;
                Ok(true)
            }
            Err(TransactError::Illegal(refused)) => {
                let is_news = refused.illegal.refusal == Refusal::News;
                self.adopt(*refused.snapshot, None);
                Ok(!is_news)
            }
            Err(TransactError::Gone) => Ok(true),
            Err(error) => Err(run_error(error)),
        }
    }

    /// Looks what is new, while attempts are under way: it is not to wait for them.
    async fn look(&mut self) {
        let as_of = self.engine.clock.now();
        match self.engine.look(&self.head.key, Depth::After(self.head.position)).await {
            Ok(Some(snapshot)) => self.adopt(snapshot, Some(as_of)),
            Ok(None) => self.view.lose(),
            Err(error) => debug!(error = chain(&error), "not looked for more to push"),
        }
    }

    /// The task as it was last seen, to begin a change from: nothing is asked of its log.
    fn snapshot(&self) -> Snapshot {
        Snapshot { head: self.head.clone(), tail: Vec::new(), inline_bytes: self.inline_bytes }
    }

    /// Takes over what is newer than what is known. It is as the task was at `as_of`, or later.
    fn adopt(&mut self, snapshot: Snapshot, as_of: Option<Timestamp>) {
        let Snapshot { head, tail, inline_bytes } = snapshot;
        if head.incarnation != self.head.incarnation {
            return self.view.lose();
        }
        self.view.see(&head, as_of);
        if head.revision < self.head.revision {
            return;
        }
        let known = self.log.last().map(|entry| entry.position);
        let joins = |first: &Entry| known.is_some_and(|known| first.position <= known.next());
        match (known, tail.first()) {
            (Some(known), Some(first)) if joins(first) => {
                self.log.extend(tail.into_iter().filter(|entry| entry.position > known));
            }
            (Some(known), None) if known == head.position => {}
            _ => self.log = tail,
        }
        self.head = head;
        self.inline_bytes = inline_bytes;
    }
}

/// The end of a deliverer's claim. The clock of another may be ahead by the policy's `clock_skew`: it
/// must not find the claim over while an attempt is under way.
fn claimed_until(engine: &Engine, head: &Head, token: &LeaseToken) -> Option<Timestamp> {
    Some(head.pushed_until(token)?.saturating_sub(engine.policy.clock_skew))
}

/// Whether a POST that is begun now ends before this time, with what came of it written down.
fn has_time_for_one(engine: &Engine, ends_by: Timestamp) -> bool {
    ends_by.saturating_since(engine.clock.now()) >= engine.policy.push_timeout + MARGIN
}

async fn sleep(engine: &Engine, pause: Option<Duration>) {
    match pause {
        Some(pause) => engine.clock.sleep(pause).await,
        None => std::future::pending().await,
    }
}
