//! Push configs and pushes, as the world sees them.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::store::StoreError;
use a2a_lambda_core::{Answer, Push, PushConfig, Registration, TaskKey};

use super::World;
use crate::ground::lock;
use crate::oracle::{Listing, Makings, Wrote};

impl World {
    pub(crate) async fn put_config(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        config: &PushConfig,
    ) -> Result<(), StoreError> {
        let (shown, key, config) = (self.shown.clone(), task.clone(), config.clone());
        let registration = config.registration.clone();
        let write = async move { shown.put(&key, &config).await };
        self.watched_config(actor, task, registration, Wrote::Put, write).await
    }

    pub(crate) async fn delete_config(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        registration: &Registration,
    ) -> Result<(), StoreError> {
        let (shown, key, of) = (self.shown.clone(), task.clone(), registration.clone());
        let write = async move { shown.delete(&key, &of).await };
        self.watched_config(actor, task, registration.clone(), Wrote::Delete, write).await
    }

    pub(crate) async fn advance_config(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let (shown, key, config) = (self.shown.clone(), task.clone(), config.clone());
        let (registration, before) = (config.registration.clone(), before.clone());
        let write = async move { shown.advance(&key, &before, &config).await };
        self.watched_config(actor, task, registration, Wrote::Advance, write).await
    }

    /// Makes a write, and shows the oracle the configs of the task afterwards.
    async fn watched_config<T: Send + 'static>(
        self: &Arc<Self>,
        actor: &str,
        task: &TaskKey,
        registration: Registration,
        wrote: Wrote,
        request: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (world, actor, task) = (self.clone(), actor.to_owned(), task.clone());
        let made = tokio::spawn(async move {
            let _one_at_a_time = world.gate.lock().await;
            let written = request.await;
            // After any write, the other configs are unchanged.
            let mut stored = lock(&world.oracle).stored_configs(&task);
            stored.insert(registration.clone());
            for of in stored {
                let after = world.truth.get(&task, std::slice::from_ref(&of)).await?.pop();
                let wrote = if of == registration { wrote } else { Wrote::Other };
                world.judge(|oracle| oracle.observe_config(&actor, &task, &of, wrote, after));
            }
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
        let now_ms = self.now_ms();
        self.judge(|oracle| oracle.push_sent(actor, push, now_ms));
    }

    /// A push arrives at its receiver, which answers with a status or not at all.
    pub(crate) fn push_arrived(&self, actor: &str, push: &Push, status: Option<u16>) {
        self.note(actor, &format!("  is taken with {status:?}"), &push.id);
        let now_ms = self.now_ms();
        let is_new = self.judge(|oracle| oracle.push_arrived(actor, push, status, now_ms));
        let tally = &mut lock(&self.journal).tally;
        tally.pushes += 1;
        tally.repeats += u64::from(is_new == Some(false));
    }

    /// The sender of a push gets its result.
    pub(crate) fn push_answered(&self, actor: &str, id: &str, answer: Option<&Answer>) {
        lock(&self.oracle).push_answered(actor, id, answer);
    }

    /// A task's configs at the beginning of a client's list request.
    pub(crate) fn configs_of(&self, task: &TaskKey) -> Listing {
        lock(&self.oracle).configs_of(task)
    }

    /// The oracle's knowledge of a task's configs with an id, before a request about it.
    pub(crate) fn makings(&self, task: &TaskKey, id: &str) -> Makings {
        lock(&self.oracle).makings(task, id)
    }

    /// A request was answered that has deleted or replaced a config.
    pub(crate) fn silenced(&self, makings: &Makings, by: Option<&str>) {
        let now_ms = self.now_ms();
        self.judge(|oracle| oracle.silenced(makings, by, now_ms));
    }

    /// The due time of a task with open pushes; `None` without one.
    pub(crate) fn next_push_ms(&self) -> Option<u64> {
        lock(&self.oracle).next_push_ms()
    }

    /// Until when no sweep finds anything, in milliseconds of the run; 0 unless that is certain.
    pub(crate) fn rests_until_ms(&self) -> u64 {
        if !self.has_healed() {
            return 0;
        }
        let due_ms = lock(&self.oracle).next_due_ms();
        // An actor with a fast clock finds work earlier.
        due_ms.saturating_sub(2 * u64::from(self.skew_ms()))
    }
}
