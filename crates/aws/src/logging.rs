//! Logs: one JSON object a line, as CloudWatch takes them.

use tracing::level_filters::LevelFilter;

use crate::config::{ConfigError, Variables};

/// Begins to log, at the level that `LOG_LEVEL` names: `error`, `warn`, `info` (the default),
/// `debug` or `trace`. Call it once, at the start of the process.
///
/// Lines carry the fields of the invocation's span, the request's id among them. There is no time
/// in them: CloudWatch has its own.
///
/// # Errors
/// When `LOG_LEVEL` is set to anything else. The default level is used then.
pub fn init_logging(variables: &Variables<'_>) -> Result<(), ConfigError> {
    let wanted = variables.optional("LOG_LEVEL");
    let level = wanted.as_deref().map_or(Ok(LevelFilter::INFO), str::parse);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .without_time()
        .with_max_level(level.as_ref().copied().unwrap_or(LevelFilter::INFO))
        .init();
    level.map(drop).map_err(|error| ConfigError::Invalid {
        variable: "LOG_LEVEL",
        what: "error, warn, info, debug or trace".to_owned(),
        source: Some(error.into()),
    })
}
