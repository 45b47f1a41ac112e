//! The function that takes up what was lost: fed by EventBridge Scheduler every minute or so, it
//! sweeps the due index for signals that never came, runners that died, wake times that passed and
//! users who did not answer in time.
//!
//! Two invocations at once are safe: every task is moved by a conditional write, so that the one
//! that comes second finds nothing to do. At worst a task is signaled twice, which changes nothing.

mod config;

use std::time::Duration;

use a2a_lambda_core::head::DUE_SHARDS;
use a2a_lambda_core::{Engine, Swept, sweep};
use a2a_lambda_protocol::Timestamp;
use serde::de::IgnoredAny;
use tracing::info;

pub use config::context;

/// How long before the invocation's end the sweep stops to begin with further tasks: enough for the
/// one that was begun, with the retries of its requests, and for the answer.
pub const MARGIN: Duration = Duration::from_secs(20);

/// What the handler needs: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    engine: Engine,
}

impl Context {
    /// The context of a function over this engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

/// Nothing was swept.
#[derive(Debug, thiserror::Error)]
#[error("the due index could not be read: {first}")]
pub struct Unread {
    /// The first error.
    pub first: String,
}

/// Sweeps once. The event is a clock's tick: what it says is of no interest.
///
/// `deadline` is the end of the invocation. What was not looked at by shortly before it is left to
/// the next invocation, and the answer's `more` says so.
///
/// # Errors
/// When nothing of the due index could be read, so that the invocation counts as failed.
pub async fn handle(
    _event: IgnoredAny,
    deadline: Timestamp,
    context: &Context,
) -> Result<Swept, Unread> {
    let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX);
    let until = Timestamp::from_millis(deadline.as_millis().saturating_sub(margin));
    let swept = sweep(&context.engine, until).await;
    let Swept {
        due, lost_signals, dead_leases, wake_times, late_users, failed, unread, more, ..
    } = swept;
    if due + unread > 0 {
        info!(
            due,
            lost_signals, dead_leases, wake_times, late_users, failed, unread, more, "swept"
        );
    }
    if unread == usize::from(DUE_SHARDS) {
        return Err(Unread { first: swept.errors.into_iter().next().unwrap_or_default() });
    }
    Ok(swept)
}
