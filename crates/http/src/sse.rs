//! Server-Sent Events: a task's events on the wire (spec sections 9.4.2 and 11.7).

use std::time::Duration;

use a2a_lambda_core::{Generation, Next, Tail};
use a2a_lambda_protocol::StreamResponse;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderName, HeaderValue, Response, header};
use serde::Serialize;

use crate::body::{Body, EventStream};

/// A comment, which clients skip. It keeps the connection open during a long silence. It has no
/// empty line: a widely used reader (httpx-sse) takes an empty line after an earlier `id` for an
/// event without data, which the official SDK of 0.3 then fails to read.
const KEEP_ALIVE: &[u8] = b": keep-alive\n";

/// Answers with a task's events as they happen. `write` makes the JSON of an event.
pub(crate) fn respond(
    tail: Box<Tail>,
    keep_alive: Duration,
    write: impl Fn(StreamResponse) -> Vec<u8> + Send + 'static,
) -> Response<Body> {
    let items = stream::unfold((tail, write), move |(mut tail, write)| async move {
        let item = match tail.next(keep_alive).await {
            Next::Event(event) => frame(event.generation, &write(event.response)),
            Next::Idle => Bytes::from_static(KEEP_ALIVE),
            Next::End => return None,
        };
        Some((item, (tail, write)))
    });
    stream_of(Body::Events(EventStream::new(items)))
}

/// Answers with a stream of one event without an id: an error in the form for clients of 0.3.
pub(crate) fn refused(error: &impl Serialize) -> Response<Bytes> {
    let mut event = BytesMut::from(&b"data: "[..]);
    put_line(&mut event, &json(error));
    event.put_slice(b"\n\n");
    stream_of(event.freeze())
}

fn stream_of<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Reverse proxies such as nginx buffer answers unless this header forbids it.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// One event. Its id is the task's generation, which `Last-Event-ID` resumes after.
fn frame(generation: Generation, json: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(json.len() + 32);
    frame.put_slice(format!("id: {generation}\ndata: ").as_bytes());
    put_line(&mut frame, json);
    frame.put_slice(b"\n\n");
    frame.freeze()
}

/// Writes JSON as one line, by any reader's notion of a line end.
fn put_line(frame: &mut BytesMut, json: &[u8]) {
    let mut rest = json;
    while let [first, tail @ ..] = rest {
        let (bytes, tail): (&[u8], _) = match rest {
            // A line end in JSON is white space, but would end the field. User data may contain
            // one.
            [b'\n' | b'\r', ..] => (b" ", tail),
            // These occur only inside strings. For Server-Sent Events they are ordinary characters.
            // Readers that split lines as Python does (httpx-sse before 0.4.2) end the field there.
            [0xc2, 0x85, tail @ ..] => (b"\\u0085", tail),
            [0xe2, 0x80, 0xa8, tail @ ..] => (b"\\u2028", tail),
            [0xe2, 0x80, 0xa9, tail @ ..] => (b"\\u2029", tail),
            _ => (std::slice::from_ref(first), tail),
        };
        frame.put_slice(bytes);
        rest = tail;
    }
}

/// The JSON of a value whose serialization cannot fail.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_data() {
        let frame = frame(Generation(7), b"{\"data\":{\"a\":\r\n1,\"text\":\"x\\ny\"}}");
        assert_eq!(frame, "id: 7\ndata: {\"data\":{\"a\":  1,\"text\":\"x\\ny\"}}\n\n");
    }

    #[test]
    fn a_line_is_one_to_every_reader() {
        let mut line = BytesMut::new();
        let json = "\"a\u{85}b\u{2028}\u{2029}c\u{2027}\u{e9}\"";
        put_line(&mut line, json.as_bytes());
        assert_eq!(line, "\"a\\u0085b\\u2028\\u2029c\u{2027}\u{e9}\"");
        assert_eq!(
            serde_json::from_slice::<String>(&line).unwrap(),
            serde_json::from_str::<String>(json).unwrap()
        );
    }
}
