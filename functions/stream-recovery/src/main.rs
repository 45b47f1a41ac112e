//! The `bootstrap` of stream recovery.

use std::process::ExitCode;

use a2a_lambda_runtime::{Reader, deadline, start};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(
        Reader::StreamRecovery,
        a2a_lambda_stream_recovery::context,
        async |context, telemetry| {
            lambda_runtime::run(service_fn(
                move |invocation: LambdaEvent<Box<RawValue>>| async move {
                    let deadline = deadline(invocation.context.deadline);
                    // Under a name of our own, and not that of a type.
                    let event = a2a_lambda_stream_recovery::event(&invocation.payload).map_err(
                        |error| Diagnostic {
                            error_type: error.name().to_owned(),
                            error_message: error.to_string(),
                        },
                    )?;
                    let invocation = telemetry.invocation();
                    let work = a2a_lambda_stream_recovery::handle(event, deadline, context);
                    Ok::<_, Diagnostic>(invocation.run(work).await)
                },
            ))
            .await
        },
    )
    .await
}
