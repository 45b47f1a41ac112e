//! A response's body: bytes, or events as they happen.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::Response;

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// The complete body.
    Whole(Bytes),
    /// Server-Sent Events, which are sent as they come.
    Events(EventStream),
}

/// Server-Sent Events under way. Each item is one complete event or comment. Dropping the stream
/// ends only the watch on the task.
pub struct EventStream(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

impl EventStream {
    /// A stream of these items.
    pub fn new(items: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Box::pin(items))
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventStream").finish_non_exhaustive()
    }
}

impl Stream for EventStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.as_mut().poll_next(context)
    }
}

/// A response with a complete body.
pub(crate) fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(Body::Whole)
}
