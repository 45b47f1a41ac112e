//! The function as the process that Lambda starts: its protocol, its log and its end.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::queue::{Queue, QueueConfig};
use a2a_lambda_aws_emulator::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use a2a_lambda_dynamodb::create_table;
use serde_json::{Value, json};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_sqs-executor");
const TABLE: &str = "tasks";

/// How long an invocation may take, and how long to wait for a line: far more than is needed.
const PATIENCE: Duration = Duration::from_mins(1);

async fn aws() -> Endpoint {
    let database = EmbeddedDynamoDb::memory().unwrap();
    create_table(&database.client(), TABLE).await.unwrap();
    let config = QueueConfig {
        capacity: NonZeroUsize::MIN,
        max_receive_count: None,
        dead_letter_capacity: NonZeroUsize::MIN,
    };
    Endpoint::start(database, Arc::new(Queue::new(config, || 0))).await.unwrap()
}

fn variables(aws: &Endpoint) -> Vec<(&'static str, String)> {
    vec![
        ("AGENT", "echo".to_owned()),
        ("TABLE_NAME", TABLE.to_owned()),
        ("QUEUE_URL", aws.queue_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", aws.url()),
        ("AWS_ENDPOINT_URL_SQS", aws.url()),
    ]
}

async fn invoke(api: &RuntimeApi, event: &str) -> Value {
    match api.invoke(event, PATIENCE).await {
        Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_that_is_no_signal_is_reported_and_not_repeated_in_the_log() {
    let aws = aws().await;
    let api = RuntimeApi::start().await.unwrap();
    // Not even where everything is logged: the runtime would log the event as a whole.
    let mut variables = variables(&aws);
    variables.push(("LOG_LEVEL", "trace".to_owned()));
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
    let answer = invoke(&api, include_str!("events/batch.json")).await;
    let id = "059f36b4-87a3-44ab-83d2-661975830a7d";
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": id }] }));

    let reported = |line: &str| line.contains("record_retry");
    let line = bootstrap.line(reported, PATIENCE).await.expect("a line about the record");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["message_id"]), (&json!("ERROR"), &json!(id)), "{line}");
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    let unknown = |line: &str| line.contains("signal_without_task");
    let line = bootstrap.line(unknown, PATIENCE).await.expect("a line about the task");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["task"], "nobody-made-this", "{line}");
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    for line in bootstrap.lines() {
        assert!(!line.contains("Test message."), "{line}");
        serde_json::from_str::<Value>(&line).unwrap();
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_reported() {
    let aws = aws().await;
    let api = RuntimeApi::start().await.unwrap();
    let mut variables = variables(&aws);
    variables.push(("TABLE_NAME", "another-table".to_owned()));
    variables.push(("LOG_LEVEL", "error".to_owned()));
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
    let answer = invoke(&api, include_str!("events/batch.json")).await;
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2, "{answer}");
    let cause = |line: &str| line.contains("ResourceNotFoundException");
    let line = bootstrap.line(cause, PATIENCE).await.expect("a line with the cause");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert!(line["function_request_id"].is_string(), "at each level the request is named: {line}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_and_the_next_is_served() {
    let aws = aws().await;
    let api = RuntimeApi::start().await.unwrap();
    let _bootstrap = Bootstrap::spawn(EXECUTABLE, variables(&aws), &api).unwrap();
    let mixed = r#"{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:dynamodb"}]}"#;
    for (event, name) in [
        ("[]", "UnknownEvent"),
        ("null", "UnknownEvent"),
        (r#"{"Records":7}"#, "UnknownEvent"),
        (mixed, "UnknownEvent"),
        (r#"{"Records":[7]}"#, "MalformedEvent"),
    ] {
        match api.invoke(event, PATIENCE).await {
            Invocation::Error { bytes } => {
                let report: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(report["errorType"], name, "{event}: {report}");
            }
            other => panic!("{event}: {other:?}"),
        }
    }
    let answer = invoke(&api, r#"{"Records":[]}"#).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn a_missing_variable_ends_the_process_with_a_line_that_names_it() {
    for variable in ["AGENT", "TABLE_NAME", "QUEUE_URL"] {
        let aws = aws().await;
        let api = RuntimeApi::start().await.unwrap();
        let variables = variables(&aws).into_iter().filter(|(name, _)| *name != variable);
        let mut bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
        let status = bootstrap.wait().await.unwrap();
        assert_eq!(status.code(), Some(1));
        let named = |line: &str| line.contains(variable);
        let line = bootstrap.line(named, PATIENCE).await.expect("a line that names it");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "ERROR", "{line}");
    }
}
