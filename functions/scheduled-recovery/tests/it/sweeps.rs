//! What a sweep does, and what it says of it.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{Function, INVOCATION};

const TICK: &str = include_str!("../events/schedule.json");

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_due_is_nothing_done() {
    let answer = Function::new().handle(TICK).await.unwrap();
    assert_eq!(
        answer,
        json!({
            "due": 0, "lostSignals": 0, "deadLeases": 0, "wakeTimes": 0, "lateUsers": 0,
            "settled": 0, "failed": 0, "unread": 0, "errors": [], "more": false,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn every_stage_is_counted_and_signaled() {
    let function = Function::new();
    let lost = function.task("work").await;
    let dead = function.task("wait").await;
    function.attend_for(&dead, Duration::from_secs(5)).await;
    let parked = function.task("park").await;
    let asking = function.task("ask").await;
    let done = function.task("work").await;
    for key in [&parked, &asking, &done] {
        function.attend_for(key, Duration::from_secs(5)).await;
    }
    wait(200).await;
    let answer = function.handle(TICK).await.unwrap();
    for stage in ["lostSignals", "deadLeases", "wakeTimes", "lateUsers"] {
        assert_eq!(answer[stage], 1, "{answer}");
    }
    assert_eq!((&answer["due"], &answer["failed"]), (&json!(4), &json!(0)), "{answer}");
    let mut signaled = function.take_signals();
    signaled.sort();
    let mut expected = vec![lost, dead, parked, asking];
    expected.sort();
    assert_eq!(signaled, expected);
    // What is under way is left alone.
    assert_eq!(function.handle(TICK).await.unwrap()["due"], 0);
}

#[tokio::test(start_paused = true)]
async fn the_event_may_say_anything() {
    let function = Function::new();
    for event in ["{}", "null", "[]", "7", r#""tick""#, r#"{"stage":"all"}"#, TICK] {
        assert_eq!(function.handle(event).await.unwrap()["due"], 0, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_and_the_next_goes_on() {
    let function = Function::new();
    for _ in 0..200 {
        function.task("work").await;
    }
    wait(61).await;
    function.let_commits_take(Duration::from_secs(10));
    let begin = Instant::now();
    let first = function.handle(TICK).await.unwrap();
    assert!(begin.elapsed() + Duration::from_secs(10) <= INVOCATION, "time for the answer");
    assert_eq!(first["more"], true, "{first}");
    function.let_commits_take(Duration::ZERO);
    let second = function.handle(TICK).await.unwrap();
    let lost = |answer: &serde_json::Value| answer["lostSignals"].as_u64().unwrap();
    assert_eq!(lost(&first) + lost(&second), 200, "{first} {second}");
    assert_eq!(second["more"], false);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_read_is_an_error_that_is_seen() {
    let function = Function::new();
    function.task("work").await;
    wait(61).await;
    function.set_down(true);
    let error = function.handle(TICK).await.unwrap_err();
    assert!(error.contains("the due index could not be read"), "{error}");
    function.set_down(false);
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 1, "it is as it was");
}
