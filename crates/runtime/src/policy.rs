//! The variables of the policy.

use std::time::Duration;

use a2a_lambda_core::Policy;

use crate::variables::{ConfigError, Variables};

/// How many waits there may be between the attempts at a receiver in trouble.
const MAX_WAITS: usize = 32;

/// The policy, with what variables change of its defaults: `LEASE_SECONDS` (6 to 900),
/// `MAX_ATTEMPTS` (1 to 100), `BLOCKING_WAIT_SECONDS` (0 to 900), `MAX_STREAM_SECONDS` (1 to 900),
/// `DEDUPLICATE_MESSAGES` (`true` or `false`); of pushes, `PUSH_TASK` (whether a config is first sent
/// the task; `true` or `false`), `PUSH_ARTIFACTS` (whether it is sent more than changes of status),
/// `PUSH_TIMEOUT_SECONDS` (how long a receiver may take, 1 to 60) and `PUSH_WAITS_SECONDS` (the waits
/// between the attempts at a receiver in trouble, with commas: 1 to 32 of them, each 1 to 604800).
///
/// What a process that died was at is taken up again in time: `SIGNAL_GRACE_SECONDS` (1 to 900) is how
/// long a signal may take before the sweep sends another, and `PUSH_CLAIM_SECONDS` (4 to 900) how long
/// a task's pushes are left to whoever has begun with them; at least three times what a receiver may
/// take.
///
/// # Errors
/// When one of them is out of its bounds.
pub fn policy(variables: &Variables<'_>) -> Result<Policy, ConfigError> {
    let mut policy = Policy::default();
    if let Some(seconds) = variables.number("LEASE_SECONDS", 6..=900)? {
        policy.lease = Duration::from_secs(seconds);
    }
    if let Some(attempts) = variables.number("MAX_ATTEMPTS", 1..=100)? {
        policy.max_attempts = u32::try_from(attempts).unwrap_or(policy.max_attempts);
    }
    if let Some(seconds) = variables.number("BLOCKING_WAIT_SECONDS", 0..=900)? {
        policy.blocking_wait = Duration::from_secs(seconds);
    }
    if let Some(seconds) = variables.number("MAX_STREAM_SECONDS", 1..=900)? {
        policy.max_stream = Duration::from_secs(seconds);
    }
    if let Some(deduplicate) = variables.flag("DEDUPLICATE_MESSAGES")? {
        policy.deduplicate_messages = deduplicate;
    }
    policy.push_task = variables.flag("PUSH_TASK")?.unwrap_or(policy.push_task);
    policy.push_artifacts = variables.flag("PUSH_ARTIFACTS")?.unwrap_or(policy.push_artifacts);
    if let Some(seconds) = variables.number("PUSH_TIMEOUT_SECONDS", 1..=60)? {
        policy.push_timeout = Duration::from_secs(seconds);
    }
    if let Some(seconds) = variables.number("PUSH_CLAIM_SECONDS", 4..=900)? {
        policy.push_claim = Duration::from_secs(seconds);
    }
    policy.push_claim = policy.push_claim.max(3 * policy.push_timeout);
    if let Some(waits) = push_waits(variables)? {
        policy.push_waits = waits;
    }
    if let Some(seconds) = variables.number("SIGNAL_GRACE_SECONDS", 1..=900)? {
        policy.signal_grace = Duration::from_secs(seconds);
    }
    Ok(policy)
}

fn push_waits(variables: &Variables<'_>) -> Result<Option<Vec<Duration>>, ConfigError> {
    let variable = "PUSH_WAITS_SECONDS";
    let Some(text) = variables.optional(variable) else { return Ok(None) };
    let wait = |text: &str| {
        let seconds = text.trim().parse().ok().filter(|seconds| (1..=604_800).contains(seconds));
        seconds.map(Duration::from_secs)
    };
    // One more than there may be tells that there are too many.
    let waits: Option<Vec<Duration>> = text.split(',').take(MAX_WAITS + 1).map(wait).collect();
    let waits = waits.filter(|waits| waits.len() <= MAX_WAITS).ok_or_else(|| {
        let what = format!(
            "1 to {MAX_WAITS} whole numbers from 1 to 604800 with commas, such as 5,30,120"
        );
        ConfigError::Invalid { variable, what, source: None }
    })?;
    Ok(Some(waits))
}

#[cfg(test)]
mod tests;
