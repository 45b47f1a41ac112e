//! A queue inside the process with the semantics of an SQS standard queue.
//!
//! ```text
//!          send                receive                delete
//!  (none) ──────> delayed ──> visible ──────> in flight ──────> (none)
//!                    delay passed  ^              │
//!                                  └──────────────┤ visibility timeout passed, or set to zero
//!                                                 │
//!                         received too often: the next receive moves it to the dead letters
//! ```
//!
//! Delivery is at least once and the order is by the time a message becomes visible, then by the
//! time it was sent. AWS promises less: a consumer must not come to rely on that order.
//!
//! Two clocks: delays and timeouts run on tokio's (a test pauses and advances it), the timestamps
//! that a consumer reads come from a closure.

mod message;
mod shelf;

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub use message::{DeadLetter, Message, ParseReceiptHandleError, ReceiptHandle};
use shelf::Shelf;

/// The largest message body, in bytes of UTF-8.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The longest delay of a message.
pub const MAX_DELAY: Duration = Duration::from_mins(15);
/// The longest visibility timeout.
pub const MAX_VISIBILITY: Duration = Duration::from_hours(12);
/// The longest time that one receive waits for a message.
pub const MAX_WAIT: Duration = Duration::from_secs(20);
/// The most messages that one receive gives.
pub const MAX_BATCH: usize = 10;

/// The behaviour of a queue. Every field is a decision of the caller.
#[derive(Clone, Copy, Debug)]
pub struct QueueConfig {
    /// The most messages held at a time: delayed, visible and in flight. A send past it fails.
    pub capacity: NonZeroUsize,
    /// How often a message is given to a consumer. The receive after the last of these moves it to
    /// the dead letters. `None`: no limit, and no dead letters.
    pub max_receive_count: Option<NonZeroU32>,
    /// The most dead letters kept. A further one pushes out the oldest.
    pub dead_letter_capacity: NonZeroUsize,
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The queue holds as many messages as it may.
    #[error("the queue is full: it holds {capacity} messages")]
    Full {
        /// The queue's limit.
        capacity: usize,
    },
    /// The body is empty or longer than [`MAX_BODY_BYTES`].
    #[error("a message of {bytes} bytes is not between 1 and {MAX_BODY_BYTES} bytes")]
    BodySize {
        /// The body's length.
        bytes: usize,
    },
    /// The delay is longer than [`MAX_DELAY`].
    #[error("a delay of {delay:?} is longer than {MAX_DELAY:?}")]
    Delay {
        /// The delay asked for.
        delay: Duration,
    },
}

/// Why a receive was refused. An empty queue is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The number of messages is not between 1 and [`MAX_BATCH`].
    #[error("{asked} messages at a time is not between 1 and {MAX_BATCH}")]
    BatchSize {
        /// The number asked for.
        asked: usize,
    },
    /// The visibility timeout is longer than [`MAX_VISIBILITY`].
    #[error("a visibility timeout of {visibility:?} is longer than {MAX_VISIBILITY:?}")]
    Visibility {
        /// The timeout asked for.
        visibility: Duration,
    },
    /// The wait is longer than [`MAX_WAIT`].
    #[error("a wait of {wait:?} is longer than {MAX_WAIT:?}")]
    Wait {
        /// The wait asked for.
        wait: Duration,
    },
}

/// Why a message's visibility was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VisibilityError {
    /// The message was deleted, given out again since, or has moved to the dead letters.
    #[error("the receipt handle is no longer valid")]
    StaleHandle,
    /// The visibility timeout has passed: anyone may receive the message.
    #[error("the message is not in flight")]
    NotInFlight,
    /// The timeout would end later than [`MAX_VISIBILITY`] after the message was received.
    #[error(
        "a visibility timeout of {visibility:?} ends more than {MAX_VISIBILITY:?} after the receive"
    )]
    TooLong {
        /// The timeout asked for.
        visibility: Duration,
    },
}

/// The numbers of a queue's messages, by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Can be received now.
    pub visible: usize,
    /// Wait for their delay to pass.
    pub delayed: usize,
    /// Were received and neither deleted nor given back by their timeout.
    pub in_flight: usize,
    /// Were received too often.
    pub dead: usize,
    /// Dead letters that were pushed out by later ones, since the queue was made.
    pub dead_dropped: u64,
}

/// A queue. Share it by reference or `Arc`; no method holds a lock across an await.
pub struct Queue {
    shelf: Mutex<Shelf>,
    /// Told whenever a message may have become visible sooner than a waiting receiver assumes.
    changed: Notify,
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Queue {
    /// An empty queue. `now_ms` is the wall clock, in milliseconds since the Unix epoch.
    pub fn new(config: QueueConfig, now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            shelf: Mutex::new(Shelf::new(config)),
            changed: Notify::new(),
            now_ms: Box::new(now_ms),
        }
    }

