//! The attempts in flight.

use std::collections::VecDeque;
use std::pin::Pin;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::attempt::Attempted;

/// The attempts in flight.
pub(super) struct Attempts<'a> {
    under_way: FuturesUnordered<Pin<Box<dyn Future<Output = Attempted> + Send + 'a>>>,
    /// Ended attempts whose outcomes are to be taken.
    ended: VecDeque<Attempted>,
}

impl<'a> Attempts<'a> {
    pub(super) fn new() -> Self {
        Self { under_way: FuturesUnordered::new(), ended: VecDeque::new() }
    }

    pub(super) fn add(&mut self, attempt: impl Future<Output = Attempted> + Send + 'a) {
        self.under_way.push(Box::pin(attempt));
    }

    /// The next attempt that ends; `None` if there is none.
    pub(super) async fn next(&mut self) -> Option<Attempted> {
        match self.ended.pop_front() {
            Some(attempted) => Some(attempted),
            None => self.under_way.next().await,
        }
    }

    /// Waits for something else while the attempts continue. An attempt that stood still during a
    /// slow store request could be made after the claim has ended.
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
