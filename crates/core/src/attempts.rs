//! The newest attempts at a task: a short ring in its head, for those who look.
//!
//! Nothing is decided by it. The machine writes it with the commits that are made anyway: a claim
//! begins an attempt, and the commit that gives the lease up, or takes it away, ends it. A task that
//! is stored in a format before 4 has none.

use std::fmt;

use a2a_lambda_protocol::Timestamp;
use serde::{Serialize, Serializer};

/// How many attempts a head keeps. An earlier one is forgotten.
pub const KEPT_ATTEMPTS: usize = 8;

/// The longest name of a runner, in bytes.
pub const RUNNER_NAME_BYTES: usize = 8;

/// The process that makes an attempt: the end of the name of its log, or something else that tells
/// it apart. At most [`RUNNER_NAME_BYTES`] ASCII letters and digits.
///
/// It is no secret, and nothing can be done with it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RunnerName([u8; RUNNER_NAME_BYTES]);

impl RunnerName {
    /// The last letters and digits of a longer name.
    pub fn of(long: &str) -> Self {
        let mut name = Self::default();
        let kept = long.bytes().rev().filter(u8::is_ascii_alphanumeric).take(RUNNER_NAME_BYTES);
        let length = kept.clone().count();
        for (place, byte) in name.0[..length].iter_mut().rev().zip(kept) {
            *place = byte;
        }
        name
    }

    /// Reads a name back; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let name = Self::of(text);
        (name.as_str() == text).then_some(name)
    }

    /// The name. It is empty for a process that runs no agents.
    pub fn as_str(&self) -> &str {
        let text = std::str::from_utf8(&self.0).unwrap_or_default();
        text.trim_end_matches('\0')
    }
}

impl fmt::Debug for RunnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for RunnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for RunnerName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

/// One try at a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The number of the turn, from 1.
    pub turn: u32,
    /// The number of the try at it, from 1.
    pub attempt: u32,
    /// When the runner claimed the task.
    pub began: Timestamp,
    /// The runner.
    pub runner: RunnerName,
    /// The end of the attempt; `None` if it is under way.
    pub end: Option<AttemptEnd>,
}

/// The end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptEnd {
    /// When. For a runner that died, the end of its lease.
    pub at: Timestamp,
    /// How.
    pub outcome: AttemptOutcome,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The task is over, or waits for its user.
    Settled,
    /// The turn was committed, and another one follows by itself.
    Continued,
    /// The turn was committed, and the task waits for the answer to a callback.
    Suspended,
    /// The invocation ended before the agent did.
    OutOfTime,
    /// The runner left the task to another invocation: the time of its sender was over, it had too
    /// little time itself, or no agent serves the tenant.
    HandedOver,
    /// The agent failed.
    Failed,
    /// The task was canceled meanwhile.
    Canceled,
    /// The lease ended without a word of the runner: its process died.
    Died,
}

impl AttemptOutcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Settled,
        Self::Continued,
        Self::Suspended,
        Self::OutOfTime,
        Self::HandedOver,
        Self::Failed,
        Self::Canceled,
        Self::Died,
    ];

    /// The outcome's name, for those who look.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Continued => "continued",
            Self::Suspended => "suspended",
            Self::OutOfTime => "out-of-time",
            Self::HandedOver => "handed-over",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Died => "died",
        }
    }
}

/// The newest attempts at a task, the oldest first: at most [`KEPT_ATTEMPTS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts(Vec<AttemptRecord>);

impl Attempts {
    /// Attempts that were read back, the oldest first. Only the newest are kept.
    pub fn of(mut records: Vec<AttemptRecord>) -> Self {
        let over = records.len().saturating_sub(KEPT_ATTEMPTS);
        records.drain(..over);
        Self(records)
    }

    /// The attempts, the oldest first.
    pub fn records(&self) -> &[AttemptRecord] {
        &self.0
    }

    /// Whether nothing is known of any attempt.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attempt that is under way, as far as is known.
    pub fn under_way(&self) -> Option<&AttemptRecord> {
        self.0.last().filter(|newest| newest.end.is_none())
    }

    /// An attempt begins.
    pub(crate) fn begin(&mut self, record: AttemptRecord) {
        let over = (self.0.len() + 1).saturating_sub(KEPT_ATTEMPTS);
        self.0.drain(..over);
        self.0.push(record);
    }

    /// The attempt that is under way ends, if there is one. Returns its runner.
    pub(crate) fn end(&mut self, at: Timestamp, outcome: AttemptOutcome) -> Option<RunnerName> {
        let newest = self.0.last_mut().filter(|newest| newest.end.is_none())?;
        newest.end = Some(AttemptEnd { at, outcome });
        Some(newest.runner)
    }

    /// Nothing is known of any attempt from now on.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_has_the_end_of_a_longer_name() {
        for (long, name) in [
            ("2026/11/27/[$LATEST]0123456789abcdef0123456789abcDEF", "89abcDEF"),
            ("ab/1", "ab1"),
            ("process-12", "rocess12"),
            ("1234567890", "34567890"),
            ("ü✓/", ""),
            ("", ""),
        ] {
            let found = RunnerName::of(long);
            assert_eq!(found.as_str(), name, "{long}");
            assert_eq!(RunnerName::parse(name), Some(found));
        }
        for text in ["123456789", "a-b", "a\0", " ", "ü"] {
            assert_eq!(RunnerName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_oldest_attempt_is_forgotten() {
        let record = |turn| AttemptRecord {
            turn,
            attempt: 1,
            began: Timestamp::from_millis(i64::from(turn)),
            runner: RunnerName::of("r"),
            end: None,
        };
        let mut ring = Attempts::default();
        assert_eq!(ring.end(Timestamp::MIN, AttemptOutcome::Died), None);
        for turn in 1..=20 {
            ring.begin(record(turn));
            assert_eq!(ring.under_way(), Some(&record(turn)));
            let kept = usize::try_from(turn).unwrap().min(KEPT_ATTEMPTS);
            assert_eq!(ring.records().len(), kept);
            let at = Timestamp::from_millis(100);
            assert_eq!(ring.end(at, AttemptOutcome::Settled), Some(RunnerName::of("r")));
            assert_eq!(ring.end(at, AttemptOutcome::Died), None, "it has ended");
            assert_eq!(ring.under_way(), None);
        }
        let turns: Vec<u32> = ring.records().iter().map(|record| record.turn).collect();
        assert_eq!(turns, (13..=20).collect::<Vec<_>>());
        let many = Attempts::of((1..=20).map(record).collect());
        assert_eq!(many.records().first(), Some(&record(13)));
    }
}
