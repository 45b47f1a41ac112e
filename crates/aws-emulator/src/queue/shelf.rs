//! The queue's state, as a plain value: every method gets the time, and none waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::message::{DeadLetter, Message, ReceiptHandle};
use super::{MAX_VISIBILITY, QueueConfig, QueueDepth, SendError, VisibilityError};

pub(super) struct Shelf {
    config: QueueConfig,
    entries: BTreeMap<u64, Entry>,
    /// The same entries by the time they become (or became) visible, then in the order sent.
    by_visibility: BTreeSet<(Instant, u64)>,
    dead: VecDeque<Dead>,
    dead_dropped: u64,
    next_number: u64,
}

struct Entry {
    body: String,
    traceparent: Option<String>,
    visible_at: Instant,
    sent_at_ms: u64,
    receive_count: u32,
    /// When it was first and last given out; `None` before the first time.
    received: Option<Received>,
}

/// A dead letter, and by whom it is looked at.
struct Dead {
    number: u64,
    letter: DeadLetter,
    visible_at: Instant,
    receive_count: u32,
}

#[derive(Clone, Copy)]
struct Received {
    first_at_ms: u64,
    last_at: Instant,
}

impl Shelf {
    pub(super) fn new(config: QueueConfig) -> Self {
        Self {
            config,
            entries: BTreeMap::new(),
            by_visibility: BTreeSet::new(),
            dead: VecDeque::new(),
            dead_dropped: 0,
            next_number: 0,
        }
    }

    pub(super) fn put(
        &mut self,
        body: String,
        traceparent: Option<String>,
        visible_at: Instant,
        now_ms: u64,
    ) -> Result<String, SendError> {
        let capacity = self.config.capacity.get();
        if self.entries.len() >= capacity {
            return Err(SendError::Full { capacity });
        }
        let number = self.next_number;
        self.next_number += 1;
        self.by_visibility.insert((visible_at, number));
        self.entries.insert(
            number,
            Entry {
                body,
                traceparent,
                visible_at,
                sent_at_ms: now_ms,
                receive_count: 0,
                received: None,
            },
        );
        Ok(message_id(number))
    }

    /// Gives out up to `max` visible messages; those received too often go to the dead letters.
    pub(super) fn take(
        &mut self,
        max: usize,
        visibility: Duration,
        now: Instant,
        now_ms: u64,
    ) -> Vec<Message> {
        let mut taken = Vec::new();
        // They return only at the end. With a visibility of zero, a received message is visible at
        // this very instant, and one batch must not have it twice.
        let mut hidden = Vec::new();
        while taken.len() < max {
            let Some(key) = self.by_visibility.first().copied().filter(|(at, _)| *at <= now) else {
                break;
            };
            self.by_visibility.remove(&key);
            let (_, number) = key;
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            if self.config.max_receive_count.is_some_and(|limit| entry.receive_count >= limit.get())
            {
                self.bury(number, now);
                continue;
            }
            entry.receive_count = entry.receive_count.saturating_add(1);
            entry.visible_at = now + visibility;
            hidden.push((entry.visible_at, number));
            let first_at_ms = entry.received.map_or(now_ms, |received| received.first_at_ms);
            entry.received = Some(Received { first_at_ms, last_at: now });
            taken.push(Message {
                id: message_id(number),
                body: entry.body.clone(),
                traceparent: entry.traceparent.clone(),
                receipt_handle: ReceiptHandle { number, receive: entry.receive_count },
                receive_count: entry.receive_count,
                sent_at_ms: entry.sent_at_ms,
                first_received_at_ms: first_at_ms,
            });
        }
        self.by_visibility.extend(hidden);
        taken
    }

    /// When the next message becomes visible; in the past when one is visible now.
    pub(super) fn next_visible_at(&self) -> Option<Instant> {
        self.by_visibility.first().map(|(visible_at, _)| *visible_at)
    }

