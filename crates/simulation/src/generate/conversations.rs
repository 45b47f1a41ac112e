//! Plans whose tasks are parts of conversations, and whose agents use memory and sessions.

use crate::op::{Action, Who};
use crate::plan::Plan;
use a2a_lambda_testing::Random;

/// Puts the tasks of three plans in ten into conversations. Other owners have conversations of the same
/// names. In a third of these plans, all tasks are of few conversations, do little else than remember, and
/// run at about the same time: only those can race. In half of those, leases are short for slow requests,
/// so that late runners write.
pub(super) fn add(plan: &mut Plan) {
    let mut rng = Random::derive(plan.seed, "conversations");
    if !rng.chance(300) || plan.slowest_ms().is_some() {
        return;
    }
    let is_crowd = rng.chance(333);
    if is_crowd && rng.chance(500) {
        plan.settings.lease_s = 5;
        (plan.faults.slow, plan.faults.slow_ms) = (rng.pick(&[60, 120]), 12_000);
    }
    let rate = if is_crowd { 1_000 } else { rng.pick(&[400, 700, 1_000]) };
    for op in &mut plan.ops {
        if is_crowd {
            op.at_ms /= 20;
        }
        let id = op.id;
        let (who, message) = match &mut op.action {
            Action::Send { who, message, .. } => (Some(who), message),
            Action::FollowUp { message, .. } => (None, message),
            _ => continue,
        };
        // A repetition is of the same conversation, and has the same script.
        let of = message.key.unwrap_or(id);
        let mut rng = Random::derive(plan.seed, &format!("talk of {of}"));
        if let Some(who) = who {
            *who = rng.pick(&[*who, if is_crowd { Who::Alice } else { *who }, Who::Bob]);
            message.talk = Some(if is_crowd { 1 } else { rng.pick(&[1, 2]) });
        }
        let name = format!("words of {of}: {}", message.script);
        let mut rng = Random::derive(plan.seed, &name);
        if rng.chance(rate) {
            message.script =
                if is_crowd { short_script(&mut rng) } else { script(&mut rng, &message.script) };
        }
    }
}

/// Words about memory among those of a script.
fn script(rng: &mut Random, script: &str) -> String {
    let mut words: Vec<String> = script.split(' ').map(str::to_owned).collect();
    for _ in 0..rng.within(1, 5) {
        // Before the end.
        let place = rng.within(0, words.len().saturating_sub(1) as u64);
        let word = word(rng);
        words.insert(usize::try_from(place).unwrap_or(0), word);
    }
    words.join(" ")
}

/// Words about memory, and hardly any others.
fn short_script(rng: &mut Random) -> String {
    let mut words: Vec<String> = (0..rng.within(1, 6)).map(|_| word(rng)).collect();
    let place = usize::try_from(rng.within(0, words.len() as u64)).unwrap_or(0);
    let other = match rng.within(0, 9) {
        0 | 1 => Some(format!("sleep{}", rng.within(100, 9_000))),
        2 => Some(format!("fail{}", rng.within(1, 2))),
        3 => Some("again".to_owned()),
        4 => Some(format!("nap{}", rng.within(500, 9_000))),
        5 => Some("do1".to_owned()),
        _ => None,
    };
    if let Some(other) = other {
        words.insert(place, other);
    }
    words.push(rng.pick(&["complete", "complete", "complete", "input"]).to_owned());
    words.join(" ")
}

fn word(rng: &mut Random) -> String {
    match rng.within(0, 15) {
        0..=2 => format!("note{}", rng.within(1, 3)),
        3 | 4 => "jot".to_owned(),
        5 | 6 => "recall".to_owned(),
        7 => "glimpse".to_owned(),
        8..=12 => "count".to_owned(),
        13 => "set".to_owned(),
        14 => "drop".to_owned(),
        _ => format!("kill{}", rng.within(1, 2)),
    }
}
