//! What every function's process begins with.

use std::error::Error;
use std::process::ExitCode;

use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use tracing::level_filters::LevelFilter;

use crate::logging::{init_logging, log_level};
use crate::system::process_environment;
use crate::table::{END_WITH_STDIN, Reader};
use crate::variables::{ConfigError, Variables};

/// What a process is to do beside its function.
#[derive(Debug)]
pub(crate) struct Settings {
    log_level: LevelFilter,
    end_with_stdin: bool,
}

impl Settings {
    pub(crate) fn from_variables(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        let log_level = log_level(variables)?;
        Ok(Self { log_level, end_with_stdin: variables.flag(&END_WITH_STDIN)? })
    }
}

/// Begins to log, makes the function's context from the process's variables, and serves events with
/// it. Why that ends, if it does, is logged: Lambda shows nothing but the exit code.
pub async fn start<C>(
    function: Reader,
    context: impl FnOnce(&Variables<'_>) -> Result<C, ConfigError>,
    serve: impl AsyncFnOnce(&C) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let run = async {
        let variables = Variables::new(function, &process_environment);
        let settings = Settings::from_variables(&variables);
        // What is wrong with the settings is logged, too.
        init_logging(settings.as_ref().map_or(LevelFilter::INFO, |settings| settings.log_level));
        if settings?.end_with_stdin {
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
