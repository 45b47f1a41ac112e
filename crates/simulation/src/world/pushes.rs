//! Push configs and pushes, as the world sees them pass.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

use a2a_lambda_core::ids::{ConfigId, WriteId};
use a2a_lambda_core::store::StoreError;
use a2a_lambda_core::{Answer, Push, PushConfig, TaskKey};

use super::{World, lock};
use crate::oracle::Wrote;

impl World {
    pub(crate) async fn put_config(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        config: &PushConfig,
    ) -> Result<(), StoreError> {
        let (shown, key, config) = (self.shown.clone(), task.clone(), config.clone());
        let id = config.id.clone();
        let write = async move { shown.put(&key, &config).await };
        self.watched_config(actor, task, id, Wrote::Put, write).await
    }

    pub(crate) async fn delete_config(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        id: &ConfigId,
    ) -> Result<(), StoreError> {
        let (shown, key, of) = (self.shown.clone(), task.clone(), id.clone());
        let write = async move { shown.delete(&key, &of).await };
        self.watched_config(actor, task, id.clone(), Wrote::Delete, write).await
    }

    pub(crate) async fn advance_config(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let (shown, key, config) = (self.shown.clone(), task.clone(), config.clone());
        let (id, before) = (config.id.clone(), before.clone());
        let write = async move { shown.advance(&key, &before, &config).await };
        self.watched_config(actor, task, id, Wrote::Advance, write).await
    }

    /// Makes a write, and shows the oracle what has become of the config.
    async fn watched_config<T: Send + 'static>(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        id: ConfigId,
        wrote: Wrote,
        request: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (world, actor, task) = (self.clone(), actor.to_owned(), task.clone());
        let made = tokio::spawn(async move {
            let _one_at_a_time = world.gate.lock().await;
            let written = request.await;
            let after = world.truth.get(&task, &id).await?;
            world.judge(|oracle| oracle.observe_config(&actor, &task, &id, wrote, after));
            written
        });
        made.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
    }

    /// An attempt at a push is begun.
    pub(crate) fn push_begun(&self, push: &Push) {
        lock(&self.oracle).push_begun(push);
    }

    /// A push leaves its sender.
    pub(crate) fn push_sent(&self, actor: &str, push: &Push) {
        self.judge(|oracle| oracle.push_sent(actor, push));
    }

    /// A push arrives at its receiver, which answers with a status or not at all.
    pub(crate) fn push_arrived(&self, actor: &str, push: &Push, status: Option<u16>) {
        self.note(actor, &format!("  is taken with {status:?}"), &push.id);
        let is_new = self.judge(|oracle| oracle.push_arrived(actor, push, status));
        let tally = &mut lock(&self.journal).tally;
        tally.pushes += 1;
        tally.repeats += u64::from(is_new == Some(false));
    }

    /// The sender of a push learns what came of it.
    pub(crate) fn push_answered(&self, actor: &str, url: &str, answer: Option<&Answer>) {
        lock(&self.oracle).push_answered(actor, url, answer);
    }

    /// When a task must be looked at whose pushes are not done; `None` if all are.
    pub(crate) fn next_push_ms(&self) -> Option<u64> {
        lock(&self.oracle).next_push_ms()
    }

    /// Until when no sweep finds anything, in milliseconds of the run; 0 unless that is certain.
    pub(crate) fn rests_until_ms(&self) -> u64 {
        if !self.has_healed() {
            return 0;
        }
        let due_ms = lock(&self.oracle).next_due_ms();
        // Whoever has a clock that is fast finds it before.
        due_ms.saturating_sub(2 * u64::from(self.skew_ms()))
    }
}
