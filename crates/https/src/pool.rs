//! Connections that wait for their next request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::guard::Target;
use crate::link::Link;

/// How long an idle connection is kept where nothing else is said. Common servers close theirs after
/// 5 seconds, and say nothing.
pub const IDLE_LIMIT: Duration = Duration::from_secs(4);
/// How many idle connections are kept for one target.
const MAX_PER_TARGET: usize = 4;
/// How many idle connections are kept in all. Each takes an open file.
const MAX_IDLE: usize = 64;

/// The time of day, which goes on while the machine stands still.
pub trait WallClock: Send + Sync + 'static {
    /// Milliseconds since 1970. It may step back.
    fn now_ms(&self) -> i64;
}

impl<F: Fn() -> i64 + Send + Sync + 'static> WallClock for F {
    fn now_ms(&self) -> i64 {
        self()
    }
}

pub(crate) struct Pool {
    wall: Arc<dyn WallClock>,
    idle_limit: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The one that has been idle for longest comes first.
    idle: VecDeque<Idle>,
    /// The task that closes them in time.
    keeper: Option<AbortHandle>,
}

struct Idle {
    link: Link,
    since: Instant,
    since_wall_ms: i64,
}

impl Pool {
    pub(crate) fn new(wall: Arc<dyn WallClock>, idle_limit: Duration) -> Arc<Self> {
        Arc::new(Self { wall, idle_limit, state: Mutex::default() })
    }

    /// A connection that can be used. Those that cannot are closed.
    pub(crate) fn take(&self, target: &Target) -> Option<Link> {
        let now = self.now();
        let mut state = self.lock();
        while let Some(index) = state.idle.iter().rposition(|idle| idle.link.target == *target) {
            let idle = state.idle.remove(index)?;
            if !self.is_over(&idle, now) && idle.link.is_usable() {
                return Some(idle.link);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(self: &Arc<Self>, link: Link) {
        let (since, since_wall_ms) = self.now();
        let idle = Idle { link, since, since_wall_ms };
        let mut state = self.lock();
        let is_alike = |it: &Idle| it.link.target == idle.link.target;
        if state.idle.iter().filter(|it| is_alike(it)).count() >= MAX_PER_TARGET {
            let oldest = state.idle.iter().position(is_alike);
            oldest.and_then(|index| state.idle.remove(index));
        }
        if state.idle.len() >= MAX_IDLE {
            state.idle.pop_front();
        }
        state.idle.push_back(idle);
        // A keeper ends with its runtime.
        if state.keeper.as_ref().is_none_or(AbortHandle::is_finished) {
            state.keeper = Some(
                tokio::spawn(keep(Arc::downgrade(self), since + self.idle_limit)).abort_handle(),
            );
        }
    }

    /// Closes the connections to a target: one of them was found dead, and they are of an age.
    pub(crate) fn close(&self, target: &Target) {
        self.lock().idle.retain(|idle| idle.link.target != *target);
    }

    /// Closes connections that have been idle for too long. Returns when to look again; if never,
    /// the keeper ends.
    fn close_old(&self) -> Option<Instant> {
        let now = self.now();
        let mut state = self.lock();
        state.idle.retain(|idle| !self.is_over(idle, now));
        let next = state.idle.front().map(|oldest| oldest.since + self.idle_limit);
        if next.is_none() {
            state.keeper = None;
        }
        next
    }

    /// By the runtime's clock and by the wall clock.
    fn now(&self) -> (Instant, i64) {
        (Instant::now(), self.wall.now_ms())
    }

    /// Whether a connection has been idle for too long by either clock. The runtime's clock stands
    /// still while a function is frozen; the wall clock does not.
    fn is_over(&self, idle: &Idle, (now, now_wall_ms): (Instant, i64)) -> bool {
        let by_wall = Duration::from_millis(now_wall_ms.abs_diff(idle.since_wall_ms));
        now.saturating_duration_since(idle.since).max(by_wall) >= self.idle_limit
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn keep(pool: Weak<Pool>, first: Instant) {
    let mut next = Some(first);
    while let Some(at) = next {
        sleep_until(at).await;
        let Some(pool) = pool.upgrade() else { return };
        next = pool.close_old();
    }
}
