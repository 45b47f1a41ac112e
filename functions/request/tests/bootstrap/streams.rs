//! Streams through the process: as they are made with `RESPONSE_MODE=stream`, whole without it.

use std::time::Duration;

use a2a_lambda_aws_emulator::events::sqs_event;
use a2a_lambda_aws_emulator::runtime_api::{Invocation, Running};
use serde_json::{Value, json};

use crate::support::{
    Function, PATIENCE, REQUEST, aws, executor, http_event, rest_event, signals, work_on,
};
use crate::work::{Event, said};

const SUBMITTED: &str = "TASK_STATE_SUBMITTED";
const WORKING: &str = "TASK_STATE_WORKING";
const COMPLETED: &str = "TASK_STATE_COMPLETED";

const STREAM: (&str, &str) = ("RESPONSE_MODE", "stream");
const CONFORMANCE: (&str, &str) = ("AGENT", "conformance");

/// The bytes between the head of a streamed answer and its body.
const DIVIDER: [u8; 8] = [0; 8];

/// The media type by which Lambda knows that there is a head.
const WITH_HEAD: &str = "application/vnd.awslambda.http-integration-response";

/// An answer as it is streamed.
struct Streaming {
    running: Running,
    /// The bytes that have come and were not read yet.
    bytes: Vec<u8>,
}

impl Streaming {
    fn begin(function: &Function, event: &Value) -> Self {
        Self::within(function, event, PATIENCE)
    }

    fn within(function: &Function, event: &Value, invocation: Duration) -> Self {
        Self { running: function.api.begin(event, invocation), bytes: Vec::new() }
    }

    /// The bytes before the next of these dividers.
    async fn until(&mut self, divider: &[u8]) -> Vec<u8> {
        loop {
            let found = self.bytes.windows(divider.len()).position(|window| window == divider);
            if let Some(found) = found {
                let rest = self.bytes.split_off(found + divider.len());
                return std::mem::replace(&mut self.bytes, rest);
            }
            let chunk = self.running.next_chunk().await;
            self.bytes.extend(chunk.unwrap_or_else(|| panic!("it ends in {:?}", self.bytes)));
        }
    }

    /// Status and headers.
    async fn head(&mut self) -> Value {
        let head = self.until(&DIVIDER).await;
        serde_json::from_slice(head.strip_suffix(&DIVIDER).unwrap()).unwrap()
    }

    /// The next event. The answer must be a stream. This does not wait for more.
    async fn event(&mut self) -> Event {
        let event = self.until(b"\n\n").await;
        Event::read(std::str::from_utf8(&event).unwrap())
    }

    /// The head of a stream of events, which is looked at, and the first of them.
    async fn opened(&mut self) -> Event {
        let headers = json!({
            "content-type": "text/event-stream",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        });
        let head = json!({ "statusCode": 200, "headers": headers, "cookies": [] });
        assert_eq!(self.head().await, head);
        self.event().await
    }

    /// The remaining events. The stream must end in order.
    async fn rest(mut self) -> Vec<Event> {
        while let Some(chunk) = self.running.next_chunk().await {
            self.bytes.extend(chunk);
        }
        match self.running.finish().await {
            Invocation::Response { content_type, streamed, trailers, .. } => {
                assert_eq!(content_type.as_deref(), Some(WITH_HEAD));
                assert!(streamed, "Lambda must be told that it is a stream");
                assert!(trailers.is_empty(), "{trailers:?}");
            }
            other => panic!("{other:?}"),
        }
        Event::read_all(std::str::from_utf8(&self.bytes).unwrap())
    }

    /// Checks that no bytes have come beyond those that were read.
    fn has_no_more(&self) {
        assert_eq!(String::from_utf8_lossy(&self.bytes), "");
    }
}

/// A message whose events are to be streamed, which an agent knows by its text.
fn message_stream(text: &str, key: &str) -> Value {
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] });
    let body = json!({ "message": message }).to_string();
    let mut event = http_event("POST", "/message:stream", &body);
    event["headers"]["idempotency-key"] = json!(key);
    event
}

