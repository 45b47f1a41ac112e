//! The `bootstrap` of the executor.

use std::process::ExitCode;

use a2a_lambda_aws::{deadline, start};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(sqs_executor::context, async |context| {
        lambda_runtime::run(service_fn(move |invocation: LambdaEvent<_>| async move {
            let deadline = deadline(invocation.context.deadline);
            Ok::<_, Error>(sqs_executor::handle(invocation.payload, deadline, context).await)
        }))
        .await
    })
    .await
}
