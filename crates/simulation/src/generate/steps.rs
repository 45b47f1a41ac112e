//! Plans whose agents take durable steps, read their inboxes, and wait for callbacks.

use crate::op::Action;
use crate::plan::Plan;
use a2a_lambda_testing::Random;

/// Gives the agents of three plans in ten steps to take. Other fields stay.
pub(super) fn add(plan: &mut Plan) {
    let mut rng = Random::derive(plan.seed, "steps");
    if !rng.chance(300) || plan.slowest_ms().is_some() {
        return;
    }
    let rate = rng.pick(&[300, 700, 1_000]);
    for op in &mut plan.ops {
        let id = op.id;
        let (Action::Send { message, .. } | Action::FollowUp { message, .. }) = &mut op.action
        else {
            continue;
        };
        // A repetition has the same script, too.
        let of = message.key.unwrap_or(id);
        let name = format!("steps of {of}: {}", message.script);
        let mut rng = Random::derive(plan.seed, &name);
        if rng.chance(rate) {
            message.script = script(&mut rng);
        }
    }
}

fn script(rng: &mut Random) -> String {
    let mut words: Vec<String> = Vec::new();
    for _ in 0..rng.within(1, 7) {
        let word = word(rng);
        words.push(word);
    }
    if rng.chance(500) {
        let place = rng.within(0, words.len() as u64);
        let trouble = trouble(rng);
        words.insert(usize::try_from(place).unwrap_or(0), trouble);
    }
    let end = rng.pick(&[
        "complete", "complete", "complete", "complete", "input", "auth", "continue", "fatal",
    ]);
    words.push(end.to_owned());
    words.join(" ")
}

fn word(rng: &mut Random) -> String {
    let argument = rng.pick(&[1, 1, 2, 3]);
    match rng.within(0, 29) {
        0..=5 => format!("do{argument}"),
        6..=8 => format!("once{argument}"),
        9 => "vary".to_owned(),
        10 | 11 => "oncevary".to_owned(),
        12 => format!("retry{argument}"),
        13 => format!("onceretry{argument}"),
        14 => "refuse".to_owned(),
        15 => format!("show{argument}"),
        16 => format!("both{argument}"),
        17 => format!("nest{argument}"),
        18 => "nestvary".to_owned(),
        19 => "facts".to_owned(),
        20 | 21 => "inbox".to_owned(),
        22 => "glance".to_owned(),
        23 | 24 => "again".to_owned(),
        25 => format!("nap{}", rng.pick(&[500, 5_000, 60_000])),
        26 => format!("slowcall{}", patience(rng)),
        27 => format!("twocall{}", patience(rng)),
        28 => format!("open{}", patience(rng)),
        _ => format!("call{}", patience(rng)),
    }
}

fn patience(rng: &mut Random) -> u64 {
    rng.pick(&[300, 3_000, 30_000, 120_000, 900_000])
}

fn trouble(rng: &mut Random) -> String {
    match rng.within(0, 7) {
        0..=2 => format!("kill{}", rng.within(1, 2)),
        3 => format!("fail{}", rng.within(1, 2)),
        4 => format!("panic{}", rng.within(1, 2)),
        5 => format!("heed{}", rng.pick(&[5_000, 30_000])),
        6 => format!("sleep{}", rng.within(1_000, 40_000)),
        _ => format!("park{}", rng.within(0, 5_000)),
    }
}
