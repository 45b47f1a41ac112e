//! Plans in which time passes and tasks expire: clients reuse keys, and operators delete.

use a2a_lambda_core::ProtocolVersion;

use crate::op::{Action, How, Op, Registration, Sending, Who};
use crate::plan::{Plan, Settings};
use crate::receiver::Manner;
use a2a_lambda_testing::Random;

/// Replaces every tenth plan. The plan's faults stay.
pub(super) fn replace(plan: &mut Plan) {
    let mut rng = Random::derive(plan.seed, "ages");
    if !rng.chance(100) {
        return;
    }
    let kept_s = rng.pick(&[60, 120, 300]);
    plan.settings = Settings {
        kept_s,
        waits_s: rng.pick(&[0, 60, 200, 400]),
        connect_ms: 0,
        max_entries: Settings::default().max_entries,
        max_turns: Settings::default().max_turns,
        ..plan.settings
    };
    let mut maker = Maker { rng, kept_ms: u64::from(kept_s) * 1_000, ops: Vec::new() };
    for slot in 1..=maker.number(1, 4) {
        if maker.rng.chance(500) { maker.slot(slot) } else { maker.race(slot) }
    }
    maker.ops.sort_by_key(|op| op.at_ms);
    plan.ops = maker.ops;
}

struct Maker {
    rng: Random,
    kept_ms: u64,
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

    fn registration(&mut self) -> Registration {
        let version = self.rng.pick(&[ProtocolVersion::V1_0, ProtocolVersion::V0_3]);
        let manner = self.rng.pick(&[Manner::Well, Manner::Well, Manner::Flaky, Manner::Dead]);
        Registration { id: self.rng.pick(&[None, Some(1), Some(2)]), manner, version }
    }

    fn script(&mut self) -> String {
        let script = self.rng.pick(&[
            "complete",
            "chunk complete",
            "chunk big flush complete",
            "progress chunk flush chunk sleep2000 complete",
            "input complete",
            "chunk input chunk complete",
            "auth",
            "big input",
            "fail1 chunk complete",
            "reject",
            "sleep40000 complete",
        ]);
        script.to_owned()
    }

    fn sending(&mut self, key: Option<u32>) -> Sending {
        let how = self.rng.pick(&[How::AtOnce, How::AtOnce, How::Waiting, How::Streaming]);
        let push = self.rng.chance(300).then(|| self.registration());
        Sending { how, key, push, talk: None, script: self.script() }
    }

    /// One id with several lives.
    fn slot(&mut self, slot: u32) {
        let who = self.rng.pick(&[Who::Alice, Who::Acme]);
        let key = Some(slot);
        let mut at_ms = self.rng.within(0, 5_000);
        let first = self.sending(key);
        for life in 0..self.rng.within(1, 3) {
            let again = if self.rng.chance(500) { first.clone() } else { self.sending(key) };
            let message = if life == 0 { first.clone() } else { again };
            self.add(at_ms, Action::Send { slot, who, message });
            let span = self.kept_ms + 40_000;
            for _ in 0..self.rng.within(2, 8) {
                let at = at_ms + self.rng.within(0, span);
                let action = self.action(slot, who);
                self.add(at, action);
            }
            // Near its expiry, a little later, or right after its deletion.
            at_ms += match self.rng.within(0, 5) {
                0 => {
                    let at = at_ms + self.rng.within(0, self.kept_ms);
                    self.add(at, Action::Delete { slot });
                    at - at_ms + self.rng.within(0, 3_000)
                }
                1..=3 => self.kept_ms + self.rng.within(0, 20_000),
                _ => self.kept_ms + self.rng.within(20_000, 400_000),
            };
        }
    }

    /// Reuses an id while operators delete its tasks and runners work on them.
    fn race(&mut self, slot: u32) {
        let who = self.rng.pick(&[Who::Alice, Who::Acme]);
        let mut at_ms = self.rng.within(0, 5_000);
        let mut message = self.sending(Some(slot));
        for _ in 0..self.rng.within(2, 6) {
            message.script =
                "chunk flush sleep100 chunk flush sleep100 chunk flush complete".into();
            message.push = self.rng.chance(700).then(|| self.registration());
            self.add(at_ms, Action::Send { slot, who, message: message.clone() });
            // A task that is older than a minute is purged at once.
            let is_old = self.rng.chance(500);
            at_ms += if is_old { 60_000 } else { 0 } + self.rng.within(20, 1_000);
            self.add(at_ms, Action::Delete { slot });
            for _ in 0..self.rng.within(0, 4) {
                let at = at_ms + self.rng.within(0, 400);
                let action = self.rng.pick(&[Action::Get { slot }, Action::List { who }]);
                self.add(at, action);
            }
            at_ms += self.rng.within(0, if is_old { 20 } else { 60 });
        }
    }

    fn action(&mut self, slot: u32, who: Who) -> Action {
        match self.rng.within(0, 19) {
            0..=3 => Action::Get { slot },
            4..=6 => Action::List { who },
            7 | 8 => Action::LongPoll { slot },
            9..=11 => Action::Subscribe { slot },
            12 | 13 => Action::FollowUp { slot, message: self.sending(None) },
            14 => Action::Cancel { slot },
            15 | 16 => Action::Register { slot, push: self.registration() },
            17 => Action::Configs { slot },
            18 => Action::Unregister { slot, id: self.rng.pick(&[None, Some(1), Some(2)]) },
            _ => Action::Probe { slot },
        }
    }
}
