//! The function's process.

use std::process::ExitCode;

use a2a_lambda_aws::{EventError, Invoked, engine, run_function};
use a2a_lambda_core::Engine;
use a2a_lambda_runtime::{Configured, Reader, Telemetry, Variables};

use crate::{event, handle};

/// Runs the function, as the `main` of its executable.
pub fn main() -> ExitCode {
    let made = async |variables: &Variables<'_>| engine(variables);
    let work = async |invoked: Invoked, configured: &Configured<Engine>, telemetry: &Telemetry| {
        let Invoked { event: read, deadline } = invoked;
        let event = event(&read)?;
        let work = async { handle(event, deadline, &*configured.current().await).await };
        Ok::<_, EventError>(telemetry.invocation().complete(work).await)
    };
    run_function(Reader::StreamRecovery, made, &work)
}
