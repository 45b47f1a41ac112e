//! The progress of one receiver: the state machine of a push config.
//!
//! ```text
//!                        failed                      failed: 410, or no attempt is left
//!      ┌────────┐──────────────────> ┌────────────┐ ───────────────────────> ┌──────────┐
//!      │ Healthy│                    │ In trouble ├──┐                       │ Disabled │
//!      └────────┘ <───────────────── └────────────┘ <┘ failed                └────┬─────┘
//!        ^   acknowledged, replayed,                                              │
//!        │   enabled                                                              │
//!        └────────────────────────────────────────────────────────────────────────┘
//!                                      replayed, enabled
//! ```
//!
//! | verb         | the result |
//! |--------------|--------------------|
//! | acknowledged | the cursor moves on; the trouble is cleared |
//! | failed       | the attempt is kept, and the next one has a time; or the config is disabled |
//! | batched      | the end of several entries that are sent as one is kept before they are sent |
//! | replayed     | the cursor moves back, and the pushes get new ids; the config is enabled |
//! | enabled      | the trouble is cleared; the cursor stays |
//!
//! Everything here is pure. A store writes and reads a [`DeliveryRecord`].

use std::ops::Deref;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::fnv1a;
use crate::head::Head;
use crate::ids::{Generation, Position};
use crate::policy::Policy;

/// The first wait after a failure that is this deployment's own. It doubles each time.
pub(crate) const OWN_TROUBLE: Duration = Duration::from_secs(30);
/// The longest such wait.
const OWN_TROUBLE_MOST: Duration = Duration::from_hours(1);

/// How far the receiver of a push config has come. Its fields read as those of its record, and only
/// its verbs change it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delivery(DeliveryRecord);

/// How far the receiver of a push config has come, as it is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeliveryRecord {
    /// The newest log entry that the receiver has been sent, or need not be sent: at first the
    /// task's newest entry when the config was created.
    pub cursor: Position,
    /// The cursor's generation, which owners and operators see.
    pub delivered: Generation,
    /// How often an operator replayed pushes to the receiver. Each replay has its own push ids.
    pub replays: u32,
    /// Whether the receiver has been sent the task as it was at first, or need not be.
    pub introduced: bool,
    /// The last of several entries that are sent as one. It is noted before they are sent, so that
    /// each attempt sends the same ones together.
    pub batch: Option<Position>,
    /// The failures since the last acknowledgement.
    pub trouble: Option<Trouble>,
}

impl From<DeliveryRecord> for Delivery {
    fn from(record: DeliveryRecord) -> Self {
        Self(record)
    }
}

impl Deref for Delivery {
    type Target = DeliveryRecord;

    fn deref(&self) -> &DeliveryRecord {
        &self.0
    }
}

/// Why a push was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// For the config's owner.
    pub(crate) reason: String,
    /// For the operator: facts that the owner is not told.
    pub(crate) cause: Option<String>,
    pub(crate) again: Again,
}

/// Whether and when a failed push is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// By the schedule, but no sooner than this.
    After(Duration),
    /// Never: the receiver wants no more pushes.
    Never,
    /// After a wait of this deployment's own. The failure is not the receiver's, and does not
    /// count.
    Ours,
}

impl Delivery {
    /// The delivery to a config that is created when the task has this newest entry.
    pub(crate) fn from_entry(cursor: Position, delivered: Generation) -> Self {
        DeliveryRecord { cursor, delivered, ..DeliveryRecord::default() }.into()
    }

