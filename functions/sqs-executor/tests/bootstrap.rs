//! The function as the process that Lambda starts: its protocol, its log and its end.

use a2a_lambda_aws_emulator::account::Account;
use serde_json::json;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_sqs-executor");
const EVENT: &str = include_str!("events/batch.json");

async fn aws() -> Account {
    Account::start(None, &[("AGENT", "echo")]).await
}

#[tokio::test]
async fn a_record_that_is_no_signal_is_reported_and_not_repeated_in_the_log() {
    // Not even where everything is logged: the runtime would log the event as a whole.
    let aws = aws().await;
    let function = aws.function(EXECUTABLE, &[("LOG_LEVEL", "trace")]).await;
    let answer = function.answer(EVENT).await;
    let id = "059f36b4-87a3-44ab-83d2-661975830a7d";
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": id }] }));

    let line = function.line("record_retry").await;
    assert_eq!((&line["level"], &line["message_id"]), (&json!("ERROR"), &json!(id)), "{line}");
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    let line = function.line("signal_without_task").await;
    assert_eq!(line["task"], "nobody-made-this", "{line}");
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    function.log(&["Test message."]);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_reported() {
    let astray = [("TABLE_NAME", "another-table"), ("LOG_LEVEL", "error")];
    let aws = aws().await;
    let function = aws.function(EXECUTABLE, &astray).await;
    let answer = function.answer(EVENT).await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(2), "{answer}");
    let line = function.line("ResourceNotFoundException").await;
    assert!(line["function_request_id"].is_string(), "at each level the request is named: {line}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_and_the_next_is_served() {
    let aws = aws().await;
    let function = aws.function(EXECUTABLE, &[]).await;
    let mixed = r#"{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:dynamodb"}]}"#;
    for (event, name) in [
        ("[]", "UnknownEvent"),
        ("null", "UnknownEvent"),
        (r#"{"Records":7}"#, "UnknownEvent"),
        (mixed, "UnknownEvent"),
        (r#"{"Records":[7]}"#, "MalformedEvent"),
    ] {
        assert_eq!(function.error(event).await["errorType"], name, "{event}");
    }
    let answer = function.answer(r#"{"Records":[]}"#).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn a_missing_variable_ends_the_process_with_a_line_that_names_it() {
    let missing = ["AGENT", "TABLE_NAME", "QUEUE_URL"].map(|variable| (variable, ""));
    aws().await.refuses(EXECUTABLE, &missing).await;
}
