//! The `bootstrap` of the request function.

use std::process::ExitCode;

use a2a_lambda_runtime::{Reader, deadline, start};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::Request, a2a_lambda_request::context, async |context| {
        lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(invocation.context.deadline);
            Ok::<_, Error>(
                a2a_lambda_request::handle(&invocation.payload, deadline, context).await?,
            )
        }))
        .await
    })
    .await
}
