//! The `bootstrap` of the sweep.

use std::error::Error;
use std::process::ExitCode;

use a2a_lambda_aws::secret_store;
use a2a_lambda_runtime::{Reader, deadline, start};
use a2a_lambda_scheduled_recovery::{check, context, handle};
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::ScheduledRecovery, context, secret_store, async |configured, telemetry| {
        run(service_fn(move |invocation: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(invocation.context.deadline);
            check(&invocation.payload).map_err(|error| failure(error.name(), &error))?;
            let invocation = telemetry.invocation();
            let work = async { handle(deadline, &*configured.current().await).await };
            let swept = invocation.complete(work).await;
            swept.map_err(|error| failure(error.name(), &error))
        }))
        .await
    })
    .await
}

/// A failure as Lambda reports it, under a name of our own.
fn failure(name: &str, error: &dyn Error) -> Diagnostic {
    Diagnostic { error_type: name.to_owned(), error_message: error.to_string() }
}
