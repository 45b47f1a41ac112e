//! The pending-push mark: whether a task has something to send, and which deliverer sends it.
//!
//! ```text
//!               news                    claim
//!    no mark ─────────> Open ─────────────────────────> Claimed ──┐ claim again, news
//!       ^  │                                            ^  │  ^   │ of the claimant's own
//!       │  └───── news, of a deliverer ─────────────────┘  │  └───┘
//!       │                                                  │
//!       └───────────── settle: all was sent ───────────────┤
//!                                                          │
//!    Waiting <─────── settle: an attempt is to be made ────┘
//!       └─────────────── news, or claim when its time has come: as from Open
//! ```
//!
//! News is an entry that receivers are sent, or a config that a client has made. News during a claim
//! leaves the mark to the claimant: it cannot settle an entry that it has not read. An expired claim
//! counts as Open.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use crate::ids::{ClaimToken, ConfigId, Position, Registration};
use crate::machine::refusal::Refusal;

/// How long a new task's mark waits for its runner, which is signaled anyway and delivers beside the
/// agent. A signal takes less time. A receiver waits this much longer at most for its first push.
const HEAD_START: Duration = Duration::from_secs(2);

/// The epoch of a delivery that is a task's first: its runner, who is signaled, claims the mark by the
/// second commit of the task. Whatever else is done about pushes has a later epoch.
const FIRST_DELIVERY: u64 = 2;

/// What a task knows of its pushes. What each config has been sent is the config's, but for
/// [`Head::pushed_through`](crate::Head::pushed_through).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushes {
    /// The push configs of the task: a config is live exactly if it is named here. One registration
    /// for each config, in the order in which they were made.
    pub configs: Vec<Registration>,
    /// Changes whenever a config is made, replaced, enabled or deleted, or a delivery starts: it is
    /// the revision of that commit. Configs that were read under another epoch are stale. Epochs are
    /// never reused.
    pub epoch: u64,
    /// Until when nothing is sent, because the agent may yet answer with a direct message, and then
    /// there is no task to speak of.
    pub held_until: Option<Timestamp>,
    /// For when the last signal for a further attempt was sent.
    pub signaled: Option<Timestamp>,
    /// Whether there is something to be sent; `None` if each config has been sent everything.
    pub mark: Option<Mark>,
}

/// The task has something to send: the pending-push mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// No deliverer has it. Stream recovery is woken by this.
    Open,
    /// A deliverer has it.
    Claimed {
        /// The deliverer's secret.
        token: ClaimToken,
        /// When the claim expires unless it is renewed. The deliverer begins no attempt that could
        /// outlast it.
        until: Timestamp,
    },
    /// There is nothing to do before a time: of the next attempt at a receiver in trouble, or by which
    /// a runner should have claimed the mark of a new task.
    Waiting {
        /// The time.
        until: Timestamp,
    },
}

impl Mark {
    /// Whether `token` may claim it now.
    pub(crate) fn free(&self, token: &ClaimToken, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::Claimed { token: held, until }
                if !held.is_of_same_holder(token) && *until > now =>
            {
                Err(Refusal::HeldBy { until: *until })
            }
            Self::Waiting { until } if *until > now => Err(Refusal::NotBefore { at: *until }),
            Self::Open | Self::Claimed { .. } | Self::Waiting { .. } => Ok(()),
        }
    }

    /// From when on another deliverer may claim it.
    pub fn free_from(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Open => now,
            Self::Claimed { until, .. } | Self::Waiting { until } => *until,
        }
    }
}

/// The push config that a task begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstPush {
    /// Its registration.
    pub registration: Registration,
    /// Until when nothing is sent, because the agent may yet answer with a direct message.
    pub held_until: Option<Timestamp>,
}

/// A push config that is made, or that replaces the one with the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPush {
    /// Its registration, under which it is stored already.
    pub registration: Registration,
    /// How many configs the task may have.
    pub most: usize,
}

/// How far a deliverer has come when it gives up its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The deliverer's secret.
    pub token: ClaimToken,
    /// The epoch at which it has read the configs.
    pub epoch: u64,
    /// The newest entry that it has read.
    pub through: Position,
    /// When there is more to do, if there is.
    pub next: Option<Timestamp>,
}

impl Pushes {
    /// Those of a new task. Nothing is sent before its runner should have taken the mark, or while its
    /// agent may answer with a direct message.
    pub(crate) fn first(first: FirstPush, epoch: u64, now: Timestamp) -> Self {
        let FirstPush { registration, held_until } = first;
        let until = held_until.unwrap_or_else(|| now.saturating_add(HEAD_START));
        let mark = Some(Mark::Waiting { until });
        Self { configs: vec![registration], epoch, held_until, signaled: None, mark }
    }

    /// Whether nobody has delivered before, and no config was changed since the task was made.
    pub(crate) fn is_first_delivery(&self) -> bool {
        self.epoch <= FIRST_DELIVERY
    }

    /// Those of a task that has had none.
    pub(crate) fn none() -> Self {
        Self { configs: Vec::new(), epoch: 0, held_until: None, signaled: None, mark: None }
    }

    /// Names a config, in place of the one with the same id if there is one.
    pub(crate) fn register(&mut self, push: NewPush, revision: u64) -> Result<(), Refusal> {
        let NewPush { registration, most } = push;
        self.configs.retain(|config| !config.is_of_same_config(&registration));
        if self.configs.len() >= most {
            return Err(Refusal::TooManyConfigs { most });
        }
        self.configs.push(registration);
        self.epoch = revision;
        Ok(())
    }

    /// Names a config no more. A deliverer that has the mark keeps it, and finds out by the epoch.
    pub(crate) fn unregister(&mut self, id: &ConfigId, revision: u64) -> Result<(), Refusal> {
        let before = self.configs.len();
        self.configs.retain(|config| !config.is_of(id));
        if self.configs.len() == before {
            return Err(Refusal::NoSuchConfig);
        }
        self.epoch = revision;
        Ok(())
    }

    /// An operator has enabled a config, or replays it.
    pub(crate) fn push_again(&mut self, of: &Registration, revision: u64) -> Result<(), Refusal> {
        if !self.configs.contains(of) {
            return Err(Refusal::NoSuchConfig);
        }
        self.epoch = revision;
        Ok(())
    }

    /// A deliverer takes the mark, or keeps it for longer.
    pub(crate) fn take(&mut self, token: ClaimToken, until: Timestamp, revision: u64) {
        let held = match self.mark.take() {
            Some(Mark::Claimed { token: held, .. }) if held.is_of_same_holder(&token) => Some(held),
            _ => None,
        };
        if held.is_none() {
            self.epoch = revision;
        }
        // While a claim is held its view never narrows: its holder may go by the wider one.
        let wider = held.filter(|held| held.view() > token.view());
        self.mark = Some(Mark::Claimed { token: wider.unwrap_or(token), until });
    }

    /// The deliverer that has the mark has sent what there was up to `position`. Returns when a runner
    /// is signaled, if one is.
    pub(crate) fn settle(
        &mut self,
        settlement: &Settlement,
        position: Position,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Refusal> {
        let Settlement { epoch, through, next, .. } = *settlement;
        if self.epoch != epoch || position != through {
            return Err(Refusal::News);
        }
        self.mark =
            next.map(|next| if next <= now { Mark::Open } else { Mark::Waiting { until: next } });
        let later = next.filter(|next| *next > now && self.signaled != Some(*next));
        self.signaled = later.or(self.signaled);
        Ok(later)
    }
}
