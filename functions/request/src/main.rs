//! The `bootstrap` of the request function.

use std::process::ExitCode;

use a2a_lambda_aws::EventError;
use a2a_lambda_runtime::{Reader, deadline, start};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::Request, a2a_lambda_request::context, async |context, telemetry| {
        lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(invocation.context.deadline);
            // Under a name of our own, and not that of a type.
            let failure = |error: EventError| Diagnostic {
                error_type: error.name().to_owned(),
                error_message: error.to_string(),
            };
            let observed = telemetry.invocation();
            let work = a2a_lambda_request::handle(&invocation.payload, deadline, context);
            let answer = observed.run(work).await.map_err(failure)?;
            Ok::<_, Diagnostic>(answer.until_its_end(observed))
        }))
        .await
    })
    .await
}
