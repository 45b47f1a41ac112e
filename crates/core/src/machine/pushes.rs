//! The commands' effects on pushes: see [`push::mark`](crate::push::mark).

use a2a_lambda_protocol::Timestamp;

use super::draft::Draft;
use super::refusal::Refusal;
use crate::head::Head;
use crate::ids::{ClaimToken, ConfigId, Registration};
use crate::push::mark::{FirstPush, Mark, NewPush, Pushes, Settlement};

impl Head {
    /// The time until which receivers must not learn of the task: its agent may answer with a
    /// direct message.
    fn holds_pushes(&self, now: Timestamp) -> Option<Timestamp> {
        let held = self.pushes.as_ref().and_then(|pushes| pushes.held_until);
        held.filter(|until| *until > now && !self.is_decided())
    }
}

impl Draft<'_> {
    /// Names the first config of a new task, and sets its mark.
    pub(super) fn first_mark(&mut self, first: FirstPush) {
        // Its runner may have nothing to commit by then.
        self.signals.extend(first.held_until);
        self.head.pushes = Some(Pushes::first(first, self.head.revision.0, self.stamp.now));
        self.head.has_leftovers = self.stamp.retention.is_some();
    }

    pub(super) fn register(&mut self, push: NewPush) -> Result<(), Refusal> {
        let pushes = self.head.pushes.get_or_insert_with(Pushes::none);
        pushes.register(push, self.head.revision.0)?;
        self.head.has_leftovers |= self.stamp.retention.is_some();
        self.registered = true;
        Ok(())
    }

    pub(super) fn unregister(&mut self, id: &ConfigId) -> Result<(), Refusal> {
        let may_be_pushed_now = self.head.may_be_pushed_now();
        let pushes = self.head.pushes.as_mut().ok_or(Refusal::NoSuchConfig)?;
        pushes.unregister(id, self.head.revision.0)?;
        if pushes.configs.is_empty() && !may_be_pushed_now {
            self.head.pushes = None;
        }
        Ok(())
    }

    pub(super) fn push_again(&mut self, registration: &Registration) -> Result<(), Refusal> {
        let pushes = self.head.pushes.as_mut().ok_or(Refusal::NoSuchConfig)?;
        pushes.push_again(registration, self.head.revision.0)?;
        self.registered = true;
        Ok(())
    }

    /// A deliverer claims the mark, or renews its claim.
    pub(super) fn claim_push(&mut self, token: ClaimToken) -> Result<(), Refusal> {
        let now = self.stamp.now;
        let mark = self.head.mark().ok_or(Refusal::NothingToPush)?;
        mark.free(&token, now)?;
        if let Some(at) = self.head.holds_pushes(now) {
            return Err(Refusal::NotBefore { at });
        }
        self.take_mark(token);
        Ok(())
    }

    fn take_mark(&mut self, token: ClaimToken) {
        let until = self.stamp.now.saturating_add(self.stamp.push_claim);
        if let Some(pushes) = &mut self.head.pushes {
            pushes.take(token, until, self.head.revision.0);
        }
    }

    /// A deliverer has sent everything, or all that it can send for now.
    pub(super) fn settle_push(&mut self, settlement: &Settlement) -> Result<(), Refusal> {
        if self.head.pushed_until(&settlement.token).is_none() {
            return Err(Refusal::StaleLease);
        }
        let pushes = self.head.pushes.as_mut().ok_or(Refusal::NothingToPush)?;
        let signal = pushes.settle(settlement, self.head.position, self.stamp.now)?;
        if pushes.configs.is_empty() {
            self.head.pushes = None;
        } else {
            self.signals.extend(signal);
        }
        Ok(())
    }

    /// Sets the mark if there is news.
    pub(super) fn mark_pushes(&mut self) {
        let now = self.stamp.now;
        let news = self.registered || self.entries.iter().any(|entry| entry.event.is_streamed());
        let pusher = self.stamp.pusher.clone();
        let held = self.head.holds_pushes(now).is_some();
        // The deliverer that has the mark reads the news. The mark of a new task waits for its runner.
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
    }

    /// Opens the mark, for any deliverer.
    pub(super) fn leave_mark(&mut self) {
        match &mut self.head.pushes {
            // The last config was deleted, and its deliverer died.
            Some(pushes) if pushes.configs.is_empty() => self.head.pushes = None,
            Some(pushes) => pushes.mark = Some(Mark::Open),
            None => {}
        }
    }
}
