//! One record's failure is its own.

use std::time::Duration;

use a2a_lambda_protocol::TaskState;
use serde_json::{Value, json};

use crate::support::{Function, batch, record};

const INVOCATION: Duration = Duration::from_mins(15);

#[tokio::test(start_paused = true)]
async fn the_documented_event_has_one_record_that_is_no_signal() {
    let event = serde_json::from_str(include_str!("../events/batch.json")).unwrap();
    let failures = Function::new().handle(event, INVOCATION).await;
    assert_eq!(failures, ["059f36b4-87a3-44ab-83d2-661975830a7d"]);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_no_signals_fail_alone() {
    let function = Function::new();
    let (first, first_body) = function.task("work").await;
    let (last, last_body) = function.task("work").await;
    let bad = [
        Value::Null,
        json!(""),
        json!("hello"),
        json!("{"),
        json!("[]"),
        json!("{}"),
        json!(r#"{"taskId":7}"#),
        json!(r#"{"taskId":""}"#),
        json!(r#"{"taskId":"t","tenant":"a/b"}"#),
        json!(r#"{"taskId":"t","tenant":"a#b"}"#),
        json!(json!({ "taskId": "x".repeat(257) }).to_string()),
        json!(format!("{first_body}{first_body}")),
    ];
    let mut records = vec![record("good-1", json!(first_body))];
    records.extend((0..).zip(bad).map(|(n, body)| record(&format!("bad-{n:02}"), body)));
    records.push(record("good-2", json!(last_body)));
    let failures = function.handle(json!({ "Records": records }), INVOCATION).await;
    let expected: Vec<_> = (0..12).map(|n| format!("bad-{n:02}")).collect();
    assert_eq!(failures, expected);
    for task in [first, last] {
        assert_eq!(function.state(&task).await, TaskState::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_panics_is_contained_and_its_task_tried_again() {
    let function = Function::new();
    let (panicking, body) = function.task("panic").await;
    let (other, other_body) = function.task("work").await;
    let event = batch([("r1", body.as_str()), ("r2", other_body.as_str())]);
    assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&other).await, TaskState::Completed);
    assert!(!function.state(&panicking).await.is_terminal());

    let (signal, delay) = function.take_signals().pop().unwrap();
    assert_eq!((signal.key(), delay), (panicking.clone(), Duration::from_secs(1)));
    tokio::time::sleep(delay).await;
    let body = serde_json::to_string(&signal).unwrap();
    assert_eq!(function.handle(batch([("r3", body.as_str())]), INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&panicking).await, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_too_late_comes_again() {
    let function = Function::new();
    let (task, body) = function.task("work").await;
    for invocation in [Duration::ZERO, Duration::from_millis(5_999)] {
        let failures = function.handle(batch([("r1", body.as_str())]), invocation).await;
        assert_eq!(failures, ["r1"], "{invocation:?}");
    }
    assert_eq!(function.state(&task).await, TaskState::Submitted);
    assert_eq!(function.runs(), 0);
    let enough = Duration::from_secs(10);
    assert_eq!(function.handle(batch([("r1", body.as_str())]), enough).await, [""; 0]);
    assert_eq!(function.state(&task).await, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_does_not_fit_into_the_invocation_is_redelivered() {
    let function = Function::new();
    let mut bodies = Vec::new();
    for number in 0..40 {
        bodies.push((format!("r{number:02}"), function.task("work").await.1));
    }
    let event = batch(bodies.iter().map(|(id, body)| (id.as_str(), body.as_str())));
    // Time for two rounds of sixteen: the rest would begin with less than is needed left.
    let failures = function.handle(event, Duration::from_millis(7_500)).await;
    let expected: Vec<_> = (32..40).map(|number| format!("r{number:02}")).collect();
    assert_eq!(failures, expected);
    assert_eq!(function.runs(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_reached_comes_again() {
    let function = Function::new();
    let (lost, lost_body) = function.task("work").await;
    let (other, other_body) = function.task("work").await;
    function.set_unreachable(&lost, true);
    let event = batch([("r1", lost_body.as_str()), ("r2", other_body.as_str())]);
    assert_eq!(function.handle(event, INVOCATION).await, ["r1"]);
    assert_eq!(function.state(&lost).await, TaskState::Submitted);
    assert_eq!(function.state(&other).await, TaskState::Completed);

    function.set_unreachable(&lost, false);
    let again = batch([("r1", lost_body.as_str())]);
    assert_eq!(function.handle(again, INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&lost).await, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn every_failure_is_named_once() {
    let event = batch([("r1", "bad"), ("r2", "bad"), ("r3", "bad")]);
    assert_eq!(Function::new().handle(event, INVOCATION).await, ["r1", "r2", "r3"]);
}
