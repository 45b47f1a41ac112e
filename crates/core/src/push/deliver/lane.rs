//! Configs that are delivered to side by side, and the attempts that are under way.

use std::collections::VecDeque;
use std::pin::Pin;

use a2a_lambda_protocol::Timestamp;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::attempt::Attempted;
use crate::push::PushConfig;

/// A config, and where its delivery stands in this process.
pub(super) struct Lane {
    pub(super) config: PushConfig,
    /// Whether an attempt is under way.
    pub(super) is_busy: bool,
    /// Whether the config was another one, or gone, when the configs were read again during that.
    pub(super) is_outdated: bool,
    /// Whether the last attempt of this process was acknowledged: nothing was sent since of which
    /// the config does not know.
    pub(super) is_clean: bool,
    /// Not before this time, for a reason that is not the receiver's.
    pub(super) later: Option<Timestamp>,
    /// How often in a row the store took too long to tell whether a push is wanted.
    pub(super) late: u32,
}

impl Lane {
    pub(super) fn new(config: PushConfig) -> Self {
        Self { config, is_busy: false, is_outdated: false, is_clean: false, later: None, late: 0 }
    }

    /// When the next attempt may be made; `None` if there is none.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let epoch = Timestamp::from_millis(0);
        let next = match &self.config.delivery.trouble {
            Some(trouble) => trouble.next?,
            None => epoch,
        };
        Some(next.max(self.later.unwrap_or(epoch)))
    }
}

/// The attempts under way.
pub(super) struct Attempts<'a> {
    under_way: FuturesUnordered<Pin<Box<dyn Future<Output = Attempted> + Send + 'a>>>,
    /// Those that have come to an end and are to be noted.
    ended: VecDeque<Attempted>,
}

impl<'a> Attempts<'a> {
    pub(super) fn new() -> Self {
        Self { under_way: FuturesUnordered::new(), ended: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.ended.is_empty()
    }

    pub(super) fn add(&mut self, attempt: impl Future<Output = Attempted> + Send + 'a) {
        self.under_way.push(Box::pin(attempt));
    }

    /// The next that has come to an end; `None` if there is none.
    pub(super) async fn next(&mut self) -> Option<Attempted> {
        match self.ended.pop_front() {
            Some(attempted) => Some(attempted),
            None => self.under_way.next().await,
        }
    }

    /// Waits for something else, and the attempts go on meanwhile. One that stood still while the
    /// store takes its time would be made late, when the claim for it is over.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(attempted) = self.under_way.next() => self.ended.push_back(attempted),
                done = &mut work => return done,
            }
        }
    }
}