/// Asks for a task's events, after this one if there is one.
fn subscribe(task: &Value, last: Option<u64>) -> Value {
    let mut event = http_event("GET", &format!("/tasks/{}:subscribe", task.as_str().unwrap()), "");
    if let Some(last) = last {
        event["headers"]["last-event-id"] = json!(last.to_string());
    }
    event
}

fn task_of(event: &Event) -> Value {
    event.response["task"]["id"].clone()
}

fn ticks(from: u64, to: u64) -> Vec<(u64, String)> {
    // Behind the task and that it is worked on.
    (from..=to)
        .map(|n| (n + 2, if n == 10 { "tick 10".into() } else { format!("tick {n} ") }))
        .collect()
}

/// A REST API with `responseTransferMode: STREAM` wants metadata in JSON, eight zero bytes and then
/// the body as it is.
#[tokio::test]
async fn a_rest_api_s_event_is_streamed_to_the_byte_and_chunk_by_chunk() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[STREAM]).await;
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": "hi" }] });
    let body = json!({ "message": message }).to_string();
    let event = rest_event("POST", "/message:stream", &body);
    let mut stream = Streaming::begin(&function, &event);

    let head = stream.until(&DIVIDER).await;
    let metadata = concat!(
        r#"{"statusCode":200,"headers":{"content-type":"text/event-stream","#,
        r#""x-accel-buffering":"no","cache-control":"no-store"},"cookies":[]}"#,
    );
    assert_eq!(head, [metadata.as_bytes(), &DIVIDER].concat(), "{head:?}");

    // No chunk can be there before the test has had it made, and it is made when the one before it
    // was read.
    let first = stream.until(b"\n\n").await;
    stream.has_no_more();
    let first = String::from_utf8(first).unwrap();
    assert!(first.starts_with("id: 1\ndata: {\"task\":{\"id\":\""), "{first}");
    let task = Event::read(&first).response["task"].clone();
    let (id, context) = (task["id"].as_str().unwrap(), task["contextId"].as_str().unwrap());
    let work = work_on(&aws, &task["id"]).await;
    assert_eq!(said(&[stream.event().await]), [(2, WORKING)]);
    for (n, text) in [(3, "one "), (4, "two ")] {
        stream.has_no_more();
        work.say(&[text]).await;
        let chunk = String::from_utf8(stream.until(b"\n\n").await).unwrap();
        let data = format!(
            r#"{{"artifactUpdate":{{"taskId":"{id}","contextId":"{context}","artifact":{{"artifactId":"a","parts":[{{"text":"{text}"}}]}},"append":true}}}}"#
        );
        assert_eq!(chunk, format!("id: {n}\ndata: {data}\n\n"));
    }
    work.finish().await;
    assert_eq!(said(&stream.rest().await), [(5, COMPLETED)]);
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_streamed_whole() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[STREAM]).await;
    let mut strange = http_event("GET", "/tasks", "");
    strange["requestContext"]["authorizer"] = json!({});
    for (event, status, says) in [
        (http_event("GET", "/tasks", ""), 200, r#""totalSize":0"#),
        (http_event("GET", "/tasks/t1", ""), 404, "TASK_NOT_FOUND"),
        (http_event("GET", "/tasks/t1:subscribe", ""), 404, "TASK_NOT_FOUND"),
        (http_event("POST", "/message:stream", "{"), 400, "malformed JSON"),
        (strange, 401, "UNAUTHENTICATED"),
        (rest_event("GET", "/tasks", ""), 200, r#""totalSize":0"#),
        (rest_event("GET", "/tasks/t1", ""), 404, "TASK_NOT_FOUND"),
    ] {
        let mut answer = Streaming::begin(&function, &event);
        let head = answer.head().await;
        assert_eq!(head["statusCode"], status, "{head}");
        assert_eq!(head["headers"]["content-type"], "application/a2a+json", "{head}");
        let challenge = (status == 401).then(|| json!("Bearer"));
        assert_eq!(head["headers"].get("www-authenticate"), challenge.as_ref(), "{head}");
        let Invocation::Response { bytes, content_type, .. } = answer.running.finish().await else {
            panic!("no answer to {event}");
        };
        assert_eq!(content_type.as_deref(), Some(WITH_HEAD));
        let divider = bytes.windows(8).position(|window| window == DIVIDER).unwrap();
        let body: Value = serde_json::from_slice(&bytes[divider + 8..]).unwrap();
        assert!(body.to_string().contains(says), "{body}");
    }
}

#[tokio::test]
async fn a_silent_stream_leaves_its_process_when_its_time_is_over() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[STREAM]).await;
    let event = message_stream("hi", "k");
    let mut silent = Streaming::within(&function, &event, Duration::from_secs(3));
    assert_eq!(silent.opened().await.said(), SUBMITTED);
    // As on Lambda, the process is not told that nobody listens any more.
    drop(silent);
    let mut next = Streaming::begin(&function, &http_event("GET", "/tasks", ""));
    assert_eq!(next.head().await["statusCode"], 200);
}

