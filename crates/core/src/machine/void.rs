//! After the end of every process: leases and claims of pushes without a holder.

use super::draft::Draft;
use super::refusal::Refusal;
use crate::attempts::AttemptOutcome;
use crate::head::Phase;
use crate::push::mark::Mark;

impl Draft<'_> {
    /// Takes the lease and the claim of pushes away from processes that have certainly ended.
    ///
    /// The lost attempt counts, so a task that ends every process fails after the last one. The
    /// first time is not a death: all running tasks stopped together, and nearly all of them did
    /// not cause it. A second time at the same turn makes the task a suspect.
    pub(super) fn void(&mut self) -> Result<(), Refusal> {
        let lease = self.head.leased_until();
        let claim = matches!(self.head.mark(), Some(Mark::Claimed { .. }));
        if lease.is_none() && !claim {
            return Err(Refusal::NoLease);
        }
        if claim {
            self.leave_mark();
        }
        if let Some(until) = lease {
            let now = self.stamp.now;
            self.end_attempt_at(until.min(now), AttemptOutcome::Died);
            self.over_lease = lease;
            self.head.deaths += u32::from(self.head.attempt > 1);
            self.head.phase = Phase::Waiting { until: now };
            self.looked();
            self.signal(now);
        }
        Ok(())
    }
}
