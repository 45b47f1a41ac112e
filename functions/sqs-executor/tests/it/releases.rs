//! Records that come again later and later: of another release, and of an overloaded store.

use std::time::Duration;

use a2a_lambda_protocol::TaskState;
use serde_json::{Value, json};

use crate::support::{Function, batch};

const INVOCATION: Duration = Duration::from_mins(15);

fn received(mut event: Value, count: u32) -> Value {
    for record in event["Records"].as_array_mut().unwrap() {
        record["attributes"]["ApproximateReceiveCount"] = json!(count.to_string());
    }
    event
}

fn hidden(record: &str, seconds: u64) -> (u64, Vec<String>, u64) {
    (0, vec![format!("receipt of {record}")], seconds)
}

/// Were it redelivered at once, it would be a dead letter within seconds.
#[tokio::test(start_paused = true)]
async fn a_signal_of_another_release_is_hidden_for_longer_each_time() {
    let function = Function::new();
    let seconds = [60, 120, 240, 480, 960, 1_920, 3_600, 3_600];
    for (count, seconds) in (1..).zip(seconds).chain([(u32::MAX, 3_600)]) {
        for body in [
            r#"{"v":99,"tasks":["t"]}"#,
            r#"{"v":"b","taskId":"t"}"#,
            r#"{"v":1,"taskId":"t","new":{}}"#,
        ] {
            let event = received(batch([("r1", body)]), count);
            assert_eq!(function.handle(event, INVOCATION).await, ["r1"], "SQS must not delete it");
            assert_eq!(function.take_hidden()[0], hidden("r1", seconds), "received {count} times");
        }
    }
    assert!(function.take_deleted().is_empty() && function.take_signals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_other_records_of_its_batch_are_attended_to() {
    let function = Function::new();
    let (first, first_body) = function.task("work").await;
    let (last, last_body) = function.task("work").await;
    let foreign = first_body.replace(r#""v":1"#, r#""v":2"#);
    assert_ne!(foreign, first_body);
    let event = batch([("r1", &*first_body), ("r2", &*foreign), ("r3", &*last_body)]);
    assert_eq!(function.handle(event, INVOCATION).await, ["r2"]);
    assert_eq!(function.take_hidden()[0], hidden("r2", 60));
    for task in [first, last] {
        assert_eq!(function.state(&task).await, TaskState::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_release_is_left_alone_until_it_can_be_read() {
    let function = Function::new();
    let (foreign, body) = function.task("work").await;
    let (other, other_body) = function.task("work").await;
    function.set_of_other_release(&[&foreign]);
    let before = function.snapshot(&foreign).await;
    let event = batch([("r1", &*body), ("r2", &*other_body)]);
    assert_eq!(function.handle(event, INVOCATION).await, ["r1"]);
    assert!(function.take_hidden().contains(&hidden("r1", 60)));
    assert_eq!(function.snapshot(&foreign).await, before);
    assert_eq!(function.runs(), 1);
    assert_eq!(function.state(&other).await, TaskState::Completed);

    // The deployment has ended.
    function.set_of_other_release(&[]);
    assert_eq!(function.handle(batch([("r1", &*body)]), INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&foreign).await, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_hide_it_keeps_it_all_the_same() {
    let function = Function::new();
    function.set_queue_broken(true);
    let event = batch([("r1", r#"{"v":99}"#)]);
    assert_eq!(function.handle(event, INVOCATION).await, ["r1"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_an_overloaded_store_comes_again_later_and_later() {
    let function = Function::new();
    let (task, body) = function.task("work").await;
    let (other, other_body) = function.task("work").await;
    function.set_throttled(&[&task]);
    let mut before = 0;
    // A lease of 30 s and a second, twice as long each time, and a quarter to a half more.
    for (count, least) in (1..).zip([31, 62, 120, 120]).chain([(u32::MAX, 120)]) {
        let event = received(batch([("r1", &*body)]), count);
        assert_eq!(function.handle(event, INVOCATION).await, ["r1"], "SQS must not delete it");
        let (_, receipts, seconds) = function.take_hidden().pop().unwrap();
        assert_eq!(receipts, ["receipt of r1"]);
        let all = least * 5 / 4..=least * 3 / 2;
        assert!(all.contains(&seconds), "received {count} times: {seconds} of {all:?}");
        assert!(seconds > before || least == 120);
        before = seconds;
    }
    assert_eq!(function.runs(), 0, "the claim was refused");
    let event = batch([("r1", &*body), ("r2", &*other_body)]);
    assert_eq!(function.handle(event, INVOCATION).await, ["r1"]);
    assert_eq!(function.state(&other).await, TaskState::Completed);

    function.set_throttled(&[]);
    assert_eq!(function.handle(batch([("r1", &*body)]), INVOCATION).await, [""; 0]);
    assert_eq!(function.state(&task).await, TaskState::Completed);
}
