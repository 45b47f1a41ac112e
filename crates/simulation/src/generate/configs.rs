//! Plans in which clients create, replace and delete push configs in parallel, and send messages
//! with configs several times.

use a2a_lambda_core::ProtocolVersion;

use crate::op::{Action, How, Op, Registration, Sending, Who};
use crate::plan::Plan;
use crate::receiver::Manner;
use a2a_lambda_testing::Random;

/// The numbers of the added operations begin after this one.
const ADDED: u32 = 2_000;

/// The slots of the added tasks begin after this one.
const SLOTS: u32 = 100_000;

/// Adds operations to a fourth of the plans. Other fields stay.
pub(super) fn add(plan: &mut Plan) {
    let rng = Random::derive(plan.seed, "configs");
    let mut maker = Maker { rng, id: ADDED, added: Vec::new() };
    if !maker.rng.chance(250) {
        return;
    }
    plan.settings.max_configs = maker.rng.pick(&[16, 16, 3, 2]);
    plan.settings.connect_ms = maker.rng.pick(&[0, 100, 300, 900]);
    let sends: Vec<usize> = (0..plan.ops.len())
        .filter(|place| {
            matches!(plan.ops[*place].action, Action::Send { .. } | Action::FollowUp { .. })
        })
        .collect();
    for _ in 0..maker.rng.within(1, 3) {
        let place = maker.rng.pick(&sends);
        match maker.rng.within(0, 2) {
            0 => maker.copies(&mut plan.ops[place]),
            1 => maker.burst(&plan.ops[place]),
            _ => maker.deletes(&plan.ops[place]),
        }
    }
    plan.ops.append(&mut maker.added);
}

struct Maker {
    rng: Random,
    id: u32,
    added: Vec<Op>,
}

fn message(op: &mut Op) -> Option<&mut Sending> {
    match &mut op.action {
        Action::Send { message, .. } | Action::FollowUp { message, .. } => Some(message),
        _ => None,
    }
}

impl Maker {
    fn push(&mut self, op: &Op, after_ms: u64, action: Action) {
        self.id += 1;
        self.added.push(Op { id: self.id, at_ms: op.at_ms + after_ms, action });
    }

    fn registration(&mut self, ids: u64) -> Registration {
        let number = u32::try_from(self.rng.within(0, ids)).unwrap_or(0);
        Registration {
            id: Some(number).filter(|number| *number > 0),
            manner: self.rng.pick(&[Manner::Well, Manner::Well, Manner::Flaky, Manner::Dead]),
            version: ProtocolVersion::V1_0,
        }
    }

    /// Several parallel copies of a message: with or without its key, with the same config, another
    /// or none, and sometimes with other content.
    fn copies(&mut self, op: &mut Op) {
        let (own, key) = (self.registration(2), self.rng.chance(700).then_some(op.id));
        let Some(message) = message(op) else { return };
        message.push = message.push.or(Some(own));
        message.key = message.key.or(key);
        for _ in 0..self.rng.within(1, 4) {
            let mut copy = op.clone();
            let other = self.registration(2);
            let (what, after_ms) = (self.rng.within(0, 9), self.rng.within(0, 12));
            let how = self.rng.pick(&[How::AtOnce, How::AtOnce, How::Waiting]);
            if let Some(message) = self::message(&mut copy) {
                message.how = how;
                match what {
                    0..=3 => {}
                    4..=5 => message.push = Some(other),
                    6 => message.push = None,
                    _ => "chunk complete".clone_into(&mut message.script),
                }
            }
            self.push(op, after_ms, copy.action);
        }
    }

    fn slot(op: &Op) -> u32 {
        match &op.action {
            Action::Send { slot, .. } | Action::FollowUp { slot, .. } => *slot,
            _ => 0,
        }
    }

    /// Creates many configs in parallel, some of them under one id.
    fn burst(&mut self, op: &Op) {
        let (slot, from_ms) = (Self::slot(op), self.rng.within(20, 400));
        let count = self.rng.pick(&[4, 8, 24]);
        for _ in 0..count {
            let (push, after_ms) = (self.registration(20), self.rng.within(0, 30));
            self.push(op, from_ms + after_ms, Action::Register { slot, push });
        }
        for _ in 0..self.rng.within(1, 3) {
            let after_ms = self.rng.within(0, 400);
            self.push(op, from_ms + after_ms, Action::Configs { slot });
        }
    }

    /// Deletes or replaces a config while its new task has many pushes left.
    fn deletes(&mut self, op: &Op) {
        let own = self.registration(2);
        let (slot, id) = (SLOTS + self.id, own.id);
        // Each commit shows the task to the deliverer beside the agent, so pauses are needed, too.
        let pause_ms = self.rng.pick(&[10, 200, 350, 600]);
        let words = (0..10)
            .map(|_| format!("chunk flush sleep{}", self.rng.within(pause_ms / 2, pause_ms)))
            .collect::<Vec<_>>();
        let script = format!("{} complete", words.join(" "));
        let message = Sending { how: How::AtOnce, key: None, push: Some(own), talk: None, script };
        self.push(op, 0, Action::Send { slot, who: Who::Alice, message });
        for _ in 0..self.rng.within(2, 6) {
            let after_ms = self.rng.within(20, 10 * pause_ms);
            let push = Registration { id, ..self.registration(2) };
            let action = if self.rng.chance(700) {
                Action::Unregister { slot, id }
            } else {
                Action::Register { slot, push }
            };
            self.push(op, after_ms, action);
        }
    }
}
