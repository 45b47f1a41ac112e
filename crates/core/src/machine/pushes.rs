//! The pending-push mark: what the state machine knows of pushes.
//!
//! ```text
//!               news                    claim
//!    no mark ─────────> Open ─────────────────────────> Claimed ──┐ claim again, news
//!       ^  │                                            ^  │  ^   │ of the claimant's own
//!       │  └───── news, by a pusher ────────────────────┘  │  └───┘
//!       │                                                  │
//!       └───────────── settle: all was sent ───────────────┤
//!                                                          │
//!    Waiting <─────── settle: an attempt is to be made ────┘
//!       └─────────────── news, or claim when its time has come: as from Open
//! ```
//!
//! News is an entry that receivers are sent, or a config that was made. News while somebody is at
//! work leaves the mark to them: they cannot settle what they have not seen. A claim whose time is
//! over counts as Open.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use super::command::{FirstPush, NewPush};
use super::{Draft, Effect, Refusal};
use crate::head::{Head, Mark, Pushes};
use crate::ids::{ConfigId, LeaseToken, Position, Registration};
use crate::log::Entry;

/// How long a new task's mark waits for the runner that is signaled anyway, and that delivers
/// beside the agent. Longer than a signal takes, and short for whoever waits for the first push.
const HEAD_START: Duration = Duration::from_secs(2);

/// What is delivered up to where, when a claim is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Who has delivered.
    pub token: LeaseToken,
    /// The epoch of the configs that were looked at.
    pub epoch: u64,
    /// The newest entry that was looked at.
    pub through: Position,
    /// When there is more to do, if there is.
    pub next: Option<Timestamp>,
}

/// Whether receivers are sent something for an entry.
fn is_news(entry: &Entry) -> bool {
    entry.event.is_streamed()
}

impl Head {
    /// Until when it is not known that there is a task, as far as receivers are concerned: its agent
    /// may answer with a direct message.
    fn holds_pushes(&self, now: Timestamp) -> Option<Timestamp> {
        let held = self.pushes.as_ref().and_then(|pushes| pushes.held_until);
        held.filter(|until| *until > now && !self.is_decided())
    }
}

