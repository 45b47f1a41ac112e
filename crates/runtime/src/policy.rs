//! The variables of the policy.

use std::time::Duration;

use a2a_lambda_core::{Policy, Retention};

use http::Uri;

use crate::public_url::base_url;
use crate::table::{self, Number};
use crate::variables::{ConfigError, Variables};

/// The policy, with the variables' changes. A claim on pushes lasts at least three times the
/// longest push, for any `PUSH_CLAIM_SECONDS`.
///
/// # Errors
/// When a variable is out of its bounds.
pub fn policy(variables: &Variables<'_>) -> Result<Policy, ConfigError> {
    let seconds = |variable: &'static Number| variables.number(variable).map(Duration::from_secs);
    let push_timeout = seconds(&table::PUSH_TIMEOUT_SECONDS)?;
    let waits = variables.numbers(&table::PUSH_WAITS_SECONDS)?;
    Ok(Policy {
        lease: seconds(&table::LEASE_SECONDS)?,
        max_attempts: u32::try_from(variables.number(&table::MAX_ATTEMPTS)?).unwrap_or(u32::MAX),
        blocking_wait: seconds(&table::BLOCKING_WAIT_SECONDS)?,
        max_stream: seconds(&table::MAX_STREAM_SECONDS)?,
        deduplicate_messages: variables.flag(&table::DEDUPLICATE_MESSAGES)?,
        push_task: variables.flag(&table::PUSH_TASK)?,
        push_artifacts: variables.flag(&table::PUSH_ARTIFACTS)?,
        push_timeout,
        push_claim: seconds(&table::PUSH_CLAIM_SECONDS)?.max(3 * push_timeout),
        push_waits: waits.into_iter().map(Duration::from_secs).collect(),
        callback_url: callback_url(variables)?,
        unserved_wait: Duration::from_hours(variables.number(&table::UNSERVED_TENANT_HOURS)?),
        signal_grace: seconds(&table::SIGNAL_GRACE_SECONDS)?,
        retention: retention(variables)?,
        memory_life: days(variables, &table::MEMORY_RETENTION_DAYS)?,
        scopes: variables.number(&table::STORED_FORMAT)? >= 4,
        ..Policy::default()
    })
}

/// The URL of `CALLBACK_URL`, without a slash at its end, if it is set. Anyone who reads the
/// requests to it can answer callbacks. So it is `https`, unless it is on this machine.
fn callback_url(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(url) = variables.text(&table::CALLBACK_URL)? else { return Ok(None) };
    let is_safe = |uri: Uri| match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]")),
        _ => false,
    };
    let url = base_url(&url).filter(|url| url.parse().is_ok_and(is_safe));
    url.map_or_else(|| Err(ConfigError::invalid(&table::CALLBACK_URL)), |url| Ok(Some(url)))
}

/// How long tasks are kept. An earlier release does not know of it.
fn retention(variables: &Variables<'_>) -> Result<Option<Retention>, ConfigError> {
    let ended = days(variables, &table::TASK_RETENTION_DAYS)?;
    let waiting = days(variables, &table::WAITING_RETENTION_DAYS)?;
    let is_read = variables.number(&table::STORED_FORMAT)? >= 2;
    Ok(is_read.then_some(Retention { ended, waiting, ..Retention::FOREVER }))
}

/// A number of days; `None` if it is 0, which is for ever.
fn days(
    variables: &Variables<'_>,
    variable: &'static Number,
) -> Result<Option<Duration>, ConfigError> {
    let days = variables.number(variable)?;
    Ok((days > 0).then(|| Duration::from_hours(24 * days)))
}

#[cfg(test)]
mod tests;
