//! Batches without a fault.

use std::time::Duration;

use a2a_lambda_protocol::TaskState;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::support::{Function, batch};

const INVOCATION: Duration = Duration::from_mins(15);

#[tokio::test(start_paused = true)]
async fn a_signal_runs_its_task() {
    for tenant in ["", "acme"] {
        let function = Function::new();
        let (task, body) = function.task_of(tenant, "work").await;
        assert_eq!(function.handle(batch([("r1", body.as_str())]), INVOCATION).await, [""; 0]);
        assert_eq!(function.state(&task).await, TaskState::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_may_be_empty() {
    assert_eq!(Function::new().handle(json!({ "Records": [] }), INVOCATION).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_signal_for_a_task_that_is_over_or_unknown_is_done() {
    let function = Function::new();
    let (_, body) = function.task("work").await;
    for body in [body.as_str(), body.as_str(), r#"{"taskId":"nobody-made-this"}"#] {
        assert_eq!(function.handle(batch([("r1", body)]), INVOCATION).await, [""; 0], "{body}");
    }
    assert_eq!(function.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn signals_of_one_task_in_a_batch_run_it_once() {
    let function = Function::new();
    let (task, body) = function.task("work").await;
    let event = batch(["r1", "r2", "r3", "r4", "r5"].map(|id| (id, body.as_str())));
    assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);
    assert_eq!(function.runs(), 1);
    assert_eq!(function.state(&task).await, TaskState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_large_batch_is_attended_to_a_few_at_a_time() {
    let function = Function::new();
    let mut tasks = Vec::new();
    for number in 0..200 {
        let (task, body) = function.task("work").await;
        tasks.push((format!("r{number}"), task, body));
    }
    let event = batch(tasks.iter().map(|(id, _, body)| (id.as_str(), body.as_str())));
    assert_eq!(function.handle(event, INVOCATION).await, [""; 0]);
    for (id, task, _) in &tasks {
        assert_eq!(function.state(task).await, TaskState::Completed, "{id}");
    }
    assert_eq!((function.runs(), function.most_at_once()), (200, 16));
}

/// An event that is accepted is lost: its sender counts it as handled.
#[test]
fn another_function_s_event_is_refused_by_name() {
    for (event, name) in [
        (json!({ "Records": [{ "eventSource": "aws:dynamodb" }] }), "a batch of a DynamoDB stream"),
        (json!({ "requestContext": { "http": { "method": "GET" } } }), "an HTTP API"),
        (json!({}), "neither a batch of records nor a request"),
    ] {
        let error =
            a2a_lambda_sqs_executor::event(&to_raw_value(&event).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("this event is {name}")), "{error}");
        assert!(error.ends_with("sqs-executor takes a batch of an SQS queue"), "{error}");
    }
}
