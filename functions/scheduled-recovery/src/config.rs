//! The function's configuration.

use a2a_lambda_aws::engine;
use a2a_lambda_core::Engine;
use a2a_lambda_runtime::{ConfigError, Variables};

/// What the handler needs: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) engine: Engine,
}

impl Context {
    /// The context of a function over this engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

/// The context of the function, from its variables. It runs no agent, and so is not told of any.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    Ok(Context::new(engine(variables)?))
}
