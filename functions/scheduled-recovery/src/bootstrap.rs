//! The function's process.

use std::process::ExitCode;

use a2a_lambda_aws::{Invoked, engine, run_function};
use a2a_lambda_core::Engine;
use a2a_lambda_runtime::{Configured, Reader, Telemetry, Variables};

use crate::{check, handle};

/// Runs the function, as the `main` of its executable.
pub fn main() -> ExitCode {
    let made = async |variables: &Variables<'_>| engine(variables);
    let work = async |invoked: Invoked, configured: &Configured<Engine>, telemetry: &Telemetry| {
        let Invoked { event, deadline } = invoked;
        check(&event)?;
        let work = async { handle(deadline, &*configured.current().await).await };
        telemetry.invocation().complete(work).await
    };
    run_function(Reader::ScheduledRecovery, made, &work)
}
