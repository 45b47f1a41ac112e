//! Both functions' processes, and what of AWS they need.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::queue::{MAX_VISIBILITY, MAX_WAIT, Message, Queue, QueueConfig};
use a2a_lambda_aws_emulator::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use a2a_lambda_core::{Clock, TaskStore};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_runtime::SystemClock;
use serde_json::{Value, json};

use crate::work::Work;

pub(crate) const REQUEST: &str = env!("CARGO_BIN_EXE_request");
const TABLE: &str = "tasks";
const SECRET_KEY: &str = "wJalrXUtnFEMI-secret";

/// How long an invocation may take, and how long to wait for a line: far more than is needed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The other function's executable, which cargo puts beside this one's.
pub(crate) fn executor() -> PathBuf {
    let path = Path::new(REQUEST).with_file_name("sqs-executor");
    assert!(
        path.exists(),
        "build it first, by `cargo build -p a2a-lambda-sqs-executor`: {}",
        path.display()
    );
    path
}

/// DynamoDB and SQS on the loopback interface.
pub(crate) struct Aws {
    endpoint: Endpoint,
    queue: Arc<Queue>,
    /// The tasks, for a test that is their runner.
    store: Arc<dyn TaskStore>,
}

impl Aws {
    pub(crate) async fn start() -> Self {
        let database = EmbeddedDynamoDb::memory().unwrap();
        create_table(&database.client(), TABLE).await.unwrap();
        let config = QueueConfig {
            capacity: NonZeroUsize::new(100).unwrap(),
            max_receive_count: None,
            dead_letter_capacity: NonZeroUsize::MIN,
        };
        let queue = Arc::new(Queue::new(config, || 0));
        let store = Arc::new(DynamoDbStore::new(database.client(), TABLE));
        let endpoint = Endpoint::start(database, queue.clone()).await.unwrap();
        Self { endpoint, queue, store }
    }

    /// What a function's configuration says in this account, and beside that or instead of it.
    pub(crate) fn variables(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AGENT", "echo".to_owned()),
            ("TABLE_NAME", TABLE.to_owned()),
            ("QUEUE_URL", self.endpoint.queue_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint.url()),
            ("AWS_ENDPOINT_URL_SQS", self.endpoint.url()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ];
        // The last one of a name counts.
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        variables
    }

    /// Takes the signals that were sent, once there are any.
    pub(crate) async fn signals(&self) -> Vec<Message> {
        let signals = self.queue.receive(10, MAX_VISIBILITY, MAX_WAIT).await.unwrap();
        assert!(!signals.is_empty(), "no signal was sent");
        signals
    }

    /// Takes a task on, as a runner would.
    pub(crate) async fn work_on(&self, task: &Value) -> Work {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Work::on(task, &self.store, &clock).await
    }
}

/// A function's process, and Lambda's side of it.
pub(crate) struct Function {
    pub(crate) api: RuntimeApi,
    pub(crate) bootstrap: Bootstrap,
}

impl Function {
    pub(crate) async fn start(executable: impl AsRef<Path>, aws: &Aws) -> Self {
        Self::start_with(executable, aws, &[]).await
    }

    pub(crate) async fn start_with(
        executable: impl AsRef<Path>,
        aws: &Aws,
        more: &[(&'static str, &str)],
    ) -> Self {
        let api = RuntimeApi::start().await.unwrap();
        let bootstrap = Bootstrap::spawn(executable, aws.variables(more), &api).unwrap();
        Self { api, bootstrap }
    }

    pub(crate) async fn invoke(&self, event: impl std::fmt::Display) -> Value {
        match self.api.invoke(event, PATIENCE).await {
            Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{other:?}\n{}", self.bootstrap.lines().join("\n")),
        }
    }

    /// The body of the answer to an HTTP request, which must have this status.
    pub(crate) async fn http(&self, method: &str, path: &str, body: &str, status: u64) -> Value {
        let answer = self.invoke(http_event(method, path, body)).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    }

    /// The log so far: every line is JSON, and none has what may not be logged.
    pub(crate) fn log(&self, secrets: &[&str]) -> Vec<Value> {
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
