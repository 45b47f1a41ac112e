//! Delivery: the entries of the log are pushed to the receivers of the task's configs (invariant I6).
//!
//! A runner delivers beside its agent; stream recovery and the sweep deliver, too. All of them use
//! this module. A deliverer claims the task's pending-push mark and walks the log from each
//! config's cursor. It settles the mark when nothing is left, or nothing before a time. It delivers
//! to configs in parallel, and to each config one push at a time, in order. The cursor moves when
//! the receiver has acknowledged the push.
//!
//! If the deliverer could not store the outcome of an attempt, the push is sent again, with the
//! same id and body. So a receiver may get a push twice. It gets no push that its stored cursor
//! covers: no attempt is begun that could outlast the claim, and a cursor moves only from where it
//! was read. The deliverer writes the cursor of a healthy receiver every
//! [`Policy::push_note_every`](crate::Policy) pushes, before a claim ends, and at the settlement.
//! The settlement of a task's only delivery implies the cursor:
//! [`Head::pushed_through`](crate::Head::pushed_through).
//!
//! | a receiver | the result |
//! |---|---|
//! | answers 2xx | it has the push |
//! | answers 410 | its config is disabled |
//! | answers anything else, redirects included | another attempt, not before `Retry-After` |
//! | does not answer, or its address is refused | another attempt |
//! | is healthy, but the store is too slow to confirm that its config still exists | another attempt at once, by a wider view; none of it counts |
//! | cannot be sent to for a reason of our own: its secrets do not open, this process has no resources left | another attempt, after growing waits, which does not count |
//! | has failed at every attempt of [`Policy::push_waits`](crate::Policy::push_waits) | its config is disabled |

mod attempt;
mod attempts;
mod feed;
mod lane;
mod payload;
mod state;
mod times;
mod trouble;
mod view;
mod wide;

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::{debug, info, warn};

use crate::engine::{Engine, TransactError, chain};
use crate::head::Head;
use crate::ids::{ClaimToken, ConfigId, Position, TaskKey};
use crate::machine::{Command, Refusal, Settlement, Stamp};
use crate::run_error::RunError;
use crate::store::{Depth, Snapshot};
use crate::trace::join;

use attempt::{attempt, store_config};
use attempts::Attempts;
use feed::Shown;
pub(crate) use feed::{Beside, Feed, Seen};
pub use state::Tally;
use state::{Claimed, State, Step};
use times::has_time_for_one;
use view::View;

/// The outcome of [`deliver`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// The deliverer attempted the pushes that were due.
    Ran(Tally),
    /// There is nothing to send.
    Nothing,
    /// Another deliverer has the claim.
    HeldBy {
        /// When that claim expires, unless it is renewed.
        until: Timestamp,
    },
    /// Nothing is due before a time.
    NotBefore {
        /// The time.
        at: Timestamp,
    },
    /// The task does not exist.
    NoSuchTask,
    /// Too little of the invocation is left for an attempt.
    TooLate,
}

/// Delivers a task's pushes, unless another deliverer does. It begins no attempt that `deadline`
/// would cut off.
///
/// It is safe at any time, for any task, any number of times in parallel.
///
/// # Errors
/// When the store fails. The task stays due for its pushes, and the claim expires.
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
    if !has_time_for_one(&engine.policy, engine.clock.now(), deadline) {
        return Ok(Delivered::TooLate);
    }
    let token = ClaimToken::new(engine.ids.fresh());
    // Claiming with a wider view at once leaves more time than claiming again.
    let mut feed = Feed::none();
    feed.wide().widen_if_slow(&engine.policy, took);
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
        Err(error) => return Err(error.into()),
    };
    let claimed = Shown { snapshot: claimed, as_of };
    let delivering = Delivering::new(engine, &token, deadline, claimed, &feed);
    Ok(Delivered::Ran(delivering.run(&mut feed).await?))
}

