//! The HTTP bindings of A2A for another server, such as axum. The server answers clients from a
//! container or a process; the other functions are deployed as usual.
//!
//! [`Bindings`] are a `tower::Service`. A layer in front of the bindings puts a [`Visitor`] among a
//! request's extensions, which tells them the caller. Without it the caller is unknown, and gets
//! the public agent card only.

use std::error::Error;

use a2a_lambda_core::Agents;
use a2a_lambda_runtime::{ConfigError, Reader, Variables, process_environment};

pub use a2a_lambda_core::Owner;
pub use a2a_lambda_http::{Bindings, Body, Grant, Principal, Visitor};

/// The bindings for these agents, over the table and the queue that the process's variables name:
/// those of the function `request`. The server is responsible for callers and their limits:
/// `OWNER_CLAIM`, `ALLOW_ANONYMOUS`, `REQUESTS_PER_MINUTE_PER_OWNER` and `ALLOWED_ORIGINS` do
/// nothing here.
///
/// # Errors
/// When a variable is missing or cannot be used, such as one that refers to a secret elsewhere, or the
/// agents cannot be made.
pub async fn bindings<E: Into<Box<dyn Error + Send + Sync>>>(
    agents: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
) -> Result<Bindings, ConfigError> {
    bindings_from(&process_environment, agents).await
}

/// The same, by another lookup of variables than in the process's environment.
///
/// # Errors
/// As [`bindings`] has it.
pub async fn bindings_from<E: Into<Box<dyn Error + Send + Sync>>>(
    lookup: &dyn Fn(&str) -> Option<String>,
    agents: impl AsyncFn(&Variables<'_>) -> Result<Agents, E>,
) -> Result<Bindings, ConfigError> {
    let variables = Variables::new(Reader::Request, lookup);
    let agents = a2a_lambda_runtime::agents(&agents, &variables).await?;
    a2a_lambda_request::bindings(&variables, agents)
}