    /// Whether nothing more is sent until the owner replaces the config or an operator enables it.
    pub fn is_disabled(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.next.is_none())
    }

    /// Whether only a cursor is stored. It may be behind, because it is written every few pushes
    /// only.
    pub(crate) fn may_be_behind(&self) -> bool {
        self.trouble.is_none() && self.batch.is_none()
    }

    /// The delivery with the cursor that the settlement of its task's only delivery implies, if
    /// there is one; see [`Head::pushed_through`](crate::Head::pushed_through).
    pub(crate) fn of_task(&self, head: &Head) -> Self {
        match head.pushed_through() {
            Some((cursor, delivered)) if self.may_be_behind() => {
                DeliveryRecord { cursor, delivered, introduced: true, ..self.0.clone() }.into()
            }
            _ => self.clone(),
        }
    }

    /// From now on the entries up to this one are sent as one.
    pub(crate) fn batched(&mut self, through: Position) {
        self.0.batch = Some(through);
    }

    /// The receiver has acknowledged everything up to this entry.
    pub(crate) fn acknowledged(&mut self, through: Position, generation: Generation) {
        let replays = self.replays;
        self.0 = DeliveryRecord {
            cursor: through,
            delivered: generation,
            replays,
            introduced: true,
            batch: None,
            trouble: None,
        };
    }

    /// An attempt to send the entries up to a generation failed. `chance` is any fresh text.
    pub(crate) fn failed(
        &mut self,
        failure: Failure,
        generation: Generation,
        now: Timestamp,
        chance: &str,
        policy: &Policy,
    ) {
        let Failure { reason, cause, again } = failure;
        let trouble = self.0.trouble.get_or_insert_with(|| Trouble::begun(now));
        let wait = match again {
            Again::Never => None,
            Again::Ours => Some((own_wait(trouble.ours), Duration::ZERO)),
            Again::After(asked) => {
                let failures = usize::try_from(trouble.failures).ok();
                let wait = failures.and_then(|failures| policy.push_waits.get(failures));
                wait.map(|wait| (*wait, asked.min(policy.push_wait_most)))
            }
        };
        trouble.next =
            wait.map(|(wait, asked)| now.saturating_add(with_jitter(wait, chance).max(asked)));
        if again == Again::Ours {
            trouble.ours = trouble.ours.saturating_add(1);
        } else {
            trouble.failures = trouble.failures.saturating_add(1);
            trouble.ours = 0;
        }
        let over = (trouble.attempts.len() + 1).saturating_sub(MAX_ATTEMPTS_KEPT);
        trouble.attempts.drain(..over);
        trouble.attempts.push(Attempt { at: now, generation, reason, cause });
    }

    /// The entries after a generation, whose last entry is `cursor`, are sent again. Unsent entries
    /// are not skipped: a generation that the receiver has not reached moves no cursor. If the
    /// receiver has been sent more than is stored (`is_behind`), that is sent again, too.
    pub(crate) fn replayed(&mut self, since: Generation, cursor: Position, is_behind: bool) {
        self.enabled();
        let goes_back = since < self.delivered;
        if goes_back || is_behind {
            self.0 = DeliveryRecord {
                cursor: cursor.min(self.cursor),
                delivered: since.min(self.delivered),
                replays: self.replays.saturating_add(1),
                // The receiver is sent each change, which says more than the task at that time.
                introduced: self.introduced || goes_back,
                batch: None,
                trouble: None,
            };
        }
    }

    /// The config is enabled: its trouble is cleared.
    pub(crate) fn enabled(&mut self) {
        self.0.trouble = None;
    }
}

fn own_wait(before: u32) -> Duration {
    OWN_TROUBLE.saturating_mul(2_u32.saturating_pow(before)).min(OWN_TROUBLE_MOST)
}

/// Adds up to a tenth, so that pushes that failed together are not retried together.
fn with_jitter(wait: Duration, chance: &str) -> Duration {
    let thousandths = u32::try_from(fnv1a(chance.as_bytes()) % 1_000).unwrap_or_default();
    wait + wait / 10 * thousandths / 1_000
}

/// A receiver's failures in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// The time of the first failure.
    #[serde(rename = "s")]
    pub since: Timestamp,
    /// How many attempts have failed since then.
    #[serde(rename = "n")]
    pub failures: u32,
    /// How many attempts since the last one could not be made, for reasons that are not the
    /// receiver's. They do not count as failures.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub ours: u32,
    /// The time of the next attempt; `None` if the config is disabled.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// The newest failed attempts, oldest first, at most [`MAX_ATTEMPTS_KEPT`].
    #[serde(rename = "a", default)]
    pub attempts: Vec<Attempt>,
}

