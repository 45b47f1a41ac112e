//! The sweep: whatever should have been looked at by now is looked at.

use tracing::warn;

use crate::engine::{Engine, chain};
use crate::head::DUE_SHARDS;
use crate::run::{RunError, recover};
use crate::store::StoreError;

/// What a sweep found and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Tasks whose due time had come.
    pub due: usize,
    /// Tasks that were signaled again.
    pub signaled: usize,
    /// Tasks that could not be looked after; they stay due.
    pub failed: usize,
}

/// Sweeps the due index once: lost signals, expired leases and wake times. Bounded by
/// [`Policy::sweep_batch`](crate::Policy::sweep_batch) per shard; the next sweep goes on.
///
/// # Errors
/// When the due index of a shard cannot be read; the other shards are swept all the same.
pub async fn sweep(engine: &Engine) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    let mut unread = Ok(());
    for shard in 0..DUE_SHARDS {
        let now = engine.clock.now();
        let due = match engine.store.due(shard, now, engine.policy.sweep_batch).await {
            Ok(due) => due,
            Err(error) => {
                unread = Err(error);
                continue;
            }
        };
        for task in due {
            swept.due += 1;
            match recover(engine, &task.key).await {
                Ok(signaled) => swept.signaled += usize::from(signaled),
                Err(error) => {
                    swept.failed += 1;
                    log_failure(&task.key, &error);
                }
            }
        }
    }
    unread.map(|()| swept)
}

fn log_failure(key: &crate::ids::TaskKey, error: &RunError) {
    let error = chain(error);
    warn!(tenant = %key.tenant, task = %key.task, error, "a due task was not looked after");
}
