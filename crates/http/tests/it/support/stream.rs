//! A stream of Server-Sent Events as a client reads it; its form is checked on the way.

use a2a_lambda_http::{Body, EventStream};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Response, header};
use serde_json::Value;

use super::Binding;

/// An item of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Event(Event),
    KeepAlive,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: u64,
    /// The `StreamResponse`, out of the binding's envelope.
    pub(crate) response: Value,
}

impl Event {
    /// Its kind, one of four: `task`, `message`, `statusUpdate` or `artifactUpdate`.
    pub(crate) fn kind(&self) -> &str {
        let members = self.response.as_object().unwrap();
        assert_eq!(members.len(), 1, "a StreamResponse is exactly one: {}", self.response);
        members.keys().next().unwrap()
    }

    /// The state that a task or a status update has.
    pub(crate) fn state(&self) -> Option<&str> {
        self.response[self.kind()]["status"]["state"].as_str()
    }
}

/// A stream that is being read.
#[derive(Debug)]
pub(crate) struct Events {
    binding: Binding,
    id: Value,
    stream: EventStream,
}

impl Events {
    /// The stream that a response must be. `id` is the JSON-RPC request's.
    pub(crate) fn of(binding: Binding, id: Value, response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let Body::Events(stream) = body else { panic!("not a stream: {body:?}") };
        assert_eq!(head.status, 200);
        assert_eq!(head.headers[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(head.headers[header::CACHE_CONTROL], "no-store");
        Self { binding, id, stream }
    }

    /// The next event or comment; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        let bytes = self.stream.next().await?;
        Some(read(self.binding, &self.id, &bytes))
    }

    /// The next event, comments aside.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        loop {
            match self.next().await? {
                Item::Event(event) => return Some(event),
                Item::KeepAlive => {}
            }
        }
    }

    /// All that is left, comments aside.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await {
            events.push(event);
        }
        events
    }
}

/// Reads one item, which must have exactly our form: an `id` line, a `data` line, an empty line.
fn read(binding: Binding, id: &Value, bytes: &Bytes) -> Item {
    let text = std::str::from_utf8(bytes).unwrap();
    if text == ": keep-alive\n" {
        return Item::KeepAlive;
    }
    let frame = text.strip_suffix("\n\n").unwrap_or_else(|| panic!("no empty line: {text:?}"));
    let (first, second) = frame.split_once('\n').unwrap_or_else(|| panic!("one line: {text:?}"));
    let event = first.strip_prefix("id: ").unwrap_or_else(|| panic!("no id: {text:?}"));
    let data = second.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {text:?}"));
    // All that any reader takes for the end of a line, Python's `splitlines` first of all.
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}'];
    assert!(!data.contains(ends) && !data.contains('\u{2029}'), "a line ends in {data:?}");
    let json: Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data}"));
    let response = match binding {
        Binding::Rest => json,
        Binding::JsonRpc => {
            assert_eq!(json["jsonrpc"], "2.0", "{json}");
            assert_eq!(json.get("id"), Some(id), "{json}");
            assert_eq!(json.as_object().unwrap().len(), 3, "{json}");
            json["result"].clone()
        }
    };
    let event = Event { id: event.parse().unwrap(), response };
    event.kind();
    Item::Event(event)
}

/// Panics unless the whole body of a stream is in order: for streams whose events do not matter.
pub(crate) fn check_events(binding: Binding, id: &Value, body: &Bytes) {
    let text = std::str::from_utf8(body).unwrap();
    let mut last = 0;
    for frame in text.split_inclusive("\n\n") {
        let comment = ": keep-alive\n";
        let event = frame.trim_start_matches(comment);
        if event.is_empty() {
            continue;
        }
        let Item::Event(event) = read(binding, id, &Bytes::copy_from_slice(event.as_bytes()))
        else {
            panic!("not an event: {frame:?}");
        };
        assert!(event.id > last, "{} comes after {last}", event.id);
        last = event.id;
    }
}
