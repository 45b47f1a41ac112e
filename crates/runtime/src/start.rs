//! What every function's process begins with.

use std::error::Error;
use std::process::ExitCode;

use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;

use crate::logging::init_logging;
use crate::system::process_environment;
use crate::variables::{ConfigError, Variables};

/// `true` ends the process when its standard input is closed. The local cloud sets it: it keeps the
/// other end of a pipe to each of its processes, so none of them outlives it, however it ends. Lambda
/// has no such pipe.
const END_WITH_STDIN: &str = "END_WITH_STDIN";

/// Begins to log, makes the function's context from the process's variables, and serves events with
/// it. Why that ends, if it does, is logged: Lambda shows nothing but the exit code.
pub async fn start<C>(
    context: impl FnOnce(&Variables<'_>) -> Result<C, ConfigError>,
    serve: impl AsyncFnOnce(&C) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let run = async {
        let variables = Variables::new(&process_environment);
        init_logging(&variables)?;
        if variables.flag(END_WITH_STDIN)?.unwrap_or(false) {
            std::thread::Builder::new().name("stdin".to_owned()).spawn(end_with_stdin)?;
        }
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

/// In a thread of its own: an agent that never yields must not keep the process alive.
fn end_with_stdin() {
    // What is sent by it, if anything, is of no interest. An error ends it as well.
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    std::process::exit(1);
}

/// The end of an invocation, as Lambda has it: in milliseconds since 1970.
pub fn deadline(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
