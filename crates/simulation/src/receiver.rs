//! The receivers of pushes, and their behaviour.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use a2a_lambda_core::Answer;

use crate::ground::lock;
use a2a_lambda_testing::Random;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600 * SECOND_MS;

/// The behaviour of a receiver. The receiver's URL, and so the plan, contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It acknowledges every push.
    Well,
    /// Until the world heals, it fails as receivers do: errors, redirects, silence.
    Flaky,
    /// For some hours it asks to be left alone.
    Busy,
    /// It is down for some hours.
    Hours,
    /// It is down for a weekend.
    Weekend,
    /// It never acknowledges anything.
    Dead,
    /// After a few pushes it refuses all further ones.
    Gone,
}

impl Manner {
    pub(crate) const NAMES: [(&'static str, Self); 7] = [
        ("well", Self::Well),
        ("flaky", Self::Flaky),
        ("busy", Self::Busy),
        ("hours", Self::Hours),
        ("weekend", Self::Weekend),
        ("dead", Self::Dead),
        ("gone", Self::Gone),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(of, _)| *of == name).map(|(_, manner)| *manner)
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, of)| *of == self).map_or("", |(name, _)| name)
    }

    /// The URL of a receiver of this kind. Each request for a config has its own URL.
    pub(crate) fn url(self, name: &str) -> String {
        format!("https://{self}.test/{name}")
    }

    fn of_url(url: &str) -> Option<Self> {
        Self::named(url.strip_prefix("https://")?.split_once('.')?.0)
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A receiver's reaction to a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// It gets the push and answers.
    Answers(Answer),
    /// It gets the push and does not answer.
    Hangs,
    /// It closes the connection before it answers. It may have the push.
    Closes {
        /// Whether it has the push.
        has_it: bool,
    },
    /// It does not get the push.
    Unreachable,
    /// The sender sends nothing, because the name resolves to an address that is not public.
    Refused,
}

fn status(status: u16) -> Does {
    Does::Answers(Answer { status, retry_after: None })
}

fn leave_alone(seconds: u64) -> Does {
    Does::Answers(Answer { status: 429, retry_after: Some(Duration::from_secs(seconds)) })
}

/// The reaction of a receiver that is down: an error, or silence.
fn down(rng: &mut Random) -> Does {
    match rng.within(0, 9) {
        0..=5 => Does::Unreachable,
        6 => Does::Hangs,
        _ => status(503),
    }
}

/// Any reaction but an acknowledgement.
fn trouble(rng: &mut Random) -> Does {
    match rng.within(0, 12) {
        0..=2 => status(rng.pick(&[500, 502, 503])),
        3 => status(rng.pick(&[301, 302, 307, 308])),
        4 => status(rng.pick(&[400, 401, 404])),
        5 | 6 => leave_alone(rng.pick(&[0, 1, 30, 1_200])),
        7 => Does::Hangs,
        8 => Does::Unreachable,
        9 => Does::Refused,
        _ => Does::Closes { has_it: rng.chance(500) },
    }
}

#[derive(Debug)]
struct Receiver {
    manner: Manner,
    rng: Random,
    posts: u64,
    /// When it goes down and comes up again, in milliseconds of the run.
    down_ms: (u64, u64),
    /// How many pushes it accepts.
    patience: u64,
}

impl Receiver {
    fn new(seed: u64, url: &str) -> Self {
        let mut rng = Random::derive(seed, url);
        let manner = Manner::of_url(url).unwrap_or(Manner::Dead);
        let from_ms = rng.within(0, 60 * SECOND_MS);
        let lasts_ms = match manner {
            Manner::Weekend => rng.within(58 * HOUR_MS, 66 * HOUR_MS),
            _ => rng.within(HOUR_MS / 4, 8 * HOUR_MS),
        };
        let patience = rng.within(0, 4);
        Self { manner, rng, posts: 0, down_ms: (from_ms, from_ms + lasts_ms), patience }
    }

    fn next(&mut self, now_ms: u64, has_healed: bool) -> Does {
        self.posts += 1;
        let rng = &mut self.rng;
        let is_down = self.down_ms.0 <= now_ms && now_ms < self.down_ms.1;
        let well = status(rng.pick(&[200, 200, 201, 202, 204]));
        match self.manner {
            Manner::Flaky if !has_healed && rng.chance(450) => trouble(rng),
            Manner::Busy if is_down => leave_alone(rng.pick(&[60, 3_600, 200_000])),
            Manner::Hours | Manner::Weekend if is_down => down(rng),
            Manner::Dead if rng.chance(500) => down(rng),
            Manner::Dead => trouble(rng),
            Manner::Gone if self.posts > self.patience => status(410),
            _ => well,
        }
    }
}

/// All receivers, by their URLs.
#[derive(Debug, Default)]
pub(crate) struct Receivers(Mutex<BTreeMap<String, Receiver>>);

impl Receivers {
    /// The reaction of the receiver at a URL to a push now.
    pub(crate) fn next(&self, seed: u64, url: &str, now_ms: u64, has_healed: bool) -> Does {
        let mut receivers = lock(&self.0);
        let new = || Receiver::new(seed, url);
        receivers.entry(url.to_owned()).or_insert_with(new).next(now_ms, has_healed)
    }
}
