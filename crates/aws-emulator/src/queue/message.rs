use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A message as one receive gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message's id, the same at every receive.
    pub id: String,
    /// The body as it was sent.
    pub body: String,
    /// The trace that its sender was in: the attribute `traceparent`.
    pub traceparent: Option<String>,
    /// The right to delete this message or change its visibility, until it is given out again.
    pub receipt_handle: ReceiptHandle,
    /// How often the message was given out, this time included (`ApproximateReceiveCount`).
    pub receive_count: u32,
    /// When it was sent, in epoch milliseconds (`SentTimestamp`).
    pub sent_at_ms: u64,
    /// When it was first given out, in epoch milliseconds (`ApproximateFirstReceiveTimestamp`).
    pub first_received_at_ms: u64,
}

/// A message that was given out as often as it may be, and never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// The body as it was sent.
    pub body: String,
    /// How often it was given out.
    pub receive_count: u32,
    /// When it was sent, in epoch milliseconds.
    pub sent_at_ms: u64,
}

/// Names one giving-out of one message. Its text form is opaque to consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiptHandle {
    /// The message's number in the queue.
    pub(super) number: u64,
    /// The message's receive count when this handle was given.
    pub(super) receive: u32,
}

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.receive)
    }
}

/// The text is not a receipt handle that this queue gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt handle")]
pub struct ParseReceiptHandleError(#[source] Option<ParseIntError>);

impl FromStr for ReceiptHandle {
    type Err = ParseReceiptHandleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, receive) = text.split_once('-').ok_or(ParseReceiptHandleError(None))?;
        let wrong = |error| ParseReceiptHandleError(Some(error));
        Ok(Self {
            number: number.parse().map_err(wrong)?,
            receive: receive.parse().map_err(wrong)?,
        })
    }
}
