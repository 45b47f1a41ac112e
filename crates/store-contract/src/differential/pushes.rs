//! Operations on the pending-push mark.

use std::time::Duration;

use a2a_lambda_core::machine::{Command, FirstPush, NewPush, Settlement, Stamp};
use a2a_lambda_core::push::Mark;
use a2a_lambda_core::{ClaimToken, Head, Position, Registration};

use super::Duel;
use crate::configs::config_id;

/// The ids of the configs of a task: one more than it may have.
const IDS: [&str; 4] = ["a", "b", "c", "é"];

impl Duel<'_> {
    pub(super) fn first_push(&mut self) -> Option<FirstPush> {
        let held = self.now().saturating_add(Duration::from_millis(self.rng.below(20_000)));
        let held_until = self.rng.percent(50).then_some(held);
        let registration = self.registration();
        self.rng.percent(50).then_some(FirstPush { registration, held_until })
    }

    /// A registration of one of a task's few configs.
    fn registration(&mut self) -> Registration {
        let id = self.rng.pick(&IDS);
        Registration::new(&config_id(id), &self.fresh())
    }

    /// Sometimes a config that is created or replaced.
    pub(super) fn new_push(&mut self, percent: u64) -> Option<NewPush> {
        let registration = self.registration();
        self.rng.percent(percent).then_some(NewPush { registration, most: 3 })
    }

    /// The stamp of a command that may come from the deliverer of its entries.
    pub(super) fn stamp_of(&mut self, head: &Head) -> Stamp {
        let pusher = self.rng.percent(30).then(|| self.pusher(head));
        Stamp { pusher, ..self.stamp() }
    }

    /// The mark's holder, or another deliverer.
    fn pusher(&mut self, head: &Head) -> ClaimToken {
        match head.mark() {
            Some(Mark::Claimed { token, .. }) if self.rng.percent(70) => token.clone(),
            _ => ClaimToken::new(self.fresh()),
        }
    }

    /// Sometimes a command about pushes, mostly one that the task allows.
    pub(super) fn push_command(&mut self, head: &Head) -> Option<Command> {
        if !self.rng.percent(if head.is_terminal() { 60 } else { 25 }) {
            return None;
        }
        let Some(pushes) = head.pushes.as_ref().filter(|_| self.rng.percent(85)) else {
            return self.new_push(100).map(Command::RegisterPush);
        };
        if self.rng.percent(10) {
            return Some(Command::UnregisterPush { id: config_id(self.rng.pick(&IDS)) });
        }
        let is_claimed = matches!(pushes.mark, Some(Mark::Claimed { .. }));
        let token = self.pusher(head);
        if !is_claimed || self.rng.percent(30) {
            return Some(Command::ClaimPush { token });
        }
        let wait = Duration::from_millis(self.rng.below(3) * self.rng.below(50_000));
        let next = self.rng.percent(60).then(|| self.now().saturating_add(wait));
        let behind = u64::from(self.rng.percent(10));
        let (epoch, through) = (pushes.epoch, Position(head.position.0 - behind));
        Some(Command::SettlePush(Settlement { token, epoch, through, next }))
    }
}
