//! Event streams of AWS (`application/vnd.amazon.eventstream`), read from the body of an answer: frames
//! with headers and a payload, each with its checksums.

use std::error::Error as StdError;

use aws_smithy_eventstream::frame::read_message_from;
use bytes::{Bytes, BytesMut};

use crate::error::Error;
use crate::exchange::Chunks;

/// The length of a frame, that of its headers, and a checksum.
const PRELUDE_BYTES: usize = 12;
/// A frame without headers and payload: the prelude, and a checksum of the whole.
const LEAST_BYTES: usize = 16;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its kind: `event`, `exception` or `error`.
    pub kind: String,
    /// The type of the event or the exception, or the code of the error; empty if it has none.
    pub name: String,
    /// The text of an error (`:error-message`); empty if it has none.
    pub message: String,
    /// The payload.
    pub payload: Bytes,
}

/// The bounds of an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// The largest frame, in bytes as it is written.
    pub frame_bytes: usize,
    /// All that is read of the stream, in bytes.
    pub total_bytes: usize,
}

/// Why an event stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The body failed: it was broken off, or its next bytes did not come in time.
    #[error("the stream broke off")]
    Body(#[source] Error),
    /// The body ended within a frame.
    #[error("the stream ends within a frame")]
    Cut,
    /// A frame is larger than the caller takes.
    #[error("a frame of the stream has more than {0} bytes")]
    FrameTooLarge(usize),
    /// The stream is larger than the caller takes.
    #[error("the stream has more than {0} bytes")]
    StreamTooLarge(usize),
    /// A frame is malformed: its lengths, its checksums or its headers. The number is that of the byte
    /// in the stream at which it begins.
    #[error("the frame at byte {0} is malformed")]
    Malformed(usize, #[source] Box<dyn StdError + Send + Sync>),
}

/// Reads the frames of a body. Its [`Chunks`] say how long the next bytes may take. After an error or
/// the end there is nothing more.
pub struct FrameReader<C> {
    chunks: C,
    limits: FrameLimits,
    buffer: BytesMut,
    /// How many bytes came, and how many of them were taken as frames.
    read: usize,
    taken: usize,
    is_over: bool,
}

impl<C: Chunks> FrameReader<C> {
    /// A reader of this body.
    pub fn new(chunks: C, limits: FrameLimits) -> Self {
        Self { chunks, limits, buffer: BytesMut::new(), read: 0, taken: 0, is_over: false }
    }

    /// How many bytes of the stream belong to the frames that [`next`](Self::next) has returned.
    pub fn taken_bytes(&self) -> usize {
        self.taken
    }

    /// The next frame; `None` when the body has ended. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the stream breaks off, ends within a frame, has a malformed one, or exceeds a bound.
    pub async fn next(&mut self) -> Result<Option<Frame>, FramesError> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.read().await;
        self.is_over = !matches!(next, Ok(Some(_)));
        next
    }

    async fn read(&mut self) -> Result<Option<Frame>, FramesError> {
        loop {
            if let Some(frame) = self.frame()? {
                return Ok(Some(frame));
            }
            let Some(chunk) = self.chunks.chunk().await.map_err(FramesError::Body)? else {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FramesError::Cut) };
            };
            self.read += chunk.len();
            if self.read > self.limits.total_bytes {
                return Err(FramesError::StreamTooLarge(self.limits.total_bytes));
            }
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// The frame at the beginning of the buffer, if it is there as a whole.
    fn frame(&mut self) -> Result<Option<Frame>, FramesError> {
        if self.buffer.len() < PRELUDE_BYTES {
            return Ok(None);
        }
        let malformed = |source| FramesError::Malformed(self.taken, source);
        let [a, b, c, d, ..] = self.buffer[..] else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length < LEAST_BYTES {
            return Err(malformed("its length is too small".into()));
        }
        if length > self.limits.frame_bytes {
            return Err(FramesError::FrameTooLarge(self.limits.frame_bytes));
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        let mut bytes = self.buffer.split_to(length).freeze();
        let message = read_message_from(&mut bytes).map_err(|error| malformed(error.into()))?;
        self.taken += length;
        let header = |wanted: &str| {
            let mut headers = message.headers().iter();
            let header = headers.find(|header| header.name().as_str() == wanted);
            let value = header.and_then(|header| header.value().as_string().ok());
            value.map(|value| value.as_str().to_owned())
        };
        let kind = header(":message-type").unwrap_or_else(|| "event".to_owned());
        let name = match kind.as_str() {
            "exception" => header(":exception-type"),
            "error" => header(":error-code"),
            _ => header(":event-type"),
        };
        Ok(Some(Frame {
            kind,
            name: name.unwrap_or_default(),
            message: header(":error-message").unwrap_or_default(),
            payload: message.payload().clone(),
        }))
    }
}

#[cfg(test)]
mod tests;
