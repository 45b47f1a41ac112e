//! Both functions' processes, and what of AWS they need.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use a2a_lambda_aws_emulator::account::{self, Account, beside};
use a2a_lambda_aws_emulator::queue::{MAX_VISIBILITY, MAX_WAIT, Message};
use a2a_lambda_core::{Clock, TaskStore};
use a2a_lambda_runtime::SystemClock;
use serde_json::{Value, json};

use crate::work::Work;

pub(crate) const REQUEST: &str = env!("CARGO_BIN_EXE_request");
const SECRET_KEY: &str = "wJalrXUtnFEMI-secret";

pub(crate) use a2a_lambda_aws_emulator::account::PATIENCE;

/// The other function's executable, which cargo puts beside this one's.
pub(crate) fn executor() -> PathBuf {
    beside(REQUEST, "sqs-executor")
}

/// An account.
pub(crate) struct Aws(Account);

impl Deref for Aws {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0
    }
}

impl Aws {
    pub(crate) async fn start() -> Self {
        Self(
            Account::start(None, &[("AGENT", "echo"), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)]).await,
        )
    }

    /// Takes the signals that were sent, once there are any.
    pub(crate) async fn signals(&self) -> Vec<Message> {
        let signals = self.queue.receive(10, MAX_VISIBILITY, MAX_WAIT).await.unwrap();
        assert!(!signals.is_empty(), "no signal was sent");
        signals
    }

    /// Takes a task on, as a runner would.
    pub(crate) async fn work_on(&self, task: &Value) -> Work {
        let store: Arc<dyn TaskStore> = self.store.clone();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Work::on(task, &store, &clock).await
    }
}

/// A function's process.
pub(crate) struct Function(account::Function);

impl Deref for Function {
    type Target = account::Function;

    fn deref(&self) -> &account::Function {
        &self.0
    }
}

impl DerefMut for Function {
    fn deref_mut(&mut self) -> &mut account::Function {
        &mut self.0
    }
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
        Self(aws.function(executable, more).await)
    }

    /// The body of the answer to an HTTP request, which must have this status.
    pub(crate) async fn http(&self, method: &str, path: &str, body: &str, status: u64) -> Value {
        let answer = self.answer(http_event(method, path, body)).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    }

    /// The log so far, in which neither these texts are nor the account's secret.
    pub(crate) fn log(&self, secrets: &[&str]) -> Vec<Value> {
        self.0.log(&[secrets, &[SECRET_KEY]].concat())
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