/// Delivers beside a runner, until the runner is done and each push is delivered or left for later.
/// It logs a failure. The runner's next commit, or the sweep, brings the pushes up again.
pub(crate) async fn beside(
    engine: &Engine,
    token: ClaimToken,
    deadline: Timestamp,
    mut feed: Feed,
) {
    // Most tasks have no configs. After a failure the delivery continues at the runner's next
    // commit, which claims the mark for this deliverer.
    while let Some(shown) = feed.next().await {
        let key = shown.snapshot.head.key.clone();
        let (tenant, task) = (&key.tenant, &key.task);
        let ran = Delivering::new(engine, &token, deadline, shown, &feed).run(&mut feed).await;
        feed.knows_all = false;
        match ran {
            Ok(tally) if tally == Tally::default() => {}
            Ok(tally) => {
                let Tally { acknowledged, failed, unknown, late } = tally;
                info!(event = "pushes_attempted", %tenant, %task, acknowledged, failed, unknown,
                    late, "the deliverer attempted the pushes that were due");
            }
            Err(error) => {
                let error = chain(&error);
                warn!(event = "pushes_postponed", %tenant, %task, error,
                    "the deliverer leaves the remaining pushes to the next commit or the sweep");
            }
        }
    }
}

/// A delivery under way: it carries out the steps that its [`State`] decides.
struct Delivering<'a> {
    engine: &'a Engine,
    /// The view that new attempts check.
    view: Arc<View>,
    /// How long the deliverer took to read the task.
    took: Duration,
    state: State,
}

impl<'a> Delivering<'a> {
    fn new(
        engine: &'a Engine,
        token: &'a ClaimToken,
        deadline: Timestamp,
        shown: Shown,
        feed: &Feed,
    ) -> Self {
        let Shown { snapshot, as_of } = shown;
        let policy = engine.policy.clone();
        let view = View::new(token, &snapshot.head, Some(as_of), policy.retention);
        let now = engine.clock.now();
        let mut state = State::new(policy, token.clone(), deadline, snapshot, feed);
        if !feed.is_open() {
            state.left_alone(now);
        }
        Self { engine, view: Arc::new(view), took: now.saturating_since(as_of), state }
    }

