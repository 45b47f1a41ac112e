//! Plans whose only fault is that requests take longer than a deliverer's view lasts.

use a2a_lambda_core::ProtocolVersion;

use crate::op::{Action, How, Op, Registration, Sending, Who};
use crate::plan::{Faults, Plan, Settings};
use crate::receiver::Manner;
use a2a_lambda_testing::Random;

/// Replaces every sixteenth plan.
pub(super) fn replace(plan: &mut Plan) {
    let mut rng = Random::derive(plan.seed, "slow");
    if !rng.chance(62) {
        return;
    }
    plan.settings = Settings {
        connect_ms: rng.pick(&[0, 900, 2_000]),
        tail_poll_ms: 1_000,
        ..Settings::default()
    };
    plan.faults = Faults::default();
    let by_ms = rng.pick(&[450, 450, 700, 1_000, 2_000, 4_000]);
    let mut maker = Maker { rng, by_ms, ops: Vec::new() };
    for slot in 1..=maker.number(1, 3) {
        maker.task(slot);
    }
    let (at_ms, for_ms) = (maker.rng.within(0, 4_000), maker.rng.within(2_000, 60_000));
    maker.add(at_ms, Action::Slow { by_ms, for_ms });
    plan.ops = maker.ops;
}

struct Maker {
    rng: Random,
    /// How much longer requests take, in milliseconds.
    by_ms: u64,
    ops: Vec<Op>,
}

impl Maker {
    fn number(&mut self, from: u64, to: u64) -> u32 {
        u32::try_from(self.rng.within(from, to)).unwrap_or(1)
    }

    fn add(&mut self, at_ms: u64, action: Action) {
        let id = u32::try_from(self.ops.len() + 1).unwrap_or(u32::MAX);
        self.ops.push(Op { id, at_ms, action });
    }

    fn registration(&mut self, id: Option<u32>) -> Registration {
        let version = self.rng.pick(&[ProtocolVersion::V1_0, ProtocolVersion::V0_3]);
        Registration { id, manner: Manner::Well, version }
    }

    /// A client creates a config, and deletes it while its deliverer has a wide view. No runner
    /// beside the deliverer tells it of the deletion.
    fn deletes(&mut self, slot: u32, id: Option<u32>, at_ms: u64) {
        let mut at_ms = at_ms;
        for _ in 0..self.rng.within(2, 4) {
            at_ms += self.rng.within(3_000, 9_000);
            let push = self.registration(id);
            self.add(at_ms, Action::Register { slot, push });
            // Three requests create the config. Its deliverer reads, claims, and reads again.
            let after_ms = self.rng.within(2 * self.by_ms, 5 * self.by_ms);
            self.add(at_ms + after_ms, Action::Unregister { slot, id });
            at_ms += after_ms;
        }
    }

    /// A task with an update now and then, whose config a client may delete or replace.
    fn task(&mut self, slot: u32) {
        let at_ms = self.rng.within(0, 2_000);
        let id = self.rng.pick(&[None, Some(1)]);
        let push = self.registration(id);
        let pause_ms = self.rng.pick(&[10, 300, 1_500]);
        let words = (0..self.rng.within(1, 12))
            .map(|_| format!("chunk flush sleep{}", self.rng.within(pause_ms / 2, pause_ms)))
            .collect::<Vec<_>>();
        let script = format!("{} complete", words.join(" "));
        let message = Sending { how: How::AtOnce, key: None, push: Some(push), talk: None, script };
        self.add(at_ms, Action::Send { slot, who: Who::Alice, message });
        match self.rng.within(0, 9) {
            0..=2 => return,
            3..=6 => return self.deletes(slot, id, at_ms),
            _ => {}
        }
        for _ in 0..self.rng.within(1, 4) {
            let at_ms = at_ms + self.rng.within(0, 20_000);
            let action = if self.rng.chance(600) {
                Action::Unregister { slot, id }
            } else {
                Action::Register { slot, push: self.registration(id) }
            };
            self.add(at_ms, action);
        }
    }
}
