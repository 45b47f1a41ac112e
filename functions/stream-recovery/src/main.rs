//! The `bootstrap` of stream recovery.

use std::process::ExitCode;

use a2a_lambda_aws::secret_store;
use a2a_lambda_runtime::{Reader, deadline, start};
use a2a_lambda_stream_recovery::{context, event, handle};
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::StreamRecovery, context, secret_store, async |configured, telemetry| {
        run(service_fn(move |invocation: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(invocation.context.deadline);
            // Under a name of our own, and not that of a type.
            let event = event(&invocation.payload).map_err(|error| Diagnostic {
                error_type: error.name().to_owned(),
                error_message: error.to_string(),
            })?;
            let invocation = telemetry.invocation();
            let work = async { handle(event, deadline, &*configured.current().await).await };
            Ok::<_, Diagnostic>(invocation.complete(work).await)
        }))
        .await
    })
    .await
}
