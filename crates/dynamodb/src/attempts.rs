//! The newest attempts at a task as one short text, because every write of the head pays for it.
//!
//! An attempt is `1.2@52+1530s0a1b2c3d`: turn 1, attempt 2, begun 52 ms after the task was created,
//! settled after 1,530 ms, by the runner `0a1b2c3d`. One that is under way is `1.2@52:0a1b2c3d`.
//! Spaces divide them.

use a2a_lambda_core::attempts::{
    AttemptEnd, AttemptOutcome, AttemptRecord, Attempts, KEPT_ATTEMPTS, RunnerName,
};
use a2a_lambda_protocol::Timestamp;

/// The text of attempts at a task that was created at this time.
pub(crate) fn to_text(attempts: &Attempts, created: Timestamp) -> String {
    let records = attempts.records().iter().map(|record| {
        let AttemptRecord { turn, attempt, began, runner, end } = record;
        let after = began.as_millis().saturating_sub(created.as_millis());
        match end {
            None => format!("{turn}.{attempt}@{after}:{runner}"),
            Some(AttemptEnd { at, outcome }) => {
                let took = at.as_millis().saturating_sub(began.as_millis());
                format!("{turn}.{attempt}@{after}+{took}{}{runner}", letter(*outcome))
            }
        }
    });
    records.collect::<Vec<_>>().join(" ")
}

/// Reads the text back; `None` if it is not one.
pub(crate) fn from_text(text: &str, created: Timestamp) -> Option<Attempts> {
    let records: Option<Vec<_>> = text.split(' ').map(|text| record(text, created)).collect();
    records.filter(|records| records.len() <= KEPT_ATTEMPTS).map(Attempts::of)
}

fn record(text: &str, created: Timestamp) -> Option<AttemptRecord> {
    let (numbers, rest) = text.split_once('@')?;
    let (turn, attempt) = numbers.split_once('.')?;
    let (after, rest) = whole_number(rest)?;
    let began = later(created, after)?;
    let (end, runner) = if let Some(runner) = rest.strip_prefix(':') {
        (None, runner)
    } else {
        let (took, rest) = whole_number(rest.strip_prefix('+')?)?;
        let mut rest = rest.chars();
        let is = rest.next()?;
        let outcome = AttemptOutcome::ALL.into_iter().find(|outcome| letter(*outcome) == is)?;
        (Some(AttemptEnd { at: later(began, took)?, outcome }), rest.as_str())
    };
    let (turn, attempt) = (turn.parse().ok()?, attempt.parse().ok()?);
    Some(AttemptRecord { turn, attempt, began, runner: RunnerName::parse(runner)?, end })
}

/// The number at the begin of a text, which may be negative where clocks differ, and the rest.
fn whole_number(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (number, rest) = text.split_at(text.len() - digits.len() + end);
    Some((number.parse().ok()?, rest))
}

fn later(than: Timestamp, millis: i64) -> Option<Timestamp> {
    than.as_millis().checked_add(millis).map(Timestamp::from_millis)
}

fn letter(outcome: AttemptOutcome) -> char {
    match outcome {
        AttemptOutcome::Settled => 's',
        AttemptOutcome::Continued => 'n',
        AttemptOutcome::Suspended => 'w',
        AttemptOutcome::OutOfTime => 't',
        AttemptOutcome::HandedOver => 'h',
        AttemptOutcome::Failed => 'f',
        AttemptOutcome::Canceled => 'c',
        AttemptOutcome::Died => 'd',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis)
    }

    fn attempt(turn: u32, began: i64, end: Option<(i64, AttemptOutcome)>) -> AttemptRecord {
        let end = end.map(|(millis, outcome)| AttemptEnd { at: at(millis), outcome });
        AttemptRecord {
            turn,
            attempt: 2,
            began: at(began),
            runner: RunnerName::of("0a1b2c3d"),
            end,
        }
    }

    #[test]
    fn attempts_have_a_short_text() {
        let mut records: Vec<_> = (0..)
            .zip(AttemptOutcome::ALL)
            .map(|(turn, outcome)| attempt(turn, 10, Some((15, outcome))))
            .collect();
        let text = to_text(&Attempts::of(records.clone()), at(0));
        assert_eq!(from_text(&text, at(0)), Some(Attempts::of(records.clone())), "{text}");
        records.truncate(1);
        records.push(attempt(7, 52, None));
        for (records, expected) in [
            (records, "0.2@10+5s0a1b2c3d 7.2@52:0a1b2c3d"),
            // Clocks differ.
            (vec![attempt(1, -5, Some((-7, AttemptOutcome::Died)))], "1.2@-5+-2d0a1b2c3d"),
            (
                vec![AttemptRecord { runner: RunnerName::default(), ..attempt(1, 0, None) }],
                "1.2@0:",
            ),
        ] {
            let attempts = Attempts::of(records);
            let text = to_text(&attempts, at(0));
            assert_eq!(text, expected);
            assert_eq!(from_text(&text, at(0)), Some(attempts));
        }
    }

    #[test]
    fn another_text_is_none_of_attempts() {
        let nine = ["1.1@0:a"; 9].join(" ");
        for text in [
            "",
            " ",
            "1.1",
            "1@0:a",
            "1.1@:a",
            "1.1@-:a",
            "1.1@0",
            "1.1@0+5",
            "1.1@0+sa",
            "1.1@0+5?a",
            "1.1@0+5üa",
            "1.1@0:abcdefghi",
            "1.1@0:a-b",
            "-1.1@0:a",
            "1.x@0:a",
            "1.1@0:a ",
            "1.1@0:a  1.1@0:a",
            "1.1@99999999999999999999:a",
            "1.1@9223372036854775807:a",
            &nine,
        ] {
            assert_eq!(from_text(text, at(0)), None, "{text:?}");
        }
    }
}
