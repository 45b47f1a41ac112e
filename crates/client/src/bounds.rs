//! The bounds of what is read and waited for.

use std::time::Duration;

/// The bounds of requests and their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest answer that is not a stream, in bytes. 10 MiB by default.
    pub answer_bytes: usize,
    /// The largest agent card, in bytes. 1 MiB by default.
    pub card_bytes: usize,
    /// How long an answer may take, with its body. 30 s by default.
    pub answer: Duration,
    /// How long the answer to a message may take that waits for the task. 15 min by default.
    pub waiting: Duration,
    /// How long a connection may take to be made. 10 s by default.
    pub connect: Duration,
    /// The largest event of a stream, in bytes. 10 MiB by default.
    pub event_bytes: usize,
    /// All bytes of a stream, its resumptions among them. 256 MiB by default.
    pub stream_bytes: usize,
    /// How long a stream may be silent. 60 s by default.
    pub idle: Duration,
    /// How long a stream may go on, its resumptions among them. 24 h by default.
    pub stream: Duration,
    /// How often in a row a stream is resumed without any new event. 5 by default; 0 is never.
    pub resumes: u32,
    /// How often in a row a message is sent again whose stream ended before its first event, if it
    /// [may be](crate::SendOptions::repeats). 5 by default; 0 is never. More than `resumes` is as many.
    pub resends: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_bytes: 10 << 20,
            card_bytes: 1 << 20,
            answer: Duration::from_secs(30),
            waiting: Duration::from_mins(15),
            connect: Duration::from_secs(10),
            event_bytes: 10 << 20,
            stream_bytes: 256 << 20,
            idle: Duration::from_mins(1),
            stream: Duration::from_hours(24),
            resumes: 5,
            resends: 5,
        }
    }
}
