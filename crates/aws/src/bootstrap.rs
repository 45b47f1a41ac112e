//! A function's process: the start, and Lambda's loop of events.

use std::error::Error;
use std::fmt::Debug;
use std::process::ExitCode;

use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::{
    ConfigError, Configured, Reader, Telemetry, Variables, deadline, failed_start, start,
};
use bytes::Bytes;
use futures_core::Stream;
use lambda_runtime::{Diagnostic, IntoFunctionResponse, LambdaEvent, run, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Builder;

use crate::secrets::secret_store;

/// An error that Lambda reports under this name, and not under that of a Rust type.
pub trait Named: Error {
    /// The name, which Lambda reports as the type of the error.
    fn name(&self) -> &'static str;
}

/// An invocation: the event and its limits.
#[derive(Debug)]
pub struct Invoked {
    /// The event.
    pub event: Box<RawValue>,
    /// When the invocation ends.
    pub deadline: Timestamp,
}

/// Runs a function: makes its context of the process's variables, and works on each event with it,
/// until the process ends. It makes the runtime that all of it runs in, of one thread.
pub fn run_function<C, R, F, B, S, D, E>(
    function: Reader,
    context: impl AsyncFn(&Variables<'_>) -> Result<C, ConfigError> + 'static,
    work: &impl AsyncFn(Invoked, &Configured<C>, &Telemetry) -> Result<R, F>,
) -> ExitCode
where
    C: 'static,
    R: IntoFunctionResponse<B, S>,
    F: Named,
    B: Serialize,
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send,
    E: Into<lambda_runtime::Error> + Send + Debug,
{
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed_start(function, &error),
    };
    runtime.block_on(start(function, context, secret_store, async |configured, telemetry| {
        run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(event.context.deadline);
            let invoked = Invoked { event: event.payload, deadline };
            work(invoked, configured, telemetry).await.map_err(|error| diagnostic(&error))
        }))
        .await
    }))
}

fn diagnostic(error: &impl Named) -> Diagnostic {
    Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
}
