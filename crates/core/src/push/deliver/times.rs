//! Whether there is time for an attempt.

use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use crate::head::Head;
use crate::ids::ClaimToken;
use crate::policy::Policy;

/// How much longer than a POST a claim and an invocation must last, so that the outcome is stored.
const MARGIN: Duration = Duration::from_secs(1);

/// Whether a POST that begins now ends before this time, with its outcome stored.
pub(super) fn has_time_for_one(policy: &Policy, now: Timestamp, ends_by: Timestamp) -> bool {
    now <= last_begin(policy, ends_by)
}

/// The latest begin of a POST that must end before this time.
pub(super) fn last_begin(policy: &Policy, ends_by: Timestamp) -> Timestamp {
    ends_by.saturating_sub(policy.push_timeout + MARGIN)
}

/// The end of a deliverer's claim, less the policy's `clock_skew`. Another deliverer's clock may be
/// ahead by that much, and it must not find the claim expired while an attempt is in flight.
pub(super) fn claimed_until(policy: &Policy, head: &Head, token: &ClaimToken) -> Option<Timestamp> {
    Some(head.pushed_until(token)?.saturating_sub(policy.clock_skew))
}