impl Draft<'_> {
    /// The config that a task is made with, and its mark.
    pub(super) fn first_mark(&mut self, first: FirstPush) {
        let FirstPush { registration, held_until } = first;
        let soon = self.stamp.now.saturating_add(HEAD_START);
        let until = held_until.unwrap_or(soon);
        if held_until.is_some() {
            // Its runner may have nothing to commit by then.
            self.effects.push(Effect::Signal { at: until });
        }
        let mark = Some(Mark::Waiting { until });
        let epoch = self.head.revision.0;
        let configs = vec![registration];
        self.head.pushes = Some(Pushes { configs, epoch, held_until, signaled: None, mark });
        self.head.has_leftovers = self.stamp.retention.is_some();
    }

    /// Names a config, in place of the one with the same id if there is one.
    pub(super) fn register(&mut self, push: NewPush) -> Result<(), Refusal> {
        let NewPush { registration, most } = push;
        let none =
            Pushes { configs: Vec::new(), epoch: 0, held_until: None, signaled: None, mark: None };
        let pushes = self.head.pushes.get_or_insert(none);
        pushes.configs.retain(|config| !config.is_of_same_config(&registration));
        if pushes.configs.len() >= most {
            return Err(Refusal::TooManyConfigs { most });
        }
        pushes.configs.push(registration);
        pushes.epoch = self.head.revision.0;
        self.head.has_leftovers |= self.stamp.retention.is_some();
        self.registered = true;
        Ok(())
    }

    /// Names a config no more. Whoever has the mark keeps it, and finds out.
    pub(super) fn unregister(&mut self, id: &ConfigId) -> Result<(), Refusal> {
        let revision = self.head.revision.0;
        let may_be_pushed_now = self.head.may_be_pushed_now();
        let pushes = self.head.pushes.as_mut().ok_or(Refusal::NoSuchConfig)?;
        let before = pushes.configs.len();
        pushes.configs.retain(|config| !config.is_of(id));
        if pushes.configs.len() == before {
            return Err(Refusal::NoSuchConfig);
        }
        pushes.epoch = revision;
        if pushes.configs.is_empty() && !may_be_pushed_now {
            self.head.pushes = None;
        }
        Ok(())
    }

    /// A config was switched on, or has been set back.
    pub(super) fn push_again(&mut self, registration: &Registration) -> Result<(), Refusal> {
        let revision = self.head.revision.0;
        let pushes = self.head.pushes.as_mut().ok_or(Refusal::NoSuchConfig)?;
        if !pushes.configs.contains(registration) {
            return Err(Refusal::NoSuchConfig);
        }
        pushes.epoch = revision;
        self.registered = true;
        Ok(())
    }

    /// Somebody delivers from here on, or goes on to.
    pub(super) fn claim_push(&mut self, token: LeaseToken) -> Result<(), Refusal> {
        let now = self.stamp.now;
        let mark = self.head.mark().ok_or(Refusal::NothingToPush)?;
        mark.free(&token, now)?;
        if let Some(at) = self.head.holds_pushes(now) {
            return Err(Refusal::NotBefore { at });
        }
        self.take_mark(token);
        Ok(())
    }

    fn take_mark(&mut self, token: LeaseToken) {
        let until = self.stamp.now.saturating_add(self.stamp.push_claim);
        let renewed = self.head.pushed_until(&token).is_some();
        let revision = self.head.revision.0;
        // While a claim is held its view never narrows: its holder may go by the wider one.
        let token = match self.head.mark() {
            Some(Mark::Claimed { token: held, .. }) if renewed && held.view() > token.view() => {
                held.clone()
            }
            _ => token,
        };
        if let Some(pushes) = &mut self.head.pushes {
            pushes.epoch = if renewed { pushes.epoch } else { revision };
            pushes.mark = Some(Mark::Claimed { token, until });
        }
    }

    /// Somebody has delivered what there was.
    pub(super) fn settle_push(&mut self, settlement: &Settlement) -> Result<(), Refusal> {
        let Settlement { token, epoch, through, next } = settlement;
        if self.head.pushed_until(token).is_none() {
            return Err(Refusal::StaleLease);
        }
        let position = self.head.position;
        let now = self.stamp.now;
        let pushes = self.head.pushes.as_mut().ok_or(Refusal::NothingToPush)?;
        if pushes.epoch != *epoch || position != *through {
            return Err(Refusal::News);
        }
        if pushes.configs.is_empty() {
            self.head.pushes = None;
            return Ok(());
        }
        pushes.mark =
            next.map(|next| if next <= now { Mark::Open } else { Mark::Waiting { until: next } });
        let later = next.filter(|next| *next > now);
        if let Some(at) = later.filter(|at| pushes.signaled != Some(*at)) {
            pushes.signaled = Some(at);
            self.effects.push(Effect::Signal { at });
        }
        Ok(())
    }

    /// Sets the mark if there is news, and the due time as both the task and its pushes need it.
    pub(super) fn mark_pushes(&mut self) {
        let now = self.stamp.now;
        let news = self.registered || self.entries.iter().any(is_news);
        let pusher = self.stamp.pusher.clone();
        let held = self.head.holds_pushes(now).is_some();
        // Whoever has the mark will see the news, and a new task's waits for its runner.
        let theirs = match self.head.mark() {
            Some(Mark::Claimed { token, until }) => {
                let is_own = pusher.as_ref().is_some_and(|own| own.is_of_same_holder(token));
                *until > now && !is_own
            }
            _ => false,
        };
        match pusher {
            Some(token) if !theirs && !held && (news || self.head.has_free_push(now)) => {
                self.take_mark(token);
            }
            None if news && !theirs && !held && !self.is_new => self.leave_mark(),
            _ => {}
        }
        self.look_for_pushes();
    }

    /// Leaves what there is to be sent to somebody who is yet to come.
    pub(super) fn leave_mark(&mut self) {
        match &mut self.head.pushes {
            // The last config was deleted, and whoever was delivering died.
            Some(pushes) if pushes.configs.is_empty() => self.head.pushes = None,
            Some(pushes) => pushes.mark = Some(Mark::Open),
            None => {}
        }
    }

    /// An index is written when its key changes: a look that is due before this one is needed, and
    /// still to come, will do. A task that rests is due for nothing else.
    fn look_for_pushes(&mut self) {
        let now = self.stamp.now;
        let needed = self
            .head
            .mark()
            .map(|mark| mark.free_from(now).max(now).saturating_add(self.stamp.signal_grace));
        let due = if self.head.rests() { None } else { self.head.due };
        self.head.due = match (due, needed) {
            (None, Some(needed)) => {
                let stands = self.due_before.filter(|due| *due > now && *due <= needed);
                stands.or(Some(needed))
            }
            (Some(due), Some(needed)) => Some(due.min(needed)),
            (due, None) => due,
        };
    }
}
