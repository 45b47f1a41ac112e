//! The function's configuration.

use std::fmt;
use std::sync::Arc;

use a2a_lambda_aws::{Records, engine_with_records};
use a2a_lambda_core::{Agents, Engine, Runner};
use a2a_lambda_runtime::{ConfigError, Variables, runner_name};

/// The handler's dependencies, made once, at cold start.
#[derive(Clone)]
pub struct Context {
    pub(crate) runner: Runner,
    pub(crate) records: Arc<dyn Records>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("runner", &self.runner).finish_non_exhaustive()
    }
}

impl Context {
    /// The context of a function that runs these agents, and is fed by this queue of records.
    pub fn new(engine: Engine, agents: Agents, records: Arc<dyn Records>) -> Self {
        Self { runner: Runner::new(engine, agents), records }
    }
}

/// The context of a function that runs these agents, from its variables.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>, agents: Agents) -> Result<Context, ConfigError> {
    let (engine, records) = engine_with_records(variables)?;
    let engine = Engine { runner: runner_name(variables)?, ..engine };
    Ok(Context::new(engine, agents, records))
}
