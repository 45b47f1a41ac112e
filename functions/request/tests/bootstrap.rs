//! The function as the process that Lambda starts: its protocol, its log and its end. And the life
//! of a task through both functions' processes.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_dynamodb::create_table;
use a2a_lambda_local::embedded::EmbeddedDynamoDb;
use a2a_lambda_local::endpoint::Endpoint;
use a2a_lambda_local::queue::{Message, Queue, QueueConfig};
use a2a_lambda_local::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use serde_json::{Value, json};

const REQUEST: &str = env!("CARGO_BIN_EXE_request");
const TABLE: &str = "tasks";
const SECRET_KEY: &str = "wJalrXUtnFEMI-secret";

/// How long an invocation may take, and how long to wait for a line: far more than is needed.
const PATIENCE: Duration = Duration::from_mins(1);

/// The other function's executable, which cargo puts beside this one's.
fn executor() -> PathBuf {
    let path = Path::new(REQUEST).with_file_name("sqs-executor");
    assert!(path.exists(), "build it first, by `cargo build -p sqs-executor`: {}", path.display());
    path
}

/// DynamoDB and SQS on the loopback interface.
struct Aws {
    endpoint: Endpoint,
    queue: Arc<Queue>,
}

impl Aws {
    async fn start() -> Self {
        let database = EmbeddedDynamoDb::memory().unwrap();
        create_table(&database.client(), TABLE).await.unwrap();
        let config = QueueConfig {
            capacity: NonZeroUsize::new(100).unwrap(),
            max_receive_count: None,
            dead_letter_capacity: NonZeroUsize::MIN,
        };
        let queue = Arc::new(Queue::new(config, || 0));
        Self { endpoint: Endpoint::start(database, queue.clone()).await.unwrap(), queue }
    }

    /// What a function's configuration says in this account.
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TABLE_NAME", TABLE.to_owned()),
            ("QUEUE_URL", self.endpoint.queue_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint.url()),
            ("AWS_ENDPOINT_URL_SQS", self.endpoint.url()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// Takes the signals that were sent.
    async fn signals(&self) -> Vec<Message> {
        self.queue.receive(10, Duration::ZERO, Duration::ZERO).await.unwrap()
    }
}

/// A function's process, and Lambda's side of it.
struct Function {
    api: RuntimeApi,
    bootstrap: Bootstrap,
}

impl Function {
    async fn start(executable: impl AsRef<Path>, aws: &Aws) -> Self {
        let api = RuntimeApi::start().await.unwrap();
        let bootstrap = Bootstrap::spawn(executable, aws.variables(), &api).unwrap();
        Self { api, bootstrap }
    }

    async fn invoke(&self, event: impl std::fmt::Display) -> Value {
        match self.api.invoke(event, PATIENCE).await {
            Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{other:?}\n{}", self.bootstrap.lines().join("\n")),
        }
    }

    /// The body of the answer to an HTTP request, which must have this status.
    async fn http(&self, method: &str, path: &str, body: &str, status: u64) -> Value {
        let answer = self.invoke(http_event(method, path, body)).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    }

    /// The log so far: every line is JSON, and none has what may not be logged.
    fn log(&self, secrets: &[&str]) -> Vec<Value> {
        let lines = self.bootstrap.lines();
        for secret in secrets.iter().chain([&SECRET_KEY]) {
            let leak = lines.iter().find(|line| line.contains(secret));
            assert_eq!(leak, None, "{secret} is in the log");
        }
        let parse = |line: &String| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        lines.iter().map(parse).collect()
    }
}

fn http_event(method: &str, path: &str, body: &str) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("events/http-api-jwt.json")).unwrap();
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"]["authorization"] = json!("Bearer eyJhbGciOi-token");
    event["body"] = json!(body);
    event
}

/// The event that Lambda makes of messages in a queue.
fn sqs_event(messages: &[Message]) -> Value {
    let records: Vec<_> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.receipt_handle.to_string(),
                "body": message.body,
                "attributes": { "ApproximateReceiveCount": "1" },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:signals",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records })
}

fn message(text: &str) -> String {
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] });
    json!({ "message": message, "configuration": { "returnImmediately": true } }).to_string()
}

