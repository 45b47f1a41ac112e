//! Plans with pushes.

use a2a_lambda_core::ProtocolVersion;

use crate::op::{Action, Op, Registration};
use crate::receiver::Manner;
use a2a_lambda_testing::Random;

/// The numbers of the added operations begin after this one.
const ADDED: u32 = 1_000;

/// Adds push configs to a third of the plans. Other fields stay.
pub(super) fn add(seed: u64, ops: &mut Vec<Op>) {
    let mut rng = Random::derive(seed, "pushes");
    if !rng.chance(333) {
        return;
    }
    let manners = manners(&mut rng);
    let slots = ops.iter().filter(|op| matches!(op.action, Action::Send { .. })).count();
    let slots = u64::try_from(slots).unwrap_or(1).max(1);
    for op in &mut *ops {
        let (message, rate) = match &mut op.action {
            Action::Send { message, .. } => (message, 500),
            Action::FollowUp { message, .. } => (message, 150),
            _ => continue,
        };
        let push = registration(&mut rng, &manners);
        message.push = rng.chance(rate).then_some(push);
    }
    let count = rng.within(1, 3 + u64::try_from(ops.len() / 3).unwrap_or(0));
    let count = u32::try_from(count).unwrap_or(1);
    for id in ADDED + 1..=ADDED + count {
        let beside = rng.pick(ops);
        let after_ms = match rng.within(0, 9) {
            0..=4 => rng.within(0, 100),
            5..=7 => rng.within(0, 4_000),
            _ => rng.within(0, 120_000),
        };
        let slot = match &beside.action {
            Action::Send { slot, .. }
            | Action::FollowUp { slot, .. }
            | Action::Cancel { slot }
            | Action::Register { slot, .. } => *slot,
            _ => u32::try_from(rng.within(1, slots)).unwrap_or(1),
        };
        let push = registration(&mut rng, &manners);
        let action = if rng.chance(800) {
            Action::Register { slot, push }
        } else {
            Action::Unregister { slot, id: push.id }
        };
        ops.push(Op { id, at_ms: beside.at_ms + after_ms, action });
    }
}

/// The behaviour of a plan's receivers.
fn manners(rng: &mut Random) -> Vec<Manner> {
    let all = [
        Manner::Well,
        Manner::Well,
        Manner::Flaky,
        Manner::Flaky,
        Manner::Flaky,
        Manner::Flaky,
        Manner::Busy,
        Manner::Hours,
        Manner::Weekend,
        Manner::Dead,
        Manner::Gone,
    ];
    (0..rng.within(1, 3)).map(|_| rng.pick(&all)).collect()
}

fn registration(rng: &mut Random, manners: &[Manner]) -> Registration {
    Registration {
        id: rng.pick(&[None, None, Some(1), Some(2), Some(3)]),
        manner: rng.pick(manners),
        version: rng.pick(&[ProtocolVersion::V1_0, ProtocolVersion::V1_0, ProtocolVersion::V0_3]),
    }
}
