//! A queue with the guarantees of SQS: at least once, in any order, with redelivery until a message
//! is deleted or dropped.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use a2a_lambda_core::{Signal, TaskKey};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ground::lock;

/// A received signal, which is then deleted or redelivered.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) signal: Signal,
    pub(crate) receives: u32,
    id: u64,
}

#[derive(Debug)]
struct Message {
    id: u64,
    visible_at: Instant,
    receives: u32,
    signal: Signal,
}

#[derive(Debug, Default)]
pub(crate) struct SimQueue {
    messages: Mutex<(u64, Vec<Message>)>,
    /// The messages that an earlier receiver deleted after a later one had received them.
    taken_away: Mutex<BTreeSet<u64>>,
    pub(crate) changed: Notify,
}

impl SimQueue {
    pub(crate) fn send(&self, signal: &Signal, delay: Duration) {
        let (last_id, messages) = &mut *lock(&self.messages);
        *last_id += 1;
        let visible_at = Instant::now() + delay;
        messages.push(Message { id: *last_id, visible_at, receives: 0, signal: signal.clone() });
        self.changed.notify_one();
    }

    /// Receives a signal, or says when there may be one. The queue redelivers it after
    /// `visibility`. After `most` receives it drops the signal, and returns it as
    /// [`Receive::GivenUp`].
    pub(crate) fn receive(&self, visibility: Duration, most: u32) -> Receive {
        let (_, messages) = &mut *lock(&self.messages);
        let now = Instant::now();
        let first = messages.iter_mut().enumerate().min_by_key(|(_, m)| (m.visible_at, m.id));
        let Some((at, message)) = first else {
            return Receive::Empty;
        };
        if message.visible_at > now {
            return Receive::NotBefore(message.visible_at);
        }
        if message.receives >= most {
            return Receive::GivenUp(messages.swap_remove(at).signal);
        }
        message.receives += 1;
        message.visible_at = now + visibility;
        Receive::Got(Received {
            signal: message.signal.clone(),
            receives: message.receives,
            id: message.id,
        })
    }

    /// Deletes a signal. SQS may do so for an earlier receiver, too.
    pub(crate) fn delete(&self, received: &Received) {
        lock(&self.messages).1.retain(|message| {
            if message.id == received.id && message.receives != received.receives {
                lock(&self.taken_away).insert(message.id);
            }
            message.id != received.id
        });
    }

    /// Whether an earlier receiver has deleted a signal that another has received since.
    pub(crate) fn was_taken_away(&self, received: &Received) -> bool {
        lock(&self.taken_away).contains(&received.id)
    }

    /// Redelivers a signal after a while, and not before, unless another has received it since.
    pub(crate) fn hide(&self, received: &Received, after: Duration) {
        let (_, messages) = &mut *lock(&self.messages);
        let is_meant = |message: &&mut Message| {
            (message.id, message.receives) == (received.id, received.receives)
        };
        if let Some(message) = messages.iter_mut().find(is_meant) {
            message.visible_at = Instant::now() + after;
        }
        self.changed.notify_one();
    }

    /// Whether a signal for a task only waits for an executor.
    pub(crate) fn is_visible(&self, key: &TaskKey) -> bool {
        let now = Instant::now();
        let is_visible =
            |message: &Message| message.visible_at <= now && message.signal.key() == *key;
        lock(&self.messages).1.iter().any(is_visible)
    }
}

/// The result of a receive.
#[derive(Debug)]
pub(crate) enum Receive {
    Got(Received),
    GivenUp(Signal),
    NotBefore(Instant),
    Empty,
}
