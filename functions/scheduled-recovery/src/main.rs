//! The `bootstrap` of the sweep.

use std::process::ExitCode;

use a2a_lambda_runtime::{Reader, deadline, start};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(Reader::ScheduledRecovery, a2a_lambda_scheduled_recovery::context, async |context| {
        lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Box<RawValue>>| async move {
            let deadline = deadline(invocation.context.deadline);
            a2a_lambda_scheduled_recovery::check(&invocation.payload)?;
            Ok::<_, Error>(a2a_lambda_scheduled_recovery::handle(deadline, context).await?)
        }))
        .await
    })
    .await
}
