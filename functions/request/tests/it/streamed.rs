//! Answers for a front door that streams.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::Echo;
use a2a_lambda_http::HttpConfig;
use a2a_lambda_request::{Answer, Chunks, Config, ResponseMode};
use a2a_lambda_testing::{Fault, FaultyStore, Kind};
use futures_util::StreamExt;
use http::response::Parts;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{EVENTS, Function, USUAL, at, event, open, sending, with_header};
use crate::work::{Event, said};

const SUBMITTED: &str = "TASK_STATE_SUBMITTED";
const WORKING: &str = "TASK_STATE_WORKING";
const COMPLETED: &str = "TASK_STATE_COMPLETED";

/// A little more than the longest interval at which a stream looks at its task.
const SOON: Duration = Duration::from_millis(250);

fn streaming() -> Config {
    Config { response_mode: ResponseMode::Stream, ..open() }
}

/// The event with a streamed message for a new task.
pub(crate) fn streaming_message(event: Value, key: &str) -> Value {
    let event = with_header(event, "idempotency-key", key);
    at(sending(event, "hi"), "POST", "/message:stream")
}

/// The event that asks for a task's events after one of them.
pub(crate) fn resuming(task: &Value, last: u64) -> Value {
    let path = format!("/tasks/{}:subscribe", task.as_str().unwrap());
    let mut event = at(event!("function-url"), "GET", &path);
    event["headers"]["last-event-id"] = json!(last.to_string());
    event
}

/// A streamed answer, chunk by chunk.
pub(crate) struct Streamed {
    pub(crate) parts: Parts,
    chunks: Chunks,
}

impl Streamed {
    async fn of(function: &Function, event: Value, invocation: Duration) -> Self {
        Self::parts(function.begin_within(event, invocation).await)
    }

    pub(crate) fn parts(answer: Answer) -> Self {
        match answer {
            Answer::Streamed(parts, chunks) => Self { parts, chunks },
            answer @ Answer::Buffered(..) => panic!("not streamed: {answer:?}"),
        }
    }

    /// The answer, which must be a stream of events.
    pub(crate) async fn events_of(function: &Function, event: Value, invocation: Duration) -> Self {
        let streamed = Self::of(function, event, invocation).await;
        assert_eq!(streamed.parts.status, 200);
        assert_eq!(streamed.parts.headers["content-type"], EVENTS);
        assert_eq!(streamed.parts.headers["cache-control"], "no-store");
        streamed
    }

    pub(crate) async fn chunk(&mut self) -> Option<String> {
        let bytes = self.chunks.next().await?.unwrap();
        Some(String::from_utf8(bytes.into()).unwrap())
    }

    /// The next chunk, which must be one event.
    pub(crate) async fn event(&mut self) -> Event {
        Event::read(&self.chunk().await.expect("an event"))
    }

    /// The next chunk, which must be one event that has happened already.
    pub(crate) async fn event_soon(&mut self) -> Event {
        timeout(SOON, self.event()).await.expect("soon after it has happened")
    }

    /// Nothing comes for a while.
    pub(crate) async fn is_silent(&mut self, duration: Duration) {
        let came = timeout(duration, self.chunk()).await;
        assert!(came.is_err(), "{came:?}");
    }

    /// All events that are left.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(chunk) = self.chunk().await {
            events.push(Event::read(&chunk));
        }
        events
    }
}

