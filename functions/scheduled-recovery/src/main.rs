//! The `bootstrap` of the sweep.

use std::error::Error;
use std::process::ExitCode;

use a2a_lambda_runtime::{Reader, deadline, start};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(
        Reader::ScheduledRecovery,
        a2a_lambda_scheduled_recovery::context,
        async |context, telemetry| {
            lambda_runtime::run(service_fn(
                move |invocation: LambdaEvent<Box<RawValue>>| async move {
                    let deadline = deadline(invocation.context.deadline);
                    a2a_lambda_scheduled_recovery::check(&invocation.payload)
                        .map_err(|error| failure(error.name(), &error))?;
                    let invocation = telemetry.invocation();
                    let swept = invocation
                        .run(a2a_lambda_scheduled_recovery::handle(deadline, context))
                        .await;
                    swept.map_err(|error| failure(error.name(), &error))
                },
            ))
            .await
        },
    )
    .await
}

/// A failure as Lambda reports it, under a name of our own.
fn failure(name: &str, error: &dyn Error) -> Diagnostic {
    Diagnostic { error_type: name.to_owned(), error_message: error.to_string() }
}
