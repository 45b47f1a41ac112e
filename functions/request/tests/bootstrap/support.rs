//! Both functions' processes, and what of AWS they need.

use std::path::PathBuf;
use std::sync::Arc;

use a2a_lambda_aws_emulator::account::{Account, beside};
use a2a_lambda_aws_emulator::queue::{MAX_VISIBILITY, MAX_WAIT, Message};
use a2a_lambda_core::{Clock, TaskStore};
use a2a_lambda_runtime::SystemClock;
use serde_json::{Value, json};

use crate::work::Work;

pub(crate) const REQUEST: &str = env!("CARGO_BIN_EXE_request");

pub(crate) use a2a_lambda_aws_emulator::account::{Function, PATIENCE};

/// The other function's executable, which cargo puts beside this one's.
pub(crate) fn executor() -> PathBuf {
    beside(REQUEST, "sqs-executor")
}

/// An account.
pub(crate) async fn aws() -> Account {
    Account::start(None, &[("AGENT", "echo")]).await
}

/// Takes the signals that were sent, once there are any.
pub(crate) async fn signals(aws: &Account) -> Vec<Message> {
    let signals = aws.queue.receive(10, MAX_VISIBILITY, MAX_WAIT).await.unwrap();
    assert!(!signals.is_empty(), "no signal was sent");
    signals
}

/// Takes a task on, as a runner would.
pub(crate) async fn work_on(aws: &Account, task: &Value) -> Work {
    let store: Arc<dyn TaskStore> = aws.store.clone();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Work::on(task, &store, &clock).await
}

/// The body of the answer to an HTTP request, which must have this status.
pub(crate) async fn http(
    function: &Function,
    method: &str,
    path: &str,
    body: &str,
    status: u64,
) -> Value {
    let answer = function.answer(http_event(method, path, body)).await;
    assert_eq!(answer["statusCode"], status, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

pub(crate) fn http_event(method: &str, path: &str, body: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../events/http-api-jwt.json")).unwrap();
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"]["authorization"] = json!("Bearer eyJhbGciOi-token");
    event["body"] = json!(body);
    event
}

/// The event of a REST API, at its stage `prod`.
pub(crate) fn rest_event(method: &str, path: &str, body: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../events/rest-api-cognito.json")).unwrap();
    event["httpMethod"] = json!(method);
    event["requestContext"]["httpMethod"] = json!(method);
    event["path"] = json!(path);
    event["requestContext"]["path"] = json!(format!("/prod{path}"));
    event["pathParameters"]["proxy"] = json!(path.trim_start_matches('/'));
    event["body"] = json!(body);
    event
}

pub(crate) fn message(text: &str) -> String {
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] });
    json!({ "message": message, "configuration": { "returnImmediately": true } }).to_string()
}
