//! Tasks without an expiry: an earlier release wrote them last, or `TASK_RETENTION_DAYS` was 0
//! then.

use super::{OperateError, Operator, not_done};
use crate::engine::TransactError;
use crate::head::{Head, Phase};
use crate::ids::TaskKey;
use crate::machine::Stamp;
use crate::store::Depth;

impl Operator {
    /// Checks whether a task lacks its time, by the retention of this process. For an ended task
    /// that is the time of its deletion; for one that waits for its user, the time of its cancel.
    /// If the time is missing and `writes` holds, it writes the task, which adds the time. The
    /// sweep or the store then acts at that time.
    ///
    /// A running task, or one with open pushes, is written again anyway.
    ///
    /// # Errors
    /// When the store fails, or other writers are faster.
    pub async fn give_time(&self, task: &TaskKey, writes: bool) -> Result<bool, OperateError> {
        let Some(snapshot) = self.engine.read_stored(task, Depth::Tail).await? else {
            return Ok(false);
        };
        if !lacks_time(&snapshot.head, &self.engine.stamp()) {
            return Ok(false);
        }
        if !writes {
            return Ok(true);
        }
        let postpone =
            |head: &Head, stamp: &Stamp| lacks_time(head, stamp).then(|| Ok(head.postpone(stamp)));
        match self.engine.transact_if_stored(snapshot, postpone).await {
            Ok(_) => Ok(true),
            // Another writer has written the task meanwhile, and so it has its time.
            Err(TransactError::Gone) => Ok(false),
            Err(error) => Err(not_done(error)),
        }
    }
}

/// Whether a task has no time at which it ages, and this process would give it one.
fn lacks_time(head: &Head, stamp: &Stamp) -> bool {
    let retention = stamp.retention.as_ref();
    match head.phase {
        _ if head.mark().is_some() => false,
        Phase::Ended(_) => {
            head.ttl.is_none() && head.due.is_none() && head.expires_at(retention).is_some()
        }
        Phase::Interrupted { .. } => {
            let lapses = head.lapses_at(retention);
            lapses.is_some_and(|at| head.due.is_none_or(|due| due > at))
        }
        Phase::Submitted | Phase::Running { .. } | Phase::Waiting { .. } => false,
    }
}
