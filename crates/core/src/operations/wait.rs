//! Waits for a task by reading it repeatedly, at growing intervals.

use std::time::Duration;

use a2a_lambda_protocol::{A2aError, Timestamp};
use tracing::warn;

use super::Operations;
use crate::engine::chain;
use crate::head::Head;
use crate::store::{Depth, Snapshot};

/// How many looks in a row at a quiet task may be a moment old before a strong one.
pub(super) const GLANCES: u32 = 24;

/// How much longer than its time the last look may take. Without this, a late update would go
/// unseen.
const LAST_LOOK: Duration = Duration::from_millis(200);

impl Operations {
    /// Watches a task until it is in a wanted state, or the time is up. `TaskNotFound` if the task
    /// is deleted meanwhile.
    pub(super) async fn watch(
        &self,
        mut snapshot: Snapshot,
        until: Timestamp,
        is_wanted: impl Fn(&Head) -> bool + Send,
    ) -> Result<Snapshot, A2aError> {
        let policy = &self.engine.policy;
        let mut wait = policy.poll_first;
        let mut glances = 0;
        while !is_wanted(&snapshot.head) {
            let left = until.saturating_since(self.engine.clock.now());
            if left == Duration::ZERO {
                break;
            }
            // The last look must be strong: nothing follows that could see more.
            let glances_now = wait < left && glances < GLANCES;
            glances = if glances_now { glances + 1 } else { 0 };
            self.engine.clock.sleep(wait.min(left)).await;
            wait = (wait + wait / 2).min(policy.poll_most);
            let key = snapshot.head.key.clone();
            // The store must not keep the client waiting.
            let left = until.saturating_since(self.engine.clock.now()).max(LAST_LOOK);
            let look = async {
                if glances_now {
                    self.engine.glance(&snapshot.head, Depth::Tail).await
                } else {
                    self.engine.look(&key, Depth::Tail).await
                }
            };
            let looked = tokio::select! {
                biased;
                looked = look => looked,
                () = self.engine.clock.sleep(left) => break,
            };
            // A failure to watch must not look like a failure to accept: a sender would send its
            // message again.
            match looked {
                Ok(Some(current)) if current.head.incarnation == snapshot.head.incarnation => {
                    snapshot = current;
                }
                Ok(_) => return Err(A2aError::task_not_found(key.task.as_str())),
                Err(error) => {
                    let error = chain(&error);
                    warn!(event = "wait_read_retry", tenant = %key.tenant, task = %key.task, error,
                        "the waiting request could not read its task and will try again");
                }
            }
        }
        Ok(snapshot)
    }

    /// Until when a waiting client waits.
    pub(super) fn wait_until(&self, answer_by: Option<Timestamp>) -> Timestamp {
        let limit = self.engine.clock.now().saturating_add(self.engine.policy.blocking_wait);
        answer_by.map_or(limit, |by| by.min(limit))
    }
}