#[tokio::test]
async fn a_stream_whose_process_is_killed_goes_on_in_another_without_a_gap() {
    let aws = aws().await;
    let mut request = aws.function(REQUEST, &[STREAM, CONFORMANCE]).await;
    let executor = aws.function(executor(), &[CONFORMANCE]).await;

    let sent = message_stream("test-stream-ticks", "k");
    let mut stream = Streaming::begin(&request, &sent);
    // The agent may answer with a message, so the stream begins when it has shown something.
    let signals = signals(&aws).await;
    let mut executing = executor.api.begin(sqs_event(&signals), PATIENCE);
    let first = stream.opened().await;
    assert_eq!(said(&[stream.event().await]), [(2, WORKING)]);
    let tick = tokio::select! {
        biased;
        tick = stream.event() => tick,
        // It has nine more ticks to make, which takes more than two seconds.
        _ = executing.next_chunk() => panic!("the executor is done before the first tick is seen"),
    };
    assert_eq!((tick.id, tick.said()), (3, "tick 1 "));

    assert!(!request.bootstrap.kill().await.unwrap().success());
    let ended = stream.running.finish().await;
    assert!(matches!(ended, Invocation::BrokenOff { .. }), "{ended:?}");

    // By subscribing, and by sending the message again.
    let task = task_of(&first);
    let request = aws.function(REQUEST, &[STREAM, CONFORMANCE]).await;
    let mut again = sent;
    again["headers"]["last-event-id"] = json!("3");
    for event in [subscribe(&task, Some(3)), again] {
        let mut stream = Streaming::begin(&request, &event);
        let mut rest = vec![stream.opened().await];
        rest.extend(stream.rest().await);
        let rest: Vec<_> = said(&rest).into_iter().map(|(id, it)| (id, it.to_owned())).collect();
        let over = [(13, COMPLETED.to_owned())];
        assert_eq!(rest, [ticks(2, 10), over.to_vec()].concat());
    }
    match executing.finish().await {
        Invocation::Response { bytes, .. } => assert_eq!(bytes, r#"{"batchItemFailures":[]}"#),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_response_mode_a_stream_is_one_event() {
    for more in [&[CONFORMANCE][..], &[CONFORMANCE, ("RESPONSE_MODE", "buffer")]] {
        let aws = aws().await;
        let request = aws.function(REQUEST, more).await;
        let executor = aws.function(executor(), &[CONFORMANCE]).await;
        let sent = message_stream("tck-stream-artifact-chunked", "k");
        let answering = request.api.begin(&sent, PATIENCE);
        executor.answer(sqs_event(&signals(&aws).await)).await;
        let Invocation::Response { bytes, content_type, streamed, trailers } =
            answering.finish().await
        else {
            panic!("no answer");
        };
        assert_ne!(content_type.as_deref(), Some(WITH_HEAD));
        assert!(!streamed && trailers.is_empty());
        let event: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(event["statusCode"], 200, "{event}");
        assert_eq!(event["headers"]["content-type"], "text/event-stream", "{event}");
        assert_eq!(event["isBase64Encoded"], false);
        let events = Event::read_all(event["body"].as_str().unwrap());
        let texts =
            [(1, SUBMITTED), (2, WORKING), (3, "one "), (4, "two "), (5, "three"), (6, COMPLETED)];
        assert_eq!(said(&events), texts);

        let answer = request.answer(subscribe(&task_of(&events[0]), Some(4))).await;
        assert_eq!(Event::read_all(answer["body"].as_str().unwrap()), events[4..]);
    }
}
