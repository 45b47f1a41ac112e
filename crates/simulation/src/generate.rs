//! Generates plans from a seed.

mod ages;
mod configs;
mod conversations;
mod pushes;
mod slow;
mod steps;

use crate::op::{Action, How, Op, Sending, Who};
use crate::plan::{Faults, Plan, Settings};
use a2a_lambda_testing::Random;

/// The subject of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    /// A mixture of everything.
    Mixed,
    /// Late runners, and others that take over from them.
    Duel,
    /// Many clients on one task.
    Crowd,
    /// A world without faults.
    Calm,
}

/// The plan of a seed.
pub fn generate(seed: u64) -> Plan {
    let mut rng = Random::derive(seed, "plan");
    let theme = rng.pick(&[
        Theme::Mixed,
        Theme::Mixed,
        Theme::Mixed,
        Theme::Duel,
        Theme::Crowd,
        Theme::Calm,
    ]);
    let ops = rng.pick(&[4, 12, 24, 48]);
    let settings = settings(&mut rng, theme);
    let faults = faults(&mut rng, theme);
    let max_slots = if theme == Theme::Crowd { rng.within(1, 2) } else { 30 };
    let max_slots = u32::try_from(max_slots).unwrap_or(1);
    let mut maker =
        Maker { rng, theme, max_slots, made: Vec::new(), at_ms: 0, slots: 0, ops: Vec::new() };
    for id in 1..=ops {
        maker.add(id);
    }
    pushes::add(seed, &mut maker.ops);
    let mut plan = Plan { seed, settings, faults, ops: maker.ops };
    configs::add(&mut plan);
    slow::replace(&mut plan);
    ages::replace(&mut plan);
    steps::add(&mut plan);
    conversations::add(&mut plan);
    plan.settings.inline = u32::from(Random::derive(seed, "inline").chance(300));
    plan
}

fn settings(rng: &mut Random, theme: Theme) -> Settings {
    let lease_s = rng.pick(&[30, 30, 10]);
    let settings = Settings {
        max_attempts: rng.pick(&[5, 5, 3, 2]),
        lease_s,
        sweep_s: rng.pick(&[60, 60, 20]),
        sweep_batch: rng.pick(&[100, 100, 2]),
        invocation_s: rng.pick(&[900, 900, 60, 15]),
        executors: rng.pick(&[1, 2, 4, 8]),
        receives: rng.pick(&[5, 5, 2]),
        updates_per_commit: rng.pick(&[64, 64, 2]),
        commit_bytes: rng.pick(&[131_072, 131_072, 700]),
        update_buffer: rng.pick(&[64, 64, 1]),
        max_entries: rng.pick(&[10_000, 10_000, 10_000, 20]),
        max_turns: rng.pick(&[10_000, 10_000, 10_000, 4]),
        direct: rng.pick(&[0, 0, 1]),
        // Otherwise most steps of a run would be looks without news.
        tail_poll_ms: rng.pick(&[1_000, 1_000, 1_000, 200]),
        ..Settings::default()
    };
    match theme {
        Theme::Duel => Settings { lease_s: 5, executors: 8, sweep_s: 20, ..settings },
        Theme::Mixed | Theme::Crowd | Theme::Calm => settings,
    }
}

fn faults(rng: &mut Random, theme: Theme) -> Faults {
    let rate = rng.pick(&[3, 3, 10, 10, 30, 60]);
    let mut at_times = |per_mille| if rng.chance(per_mille) { rate } else { 0 };
    let faults = Faults {
        crash_before: at_times(600),
        crash_after: at_times(600),
        refuse: at_times(600),
        lose_answer: at_times(700),
        slow: at_times(600),
        repeat: 3 * at_times(600),
        late: 3 * at_times(600),
        ..Faults::default()
    };
    let faults = Faults {
        slow_ms: rng.pick(&[300, 3_000, 12_000]),
        // Up to 500, clocks differ by at most the policy's `clock_skew`.
        skew_ms: rng.pick(&[0, 0, 50, 500, 5_000, 40_000]),
        step: rng.pick(&[0, 0, 10]),
        ..faults
    };
    match theme {
        Theme::Calm => Faults::default(),
        Theme::Duel => Faults {
            slow: rng.pick(&[30, 60, 120]),
            slow_ms: 12_000,
            repeat: 300,
            late: 500,
            ..faults
        },
        Theme::Mixed | Theme::Crowd => faults,
    }
}

/// A message that was sent under a key, for repetition or misuse.
#[derive(Clone)]
struct Keyed {
    action: Action,
    key: u32,
}

struct Maker {
    rng: Random,
    theme: Theme,
    max_slots: u32,
    made: Vec<Keyed>,
    at_ms: u64,
    slots: u32,
    ops: Vec<Op>,
}

impl Maker {
    fn add(&mut self, id: u32) {
        // Operations come in bursts, because only parallel ones can race.
        self.at_ms += match self.rng.within(0, 9) {
            0..=4 => self.rng.within(0, 60),
            5..=7 => self.rng.within(0, 3_000),
            _ => self.rng.within(0, 30_000),
        };
        let action = self.action(id);
        self.ops.push(Op { id, at_ms: self.at_ms, action });
    }

