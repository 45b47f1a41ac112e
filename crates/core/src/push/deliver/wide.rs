//! How old what a deliverer knows may be, where the store is slow (invariant I14).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::head::{Head, MAX_PUSH_VIEW};
use crate::ids::ClaimToken;
use crate::policy::Policy;

/// Where the store is slow, how many of its answers a view is long: a claim and what is read for an
/// attempt, and as much again for a connection and for answers that take longer.
const VIEW_OF_REQUESTS: u32 = 4;

/// The first wait where the store is slower than the widest view allows. It doubles each time.
const LATE_FIRST: Duration = Duration::from_millis(250);
/// The longest such wait.
const LATE_MOST: Duration = Duration::from_secs(5);

/// The view that a deliverer needs, once the store was too slow for the usual one. Whoever claims
/// for the deliverer claims with it. A runner does so by each of its commits: where those follow each
/// other closely, and take long, a claim of the deliverer's own would always come too late.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wide(Arc<AtomicU64>);

impl Wide {
    /// It is no narrower from here on than this.
    pub(super) fn widen(&self, view: Duration) {
        let ms = u64::try_from(view.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_max(ms, Ordering::Relaxed);
    }

    /// It is wide enough for a store that took so long.
    pub(super) fn widen_if_slow(&self, policy: &Policy, took: Duration) {
        let view = view_for(took);
        if view > policy.push_view {
            self.widen(view);
        }
    }

    /// Who claims for `token`.
    pub(super) fn claims_as(&self, token: &ClaimToken) -> ClaimToken {
        self.get().map_or_else(|| token.clone(), |view| token.with_view(view))
    }

    /// Whether the claim of the task's pushes has this view.
    pub(super) fn is_claimed(&self, head: &Head) -> bool {
        self.get().is_none_or(|view| head.push_view(Duration::ZERO) >= Some(view))
    }

    /// The view, if it is wider than usual.
    pub(super) fn get(&self) -> Option<Duration> {
        let ms = self.0.load(Ordering::Relaxed);
        (ms > 0).then(|| Duration::from_millis(ms))
    }
}

/// The view to claim with where the store has taken so long.
pub(super) fn view_for(took: Duration) -> Duration {
    took.saturating_mul(VIEW_OF_REQUESTS).min(MAX_PUSH_VIEW)
}

/// How long to wait before a push where even the widest view is too narrow.
pub(super) fn late_wait(before: u32) -> Duration {
    LATE_FIRST.saturating_mul(2_u32.saturating_pow(before)).min(LATE_MOST)
}
