//! Streams for a front door that takes answers whole.

use std::time::Duration;

use a2a_lambda_http::HttpConfig;
use a2a_lambda_request::Config;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::streamed::{resuming, streaming_message};
use crate::support::{Answer, EVENTS, Function, USUAL, at, calling, event, open, sending};
use crate::work::{Event, Work, said};

const SUBMITTED: &str = "TASK_STATE_SUBMITTED";
const WORKING: &str = "TASK_STATE_WORKING";
const COMPLETED: &str = "TASK_STATE_COMPLETED";

/// The most that Lambda takes of a function that answers whole.
const LAMBDA_BYTES: usize = 6 * 1024 * 1024;

/// The events of an answer that must consist of these, whole.
fn events(answer: &Answer) -> Vec<Event> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.event["headers"]["content-type"], EVENTS, "{answer:?}");
    assert_eq!(answer.event["headers"]["cache-control"], "no-store", "{answer:?}");
    assert_eq!(answer.event["isBase64Encoded"], false);
    assert!(serde_json::to_vec(&answer.event).unwrap().len() <= LAMBDA_BYTES);
    // It panics over a comment.
    Event::read_all(answer.body.as_str().unwrap())
}

/// The task that is there, once it is.
async fn task(function: &Function) -> Value {
    loop {
        let page = function.answer(at(event!("http-api"), "GET", "/tasks")).await.body;
        if let Some(task) = page["tasks"].get(0) {
            return task["id"].clone();
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// A task that is worked on, and its id.
async fn begun(function: &Function) -> (Value, Work) {
    let task = function.answer(sending(event!("http-api"), "hi")).await.body["task"]["id"].clone();
    let work = function.work_on(&task).await;
    (task, work)
}

#[tokio::test(start_paused = true)]
async fn all_events_are_one_answer_without_comments() {
    let message = json!({ "messageId": "m", "role": "ROLE_USER", "parts": [{ "text": "hi" }] });
    let params = json!({ "message": message });
    let rest = streaming_message(event!("http-api"), "k");
    for event in [rest, calling(event!("http-api"), "SendStreamingMessage", &params)] {
        // A stream would give it several comments.
        let http = HttpConfig { keep_alive: Duration::from_secs(1), ..HttpConfig::default() };
        let function = Function::with(Config { http, ..open() });
        let begin = Instant::now();
        let working = async {
            let work = function.work_on(&task(&function).await).await;
            sleep(Duration::from_secs(3)).await;
            work.say(&["one ", "two "]).await;
            sleep(Duration::from_secs(4)).await;
            work.say(&["three"]).await;
            work.finish().await;
        };
        let (answer, ()) = tokio::join!(function.answer(event), working);
        let texts =
            [(1, SUBMITTED), (2, WORKING), (3, "one "), (4, "two "), (5, "three"), (6, COMPLETED)];
        assert_eq!(said(&events(&answer)), texts);
        let took = begin.elapsed();
        assert!(took < Duration::from_millis(7_250), "{took:?}: as soon as the task is over");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_collected_no_longer_than_a_sender_waits() {
    for (invocation, expected) in [
        // As long as for the answer to a message that is not streamed.
        (Duration::from_mins(15), Duration::from_secs(25)),
        (USUAL, Duration::from_secs(25)),
        // And half a second for the way back.
        (Duration::from_secs(10), Duration::from_millis(9_500)),
        (Duration::from_millis(500), Duration::ZERO),
        (Duration::ZERO, Duration::ZERO),
    ] {
        let function = Function::new();
        let begin = Instant::now();
        let sent = streaming_message(event!("http-api"), "k");
        let answer = function.answer_within(sent, invocation).await;
        assert_eq!(said(&events(&answer)), [(1, SUBMITTED)]);
        assert_eq!(begin.elapsed(), expected, "{invocation:?}");

        let (task, work) = begun(&function).await;
        let begin = Instant::now();
        let mut subscribe = resuming(&task, 1);
        let answer = function.answer_within(subscribe.clone(), invocation).await;
        assert_eq!(said(&events(&answer))[0], (2, WORKING));
        assert_eq!(begin.elapsed(), expected, "{invocation:?}");

        subscribe["headers"]["last-event-id"] = json!("");
        work.say(&["one "]).await;
        let answer = function.answer_within(subscribe, invocation).await;
        assert_eq!(said(&events(&answer)), [(3, WORKING)], "first the task, with all it has");
    }
}

#[tokio::test(start_paused = true)]
async fn later_news_is_in_the_next_answer() {
    let function = Function::new();
    let sent = streaming_message(event!("http-api"), "k");
    let (answer, work) = tokio::join!(function.answer(sent.clone()), async {
        let work = function.work_on(&task(&function).await).await;
        work.say(&["one "]).await;
        work
    });
    let had = events(&answer);
    assert_eq!(said(&had), [(1, SUBMITTED), (2, WORKING), (3, "one ")]);
    let task = &had[0].response["task"]["id"];

    work.say(&["two "]).await;
    let mut again = sent.clone();
    again["headers"]["last-event-id"] = json!("3");
    for event in [resuming(task, 3), again] {
        let answer = function.answer(event).await;
        assert_eq!(said(&events(&answer)), [(4, "two ")]);
    }
    // No news is no error.
    let answer = function.answer(resuming(task, 4)).await;
    assert_eq!((answer.status, &answer.body), (200, &Value::Null), "{answer:?}");
    assert_eq!(answer.event["headers"]["content-type"], EVENTS);

    let finishing = async {
        sleep(Duration::from_secs(2)).await;
        work.say(&["three"]).await;
        work.finish().await;
    };
    let (answer, ()) = tokio::join!(function.answer(resuming(task, 4)), finishing);
    assert_eq!(said(&events(&answer)), [(5, "three"), (6, COMPLETED)]);
    let answer = function.answer(resuming(task, 6)).await;
    assert_eq!(answer.status, 400, "there is nothing left: {answer:?}");
}

#[tokio::test(start_paused = true)]
async fn more_than_an_answer_holds_is_in_the_next() {
    let function = Function::new();
    let (task, work) = begun(&function).await;
    // A quote takes four bytes: it is escaped in the event's JSON and again in the answer's.
    let large = "\"".repeat(150_000);
    for _ in 0..5 {
        work.say(&[&large, &large, &large]).await;
    }
    work.finish().await;

    let begin = Instant::now();
    let mut had: Vec<Event> = Vec::new();
    let mut sizes = Vec::new();
    let mut last = 1;
    while last < 18 {
        let answer = function.answer(resuming(&task, last)).await;
        let came = events(&answer);
        sizes.push(came.len());
        last = came.last().expect("each answer has something").id;
        had.extend(came);
    }
    // 600 kB each: with the seventh the limit of 4 MB is passed.
    assert_eq!(sizes, [8, 7, 2], "WORKING, chunks, COMPLETED");
    let ids: Vec<u64> = had.iter().map(|event| event.id).collect();
    assert_eq!(ids, (2..=18).collect::<Vec<_>>(), "nothing is missed, nothing repeated");
    assert!(had[1..16].iter().all(|event| event.said() == large));
    assert_eq!(begin.elapsed(), Duration::ZERO, "a full answer waits for nothing");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_no_answer_holds_is_refused_by_name() {
    let function = Function::new();
    let (task, work) = begun(&function).await;
    let large = "\"".repeat(150_000);
    for _ in 0..11 {
        work.say(&[&large]).await;
    }
    // The first event is the task, with all of that.
    let mut subscribe = resuming(&task, 1);
    subscribe["headers"].as_object_mut().unwrap().remove("last-event-id");
    let answer = function.answer(subscribe).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["status"]),
        (400, &json!("FAILED_PRECONDITION"))
    );
    // A client that has had the task gets the rest.
    let answer = function.answer(resuming(&task, 1)).await;
    assert_eq!(events(&answer).len(), 8);
}
