//! The time of a task's next visit: the one place that decides the key of the due index.
//!
//! | what needs a look                    | when |
//! |--------------------------------------|------|
//! | Submitted                            | [`Stamp::signal_grace`](super::Stamp) from now |
//! | Running                              | when the lease ends |
//! | Waiting, or a user who may be late   | that grace after its time |
//! | something to be pushed               | that grace after the mark is free |
//! | a user who may not answer at all     | when the task lapses |
//! | an end, where the sweep must delete  | when the task may be deleted |
//!
//! The earliest counts. An index is written when its key changes. So an earlier visit that is early
//! enough stays: a claim, and a runner's commits, do not write the index. A visit that would come long
//! before a wait ends does not stay: it would cost more than the index, and nothing is to run meanwhile.

use a2a_lambda_protocol::Timestamp;

use super::draft::Draft;
use crate::head::{Patience, Phase};

impl Draft<'_> {
    pub(super) fn due(&self) -> Option<Timestamp> {
        let retention = self.stamp.retention.as_ref();
        let head = &self.head;
        let age = head.purge_at(retention).or_else(|| head.lapses_at(retention));
        let age = age.map(|at| if head.is_deleted { at.max(self.stamp.now) } else { at });
        if head.is_expired(self.stamp.now, retention) {
            // Nothing else is due.
            return age;
        }
        earliest(self.due_for_work(), age)
    }

    /// The due time for the runner and the pushes.
    fn due_for_work(&self) -> Option<Timestamp> {
        let now = self.stamp.now;
        let grace_after = |at: Timestamp| at.max(now).saturating_add(self.stamp.signal_grace);
        let kept = |needed: Timestamp| self.look.map_or(needed, |look| look.min(needed));
        let own = match self.head.phase {
            Phase::Submitted => Some(kept(grace_after(now))),
            Phase::Running { until, .. } => Some(self.look.unwrap_or(until)),
            Phase::Waiting { until } => {
                let is_idle = self.look.is_some_and(|look| grace_after(look) < until);
                Some(if is_idle { grace_after(until) } else { kept(grace_after(until)) })
            }
            Phase::Interrupted { patience: Some(Patience { until, .. }), .. } => {
                let needed = grace_after(until);
                Some(if self.was_interrupted { kept(needed) } else { needed })
            }
            Phase::Interrupted { patience: None, .. } | Phase::Ended(_) => None,
        };
        let pushes = self.head.mark().map(|mark| grace_after(mark.free_from(now)));
        match (own, pushes) {
            // The task rests, except for its pushes. A set visit that is early enough suffices.
            (None, Some(needed)) => {
                self.look.filter(|look| *look > now && *look <= needed).or(pushes)
            }
            (own, pushes) => earliest(own, pushes),
        }
    }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
