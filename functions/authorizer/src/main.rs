//! The `bootstrap` of the authorizer.

use std::process::ExitCode;

use a2a_lambda_authorizer::Failure;
use a2a_lambda_core::Clock as _;
use a2a_lambda_runtime::{Reader, SystemClock, start};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::Authorizer, a2a_lambda_authorizer::context, async |context, telemetry| {
        lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Box<RawValue>>| async move {
            // API Gateway knows one of them by its message: see `Failure::Unauthorized`.
            let failure = |error: Failure| Diagnostic {
                error_type: error.name().to_owned(),
                error_message: error.to_string(),
            };
            let work =
                a2a_lambda_authorizer::handle(&invocation.payload, SystemClock.now(), context);
            telemetry.invocation().run(work).await.map_err(failure)
        }))
        .await
    })
    .await
}
