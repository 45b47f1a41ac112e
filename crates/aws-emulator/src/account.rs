//! An account for tests of functions as processes: a table, a queue, and what starts functions there.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a panic is a test that fails")]

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use serde_json::Value;

use crate::embedded::EmbeddedDynamoDb;
use crate::endpoint::Endpoint;
use crate::queue::{Queue, QueueConfig};
use crate::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use crate::table_stream::TableStream;

/// How long to wait for an event that comes soon: far more than is needed.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How many messages the queue holds.
pub const MAX_MESSAGES: usize = 10_000;

const TABLE: &str = "tasks";

/// The secret key of the functions. Their logs never show it.
const SECRET_KEY: &str = "wJalrXUtnFEMI-secret";

/// DynamoDB and SQS on the loopback interface.
#[derive(Debug)]
pub struct Account {
    /// The URL of the services.
    pub endpoint: Endpoint,
    /// The queue of signals.
    pub queue: Arc<Queue>,
    /// The stream of the table.
    pub stream: Arc<TableStream>,
    /// The tasks.
    pub store: Arc<DynamoDbStore>,
    more: Vec<(&'static str, String)>,
}

impl Account {
    /// An account whose functions have these variables beside those that say where everything is. A
    /// message that was received `max_receives` times and not deleted becomes a dead letter.
    pub async fn start(max_receives: Option<u32>, more: &[(&'static str, &str)]) -> Self {
        let (database, stream) = EmbeddedDynamoDb::memory().unwrap().streamed();
        create_table(&database.client(), TABLE).await.unwrap();
        let store = Arc::new(DynamoDbStore::new(database.client(), TABLE));
        let capacity = NonZeroUsize::new(MAX_MESSAGES).unwrap();
        let max_receive_count = max_receives.and_then(NonZeroU32::new);
        let config = QueueConfig { capacity, max_receive_count, dead_letter_capacity: capacity };
        let queue = Arc::new(Queue::new(config, || 0));
        let endpoint = Endpoint::start(database, queue.clone()).await.unwrap();
        Self { endpoint, queue, stream, store, more: owned(more) }
    }

    /// A function's variables, and these instead of them.
    pub fn variables(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let account = [
            ("TABLE_NAME", TABLE.to_owned()),
            ("QUEUE_URL", self.endpoint.queue_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint.url()),
            ("AWS_ENDPOINT_URL_SQS", self.endpoint.url()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ];
        // The last one of a name counts.
        account.into_iter().chain(self.more.iter().cloned()).chain(owned(more)).collect()
    }

    /// Starts a function, with these variables instead of the account's.
    pub async fn function(
        &self,
        executable: impl AsRef<Path>,
        more: &[(&'static str, &str)],
    ) -> Function {
        let api = RuntimeApi::start().await.unwrap();
        let bootstrap = Bootstrap::spawn(executable, self.variables(more), &api).unwrap();
        Function { api, bootstrap }
    }

    /// Panics unless a function ends with each of these variables, and with an error that names it.
    pub async fn refuses(&self, executable: &str, wrong: &[(&'static str, &str)]) -> Vec<Value> {
        let mut lines = Vec::new();
        for (variable, value) in wrong {
            let mut function = self.function(executable, &[(variable, value)]).await;
            let status = function.bootstrap.wait().await.unwrap();
            assert_eq!(status.code(), Some(1), "{variable}={value}");
            let line = function.line(variable).await;
            assert_eq!(line["level"], "ERROR", "{line}");
            lines.push(line);
        }
        lines
    }
}

fn owned(variables: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The executable of a function of this workspace. Cargo tells a test only of those of its own package;
/// the others are beside them.
pub fn beside(own: &str, function: &str) -> PathBuf {
    let path = Path::new(own).with_file_name(function);
    let advice =
        format!("run `cargo build -p a2a-lambda-{function}` first, or test the whole workspace");
    assert!(path.is_file(), "there is no {}: {advice}", path.display());
    path
}

/// The end of an invocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Invoked<T> {
    /// The function answered.
    Answered(T),
    /// The process ended.
    Died,
    /// The process was ended, as it had not answered by its deadline.
    TimedOut,
}

/// A function's process, and Lambda's side of it.
#[derive(Debug)]
pub struct Function {
    /// Lambda's side.
    pub api: RuntimeApi,
    /// The process.
    pub bootstrap: Bootstrap,
}

impl Function {
    /// Invokes the function. A process that has not answered by its deadline is ended, as on
    /// Lambda.
    pub async fn invoke(&mut self, event: impl fmt::Display, limit: Duration) -> Invoked<Value> {
        let running = self.api.begin(event, limit);
        let ended = tokio::select! {
            biased;
            ended = running.finish() => ended,
            _ = self.bootstrap.wait() => return Invoked::Died,
        };
        if let Invocation::TimedOut { .. } = ended {
            self.kill().await;
            return Invoked::TimedOut;
        }
        Invoked::Answered(self.answered(&ended))
    }

    /// As [`invoke`](Self::invoke), where the process must live on and answer.
    pub async fn answer(&self, event: impl fmt::Display) -> Value {
        self.answered(&self.api.invoke(event, PATIENCE).await)
    }

    fn answered(&self, ended: &Invocation) -> Value {
        match ended {
            Invocation::Response { bytes, .. } => serde_json::from_slice(bytes).unwrap(),
            other => panic!("{other:?}\n{}", self.bootstrap.lines().join("\n")),
        }
    }

    /// The error with which an invocation must end.
    pub async fn error(&self, event: impl fmt::Display) -> Value {
        match self.api.invoke(&event, PATIENCE).await {
            Invocation::Error { bytes } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{event}: {other:?}"),
        }
    }

    /// The first line of the log with this text in it.
    pub async fn line(&self, text: &str) -> Value {
        let line = self.bootstrap.line(|line| line.contains(text), PATIENCE).await;
        let line = line.unwrap_or_else(|| panic!("no line with {text:?}: {:?}", self.log(&[])));
        serde_json::from_str(&line).unwrap()
    }

    /// The log so far: every line is JSON, and none has one of these texts or the account's secret.
    pub fn log(&self, secrets: &[&str]) -> Vec<Value> {
        let parse = |line: &String| {
            let leak = secrets.iter().chain([&SECRET_KEY]).find(|secret| line.contains(**secret));
            assert_eq!(leak, None, "it is in the log");
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.bootstrap.lines().iter().map(parse).collect()
    }

    /// Kills the process.
    pub async fn kill(&mut self) {
        self.bootstrap.kill().await.unwrap();
    }
}
