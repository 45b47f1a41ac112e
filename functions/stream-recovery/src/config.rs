//! The function's configuration.

use a2a_lambda_aws::engine;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::Context;

/// The context of the function, from its variables. It runs no agent, and so is not told of any.
///
/// | variable | |
/// |---|---|
/// | `TABLE_NAME` | required: the DynamoDB table of tasks |
/// | `QUEUE_URL` | required: the SQS queue of signals, by which attempts are made again |
/// | `PUSH_TASK`, `PUSH_ARTIFACTS`, `PUSH_TIMEOUT_SECONDS` | see [`policy`](a2a_lambda_runtime::policy()) |
/// | `PUSH_ALLOW_HTTP` and so on | see [`webhook_config`](a2a_lambda_runtime::webhook_config()) |
/// | `PUSH_KMS_KEY`, `PUSH_SECRETS_KEY` | see [`vault`](a2a_lambda_aws::vault()) |
/// | `SCHEDULER_ROLE_ARN`, `QUEUE_ARN`, `SCHEDULE_GROUP` | see [`engine`](a2a_lambda_aws::engine()) |
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    Ok(Context::new(engine(variables)?))
}
