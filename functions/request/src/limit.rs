//! How many requests an owner may make in a minute. Minutes are those of the clock, for all owners.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{Owner, StoreError};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_http::Principal;
use a2a_lambda_protocol::{A2aError, Timestamp};
use async_trait::async_trait;
use tracing::{info, warn};

const MINUTE_MS: i64 = 60_000;

/// How many owners of a minute are remembered as refused. Others are refused by the counts alone.
const MOST_REMEMBERED: usize = 10_000;

/// Counts the requests of owners.
#[async_trait]
pub trait Counts: fmt::Debug + Send + Sync {
    /// Counts a request of this minute, unless there are `most` already. Returns whether it counted.
    ///
    /// # Errors
    /// When it is not known whether the request was counted.
    async fn count(&self, owner: &Owner, minute: i64, most: NonZeroU64)
    -> Result<bool, StoreError>;
}

#[async_trait]
impl Counts for DynamoDbStore {
    async fn count(
        &self,
        owner: &Owner,
        minute: i64,
        most: NonZeroU64,
    ) -> Result<bool, StoreError> {
        self.count_request(owner, minute, most).await
    }
}

/// The counts of one process, of the newest minute.
#[derive(Debug, Default)]
pub struct ProcessCounts(Mutex<Newest<HashMap<Owner, u64>>>);

#[async_trait]
impl Counts for ProcessCounts {
    async fn count(
        &self,
        owner: &Owner,
        minute: i64,
        most: NonZeroU64,
    ) -> Result<bool, StoreError> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = newest.of(minute).entry(owner.clone()).or_default();
        let fits = *counted < most.get();
        *counted += u64::from(fits);
        Ok(fits)
    }
}

/// The counts of the newest minute; older ones are dropped.
#[derive(Debug, Default)]
struct Newest<T> {
    minute: i64,
    known: T,
}

impl<T: Default> Newest<T> {
    fn of(&mut self, minute: i64) -> &mut T {
        if self.minute != minute {
            *self = Self { minute, known: T::default() };
        }
        &mut self.known
    }
}

/// The limit of requests per owner and minute.
#[derive(Debug, Clone)]
pub(crate) struct RequestLimit {
    most: NonZeroU64,
    counts: Arc<dyn Counts>,
    /// Those who were refused are not counted again: a flood costs one write per process.
    refused: Arc<Mutex<Newest<HashSet<Owner>>>>,
}

impl RequestLimit {
    pub(crate) fn new(most: NonZeroU64, counts: Arc<dyn Counts>) -> Self {
        Self { most, counts, refused: Arc::default() }
    }

    /// Counts a request, or refuses it. A caller without an owner has no limit: there is nothing for
    /// them but the public card. Where the counts cannot be reached, requests are served.
    pub(crate) async fn admit(&self, caller: &Principal, now: Timestamp) -> Result<(), A2aError> {
        let (Principal::Anybody(owner) | Principal::Somebody(owner)) = caller else {
            return Ok(());
        };
        let minute = now.as_millis().div_euclid(MINUTE_MS);
        if self.refused().of(minute).contains(owner) {
            return Err(self.refusal(now));
        }
        match self.counts.count(owner, minute, self.most).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                info!(event = "requests_limited", %owner,
                    "the owner is at its limit of requests a minute");
                let mut refused = self.refused();
                let owners = refused.of(minute);
                if owners.len() < MOST_REMEMBERED {
                    owners.insert(owner.clone());
                }
                drop(refused);
                Err(self.refusal(now))
            }
            Err(error) => {
                warn!(
                    event = "request_not_counted",
                    error = chain(&error),
                    "the request could not be counted and is served"
                );
                Ok(())
            }
        }
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Newest<HashSet<Owner>>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self, now: Timestamp) -> A2aError {
        let left = MINUTE_MS - now.as_millis().rem_euclid(MINUTE_MS);
        let wait = Duration::from_millis(left.unsigned_abs());
        let text = format!("more than {} requests in this minute", self.most);
        A2aError::too_many_requests(&text, wait)
    }
}
