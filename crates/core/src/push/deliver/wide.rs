//! The age of a deliverer's view with a slow store (invariant I14).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::head::{Head, MAX_PUSH_VIEW};
use crate::ids::ClaimToken;
use crate::policy::Policy;

/// How many answers of a slow store a view is long. A claim and the read for an attempt need two.
/// The rest is for a connection and for slower answers.
const VIEW_OF_REQUESTS: u32 = 4;

/// The first wait if the store is slower than the widest view allows. It doubles each time.
const LATE_FIRST: Duration = Duration::from_millis(250);
/// The longest such wait.
const LATE_MOST: Duration = Duration::from_secs(5);

/// The view that a deliverer needs if the store is too slow for the usual one. Every claim for this
/// deliverer has it, also those in the runner's commits. When slow commits follow each other
/// closely, a claim of the deliverer's own would always come too late.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wide(Arc<AtomicU64>);

impl Wide {
    /// Makes the view at least this wide.
    pub(super) fn widen(&self, view: Duration) {
        let ms = u64::try_from(view.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_max(ms, Ordering::Relaxed);
    }

    /// Makes the view wide enough for a store that took this long.
    pub(super) fn widen_if_slow(&self, policy: &Policy, took: Duration) {
        let view = view_for(took);
        if view > policy.push_view {
            self.widen(view);
        }
    }

    /// The token that claims for `token`.
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

/// The view to claim with after the store took this long.
pub(super) fn view_for(took: Duration) -> Duration {
    took.saturating_mul(VIEW_OF_REQUESTS).min(MAX_PUSH_VIEW)
}

/// How long to wait before a push if even the widest view is too narrow.
pub(super) fn late_wait(before: u32) -> Duration {
    LATE_FIRST.saturating_mul(2_u32.saturating_pow(before)).min(LATE_MOST)
}
