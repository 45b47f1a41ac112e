//! The function's configuration.

use a2a_lambda_aws::engine_with_records;
use a2a_lambda_runtime::table::AGENT;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::Context;

/// The context of the function, from its variables.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let agents = variables.read(&AGENT, a2a_lambda_agents::configured)?;
    let agents = agents.ok_or_else(|| ConfigError::missing(&AGENT))?;
    let (engine, records) = engine_with_records(variables)?;
    Ok(Context::new(engine, agents, records))
}
