//! Records and their redelivery.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Function, event, record};

const STREAM: &str = include_str!("../events/stream.json");
const HOOK: &str = "https://hooks.example/1";

fn none() -> Value {
    json!({ "batchItemFailures": [] })
}

fn from(number: u32) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": number.to_string() }] })
}

#[tokio::test(start_paused = true)]
async fn each_task_of_a_batch_is_delivered_for() {
    let function = Function::new();
    let first = function.canceled("", HOOK).await;
    let second = function.canceled("acme", "https://hooks.example/2").await;
    let event =
        STREAM.replace("FIRST", first.task.as_str()).replace("SECOND", second.task.as_str());
    assert_eq!(function.handle(&event).await, none());
    let mut sent = function.take_sent();
    sent.sort();
    // The task as it was then, and that it was canceled.
    assert_eq!(sent, [HOOK, HOOK, "https://hooks.example/2", "https://hooks.example/2"]);
    assert!(!function.is_marked(&first).await && !function.is_marked(&second).await);

    // As a stream may, it sends them again.
    assert_eq!(function.handle(&event).await, none());
    assert_eq!(function.take_sent(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_answer_fails_no_record_and_holds_up_no_other() {
    let function = Function::new();
    let hangs = function.canceled("", "https://hooks.example/hangs").await;
    let well = function.canceled("", HOOK).await;
    let records = event(&[record(1, &hangs.to_string()), record(2, &well.to_string())]);
    let begun = tokio::time::Instant::now();
    assert_eq!(function.handle(&records).await, none());
    assert_eq!(begun.elapsed().as_secs(), 10, "one attempt is made");
    assert_eq!(function.take_sent().iter().filter(|url| *url == HOOK).count(), 2);
    let signals = function.take_signals();
    let [(key, delay)] = &signals[..] else { panic!("{signals:?}") };
    assert_eq!(key, &hangs);
    let bounds = Duration::from_secs(5)..Duration::from_millis(5_600);
    assert!(bounds.contains(delay), "{delay:?}");
    assert!(function.is_marked(&hangs).await && !function.is_marked(&well).await);
}

#[tokio::test(start_paused = true)]
async fn from_the_first_record_that_failed_on_all_come_again() {
    let function = Function::new();
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(function.canceled("", HOOK).await);
    }
    // The third task has two records.
    let order = [0, 2, 1, 2, 3];
    let records: Vec<Value> =
        (10..).zip(order).map(|(number, task)| record(number, &keys[task].to_string())).collect();
    let records = event(&records);
    function.refuse(&[&keys[1], &keys[2]]);
    assert_eq!(function.handle(&records).await, from(11));
    assert_eq!(function.take_sent().len(), 4, "those that can be are delivered for");
    // That claim has not expired yet: another deliverer that finds it leaves it alone.
    function.refuse(&[]);
    assert_eq!(function.handle(&records).await, none());
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(function.handle(&records).await, none());
    assert_eq!(function.take_sent().len(), 4);
    for key in &keys {
        assert!(!function.is_marked(key).await);
    }
}

/// A stream sends nothing of a shard before a record that failed is done with.
#[tokio::test(start_paused = true)]
async fn a_task_of_another_release_holds_up_no_other_and_is_left_to_the_sweep() {
    let function = Function::new();
    let foreign = function.canceled("", HOOK).await;
    let other = function.canceled("", "https://hooks.example/2").await;
    function.set_of_other_release(&[&foreign]);
    let records = event(&[record(1, &foreign.to_string()), record(2, &other.to_string())]);
    assert_eq!(function.handle(&records).await, none());
    assert!(function.take_sent().iter().all(|url| url != HOOK));
    assert!(!function.is_marked(&other).await);
    assert!(function.is_marked(&foreign).await && function.is_due(&foreign).await);

    // The deployment has ended: the sweep, or another record, delivers.
    function.set_of_other_release(&[]);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(function.handle(&event(&[record(1, &foreign.to_string())])).await, none());
    assert_eq!(function.take_sent(), [HOOK, HOOK]);
    assert!(!function.is_marked(&foreign).await);
}

#[tokio::test(start_paused = true)]
async fn records_without_time_are_redelivered() {
    let function = Function::new();
    let key = function.canceled("", HOOK).await;
    let records = event(&[record(7, &key.to_string())]);
    let short = Duration::from_secs(9);
    assert_eq!(function.handle_within(short, &records).await, from(7));
    assert_eq!(function.take_sent(), [""; 0]);
    assert_eq!(function.handle(&records).await, none());
    assert_eq!(function.take_sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn records_that_are_of_no_use_are_passed_over() {
    let function = Function::new();
    let key = function.canceled("", HOOK).await;
    let mut config = record(2, &key.to_string());
    config["dynamodb"]["Keys"]["sk"] = json!({ "S": "C#1" });
    let records = [
        record(1, "#no-such-task"),
        config,
        record(3, "no tenant"),
        json!({}),
        json!({ "dynamodb": {} }),
        json!({ "dynamodb": { "SequenceNumber": "4" } }),
        record(5, &key.to_string()),
    ];
    assert_eq!(function.handle(&event(&records)).await, none());
    assert_eq!(function.take_sent().len(), 2);
    assert_eq!(function.handle(r#"{"Records":[]}"#).await, none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_a_record_without_a_number_fails_the_batch() {
    let function = Function::new();
    let key = function.canceled("", HOOK).await;
    let mut nameless = record(0, &key.to_string());
    nameless["dynamodb"].as_object_mut().unwrap().remove("SequenceNumber");
    function.refuse(&[&key]);
    let answer = function.handle(&event(&[nameless])).await;
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": null }] }));
}

/// An event that is accepted is lost: its sender counts it as handled.
#[test]
fn another_function_s_event_is_refused_by_name() {
    for (event, name) in [
        (r#"{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}"#, "a batch of an SQS queue"),
        (r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#, "a batch of aws:kinesis"),
        (r#"{"httpMethod":"GET","path":"/"}"#, "a REST API"),
        (r#"{"source":"aws.scheduler"}"#, "neither a batch of records nor a request"),
        ("{}", "neither a batch of records nor a request"),
    ] {
        let error =
            a2a_lambda_stream_recovery::event(serde_json::from_str(event).unwrap()).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(&format!("this event is {name}")), "{error}");
        let taken = "the function stream-recovery takes a batch of a DynamoDB stream";
        assert!(error.ends_with(taken), "{error}");
    }
}
