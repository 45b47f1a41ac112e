//! Whether there is time for an attempt.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use crate::head::Head;
use crate::ids::ClaimToken;
use crate::policy::Policy;

/// A claim, and an invocation, must last this much longer than a POST, to note what came of it.
const MARGIN: Duration = Duration::from_secs(1);

/// Whether a POST that is begun now ends before this time, with what came of it written down.
pub(super) fn has_time_for_one(policy: &Policy, now: Timestamp, ends_by: Timestamp) -> bool {
    now <= last_begin(policy, ends_by)
}

/// When a POST is begun at the latest that is to end before this time.
pub(super) fn last_begin(policy: &Policy, ends_by: Timestamp) -> Timestamp {
    ends_by.saturating_sub(policy.push_timeout + MARGIN)
}

/// The end of a deliverer's claim. The clock of another may be ahead by the policy's `clock_skew`: it
/// must not find the claim over while an attempt is under way.
pub(super) fn claimed_until(policy: &Policy, head: &Head, token: &ClaimToken) -> Option<Timestamp> {
    Some(head.pushed_until(token)?.saturating_sub(policy.clock_skew))
}
