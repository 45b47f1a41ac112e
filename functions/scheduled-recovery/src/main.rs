//! The `bootstrap` of the sweep.

use std::process::ExitCode;

use a2a_lambda_aws::{Variables, init_logging, process_environment};
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = chain(error.as_ref()), "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let variables = Variables::new(&process_environment);
    init_logging(&variables)?;
    let context = scheduled_recovery::context(&variables)?;
    let context = &context;
    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<_>| async move {
        let deadline = i64::try_from(invocation.context.deadline).unwrap_or(i64::MAX);
        let deadline = Timestamp::from_millis(deadline);
        Ok::<_, Error>(scheduled_recovery::handle(invocation.payload, deadline, context).await?)
    }))
    .await
}