    async fn run(mut self, feed: &mut Feed) -> Result<Tally, RunError> {
        let key = self.state.head().key.clone();
        let mut attempts = Attempts::new();
        let run = self.run_all(&key, &mut attempts, feed).await;
        // Even after a failure, the outcome of every attempt in flight is taken.
        while let Some(attempted) = attempts.next().await {
            self.state.take_outcome(attempted, self.engine.clock.now());
        }
        // The claim ended without a settlement, so the cursors are not stored yet.
        while let Some(id) = self.state.to_be_stored(self.engine.clock.now()) {
            self.store_config(&key, id).await;
        }
        run.map(|()| self.state.tally)
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
            if let Some(read) = self.view.take_read() {
                self.adopt(read, None);
            }
            if self.view.is_lost() {
                self.state.lose();
            }
            match self.state.next_step(engine.clock.now()) {
                Step::ReadConfigs => attempts.during(self.read_configs()).await?,
                Step::ReadLog { id, after } => attempts.during(self.read_log(&id, after)).await?,
                Step::Claim => attempts.during(self.claim()).await?,
                Step::Post { id, payload, ends_by } => {
                    if let Some((config, stores)) = self.state.begin(&id) {
                        let view = self.view.clone();
                        attempts.add(attempt(engine, key, config, payload, stores, ends_by, view));
                    }
                }
                Step::StoreConfig { id } => attempts.during(self.store_config(key, id)).await,
                Step::Wait(pause) => self.wait(pause, attempts, feed).await,
                Step::Settle(settlement) => {
                    if self.settle(settlement).await? {
                        return Ok(());
                    }
                }
                Step::Stop => return Ok(()),
            }
        }
    }

    async fn read_configs(&mut self) -> Result<(), RunError> {
        let head = self.state.head();
        let epoch = head.pushes.as_ref().map(|pushes| pushes.epoch);
        let read = self.engine.configs(&head.key, head.registrations()).await?;
        self.state.take_configs(read, epoch);
        Ok(())
    }

    async fn read_log(&mut self, id: &ConfigId, after: Position) -> Result<(), RunError> {
        let depth = if after == Position(0) { Depth::Full } else { Depth::After(after) };
        let as_of = self.engine.clock.now();
        let read = self.engine.read(&self.state.head().key, depth).await?;
        self.state.read_log(id, after, read.is_some());
        if let Some(snapshot) = read {
            self.adopt(snapshot, Some(as_of));
        }
        Ok(())
    }

    async fn claim(&mut self) -> Result<(), RunError> {
        let state = &self.state;
        if !state.is_claimed() {
            state.widen_if_slow(self.took);
        }
        let command = Command::ClaimPush { token: state.claims_as() };
        let as_of = self.engine.clock.now();
        let claim = |head: &Head, stamp: &Stamp| {
            // The runner's commits claim, too. If one came first, this claim may not be needed.
            if state.suffices(head, stamp.now) {
                Err(head.illegal(command.name(), Refusal::Suffices))
            } else {
                head.apply(command.clone(), stamp)
            }
        };
        let claimed = match self.engine.transact_with(state.snapshot(), claim).await {
            Ok((snapshot, _)) => {
                self.adopt(snapshot, Some(as_of));
                Claimed::Now
            }
            Err(TransactError::Illegal(refused)) => {
                self.adopt(*refused.snapshot, None);
                let suffices = refused.illegal.refusal == Refusal::Suffices;
                if suffices { Claimed::Now } else { Claimed::Refused }
            }
            Err(TransactError::Gone) => Claimed::Refused,
            Err(error) => return Err(error.into()),
        };
        self.state.claimed(claimed);
        Ok(())
    }

    /// Stores a receiver's acknowledgements.
    async fn store_config(&mut self, key: &TaskKey, id: ConfigId) {
        if let Some(config) = self.state.unstored(&id) {
            let stored = store_config(self.engine, key, config).await;
            self.state.config_stored(&id, stored);
        }
    }

    async fn wait(
        &mut self,
        pause: Option<Duration>,
        attempts: &mut Attempts<'_>,
        feed: &mut Feed,
    ) {
        let engine = self.engine;
        let looks = !feed.is_open();
        tokio::select! {
            biased;
            Some(attempted) = attempts.next() => self.state.take_outcome(attempted, engine.clock.now()),
            shown = feed.next(), if feed.is_open() => match shown {
                Some(shown) => self.adopt(shown.snapshot, Some(shown.as_of)),
                None => self.state.left_alone(engine.clock.now()),
            },
            () = sleep(engine, pause) => if looks {
                attempts.during(self.look()).await;
            },
        }
        self.state.waited();
    }

    /// Gives up the claim. Returns false if there is more to do after all.
    async fn settle(&mut self, settlement: Settlement) -> Result<bool, RunError> {
        let command = Command::SettlePush(settlement);
        match self.engine.transact(self.state.snapshot(), command).await {
            Ok((snapshot, signals)) => {
                self.state.settled();
                self.engine.carry_out_or_leave(&snapshot.head, &signals).await;
                Ok(true)
            }
            Err(TransactError::Illegal(refused)) => {
                let is_news = refused.illegal.refusal == Refusal::News;
                self.adopt(*refused.snapshot, None);
                Ok(!is_news)
            }
            Err(TransactError::Gone) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the task's news while attempts are in flight. It does not wait for them.
    async fn look(&mut self) {
        let as_of = self.engine.clock.now();
        let head = self.state.head();
        match self.engine.look(&head.key, Depth::After(head.position)).await {
            Ok(Some(snapshot)) => self.adopt(snapshot, Some(as_of)),
            Ok(None) => self.view.lose(),
            Err(error) => debug!(error = chain(&error), "not looked for more to push"),
        }
    }

    /// Adopts a newer state: the task as it was at `as_of`, or later.
    fn adopt(&mut self, snapshot: Snapshot, as_of: Option<Timestamp>) {
        if snapshot.head.incarnation != self.state.head().incarnation {
            return self.view.lose();
        }
        self.view.see(&snapshot.head, as_of);
        self.state.adopt(snapshot);
    }
}

async fn sleep(engine: &Engine, pause: Option<Duration>) {
    match pause {
        Some(pause) => engine.clock.sleep(pause).await,
        None => std::future::pending().await,
    }
}
