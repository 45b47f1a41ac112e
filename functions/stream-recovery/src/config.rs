//! The function's configuration.

use a2a_lambda_aws::engine;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::Context;

/// The context of the function, from its variables. It runs no agent, and so is not told of any.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    Ok(Context::new(engine(variables)?))
}
