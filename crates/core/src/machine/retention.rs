//! The effects of age: the wait for the user ends, the task expires, the store deletes it.
//!
//! An ended task expires by its age alone: readers compare its time with the clock, and no write is
//! needed. The store deletes its items later, in one of two ways:
//!
//! - A small task is only its head. The head has the time after which the store may delete it
//!   ([`Head::ttl`]), which costs nothing.
//! - Any other task has more items: log entries outside the head, or push configs. It is due when it
//!   may be deleted, and the sweep deletes all of it, the head last.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use super::draft::{Draft, notice};
use super::refusal::Refusal;
use crate::head::{Ending, Head};
use crate::policy::Retention;

/// How long a task is stored at least. Its creator may not have received the answer and may repeat
/// the request. Without any item by then, a deleted task would return, without its push configs.
const MAKING: Duration = Duration::from_mins(1);

impl Head {
    /// The time after which the items of a deleted task may go.
    pub(crate) fn purge_at_once_deleted(&self) -> Timestamp {
        self.created_at.saturating_add(MAKING)
    }

    /// The time after which the sweep may delete the task's items, if the store does not do so by
    /// itself.
    pub(crate) fn purge_at(&self, retention: Option<&Retention>) -> Option<Timestamp> {
        if self.is_deleted {
            return Some(self.purge_at_once_deleted());
        }
        let expires = self.expires_at(retention).filter(|_| !self.is_alone())?;
        Some(expires.saturating_add(retention?.purge_after))
    }
}

impl Draft<'_> {
    /// The task has waited for its user for the longest time.
    pub(super) fn lapse(&mut self) {
        let waited = self.stamp.retention.and_then(|retention| retention.waiting);
        let text =
            format!("canceled: nobody answered for {}", in_words(waited.unwrap_or_default()));
        let message = notice(&self.stamp.write, text);
        self.end(Ending::Canceled, Some(message));
    }

    /// The task becomes invisible.
    pub(super) fn delete(&mut self) -> Result<(), Refusal> {
        if !self.head.is_terminal() {
            return Err(Refusal::NotEnded);
        }
        self.head.is_deleted = true;
        Ok(())
    }

    /// From when on the store may delete the task by itself.
    pub(super) fn ttl(&self) -> Option<Timestamp> {
        let expires = self.head.expires_at(self.stamp.retention.as_ref());
        let ttl = expires.filter(|_| self.head.is_alone() && !self.head.is_deleted);
        debug_assert!(
            ttl.is_none() || self.head.is_terminal(),
            "only what is over has a time to live"
        );
        ttl.map(whole_seconds)
    }
}

/// The first whole second at or after a time, because DynamoDB counts seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    let millis = at.as_millis();
    Timestamp::from_millis(millis.saturating_add((1_000 - millis.rem_euclid(1_000)) % 1_000))
}

/// A duration in the largest unit that divides it.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit =
        units.into_iter().find(|(size, _)| seconds.is_multiple_of(*size) && seconds >= *size);
    let (size, name) = unit.unwrap_or((1, "second"));
    let number = seconds / size;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_words() {
        for (seconds, words) in [
            (90 * 86_400, "90 days"),
            (86_400, "1 day"),
            (90_000, "25 hours"),
            (61, "61 seconds"),
            (0, "0 seconds"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_time_to_live_is_a_whole_second_and_not_early() {
        for (millis, second) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (-1, 0)] {
            let at = whole_seconds(Timestamp::from_millis(millis));
            assert_eq!(at, Timestamp::from_millis(second * 1_000), "{millis}");
        }
    }
}
