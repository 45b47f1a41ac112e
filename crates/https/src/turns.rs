//! A bounded number of works at a time. A work that does not end does not hold up the others.
//!
//! A work that has taken longer than its patience gives its turn to one that waits. So a host that
//! never answers costs the next one at most the patience, however many such hosts there are.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

/// The turns that there are.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Inner>);

struct Inner {
    /// How many works there may be at a time.
    most: usize,
    /// How many may wait.
    most_waiting: usize,
    /// How long a work keeps its turn while others wait.
    patience: Duration,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    /// The works under way, in the order in which they began.
    under_way: VecDeque<Holder>,
    waiting: usize,
    last_id: u64,
}

struct Holder {
    id: u64,
    since: Instant,
    /// Dropped to take the turn away.
    _turn: oneshot::Sender<()>,
}

/// There was no turn, or it was taken away. The work may have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process has too many requests in flight")]
pub(crate) struct Crowded;

impl Turns {
    pub(crate) fn new(most: usize, patience: Duration, most_waiting: usize) -> Self {
        let (state, freed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { most, most_waiting, patience, state, freed }))
    }

    /// Does a work when it is its turn. The turn must come before `ends`.
    pub(crate) async fn take<T>(
        &self,
        ends: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, Crowded> {
        let (_turn, taken_away) = self.wait(ends).await?;
        tokio::select! {
            biased;
            done = work => Ok(done),
            _ = taken_away => Err(Crowded),
        }
    }

    async fn wait(&self, ends: Instant) -> Result<(Turn, oneshot::Receiver<()>), Crowded> {
        let mut waiting = None;
        loop {
            let freed = self.0.freed.notified();
            let mut freed = std::pin::pin!(freed);
            // From here on, a turn that is given back is noticed.
            freed.as_mut().enable();
            let now = Instant::now();
            let again = match self.begin(now) {
                Ok(begun) => return Ok(begun),
                Err(again) => again,
            };
            if now >= ends {
                return Err(Crowded);
            }
            if waiting.is_none() {
                waiting = Some(Waiting::enter(&self.0)?);
            }
            tokio::select! {
                () = freed => {}
                () = sleep_until(again.min(ends)) => {}
            }
        }
    }

    /// A turn, if one is free or another work has held one for too long; otherwise a receiver that
    /// learns when.
    fn begin(&self, now: Instant) -> Result<(Turn, oneshot::Receiver<()>), Instant> {
        let mut state = self.0.lock();
        if state.under_way.len() >= self.0.most {
            let oldest = state.under_way.front().map_or(now, |oldest| oldest.since);
            if oldest + self.0.patience > now {
                return Err(oldest + self.0.patience);
            }
            state.under_way.pop_front();
        }
        state.last_id += 1;
        let id = state.last_id;
        let (turn, taken_away) = oneshot::channel();
        state.under_way.push_back(Holder { id, since: now, _turn: turn });
        Ok((Turn { turns: self.0.clone(), id }, taken_away))
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn, given back when it is dropped.
struct Turn {
    turns: Arc<Inner>,
    id: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        if let Some(index) = state.under_way.iter().position(|holder| holder.id == self.id) {
            state.under_way.remove(index);
            drop(state);
            // The newest one that waits has the most time left.
            self.turns.freed.notify_last();
        }
    }
}

struct Waiting(Arc<Inner>);

impl Waiting {
    fn enter(turns: &Arc<Inner>) -> Result<Self, Crowded> {
        let mut state = turns.lock();
        if state.waiting >= turns.most_waiting {
            return Err(Crowded);
        }
        state.waiting += 1;
        drop(state);
        Ok(Self(turns.clone()))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn turns() -> Turns {
        Turns::new(2, PATIENCE, 3)
    }

    fn in_secs(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    fn hang(turns: &Turns, seconds: u64) -> tokio::task::JoinHandle<Result<(), Crowded>> {
        let (turns, ends) = (turns.clone(), in_secs(seconds));
        tokio::spawn(async move { turns.take(ends, pending()).await })
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_had_a_turn_for_long_gives_it_to_who_waits() {
        let turns = turns();
        let (first, second) = (hang(&turns, 9), hang(&turns, 9));
        tokio::task::yield_now().await;
        let begun = Instant::now();
        assert_eq!(turns.take(in_secs(9), ready(7)).await, Ok(7));
        assert_eq!(begun.elapsed().as_secs(), 1);
        assert_eq!(first.await.unwrap(), Err(Crowded));
        // Nobody else waits: it may go on.
        assert!(!second.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_given_back_is_taken_at_once() {
        let turns = turns();
        let (hanging, other) = (hang(&turns, 9), hang(&turns, 9));
        tokio::task::yield_now().await;
        let begun = Instant::now();
        let waits = tokio::spawn({
            let (turns, ends) = (turns.clone(), in_secs(9));
            async move { turns.take(ends, ready(())).await }
        });
        tokio::task::yield_now().await;
        hanging.abort();
        assert_eq!(waits.await.unwrap(), Ok(()));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        other.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_and_the_waiting_are_bounded() {
        let turns = Turns::new(1, Duration::from_mins(1), 1);
        let _hanging = hang(&turns, 9);
        tokio::task::yield_now().await;
        let waiting = hang(&turns, 2);
        tokio::task::yield_now().await;
        let begun = Instant::now();
        assert_eq!(turns.take(in_secs(9), ready(())).await, Err(Crowded));
        assert_eq!(begun.elapsed(), Duration::ZERO, "one too many does not wait");
        assert_eq!(waiting.await.unwrap(), Err(Crowded));
        assert_eq!(begun.elapsed().as_secs(), 2);
    }

    /// 960 works that never end delay another's turn by a few patiences at most. Once they have
    /// begun they cost it nothing.
    #[tokio::test(start_paused = true)]
    async fn a_flood_of_works_that_never_end_costs_little() {
        let turns = Turns::new(256, PATIENCE, 4096);
        let flood: Vec<_> = (0..960).map(|_| hang(&turns, 5)).collect();
        tokio::task::yield_now().await;
        for at_most in [4, 1, 1] {
            let begun = Instant::now();
            assert_eq!(turns.take(in_secs(9), ready(())).await, Ok(()));
            assert!(begun.elapsed().as_secs() <= at_most, "{:?}", begun.elapsed());
        }
        drop(flood);
    }
}
