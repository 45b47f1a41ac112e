//! The machine's clock, randomness and environment: the one place that asks for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use a2a_lambda_core::{Clock, Ids};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

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

/// Random UUIDs (version 4).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn fresh(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

/// A variable of the process's environment. One that is not Unicode counts as not set.
#[expect(clippy::disallowed_methods, reason = "this is the environment that is injected elsewhere")]
pub fn process_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
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