#[tokio::test]
async fn a_task_lives_through_both_processes() {
    let aws = Aws::start().await;
    let request = Function::start(REQUEST, &aws).await;
    let executor = Function::start(executor(), &aws).await;

    let card = request.http("GET", "/.well-known/agent-card.json", "", 200).await;
    assert_eq!(card["name"], "echo");
    let url = "https://id.execute-api.us-east-1.amazonaws.com";
    assert_eq!(card["supportedInterfaces"][1]["url"], url);

    let text = "tell nobody of this";
    let sent = request.http("POST", "/acme/message:send", &message(text), 200).await;
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    let id = sent["task"]["id"].as_str().unwrap();
    let signals = aws.signals().await;
    assert_eq!(signals.len(), 1, "{signals:?}");
    let signal: Value = serde_json::from_str(&signals[0].body).unwrap();
    assert_eq!(signal, json!({ "tenant": "acme", "taskId": id }), "and nothing of the message");

    let answer = executor.invoke(sqs_event(&signals)).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));

    let task = request.http("GET", &format!("/acme/tasks/{id}"), "", 200).await;
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    let parts = task["artifacts"][0]["parts"].as_array().unwrap();
    let said: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert_eq!(said, text);
    let other = request.http("GET", &format!("/tasks/{id}"), "", 404).await;
    assert_eq!(other["error"]["status"], "NOT_FOUND");

    let done = |line: &str| line.contains("signal done");
    executor.bootstrap.line(done, PATIENCE).await.expect("a line about the signal");
    let log = executor.log(&[text, "nobody"]);
    let line = log.iter().find(|line| line["message"] == "signal done").unwrap();
    assert_eq!((&line["tenant"], &line["task"]), (&json!("acme"), &json!(id)), "{line}");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message_id"], signals[0].id.as_str());
    assert_eq!(line["span"]["requestId"].as_str().map(str::len), Some(36), "{line}");
    request.log(&[text, "nobody", "eyJhbGciOi"]);
}

#[tokio::test]
async fn a_refused_request_is_logged_with_its_id_and_without_its_content() {
    let aws = Aws::start().await;
    let function = Function::start(REQUEST, &aws).await;
    let body = r#"{"message":{"messageId":"m1","role":"hunter2","parts":[{"text":"hunter2"}]}}"#;
    function.http("POST", "/message:send", body, 400).await;
    let refused = |line: &str| line.contains("request refused");
    function.bootstrap.line(refused, PATIENCE).await.expect("a line about the refusal");
    let log = function.log(&["hunter2", "eyJhbGciOi"]);
    let line = log.iter().find(|line| line["message"] == "request refused").unwrap();
    assert_eq!((&line["operation"], &line["code"]), (&json!("SendMessage"), &json!(-32_602)));
    assert_eq!(line["span"]["requestId"].as_str().map(str::len), Some(36), "{line}");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_our_fault_and_logged_with_its_cause() {
    let aws = Aws::start().await;
    let api = RuntimeApi::start().await.unwrap();
    let mut variables = aws.variables();
    variables.push(("TABLE_NAME", "another-table".to_owned()));
    let bootstrap = Bootstrap::spawn(REQUEST, variables, &api).unwrap();
    let function = Function { api, bootstrap };
    let answer = function.http("GET", "/tasks/t1", "", 500).await;
    assert_eq!(answer["error"]["message"], "the task could not be read or written");
    let failed = |line: &str| line.contains("request failed");
    let line = function.bootstrap.line(failed, PATIENCE).await.expect("a line about the failure");
    assert!(line.contains("ResourceNotFoundException"), "{line}");
    function.log(&["eyJhbGciOi"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_and_the_next_is_served() {
    let aws = Aws::start().await;
    let function = Function::start(REQUEST, &aws).await;
    for event in ["{}", "[]", "null", r#"{"requestContext":{"http":{"method":7}}}"#] {
        match function.api.invoke(event, PATIENCE).await {
            Invocation::Error { bytes } => {
                let report: Value = serde_json::from_slice(&bytes).unwrap();
                assert!(report["errorType"].is_string(), "{event}: {report}");
            }
            other => panic!("{event}: {other:?}"),
        }
    }
    function.http("GET", "/tasks", "", 200).await;
    function.log(&[]);
}

#[tokio::test]
async fn a_missing_variable_ends_the_process_with_a_line_that_names_it() {
    for variable in ["TABLE_NAME", "QUEUE_URL"] {
        let aws = Aws::start().await;
        let api = RuntimeApi::start().await.unwrap();
        let variables = aws.variables().into_iter().filter(|(name, _)| *name != variable);
        let mut bootstrap = Bootstrap::spawn(REQUEST, variables, &api).unwrap();
        let status = bootstrap.wait().await.unwrap();
        assert_eq!(status.code(), Some(1));
        let named = |line: &str| line.contains(variable);
        let line = bootstrap.line(named, PATIENCE).await.expect("a line that names it");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "ERROR", "{line}");
    }
}
