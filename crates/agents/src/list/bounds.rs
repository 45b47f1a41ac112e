//! The bounds in an entry of a list: retries of the agent, and the size and duration of its
//! answers.

use std::ops::RangeInclusive;
use std::time::Duration;

use a2a_lambda_core::{Policy, Retries};

use super::json::{Fields, Json, Read, field_at, number, refused};

/// As `MAX_ATTEMPTS`.
const ATTEMPTS: RangeInclusive<u64> = 1..=100;
/// A wait between attempts, and a call: an invocation lasts no longer.
const SECONDS: RangeInclusive<u64> = 1..=900;
/// An answer is in the memory of the function, and its task in the store.
const BYTES: RangeInclusive<u64> = 1_024..=16 * 1_024 * 1_024;

/// The retries of an agent's failed turns. `None` keeps the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OwnRetries {
    attempts: Option<u32>,
    first: Option<Duration>,
    most: Option<Duration>,
}

/// The bounds of an agent's answers. `None` keeps the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    /// The largest answer, in bytes.
    pub(crate) answer_bytes: Option<usize>,
    /// The longest call.
    pub(crate) call: Option<Duration>,
}

impl Limits {
    pub(super) fn read(at: &str, value: Json) -> Read<Self> {
        let mut fields = Fields::of(at, value, &["answerBytes", "callSeconds"])?;
        let bytes = fields.optional("answerBytes", number(BYTES))?;
        let call = fields.optional("callSeconds", number(SECONDS))?;
        Ok(Self {
            answer_bytes: bytes.and_then(|it| usize::try_from(it).ok()),
            call: call.map(Duration::from_secs),
        })
    }
}

impl OwnRetries {
    pub(super) fn read(at: &str, value: Json) -> Read<Self> {
        let mut fields = Fields::of(at, value, &["attempts", "firstSeconds", "mostSeconds"])?;
        let attempts = fields.optional("attempts", number(ATTEMPTS))?;
        let first = fields.optional("firstSeconds", number(SECONDS))?;
        let most = fields.optional("mostSeconds", number(SECONDS))?;
        let longest = most.unwrap_or_else(|| Policy::default().retries().most.as_secs());
        if first.is_some_and(|first| first > longest) {
            let what = format!("it must be at most mostSeconds, which is {longest}");
            return refused(field_at(at, "firstSeconds"), what);
        }
        Ok(Self {
            attempts: attempts.and_then(|it| u32::try_from(it).ok()),
            first: first.map(Duration::from_secs),
            most: most.map(Duration::from_secs),
        })
    }

    /// These retries, where the agent has those by itself.
    pub(crate) fn over(self, own: Retries) -> Retries {
        // One that is given moves the other.
        let first = self.first.or(self.most.map(|most| own.first.min(most))).unwrap_or(own.first);
        let most = self.most.unwrap_or_else(|| own.most.max(first));
        Retries { max_attempts: self.attempts.unwrap_or(own.max_attempts), first, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_leaves_out_is_the_agent_s() {
        let own = Retries {
            max_attempts: 5,
            first: Duration::from_secs(2),
            most: Duration::from_mins(5),
        };
        for (written, expected) in [
            ("{}", (5, 2, 300)),
            (r#"{"attempts": 100}"#, (100, 2, 300)),
            (r#"{"firstSeconds": 300}"#, (5, 300, 300)),
            (r#"{"mostSeconds": 1}"#, (5, 1, 1)),
            (r#"{"attempts": 1, "firstSeconds": 7, "mostSeconds": 7}"#, (1, 7, 7)),
        ] {
            let retries = OwnRetries::read("", serde_json::from_str(written).unwrap()).unwrap();
            let Retries { max_attempts, first, most } = retries.over(own);
            assert_eq!((max_attempts, first.as_secs(), most.as_secs()), expected, "{written}");
        }
    }
}
