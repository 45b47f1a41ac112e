//! The function's process.

use std::error::Error;
use std::process::ExitCode;

use a2a_lambda_aws::{EventError, Invoked, run_function};
use a2a_lambda_core::Agents;
use a2a_lambda_runtime::{Configured, Reader, Telemetry, Variables, agents};

use crate::{Context, context, handle};

/// Runs the function with these agents, as the `main` of its executable. `make` is called at the start,
/// and again when a secret among the variables has changed. Its error ends the start, and is logged.
pub fn main<E: Into<Box<dyn Error + Send + Sync>> + 'static>(
    make: impl AsyncFn(&Variables<'_>) -> Result<Agents, E> + 'static,
) -> ExitCode {
    let context =
        async move |variables: &Variables<'_>| context(variables, agents(&make, variables).await?);
    let work = async |invoked: Invoked, configured: &Configured<Context>, telemetry: &Telemetry| {
        let Invoked { event, deadline } = invoked;
        let invocation = telemetry.invocation();
        let work = async { handle(&event, deadline, &*configured.current().await).await };
        let answer = invocation.run(work).await?;
        Ok::<_, EventError>(answer.until_its_end(invocation).await)
    };
    run_function(Reader::Request, context, &work)
}
