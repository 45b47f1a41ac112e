//! The function's process.

use std::process::ExitCode;

use a2a_lambda_aws::{EventError, Invoked, run_function};
use a2a_lambda_runtime::{Configured, Reader, Telemetry, Variables};

use crate::{Context, context, handle};

/// Runs the function, as the `main` of its executable.
pub fn main() -> ExitCode {
    let context = async |variables: &Variables<'_>| context(variables);
    let work = async |invoked: Invoked, configured: &Configured<Context>, telemetry: &Telemetry| {
        let Invoked { event, deadline } = invoked;
        let work = async { handle(&event, deadline, &*configured.current().await).await };
        let answer = telemetry.invocation().complete(work).await?;
        Ok::<_, EventError>(answer.into_event())
    };
    run_function(Reader::Webhook, context, &work)
}
