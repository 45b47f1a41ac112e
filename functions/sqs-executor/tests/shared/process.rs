//! Functions as processes, and Lambda's side of them.

use std::path::PathBuf;
use std::time::Duration;

use a2a_lambda_aws_emulator::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use serde_json::Value;

use super::{Aws, PATIENCE};

/// How an invocation ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invoked<T> {
    /// The function answered.
    Answered(T),
    /// The process ended.
    Died,
    /// The process was ended, as it had not answered by its deadline.
    TimedOut,
}

/// A function's process.
pub(crate) struct Process {
    api: RuntimeApi,
    pub(crate) bootstrap: Bootstrap,
}

impl Process {
    /// Starts a function of this workspace, with these variables instead of the account's.
    pub(crate) async fn start(aws: &Aws, function: &str, more: &[(&'static str, &str)]) -> Self {
        let api = RuntimeApi::start().await.unwrap();
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        // The last one of a name counts.
        let variables = aws.variables.iter().cloned().chain(more);
        let bootstrap = Bootstrap::spawn(executable(function), variables, &api).unwrap();
        Self { api, bootstrap }
    }

    /// Invokes the function. A process that has not answered by its deadline is ended, as on
    /// Lambda.
    pub(crate) async fn invoke(&mut self, event: Value, limit: Duration) -> Invoked<Value> {
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

    /// As [`invoke`](Self::invoke), where the process must live on.
    pub(crate) async fn answer(&self, event: Value) -> Value {
        self.answered(&self.api.invoke(event, PATIENCE).await)
    }

    fn answered(&self, ended: &Invocation) -> Value {
        match ended {
            Invocation::Response { bytes, .. } => serde_json::from_slice(bytes).unwrap(),
            other => panic!("{other:?}\n{}", self.bootstrap.lines().join("\n")),
        }
    }

    pub(crate) async fn kill(&mut self) {
        self.bootstrap.kill().await.unwrap();
    }
}

/// A function's executable. Cargo tells a test only of those of its own package; the others are
/// beside them.
fn executable(function: &str) -> PathBuf {
    let own = option_env!("CARGO_BIN_EXE_sqs-executor");
    let own = own.or(option_env!("CARGO_BIN_EXE_stream-recovery")).unwrap();
    let path = PathBuf::from(own).with_file_name(function);
    let advice =
        format!("run `cargo build -p a2a-lambda-{function}` first, or test the whole workspace");
    assert!(path.is_file(), "there is no {}: {advice}", path.display());
    path
}