    /// Puts a message into the queue, to become visible after `delay` (zero: at once), and returns
    /// its id.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the message is then not in the queue.
    pub fn send(&self, body: String, delay: Duration) -> Result<String, SendError> {
        self.send_in(body, None, delay)
    }

    /// As [`send`](Self::send), by a sender who is in a trace.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_in(
        &self,
        body: String,
        traceparent: Option<String>,
        delay: Duration,
    ) -> Result<String, SendError> {
        if body.is_empty() || body.len() > MAX_BODY_BYTES {
            return Err(SendError::BodySize { bytes: body.len() });
        }
        if delay > MAX_DELAY {
            return Err(SendError::Delay { delay });
        }
        let id = self.lock().put(body, traceparent, Instant::now() + delay, (self.now_ms)())?;
        self.changed.notify_waiters();
        Ok(id)
    }

    /// Takes up to `max_messages` (1 to [`MAX_BATCH`]) visible messages and hides each from other
    /// receivers for `visibility`. If the queue is empty it waits up to `wait` for the first; zero
    /// answers at once. Without a message in that time the answer is empty.
    ///
    /// Dropping the future takes nothing from the queue.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] when an argument is out of its bounds.
    pub async fn receive(
        &self,
        max_messages: usize,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Message>, ReceiveError> {
        if !(1..=MAX_BATCH).contains(&max_messages) {
            return Err(ReceiveError::BatchSize { asked: max_messages });
        }
        if visibility > MAX_VISIBILITY {
            return Err(ReceiveError::Visibility { visibility });
        }
        if wait > MAX_WAIT {
            return Err(ReceiveError::Wait { wait });
        }

        let deadline = Instant::now() + wait;
        loop {
            // Registered before looking, so that a send between the look and the wait is not missed.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();

            let now = Instant::now();
            let next_visible_at = {
                let mut locked = self.lock();
                let messages = locked.take(max_messages, visibility, now, (self.now_ms)());
                if !messages.is_empty() || now >= deadline {
                    return Ok(messages);
                }
                locked.next_visible_at()
            };
            let wake_at = next_visible_at.map_or(deadline, |at| at.min(deadline));
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    /// Deletes the message that `handle` was given for and says whether it did. It returns an error
    /// if the message is deleted or another receiver holds it since. (AWS answers both with
    /// success.)
    pub fn delete(&self, handle: &ReceiptHandle) -> bool {
        self.lock().remove(handle)
    }

    /// Makes the message visible again in `visibility` from now; zero gives it back at once.
    ///
    /// # Errors
    ///
    /// [`VisibilityError`]; the message's visibility is then as it was.
    pub fn change_visibility(
        &self,
        handle: &ReceiptHandle,
        visibility: Duration,
    ) -> Result<(), VisibilityError> {
        self.lock().change_visibility(handle, visibility, Instant::now())?;
        self.changed.notify_waiters();
        Ok(())
    }

    /// The dead letters, oldest first. They stay until pushed out or drained.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.lock().dead_letters().cloned().collect()
    }

    /// Takes the dead letters out of the queue, oldest first.
    pub fn drain_dead_letters(&self) -> Vec<DeadLetter> {
        self.lock().drain_dead_letters()
    }

    /// Takes up to `max_messages` dead letters, oldest first, and hides each from other takers for
    /// `visibility`, as a receive from the dead-letter queue does.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] when an argument is out of its bounds.
    pub fn receive_dead_letters(
        &self,
        max_messages: usize,
        visibility: Duration,
    ) -> Result<Vec<(ReceiptHandle, DeadLetter)>, ReceiveError> {
        if !(1..=MAX_BATCH).contains(&max_messages) {
            return Err(ReceiveError::BatchSize { asked: max_messages });
        }
        if visibility > MAX_VISIBILITY {
            return Err(ReceiveError::Visibility { visibility });
        }
        Ok(self.lock().take_dead(max_messages, visibility, Instant::now()))
    }

    /// Deletes the dead letter that `handle` was given for and says whether it did, as
    /// [`delete`](Self::delete).
    pub fn delete_dead_letter(&self, handle: &ReceiptHandle) -> bool {
        self.lock().remove_dead(handle)
    }

    /// Puts the dead letters back, oldest first, as new messages that are visible at once, as
    /// `StartMessageMoveTask` does. Returns their number; a letter for which the queue has no room
    /// stays dead.
    pub fn redrive(&self) -> usize {
        let moved = self.lock().redrive(Instant::now(), (self.now_ms)());
        self.changed.notify_waiters();
        moved
    }

    /// How many messages the queue holds now. Costs a walk over all of them.
    pub fn depth(&self) -> QueueDepth {
        self.lock().depth(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // The shelf is left whole by each of its methods, so a panic elsewhere does not spoil it.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("depth", &self.depth()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
