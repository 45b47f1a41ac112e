//! The start of every function's process.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use a2a_lambda_core::Agents;
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;

use crate::secrets::{Configured, SecretStore};
use crate::system::{SystemClock, process_environment};
use crate::table::{END_WITH_STDIN, Reader};
use crate::telemetry::{self, Telemetry};
use crate::variables::{ConfigError, Variables};

/// The settings of a process beside its function.
#[derive(Debug)]
pub(crate) struct Settings {
    telemetry: telemetry::Settings,
    end_with_stdin: bool,
}

impl Settings {
    pub(crate) fn from_variables(
        variables: &Variables<'_>,
        function: Reader,
    ) -> Result<Self, ConfigError> {
        let telemetry = telemetry::Settings::from_variables(variables, function)?;
        Ok(Self { telemetry, end_with_stdin: variables.flag(&END_WITH_STDIN)? })
    }
}

/// Makes a function's agents from the given variables.
///
/// # Errors
/// When that fails: an error that is no [`ConfigError`] becomes one.
pub async fn agents<E: Into<Box<dyn Error + Send + Sync>>>(
    make: &impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
    variables: &Variables<'_>,
) -> Result<Agents, ConfigError> {
    // An agent that reads no variable of its own gets them, too.
    variables.agent_variables()?;
    make(variables).await.map_err(ConfigError::agents)
}

/// Begins to log, makes the function's context from the process's variables, and serves events with
/// it. `store` is made only if a variable is a [reference](crate::secrets). Why that ends, if it does, is
/// logged: Lambda shows nothing but the exit code.
pub async fn start<C: 'static>(
    function: Reader,
    context: impl AsyncFn(&Variables<'_>) -> Result<C, ConfigError> + 'static,
    store: impl Fn(&Variables<'_>) -> Result<Arc<dyn SecretStore>, ConfigError> + Send + Sync + 'static,
    serve: impl AsyncFnOnce(&Configured<C>, &Telemetry) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let run = async {
        let variables = Variables::new(function, &process_environment);
        let settings = Settings::from_variables(&variables, function);
        // Errors in the settings are logged, too.
        let telemetry = Telemetry::start(match &settings {
            Ok(settings) => settings.telemetry.clone(),
            Err(_) => telemetry::Settings::fallback(function),
        });
        if settings?.end_with_stdin {
            std::thread::Builder::new().name("stdin".to_owned()).spawn(end_with_stdin)?;
        }
        let (lookup, clock) = (Box::new(process_environment), Arc::new(SystemClock));
        let (context, store) = (Box::new(context), Box::new(store));
        let configured = Configured::new(function, lookup, context, store, clock).await?;
        serve(&configured, &telemetry).await
    };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(
                event = "function_not_started",
                error = chain(error.as_ref()),
                "the function cannot start"
            );
            ExitCode::FAILURE
        }
    }
}

/// Tells of a function that could not even begin to log.
pub fn failed_start(function: Reader, error: &dyn Error) -> ExitCode {
    let _ = Telemetry::start(telemetry::Settings::fallback(function));
    tracing::error!(
        event = "function_not_started",
        error = chain(error),
        "the function cannot start"
    );
    ExitCode::FAILURE
}

/// In a thread of its own: an agent that never yields must not keep the process alive.
fn end_with_stdin() {
    // Input is ignored. An error ends it as well.
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    std::process::exit(1);
}

/// The end of an invocation, as Lambda has it: in milliseconds since 1970.
pub fn deadline(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
