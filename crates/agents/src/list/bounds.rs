//! The bounds in an entry of a list: retries of the agent, and the size and duration of its
//! answers.

use std::ops::RangeInclusive;
use std::time::Duration;

use a2a_lambda_core::Retries;
use serde::Deserialize;
use serde_json::Value;

/// As `MAX_ATTEMPTS`.
const ATTEMPTS: RangeInclusive<u64> = 1..=100;
/// A wait between attempts, and a call: an invocation lasts no longer.
const SECONDS: RangeInclusive<u64> = 1..=900;
/// An answer is in the memory of the function, and its task in the store.
const BYTES: RangeInclusive<u64> = 1_024..=16 * 1_024 * 1_024;

/// The retries of an agent's failed turns. `None` keeps the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "WrittenRetries")]
pub(crate) struct OwnRetries {
    attempts: Option<u32>,
    first: Option<Duration>,
    most: Option<Duration>,
}

/// The bounds of an agent's answers. `None` keeps the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "WrittenLimits")]
pub(crate) struct Limits {
    /// The largest answer, in bytes.
    pub(crate) answer_bytes: Option<usize>,
    /// The longest call.
    pub(crate) call: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenRetries {
    attempts: Option<Value>,
    first_seconds: Option<Value>,
    most_seconds: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenLimits {
    answer_bytes: Option<Value>,
    call_seconds: Option<Value>,
}

/// A field that cannot be used.
#[derive(Debug, thiserror::Error)]
enum BadField {
    #[error("{0}: it must be a whole number from {least} to {most}", least = .1.start(), most = .1.end())]
    NoNumber(&'static str, RangeInclusive<u64>),
    #[error("retries.firstSeconds: it must be at most retries.mostSeconds")]
    Order,
}

fn number(
    field: &'static str,
    value: Option<Value>,
    bounds: RangeInclusive<u64>,
) -> Result<Option<u64>, BadField> {
    let Some(value) = value else { return Ok(None) };
    let number = value.as_u64().filter(|number| bounds.contains(number));
    number.map(Some).ok_or(BadField::NoNumber(field, bounds))
}

impl TryFrom<WrittenRetries> for OwnRetries {
    type Error = BadField;

    fn try_from(written: WrittenRetries) -> Result<Self, BadField> {
        let attempts = number("retries.attempts", written.attempts, ATTEMPTS)?;
        let first = number("retries.firstSeconds", written.first_seconds, SECONDS)?;
        let most = number("retries.mostSeconds", written.most_seconds, SECONDS)?;
        if first.zip(most).is_some_and(|(first, most)| first > most) {
            return Err(BadField::Order);
        }
        Ok(Self {
            attempts: attempts.and_then(|it| u32::try_from(it).ok()),
            first: first.map(Duration::from_secs),
            most: most.map(Duration::from_secs),
        })
    }
}

impl TryFrom<WrittenLimits> for Limits {
    type Error = BadField;

    fn try_from(written: WrittenLimits) -> Result<Self, BadField> {
        let bytes = number("limits.answerBytes", written.answer_bytes, BYTES)?;
        let call = number("limits.callSeconds", written.call_seconds, SECONDS)?;
        Ok(Self {
            answer_bytes: bytes.and_then(|it| usize::try_from(it).ok()),
            call: call.map(Duration::from_secs),
        })
    }
}

impl OwnRetries {
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
            (r#"{"firstSeconds": 900}"#, (5, 900, 900)),
            (r#"{"mostSeconds": 1}"#, (5, 1, 1)),
            (r#"{"attempts": 1, "firstSeconds": 7, "mostSeconds": 7}"#, (1, 7, 7)),
        ] {
            let retries: OwnRetries = serde_json::from_str(written).unwrap();
            let Retries { max_attempts, first, most } = retries.over(own);
            assert_eq!((max_attempts, first.as_secs(), most.as_secs()), expected, "{written}");
        }
    }
}
