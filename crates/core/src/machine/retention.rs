//! What becomes of a task with age: it waits for its user no longer, it expires, it is deleted.
//!
//! A task that is over expires by its age alone: whoever reads it compares its time with the clock, and
//! nothing needs to be written. What is stored of it goes later, in one of two ways:
//!
//! - A small task is its head. The head has the time from which on the store may delete it
//!   ([`Head::ttl`]), which costs nothing.
//! - Of any other task more is stored: a log that has moved out of the head, push configs. It is due
//!   when it may be deleted, and the sweep deletes all of it, the head last.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use super::{Draft, Refusal, notice};
use crate::head::{Ending, Head, Phase};
use crate::policy::Retention;

/// How long a task is stored at least. Whoever made it may have heard no answer, and makes it again: if
/// nothing were stored of it by then, a deleted task would come back, without its push configs.
const MAKING: Duration = Duration::from_mins(1);

impl Head {
    /// When the sweep may delete what is stored of the task, if the store does not do so by itself.
    pub(crate) fn purge_at(&self, retention: Option<&Retention>) -> Option<Timestamp> {
        if self.is_deleted {
            return Some(self.created_at.saturating_add(MAKING));
        }
        let expires = self.expires_at(retention).filter(|_| !self.is_alone())?;
        Some(expires.saturating_add(retention?.purge_after))
    }
}

impl Draft<'_> {
    /// The task has waited for its user for as long as it may.
    pub(super) fn lapse(&mut self) -> Result<(), Refusal> {
        let retention = self.stamp.retention.as_ref();
        let at = self.head.lapses_at(retention).ok_or(Refusal::DoesNotLapse)?;
        if at > self.stamp.now {
            return Err(Refusal::NotBefore { at });
        }
        let waited = retention.and_then(|retention| retention.waiting).unwrap_or_default();
        let text = format!("canceled: nobody answered for {}", in_words(waited));
        let message = notice(&self.stamp.write, text);
        self.end(Ending::Canceled, Some(message));
        Ok(())
    }

    /// The task is there for nobody any more.
    pub(super) fn delete(&mut self) -> Result<(), Refusal> {
        if !self.head.is_terminal() {
            return Err(Refusal::NotEnded);
        }
        self.head.is_deleted = true;
        Ok(())
    }

    /// Sets when the store may delete the task, or when somebody must look at it for its age.
    pub(super) fn retain(&mut self) {
        let retention = self.stamp.retention.as_ref();
        let head = &mut self.head;
        let expires = head.expires_at(retention);
        head.ttl = expires.filter(|_| head.is_alone() && !head.is_deleted).map(whole_seconds);
        let look = head.purge_at(retention).or_else(|| head.lapses_at(retention));
        let look = look.map(|at| if head.is_deleted { at.max(self.stamp.now) } else { at });
        let is_expired = expires.is_some_and(|at| at <= self.stamp.now);
        head.due = match (head.due, look) {
            // Nothing else is to be done about it.
            _ if is_expired => look,
            (Some(due), Some(look)) => Some(due.min(look)),
            (due, look) => due.or(look),
        };
        debug_assert!(
            head.ttl.is_none() || matches!(head.phase, Phase::Ended(_)),
            "only what is over has a time to live"
        );
    }
}

/// The first whole second from then on: what DynamoDB counts in.
fn whole_seconds(at: Timestamp) -> Timestamp {
    let millis = at.as_millis();
    Timestamp::from_millis(millis.saturating_add((1_000 - millis.rem_euclid(1_000)) % 1_000))
}

/// A time in the largest unit that it is a whole number of.
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
