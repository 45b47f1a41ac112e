//! The `bootstrap` of the authorizer.

use std::process::ExitCode;

use a2a_lambda_authorizer::{Failure, context, handle};
use a2a_lambda_aws::secret_store;
use a2a_lambda_core::Clock as _;
use a2a_lambda_runtime::{Reader, SystemClock, start};
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::Authorizer, context, secret_store, async |configured, telemetry| {
        run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
            // API Gateway knows one of them by its message: see `Failure::Unauthorized`.
            let failure = |error: Failure| Diagnostic {
                error_type: error.name().to_owned(),
                error_message: error.to_string(),
            };
            let invocation = telemetry.invocation();
            let work = async {
                handle(&event.payload, SystemClock.now(), &*configured.current().await).await
            };
            invocation.complete(work).await.map_err(failure)
        }))
        .await
    })
    .await
}
