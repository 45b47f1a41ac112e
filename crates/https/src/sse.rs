//! Server-Sent Events, read from the body of an answer (WHATWG HTML, section 9.2).
//!
//! The crate `eventsource-stream` is not used: it keeps an event of any size in memory, parses what
//! it keeps anew with each chunk, and drops an event that was cut off at the end of the body without
//! a word. These three are what a client of agents has to know.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Phase};
use crate::exchange::Chunks;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The longest id of an event that is kept, in bytes. Others do not count as an id.
const MAX_ID_BYTES: usize = 1024;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; empty if none was given, which stands for `message`.
    pub name: String,
    /// The data, with a line feed between two lines.
    pub data: String,
    /// The id that the stream had last when the event came; empty if it had none. At most 1024
    /// bytes.
    pub id: String,
}

/// The bounds of a stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// The largest event, in bytes as it is written.
    pub event_bytes: usize,
    /// All that is read of the stream, in bytes.
    pub total_bytes: usize,
    /// How long the stream may be silent. A comment breaks the silence.
    pub idle: Duration,
    /// When the stream must be over.
    pub ends: Instant,
}

/// Why a stream of events cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The body failed: it was broken off, or its next bytes did not come in time.
    #[error("the stream broke off")]
    Body(#[source] Error),
    /// The body ended within an event.
    #[error("the stream ends within an event")]
    Cut,
    /// An event is larger than the caller takes.
    #[error("an event of the stream has more than {0} bytes")]
    EventTooLarge(usize),
    /// The stream is larger than the caller takes.
    #[error("the stream has more than {0} bytes")]
    StreamTooLarge(usize),
    /// The stream goes on for longer than the caller waits.
    #[error("the stream took too long")]
    Late,
    /// An event is not UTF-8. The number is that of the byte in the stream at which its line begins.
    #[error("the stream is not UTF-8 in the line at byte {0}")]
    NotUtf8(usize),
}

/// Reads the events of a body.
///
/// It takes lines that end with a line feed, a carriage return or both, skips comments and unknown
/// fields, and does not reconnect: a caller resumes by the last event's id. After an error or the end
/// there is nothing more.
pub struct EventReader<C> {
    chunks: C,
    limits: EventLimits,
    lines: Lines,
    /// The event that is being read.
    event: Event,
    /// Its size so far, and whether it has a field.
    event_bytes: usize,
    has_field: bool,
    has_data: bool,
    is_over: bool,
}

impl<C: Chunks> EventReader<C> {
    /// A reader of this body.
    pub fn new(chunks: C, limits: EventLimits) -> Self {
        Self {
            chunks,
            limits,
            lines: Lines::default(),
            event: Event::default(),
            event_bytes: 0,
            has_field: false,
            has_data: false,
            is_over: false,
        }
    }

    /// How many bytes of the stream were read.
    pub fn read_bytes(&self) -> usize {
        self.lines.read
    }

    /// How many bytes of the stream belong to the events that [`next`](Self::next) has returned.
    /// There its next event begins, with the comments before it.
    pub fn taken_bytes(&self) -> usize {
        self.lines.taken
    }

    /// The next event; `None` when the body has ended. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the stream breaks off, ends within an event, or exceeds a bound.
    pub async fn next(&mut self) -> Result<Option<Event>, EventsError> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.read().await;
        self.is_over = !matches!(next, Ok(Some(_)));
        next
    }

    async fn read(&mut self) -> Result<Option<Event>, EventsError> {
        loop {
            while let Some(line) = self.lines.next() {
                self.event_bytes += line.len() + 1;
                if self.event_bytes > self.limits.event_bytes {
                    return Err(EventsError::EventTooLarge(self.limits.event_bytes));
                }
                if let Some(event) = self.line(&line)? {
                    return Ok(Some(event));
                }
            }
            if self.event_bytes + self.lines.waiting() > self.limits.event_bytes {
                return Err(EventsError::EventTooLarge(self.limits.event_bytes));
            }
            let Some(chunk) = self.chunk().await? else {
                let is_cut = self.has_field || self.lines.waiting() > 0;
                return if is_cut { Err(EventsError::Cut) } else { Ok(None) };
            };
            if self.lines.read + chunk.len() > self.limits.total_bytes {
                return Err(EventsError::StreamTooLarge(self.limits.total_bytes));
            }
            self.lines.add(&chunk);
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, EventsError> {
        let EventLimits { idle, ends, .. } = self.limits;
        let silent = Instant::now() + idle;
        match timeout_at(silent.min(ends), self.chunks.chunk()).await {
            Ok(chunk) => chunk.map_err(EventsError::Body),
            Err(_) if silent < ends => {
                Err(EventsError::Body(Error::TimedOut { phase: Phase::Body, limit: idle }))
            }
            Err(_) => Err(EventsError::Late),
        }
    }

    /// Takes one line, and returns the event that it ends.
    fn line(&mut self, line: &[u8]) -> Result<Option<Event>, EventsError> {
        if line.is_empty() {
            let has_data = std::mem::take(&mut self.has_data);
            (self.event_bytes, self.has_field) = (0, false);
            // The id stays that of the stream.
            let next = Event { id: self.event.id.clone(), ..Event::default() };
            let event = std::mem::replace(&mut self.event, next);
            return Ok(has_data.then_some(event));
        }
        if line[0] == b':' {
            // A comment is no part of the event that it stands in.
            self.event_bytes -= line.len() + 1;
            return Ok(None);
        }
        let text = std::str::from_utf8(line)
            .map_err(|_| EventsError::NotUtf8(self.lines.taken - line.len() - 1))?;
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                (self.has_data, self.has_field) = (true, true);
            }
            "event" => {
                value.clone_into(&mut self.event.name);
                self.has_field = true;
            }
            "id" if !value.contains('\0') && value.len() <= MAX_ID_BYTES => {
                value.clone_into(&mut self.event.id);
                self.has_field = true;
            }
            _ => {}
        }
        Ok(None)
    }
}

/// Cuts bytes into lines. Each byte is looked at once.
#[derive(Default)]
struct Lines {
    buffer: BytesMut,
    /// How much of the buffer has no end of a line.
    searched: usize,
    /// Whether a line feed at the beginning belongs to the end of the line before.
    skips_line_feed: bool,
    /// How many bytes came, and how many of them were taken as lines.
    read: usize,
    taken: usize,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.read += bytes.len();
    }

    /// How many bytes wait for the end of their line.
    fn waiting(&self) -> usize {
        self.buffer.len()
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.skips_line_feed && !self.buffer.is_empty() {
            self.skips_line_feed = false;
            if self.buffer[0] == b'\n' {
                self.advance(1);
            }
        }
        if self.taken == 0 && BYTE_ORDER_MARK.starts_with(&self.buffer[..self.buffer.len().min(3)])
        {
            // It is not known yet whether this is the mark.
            if self.buffer.len() < BYTE_ORDER_MARK.len() {
                return None;
            }
            self.advance(BYTE_ORDER_MARK.len());
        }
        let end = self.buffer[self.searched..].iter().position(|it| matches!(it, b'\n' | b'\r'));
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.buffer.len();
            return None;
        };
        self.skips_line_feed = self.buffer[end] == b'\r';
        let line = self.buffer.split_to(end).freeze();
        self.taken += end;
        self.searched = 0;
        self.advance(1);
        Some(line)
    }

    fn advance(&mut self, bytes: usize) {
        self.buffer.advance(bytes);
        self.taken += bytes;
        self.searched = self.searched.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests;
