//! The pending-push mark: whether a task has something to push, and which deliverer pushes it.
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
//! News is an entry that receivers are sent, or a config that a client created. News during a claim
//! leaves the mark with the claimant: it cannot settle an entry that it has not read. An expired
//! claim counts as Open.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use crate::ids::{ClaimToken, ConfigId, Position, Registration};
use crate::machine::refusal::Refusal;

/// How long a new task's mark waits for its runner, which is signaled anyway and delivers beside
/// the agent. A signal takes less time. A receiver waits at most this much longer for its first
/// push.
const HEAD_START: Duration = Duration::from_secs(2);

/// The epoch of a task's first delivery: the task's signaled runner claims the mark by the task's
/// second commit. Any later action on pushes has a later epoch.
const FIRST_DELIVERY: u64 = 2;

/// A task's own record of its pushes. Each config has its own cursor, with one exception:
/// [`Head::pushed_through`](crate::Head::pushed_through).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushes {
    /// The task's push configs, one registration each, in the order of creation. A config is live
    /// exactly if this list names it.
    pub configs: Vec<Registration>,
    /// Changes whenever a config is created, replaced, enabled or deleted, or a delivery starts: it
    /// is the revision of that commit. Configs that were read under another epoch are stale. Epochs
    /// are never reused.
    pub epoch: u64,
    /// Until when nothing is sent, because the agent may still answer with a direct message. In
    /// that case receivers are not told of a task.
    pub held_until: Option<Timestamp>,
    /// The time of the last signal for a further attempt.
    pub signaled: Option<Timestamp>,
    /// Whether there is something to push; `None` if each config has been sent everything.
    pub mark: Option<Mark>,
}

/// The pending-push mark: the task has something to push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// No deliverer has it. This state wakes stream recovery.
    Open,
    /// A deliverer has it.
    Claimed {
        /// The deliverer's secret.
        token: ClaimToken,
        /// When the claim expires unless it is renewed. The deliverer begins no attempt that could
        /// outlast it.
        until: Timestamp,
    },
    /// There is nothing to do before a time. It is the time of the next attempt at a receiver in
    /// trouble, or the time by which a runner should have claimed a new task's mark.
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
    /// Until when nothing is sent, because the agent may still answer with a direct message.
    pub held_until: Option<Timestamp>,
}

/// A push config that is created, or that replaces the one with the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPush {
    /// Its registration. The config is stored under it already.
    pub registration: Registration,
    /// How many configs the task may have.
    pub most: usize,
}

/// The state of a delivery when the deliverer gives up its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The deliverer's secret.
    pub token: ClaimToken,
    /// The epoch of the configs that it read.
    pub epoch: u64,
    /// The newest entry that it has read.
    pub through: Position,
    /// The time of the next work, if there is any.
    pub next: Option<Timestamp>,
}

impl Pushes {
    /// The pushes of a new task. Nothing is sent until its runner should have taken the mark, or
    /// while its agent may answer with a direct message.
    pub(crate) fn first(first: FirstPush, epoch: u64, now: Timestamp) -> Self {
        let FirstPush { registration, held_until } = first;
        let until = held_until.unwrap_or_else(|| now.saturating_add(HEAD_START));
        let mark = Some(Mark::Waiting { until });
        Self { configs: vec![registration], epoch, held_until, signaled: None, mark }
    }

    /// Whether this is the first delivery, and no config has changed since the task was created.
    pub(crate) fn is_first_delivery(&self) -> bool {
        self.epoch <= FIRST_DELIVERY
    }

    /// The pushes of a task that has had none.
    pub(crate) fn none() -> Self {
        Self { configs: Vec::new(), epoch: 0, held_until: None, signaled: None, mark: None }
    }

    /// Names a config. It replaces the one with the same id.
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

    /// Removes a config's name. The deliverer that has the mark keeps it, and learns of this by the
    /// epoch.
    pub(crate) fn unregister(&mut self, id: &ConfigId, revision: u64) -> Result<(), Refusal> {
        let before = self.configs.len();
        self.configs.retain(|config| !config.is_of(id));
        if self.configs.len() == before {
            return Err(Refusal::NoSuchConfig);
        }
        self.epoch = revision;
        Ok(())
    }

    /// An operator has enabled or replays a config.
    pub(crate) fn push_again(&mut self, of: &Registration, revision: u64) -> Result<(), Refusal> {
        if !self.configs.contains(of) {
            return Err(Refusal::NoSuchConfig);
        }
        self.epoch = revision;
        Ok(())
    }

    /// A deliverer claims the mark, or renews its claim.
    pub(crate) fn take(&mut self, token: ClaimToken, until: Timestamp, revision: u64) {
        let held = match self.mark.take() {
            Some(Mark::Claimed { token: held, .. }) if held.is_of_same_holder(&token) => Some(held),
            _ => None,
        };
        if held.is_none() {
            self.epoch = revision;
        }
        // The view of a held claim never narrows: its holder may still use the wider one.
        let wider = held.filter(|held| held.view() > token.view());
        self.mark = Some(Mark::Claimed { token: wider.unwrap_or(token), until });
    }

    /// The deliverer that has the mark has sent everything up to `position`. Returns the time of a
    /// signal to a runner, if one is needed.
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