    pub(super) fn remove(&mut self, handle: &ReceiptHandle) -> bool {
        let Some(entry) = self.entries.get(&handle.number) else { return false };
        if entry.receive_count != handle.receive {
            return false;
        }
        self.by_visibility.remove(&(entry.visible_at, handle.number));
        self.entries.remove(&handle.number).is_some()
    }

    pub(super) fn change_visibility(
        &mut self,
        handle: &ReceiptHandle,
        visibility: Duration,
        now: Instant,
    ) -> Result<(), VisibilityError> {
        let entry = self.entries.get_mut(&handle.number).ok_or(VisibilityError::StaleHandle)?;
        let received = entry
            .received
            .filter(|_| entry.receive_count == handle.receive)
            .ok_or(VisibilityError::StaleHandle)?;
        if entry.visible_at <= now {
            return Err(VisibilityError::NotInFlight);
        }
        let visible_at = now + visibility;
        if visible_at > received.last_at + MAX_VISIBILITY {
            return Err(VisibilityError::TooLong { visibility });
        }
        self.by_visibility.remove(&(entry.visible_at, handle.number));
        entry.visible_at = visible_at;
        self.by_visibility.insert((visible_at, handle.number));
        Ok(())
    }

    pub(super) fn dead_letters(&self) -> impl Iterator<Item = &DeadLetter> {
        self.dead.iter().map(|dead| &dead.letter)
    }

    /// Gives out up to `max` dead letters, oldest first. However often that is, they stay.
    pub(super) fn take_dead(
        &mut self,
        max: usize,
        visibility: Duration,
        now: Instant,
    ) -> Vec<(ReceiptHandle, DeadLetter)> {
        let visible = self.dead.iter_mut().filter(|dead| dead.visible_at <= now).take(max);
        visible
            .map(|dead| {
                dead.receive_count = dead.receive_count.saturating_add(1);
                dead.visible_at = now + visibility;
                let handle = ReceiptHandle { number: dead.number, receive: dead.receive_count };
                (handle, dead.letter.clone())
            })
            .collect()
    }

    pub(super) fn remove_dead(&mut self, handle: &ReceiptHandle) -> bool {
        let is_meant =
            |dead: &Dead| dead.number == handle.number && dead.receive_count == handle.receive;
        let place = self.dead.iter().position(is_meant);
        place.and_then(|place| self.dead.remove(place)).is_some()
    }

    pub(super) fn drain_dead_letters(&mut self) -> Vec<DeadLetter> {
        self.dead.drain(..).map(|dead| dead.letter).collect()
    }

    pub(super) fn redrive(&mut self, now: Instant, now_ms: u64) -> usize {
        let mut moved = 0;
        while let Some(dead) = self.dead.front() {
            if self.put(dead.letter.body.clone(), None, now, now_ms).is_err() {
                break;
            }
            self.dead.pop_front();
            moved += 1;
        }
        moved
    }

    pub(super) fn depth(&self, now: Instant) -> QueueDepth {
        let mut depth = QueueDepth {
            dead: self.dead.len(),
            dead_dropped: self.dead_dropped,
            ..QueueDepth::default()
        };
        for entry in self.entries.values() {
            let counter = match (entry.visible_at <= now, entry.received) {
                (true, _) => &mut depth.visible,
                (false, None) => &mut depth.delayed,
                (false, Some(_)) => &mut depth.in_flight,
            };
            *counter += 1;
        }
        depth
    }

    fn bury(&mut self, number: u64, now: Instant) {
        let Some(entry) = self.entries.remove(&number) else { return };
        if self.dead.len() >= self.config.dead_letter_capacity.get() {
            self.dead.pop_front();
            self.dead_dropped += 1;
        }
        let letter = DeadLetter {
            id: message_id(number),
            body: entry.body,
            receive_count: entry.receive_count,
            sent_at_ms: entry.sent_at_ms,
        };
        self.dead.push_back(Dead { number, letter, visible_at: now, receive_count: 0 });
    }
}

/// In the form of AWS's ids, but counted: the same run of a test gives the same ids.
fn message_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}
