//! What every function's process begins with.

use std::error::Error;
use std::process::ExitCode;

use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;

use crate::config::{ConfigError, Variables};
use crate::logging::init_logging;
use crate::system::process_environment;

/// Begins to log, makes the function's context from the process's variables, and serves events with
/// it. Why that ends, if it does, is logged: Lambda shows nothing but the exit code.
pub async fn start<C>(
    context: impl FnOnce(&Variables<'_>) -> Result<C, ConfigError>,
    serve: impl AsyncFnOnce(&C) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let run = async {
        let variables = Variables::new(&process_environment);
        init_logging(&variables)?;
        serve(&context(&variables)?).await
    };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = chain(error.as_ref()), "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

/// The end of an invocation, as Lambda has it: in milliseconds since 1970.
pub fn deadline(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