impl Trouble {
    /// A trouble that begins now, without an attempt yet.
    fn begun(now: Timestamp) -> Self {
        Self { since: now, failures: 0, ours: 0, next: None, attempts: Vec::new() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How many failed attempts a config remembers.
pub const MAX_ATTEMPTS_KEPT: usize = 5;

/// The longest [`Attempt::cause`].
pub const MAX_CAUSE_BYTES: usize = 160;

/// A failed attempt to send something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When it was made.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The generation that would have been sent, or the newest of several.
    #[serde(rename = "g")]
    pub generation: Generation,
    /// The outcome in a few words, for the config's owner. It reveals nothing about this network.
    #[serde(rename = "r")]
    pub reason: String,
    /// The cause, for the operator, if there is more to say. Owners do not see it: it may reveal
    /// which names exist in this network and which ports are open.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
             | healthy     | batched     | failing     | disabled
batched      | 4/3 batch 9 | 4/3 batch 9 | 4/3 batch 9, 1 failed, next | 4/3 batch 9, 3 failed
acknowledged | 9/7         | 9/7         | 9/7         | 9/7
fails        | 4/3, 1 failed, next | 4/3 batch 6, 1 failed, next | 4/3, 2 failed, next | 4/3, 4 failed
fails, ours  | 4/3, 0 failed, next | 4/3 batch 6, 0 failed, next | 4/3, 1 failed, next | 4/3, 3 failed, next
is gone      | 4/3, 1 failed | 4/3 batch 6, 1 failed | 4/3, 2 failed | 4/3, 4 failed
enabled      | 4/3         | 4/3 batch 6 | 4/3         | 4/3
replayed, 2  | 1/2 replay 1 | 1/2 replay 1 | 1/2 replay 1 | 1/2 replay 1
replayed, 3  | 4/3         | 4/3 batch 6 | 4/3         | 4/3
replayed, behind | 4/3 replay 1 | 4/3 replay 1 | 4/3 replay 1 | 4/3 replay 1
";

    fn after(verb: &str, delivery: &mut Delivery) {
        let policy = Policy { push_waits: vec![Duration::from_secs(1); 2], ..Policy::default() };
        let (now, generation) = (Timestamp::from_millis(0), Generation(7));
        let mut fails = |again| {
            let failure = Failure { reason: "HTTP 500".to_owned(), cause: None, again };
            delivery.failed(failure, generation, now, "chance", &policy);
        };
        match verb {
            "fails" => fails(Again::After(Duration::ZERO)),
            "fails, ours" => fails(Again::Ours),
            "is gone" => fails(Again::Never),
            "batched" => delivery.batched(Position(9)),
            "acknowledged" => delivery.acknowledged(Position(9), generation),
            "enabled" => delivery.enabled(),
            "replayed, 2" => delivery.replayed(Generation(2), Position(1), false),
            "replayed, 3" => delivery.replayed(Generation(3), Position(4), false),
            "replayed, behind" => delivery.replayed(Generation(3), Position(4), true),
            other => panic!("no verb {other}"),
        }
    }

    fn met(state: &str) -> Delivery {
        let mut met = Delivery::from_entry(Position(4), Generation(3));
        match state {
            "batched" => met.batched(Position(6)),
            "failing" => after("fails", &mut met),
            "disabled" => (0..3).for_each(|_| after("fails", &mut met)),
            _ => {}
        }
        met
    }

    fn word(delivery: &Delivery) -> String {
        let DeliveryRecord { cursor, delivered, replays, batch, ref trouble, .. } = **delivery;
        let replay = if replays > 0 { format!(" replay {replays}") } else { String::new() };
        let batch = batch.map(|batch| format!(" batch {batch}")).unwrap_or_default();
        let trouble = trouble.as_ref().map(|trouble| {
            let next = if trouble.next.is_some() { ", next" } else { "" };
            format!(", {} failed{next}", trouble.failures)
        });
        format!("{cursor}/{delivered}{replay}{batch}{}", trouble.unwrap_or_default())
    }

    #[test]
    fn every_verb_in_every_state() {
        let mut lines = TABLE.trim().lines().map(|line| line.split('|').map(str::trim));
        let states: Vec<&str> = lines.next().unwrap().skip(1).collect();
        for mut cells in lines {
            let verb = cells.next().unwrap();
            for (state, expected) in states.iter().zip(cells) {
                let mut delivery = met(state);
                after(verb, &mut delivery);
                assert_eq!(word(&delivery), expected, "{verb}, {state}");
                assert_eq!(delivery.is_disabled(), expected.ends_with("failed"), "{verb}, {state}");
            }
        }
    }
}