    fn action(&mut self, id: u32) -> Action {
        if self.slots == 0 {
            return self.send(id);
        }
        let slot = u32::try_from(self.rng.within(1, u64::from(self.slots))).unwrap_or(1);
        match self.rng.within(0, 99) {
            0..=24 if self.slots < self.max_slots => self.send(id),
            0..=49 => self.follow_up(id, slot),
            50..=57 => self.again(),
            58..=67 => Action::Cancel { slot },
            68..=73 => Action::Get { slot },
            74..=78 => Action::LongPoll { slot },
            79..=82 => Action::List { who: self.rng.pick(&Who::ALL) },
            83..=94 => Action::Subscribe { slot },
            _ => Action::Probe { slot },
        }
    }

    fn send(&mut self, id: u32) -> Action {
        self.slots += 1;
        let slot = self.slots;
        let who = self.rng.pick(&[Who::Alice, Who::Alice, Who::Acme]);
        let message = self.message(id);
        let action = Action::Send { slot, who, message };
        self.remember(&action)
    }

    fn follow_up(&mut self, id: u32, slot: u32) -> Action {
        let action = Action::FollowUp { slot, message: self.message(id) };
        self.remember(&action)
    }

    fn remember(&mut self, action: &Action) -> Action {
        if let Action::Send { message, .. } | Action::FollowUp { message, .. } = action
            && let Some(key) = message.key
        {
            self.made.push(Keyed { action: action.clone(), key });
        }
        action.clone()
    }

    /// Repeats a message under its key, or sends another one under it.
    fn again(&mut self) -> Action {
        if self.made.is_empty() {
            return Action::List { who: self.rng.pick(&Who::ALL) };
        }
        let Keyed { mut action, key } = self.rng.pick(&self.made);
        let how = self.how();
        let misused = self.rng.chance(200).then(|| self.script());
        if let Action::Send { message, .. } | Action::FollowUp { message, .. } = &mut action {
            message.how = how;
            message.key = Some(key);
            message.script = misused.unwrap_or_else(|| message.script.clone());
        }
        action
    }

    fn how(&mut self) -> How {
        self.rng.pick(&[How::AtOnce, How::AtOnce, How::Waiting, How::Streaming])
    }

    fn message(&mut self, id: u32) -> Sending {
        let how = self.how();
        let key = self.rng.chance(500).then_some(id);
        Sending { how, key, push: None, talk: None, script: self.script() }
    }

    fn script(&mut self) -> String {
        let mut words: Vec<String> = Vec::new();
        for _ in 0..self.rng.pick(&[1, 1, 1, 2, 3]) {
            self.stretch(&mut words);
            if words.len() > 12 {
                break;
            }
        }
        let end = self.rng.pick(&[
            "complete", "complete", "complete", "complete", "input", "input", "auth", "direct",
            "reject", "fatal",
        ]);
        words.push(end.to_owned());
        words.join(" ")
    }

    /// The words from one end of a turn to the next.
    fn stretch(&mut self, words: &mut Vec<String>) {
        let trouble = match self.rng.within(0, 19) {
            4 => Some(format!("kill{}", self.rng.pick(&[1, 1, 2, 99]))),
            0 => Some(format!("panic{}", self.rng.within(1, 3))),
            1 | 2 => Some(format!("fail{}", self.rng.within(1, 3))),
            3 => Some("fail99".to_owned()),
            _ => None,
        };
        for _ in 0..self.rng.within(0, 4) {
            let word = match self.rng.within(0, 11) {
                0 | 1 => "progress".to_owned(),
                2..=5 => "chunk".to_owned(),
                10 => "big".to_owned(),
                11 => format!("peek{}", self.rng.within(1, u64::from(self.slots.max(1)))),
                6 => "flush".to_owned(),
                7 => format!("sleep{}", self.rng.within(1, 120)),
                8 => format!("sleep{}", self.rng.within(100, 4_000)),
                _ => format!("heed{}", self.rng.pick(&[500, 5_000, 30_000, 70_000])),
            };
            words.push(word);
        }
        let long = if self.theme == Theme::Duel { 600 } else { 40 };
        if self.rng.chance(long) {
            words.push(format!("sleep{}", self.rng.within(10_000, 100_000)));
        }
        words.extend(trouble);
        match self.rng.within(0, 19) {
            0..=2 => words.push(format!("park{}", self.rng.within(0, 20_000))),
            7 => words.push(format!("wait{}", self.rng.pick(&[0, 900, 20_000, 1_300_000]))),
            8 => words.push(format!("expire{}", self.rng.pick(&[900, 20_000, 1_300_000]))),
            3 => words.push(format!("park{}", self.rng.pick(&[120_000, 1_300_000]))),
            4..=6 => words.push("continue".to_owned()),
            _ => {}
        }
    }
}
