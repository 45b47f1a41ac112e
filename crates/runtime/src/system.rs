//! The machine's clock, randomness and environment: the one place that asks for them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use a2a_lambda_core::{Clock, Ids, RunnerName};
use a2a_lambda_https::{Fetch, Fetcher, WallClock};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::table::{AWS_LAMBDA_LOG_STREAM_NAME, SETTINGS, SURROUNDINGS};
use crate::variables::{ConfigError, Variables};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected elsewhere")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl WallClock for SystemClock {
    fn now_ms(&self) -> i64 {
        self.now().as_millis()
    }
}

/// The client that fetches public keys. It connects at the first of them.
pub fn fetcher() -> Arc<dyn Fetch> {
    Arc::new(Fetcher::new(Arc::new(SystemClock)))
}

/// Random UUIDs (version 4).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn fresh(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

/// The name of this process where attempts are shown: the end of its log stream's name, by which its
/// log is found, or a random one.
///
/// # Errors
/// When the variable cannot be used.
pub fn runner_name(variables: &Variables<'_>) -> Result<RunnerName, ConfigError> {
    let stream = variables.text(&AWS_LAMBDA_LOG_STREAM_NAME)?;
    Ok(RunnerName::of(&stream.unwrap_or_else(|| RandomIds.fresh())))
}

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness")]
pub struct NoRandomness;

/// Random bytes, for keys.
///
/// # Errors
/// When the system has none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A variable of the process's environment. One that is not Unicode counts as not set.
#[expect(clippy::disallowed_methods, reason = "this is the environment that is injected elsewhere")]
pub fn process_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// The variables of the environment that are neither in [the table](crate::table) nor Lambda's own:
/// an agent may read them as its own. Those that are not Unicode are left out.
#[expect(clippy::disallowed_methods, reason = "this is the environment that is injected elsewhere")]
pub fn own_environment() -> Vec<(String, String)> {
    let ours = |name: &str| SETTINGS.iter().chain(SURROUNDINGS).any(|it| it.name() == name);
    let lambdas = |name: &str| {
        name.starts_with("AWS_LAMBDA_") || name.starts_with("LAMBDA_") || name.starts_with('_')
    };
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !ours(name) && !lambdas(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_fresh() {
        let (one, other) = (RandomIds.fresh(), RandomIds.fresh());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
    }

    #[test]
    fn the_clock_is_in_this_century() {
        assert!(SystemClock.now().as_millis() > 1_700_000_000_000);
    }
}
