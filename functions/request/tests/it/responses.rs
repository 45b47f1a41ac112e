//! The event that answers.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{Function, at, event, sending};

#[tokio::test(start_paused = true)]
async fn an_answer_is_an_event_of_format_2() {
    let answer = Function::new().answer(event!("http-api")).await;
    assert_eq!(answer.event["isBase64Encoded"], false);
    assert_eq!(answer.event["headers"]["content-type"], "application/a2a+json");
    assert!(answer.event["body"].is_string(), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_has_its_headers() {
    let function = Function::new();
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    let tag = function.answer(card.clone()).await.event["headers"]["etag"].clone();
    let mut again = card;
    again["headers"]["if-none-match"] = tag.clone();
    let answer = function.answer(again).await;
    assert_eq!((answer.status, &answer.event["headers"]["etag"]), (304, &tag), "{answer:?}");
    assert_eq!(answer.event["body"], "");
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_answered_before_the_invocation_ends() {
    let mut event = sending(event!("http-api"), "hi");
    let body = event["body"].as_str().unwrap().replace("true", "false");
    event["body"] = json!(body);
    let begin = Instant::now();
    let answer = Function::new().answer_within(event.clone(), Duration::from_secs(10)).await;
    assert_eq!(answer.body["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{answer:?}");
    assert_eq!(begin.elapsed(), Duration::from_millis(9_500), "half a second for the way back");
    // With no time at all, the message is accepted all the same.
    let answer = Function::new().answer_within(event, Duration::ZERO).await;
    assert_eq!(answer.body["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{answer:?}");
}
