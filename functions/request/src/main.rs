//! The `bootstrap` of the request function.

use std::process::ExitCode;

use a2a_lambda_aws::{EventError, secret_store};
use a2a_lambda_request::{context, handle};
use a2a_lambda_runtime::{Reader, deadline, start};
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::Request, context, secret_store, async |configured, telemetry| {
        run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(event.context.deadline);
            // Under a name of our own, and not that of a type.
            let failure = |error: EventError| Diagnostic {
                error_type: error.name().to_owned(),
                error_message: error.to_string(),
            };
            let invocation = telemetry.invocation();
            let work =
                async { handle(&event.payload, deadline, &*configured.current().await).await };
            let answer = invocation.run(work).await.map_err(failure)?;
            Ok::<_, Diagnostic>(answer.until_its_end(invocation).await)
        }))
        .await
    })
    .await
}
