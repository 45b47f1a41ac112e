//! A run's events: counted, hashed and, on request, written down.

use std::fmt;
use std::time::Duration;

/// The counts of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that actors made to the world.
    pub steps: u64,
    /// Faults of these requests.
    pub faults: u64,
    /// Pushes that receivers got.
    pub pushes: u64,
    /// Pushes that receivers got again.
    pub repeats: u64,
    /// Effects that the steps of agents had.
    pub effects: u64,
    /// Answers to callbacks that were accepted for the first time.
    pub answers: u64,
    /// Entries of memory that were stored.
    pub appends: u64,
    /// Session values that were stored.
    pub swaps: u64,
    /// The hash of all events, in order. Equal runs have equal hashes.
    pub hash: u64,
}

/// The record of one run.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) tally: Tally,
    lines: Option<Vec<String>>,
}

impl Journal {
    pub(crate) fn new(keep_lines: bool) -> Self {
        let tally = Tally { hash: 0xcbf2_9ce4_8422_2325, ..Tally::default() };
        Self { tally, lines: keep_lines.then(Vec::new) }
    }

    /// Records an event. `what` is hashed; `more` is for readers only.
    pub(crate) fn note(&mut self, at: Duration, who: &str, what: &str, more: impl fmt::Display) {
        let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let bytes = who.bytes().chain(what.bytes()).chain(millis.to_le_bytes());
        self.tally.hash = bytes.fold(self.tally.hash, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        if let Some(lines) = &mut self.lines {
            let seconds = at.as_secs_f64();
            lines.push(format!("{seconds:>9.3} {who:<16} {what} {more}").trim_end().to_owned());
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
