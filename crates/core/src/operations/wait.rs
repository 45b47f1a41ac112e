//! Waiting for a task: looking at it again and again, at growing intervals.

use std::time::Duration;

use a2a_lambda_protocol::{A2aError, Timestamp};
use tracing::warn;

use super::Operations;
use crate::engine::chain;
use crate::head::Head;
use crate::store::{Depth, Snapshot};

/// How many looks at a task at which nothing happens may be a moment old, until one may not.
pub(super) const GLANCES: u32 = 24;

/// What the last look may take beyond the time: without it, what came last would go unseen.
const LAST_LOOK: Duration = Duration::from_millis(200);

impl Operations {
    /// Watches a task until it is as wanted, or until the time is up. `TaskNotFound` if it is deleted
    /// meanwhile.
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
            // What the last look does not see goes unseen.
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
            // A failure to watch must not look like a failure to accept, which would make a sender
            // send its message again.
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

    /// Until when a client that waits is kept waiting.
    pub(super) fn wait_until(&self, answer_by: Option<Timestamp>) -> Timestamp {
        let limit = self.engine.clock.now().saturating_add(self.engine.policy.blocking_wait);
        answer_by.map_or(limit, |by| by.min(limit))
    }
}
