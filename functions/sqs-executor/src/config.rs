//! The function's configuration.

use a2a_lambda_aws::engine_with_records;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::Context;

const AGENT: &str = "names of agents, such as `echo` or `tenant=echo,other=conformance`";

/// The context of the function, from its variables.
///
/// | variable | |
/// |---|---|
/// | `TABLE_NAME` | required: the DynamoDB table of tasks |
/// | `QUEUE_URL` | required: the SQS queue of signals |
/// | `AGENT` | required: the [agents](a2a_lambda_agents::configured), as the request function has them |
/// | `LEASE_SECONDS`, `MAX_ATTEMPTS` | see [`policy`](a2a_lambda_runtime::policy()) |
/// | `PUSH_TASK`, `PUSH_ARTIFACTS`, `PUSH_TIMEOUT_SECONDS` | see [`policy`](a2a_lambda_runtime::policy()) |
/// | `PUSH_ALLOW_HTTP` and so on | see [`webhook_config`](a2a_lambda_runtime::webhook_config()) |
/// | `PUSH_KMS_KEY`, `PUSH_SECRETS_KEY` | see [`vault`](a2a_lambda_aws::vault()); without either there are no pushes |
/// | `SCHEDULER_ROLE_ARN`, `QUEUE_ARN`, `SCHEDULE_GROUP` | see [`engine`](a2a_lambda_aws::engine()) |
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let agents = variables.required_as("AGENT", AGENT, a2a_lambda_agents::configured)?;
    let (engine, records) = engine_with_records(variables)?;
    Ok(Context::new(engine, agents, records))
}
