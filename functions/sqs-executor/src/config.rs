//! The function's configuration.

use std::sync::Arc;

use a2a_lambda_aws::{ConfigError, Variables, engine};
use a2a_lambda_core::Agents;
use a2a_lambda_dynamodb::DynamoDbStore;

use crate::Context;

/// The context of the function, from its variables.
///
/// | variable | |
/// |---|---|
/// | `TABLE_NAME` | required: the DynamoDB table of tasks |
/// | `QUEUE_URL` | required: the SQS queue of signals |
/// | `AGENT` | the agent's name; the first one if it is not set |
/// | `LEASE_SECONDS`, `MAX_ATTEMPTS` | see [`policy`](a2a_lambda_aws::policy()) |
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let agent = variables.read("AGENT", "the name of an agent", a2a_lambda_agents::configured)?;
    let engine = engine(variables, |client, table| Arc::new(DynamoDbStore::new(client, table)))?;
    Ok(Context::new(engine, Agents::new(agent)))
}
