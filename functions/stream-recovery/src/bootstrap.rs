//! The function's process.

use std::process::ExitCode;

use a2a_lambda_aws::{EventError, Invoked, run_function};
use a2a_lambda_runtime::{Configured, Reader, Telemetry, Variables};

use crate::{Context, context, event, handle};

/// Runs the function, as the `main` of its executable.
pub fn main() -> ExitCode {
    let context = async |variables: &Variables<'_>| context(variables);
    let work = async |invoked: Invoked, configured: &Configured<Context>, telemetry: &Telemetry| {
        let Invoked { event: read, deadline } = invoked;
        let event = event(&read)?;
        let work = async { handle(event, deadline, &*configured.current().await).await };
        Ok::<_, EventError>(telemetry.invocation().complete(work).await)
    };
    run_function(Reader::StreamRecovery, context, &work)
}
