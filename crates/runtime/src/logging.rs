//! Logs: one JSON object a line, as CloudWatch takes them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::table::LOG_LEVEL;
use crate::variables::{ConfigError, Variables};

/// What the targets of our own code begin with: the names of our crates.
const OURS: &str = "a2a_lambda";

/// The level that `LOG_LEVEL` names.
///
/// # Errors
/// When it is set to something that is no level.
pub(crate) fn log_level(variables: &Variables<'_>) -> Result<LevelFilter, ConfigError> {
    Ok(match variables.choice(&LOG_LEVEL)? {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    })
}

/// Begins to log, at this level. Call it once, at the start of the process.
///
/// Lines carry the fields of the invocation's span, the request's id among them. There is no time
/// in them: CloudWatch has its own. The level is that of our own code. Of the libraries nothing
/// below `info` is logged, whatever the level: they log events and requests as a whole there.
///
/// A panic is logged by its place alone, as its message may quote what a user sent.
pub(crate) fn init_logging(ours: LevelFilter) {
    let filter = Targets::new()
        .with_target(OURS, ours)
        .with_default(ours.min(LevelFilter::INFO))
        // The span that carries the request id.
        .with_target("lambda_runtime", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .without_time()
        // They would go to the standard error output, and a panic would follow if that is closed.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
