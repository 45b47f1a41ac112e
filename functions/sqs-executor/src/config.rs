//! The function's configuration.

use a2a_lambda_aws::engine_with_records;
use a2a_lambda_core::Agents;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::Context;

/// The context of a function that runs these agents, from its variables.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>, agents: Agents) -> Result<Context, ConfigError> {
    let (engine, records) = engine_with_records(variables)?;
    Ok(Context::new(engine, agents, records))
}