#[tokio::test(start_paused = true)]
async fn each_event_is_a_chunk_as_soon_as_it_is_committed() {
    for event in [event!("function-url"), event!("http-api-jwt"), event!("rest-api-cognito")] {
        let function = Function::with(streaming());
        let event = streaming_message(event, "k");
        let mut stream = Streamed::events_of(&function, event, USUAL).await;

        let first = stream.event().await;
        assert_eq!((first.id, first.said()), (1, SUBMITTED));
        let task = &first.response["task"]["id"];
        stream.is_silent(Duration::from_secs(5)).await;

        let work = function.work_on(task).await;
        assert_eq!(said(&[stream.event_soon().await]), [(2, WORKING)]);
        for (id, text) in [(3, "one "), (4, "two "), (5, "three ")] {
            stream.is_silent(Duration::from_secs(1)).await;
            work.say(&[text]).await;
            let event = stream.event_soon().await;
            assert_eq!((event.id, event.said()), (id, text));
            assert_eq!(&event.response["artifactUpdate"]["taskId"], task);
        }
        // Events of one commit still arrive one by one.
        work.say(&["four ", "five "]).await;
        assert_eq!(said(&[stream.event_soon().await]), [(6, "four ")]);
        assert_eq!(said(&[stream.event_soon().await]), [(7, "five ")]);

        work.finish().await;
        assert_eq!(said(&[stream.event_soon().await]), [(8, COMPLETED)]);
        assert_eq!(timeout(Duration::ZERO, stream.chunk()).await, Ok(None), "at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_given_comments() {
    let http = HttpConfig { keep_alive: Duration::from_secs(2), ..HttpConfig::default() };
    let function = Function::with(Config { http, ..streaming() });
    let event = streaming_message(event!("function-url"), "k");
    let mut stream = Streamed::events_of(&function, event, USUAL).await;
    stream.event().await;
    for _ in 0..3 {
        let begin = Instant::now();
        assert_eq!(stream.chunk().await.as_deref(), Some(": keep-alive\n"));
        assert!(begin.elapsed() < Duration::from_millis(2_500), "{:?}", begin.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_stream_is_the_same_in_both_modes() {
    let json_rpc = |body: &str| {
        let mut event = at(event!("function-url"), "POST", "/");
        event["body"] = json!(body);
        event
    };
    let mut not_base64 = event!("http-api-base64");
    not_base64["body"] = json!("*");
    let card = "/.well-known/agent-card.json";
    let etag = Function::new().answer(at(event!("function-url"), "GET", card)).await;
    let mut known = at(event!("function-url"), "GET", card);
    known["headers"]["if-none-match"] = etag.event["headers"]["etag"].clone();
    let mut strange = event!("function-url");
    strange["requestContext"]["authorizer"] = json!({});
    for (event, status, chunks) in [
        (event!("function-url"), 200, 1),
        (at(event!("function-url"), "GET", card), 200, 1),
        (at(event!("function-url"), "HEAD", card), 200, 0),
        (known, 304, 0),
        (strange, 401, 1),
        (not_base64, 400, 1),
        (at(event!("function-url"), "GET", "/tasks/t"), 404, 1),
        (at(event!("function-url"), "GET", "/tasks/t:subscribe"), 404, 1),
        (at(event!("function-url"), "POST", "/message:stream"), 400, 1),
        (at(event!("function-url"), "PUT", "/"), 405, 1),
        (json_rpc(r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks"}"#), 200, 1),
        (json_rpc(r#"{"jsonrpc":"2.0","id":1,"method":"SendStreamingMessage"}"#), 200, 1),
        (json_rpc("{"), 200, 1),
    ] {
        let buffered = Function::new().answer(event.clone()).await;
        let function = Function::with(streaming());
        let mut streamed = Streamed::of(&function, event.clone(), USUAL).await;
        let mut body = Vec::new();
        while let Some(chunk) = streamed.chunk().await {
            body.push(chunk);
        }
        assert_eq!((streamed.parts.status.as_u16(), body.len()), (status, chunks), "{event}");
        assert_eq!(buffered.status, u64::from(status), "{buffered:?}");
        assert_eq!(buffered.event["body"], body.concat(), "{event}");
        let headers: Value = streamed.parts.headers.iter().map(named).collect();
        assert_eq!(buffered.event["headers"], headers, "{event}");
    }
}

fn named((name, value): (&http::HeaderName, &http::HeaderValue)) -> (String, Value) {
    (name.as_str().to_owned(), json!(value.to_str().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_larger_than_a_whole_one() {
    let text = "\"".repeat(174_000);
    let function = Function::with(streaming());
    for _ in 0..10 {
        let answer = function.answer(sending(event!("function-url"), &text)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = function.answer(event!("function-url")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let bytes = serde_json::to_vec(&answer.event).unwrap().len();
    assert!(bytes > 6_000_000, "{bytes}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_in_time_and_goes_on_in_the_next_invocation() {
    let function = Function::with(streaming());
    let begin = Instant::now();
    let invocation = Duration::from_secs(10);
    let sent = streaming_message(event!("function-url"), "k");
    let mut stream = Streamed::events_of(&function, sent.clone(), invocation).await;
    let first = stream.event().await;
    let task = first.response["task"]["id"].clone();
    let work = function.work_on(&task).await;
    work.say(&["one "]).await;
    let had = stream.rest().await;
    assert_eq!(said(&had), [(2, WORKING), (3, "one ")]);
    assert_eq!(begin.elapsed(), Duration::from_millis(9_500), "half a second for the end");

    // In between, the agent goes on.
    work.say(&["two ", "three "]).await;
    let mut again = sent;
    again["headers"]["last-event-id"] = json!("3");
    for event in [resuming(&task, 3), again] {
        let begin = Instant::now();
        let stream = Streamed::events_of(&function, event, invocation).await;
        assert_eq!(said(&stream.rest().await), [(4, "two "), (5, "three ")]);
        assert_eq!(begin.elapsed(), Duration::from_millis(9_500));
    }
    let mut stream = Streamed::events_of(&function, resuming(&task, 4), invocation).await;
    assert_eq!(said(&[stream.event().await]), [(5, "three ")]);
    work.finish().await;
    assert_eq!(said(&stream.rest().await), [(6, COMPLETED)]);
    let stream = Streamed::events_of(&function, resuming(&task, 1), invocation).await;
    let all = stream.rest().await;
    let texts = [(2, WORKING), (3, "one "), (4, "two "), (5, "three "), (6, COMPLETED)];
    assert_eq!(said(&all), texts);
    assert_eq!(all[..2], had, "the same to the last letter");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_any_time_has_at_least_its_task() {
    let function = Function::with(streaming());
    let sent = streaming_message(event!("function-url"), "k");
    for invocation in [Duration::ZERO, Duration::from_millis(500)] {
        let stream = Streamed::events_of(&function, sent.clone(), invocation).await;
        assert_eq!(said(&stream.rest().await), [(1, SUBMITTED)], "{invocation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_no_reason_not_to_answer() {
    let store = Arc::new(FaultyStore::default());
    let function = Function::made_of(store.clone(), Echo, streaming());
    let sent = streaming_message(event!("function-url"), "k");
    let mut stream = Streamed::events_of(&function, sent, Duration::from_secs(10)).await;
    let begin = Instant::now();
    let task = stream.event().await.response["task"]["id"].clone();

    // Amid a stream: it ends in time.
    store.fail_each(Kind::Read, Fault::HangBefore);
    assert_eq!(stream.rest().await, []);
    assert_eq!(begin.elapsed(), Duration::from_millis(9_500));

    // Before a stream: the answer is an error, and still streamed.
    let begin = Instant::now();
    let invocation = Duration::from_secs(10);
    let mut stream = Streamed::of(&function, resuming(&task, 1), invocation).await;
    assert_eq!(stream.parts.status, 503);
    let body: Value = serde_json::from_str(&stream.chunk().await.unwrap()).unwrap();
    assert_eq!(body["error"]["status"], "UNAVAILABLE");
    assert_eq!(begin.elapsed(), Duration::from_millis(9_850));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_asks_nothing_of_the_store_any_more() {
    let store = Arc::new(FaultyStore::default());
    let function = Function::made_of(store.clone(), Echo, streaming());
    let held = Arc::strong_count(&store);
    let sent = streaming_message(event!("function-url"), "k");
    let mut stream = Streamed::events_of(&function, sent, USUAL).await;
    stream.event().await;
    let reader = tokio::spawn(async move { stream.chunk().await });

    let looks = |since: usize| store.count_of(Kind::Read) + store.count_of(Kind::Glance) - since;
    let before = looks(0);
    sleep(Duration::from_secs(5)).await;
    assert!((20..200).contains(&looks(before)), "five seconds of looks: {}", looks(before));

    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled());
    let before = looks(0);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(looks(before), 0);
    assert_eq!(Arc::strong_count(&store), held, "nothing of the stream is left");
}
