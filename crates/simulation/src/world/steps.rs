//! Steps and callbacks, as the world sees them.

use std::panic::resume_unwind;
use std::sync::Arc;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::operations::callbacks::{Accepted, CallbackError};
use a2a_lambda_core::steps::{Put, ScopeKey, StepRecord};
use a2a_lambda_core::store::StoreError;

use super::World;
use crate::ground::lock;
use crate::ledger::{Callback, Place, Told};
use crate::oracle::Saying;

impl World {
    /// Stores a record, and shows the oracle the record that is stored afterwards.
    pub(crate) async fn put_step(
        self: &Arc<Self>,
        actor: &str,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        let (world, actor) = (self.clone(), actor.to_owned());
        let (scope, before, record) = (scope.clone(), before.cloned(), record.clone());
        let made = tokio::spawn(async move {
            let _one_at_a_time = world.gate.lock().await;
            let put = world.shown.put_step(&scope, before.as_ref(), &record).await;
            if let Some(after) = world.truth.step(&scope, &record.key).await? {
                world.judge(|oracle| oracle.record_written(&actor, &scope, after));
            }
            put
        });
        made.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
    }

    pub(crate) fn work_begins(&self, actor: &str, place: &Place, attempt: u32, key: &str) {
        self.judge(|oracle| oracle.work_begins(actor, place, attempt, key));
    }

    /// Does a step's work. Returns the result.
    pub(crate) fn effect(&self, actor: &str, scope: Option<&ScopeKey>, key: &str) -> String {
        let result = lock(&self.oracle).effect(scope, key);
        lock(&self.journal).tally.effects += 1;
        self.note(actor, "  does it", format_args!("{key}: {result}"));
        result
    }

    pub(crate) fn scope_of(&self, actor: &str) -> Option<ScopeKey> {
        lock(&self.oracle).steps_of(actor).map(|run| run.scope)
    }

    pub(crate) fn agent_sees(&self, actor: &str, place: &str, what: &str) {
        self.judge(|oracle| oracle.sees(actor, place, what));
    }

    pub(crate) fn agent_sees_result(&self, actor: &str, place: &Place, result: &str) {
        self.judge(|oracle| oracle.sees_result(actor, place, result));
    }

    pub(crate) fn agent_read(&self, actor: &str, ids: Vec<String>) {
        lock(&self.oracle).agent_read(actor, ids);
    }

    /// The state of a callback, as an agent asks about it.
    pub(crate) fn agent_asks(&self, callback: &Callback) -> Option<Told> {
        lock(&self.oracle).ledger().asks(callback)
    }

    pub(crate) fn agent_is_told(
        &self,
        actor: &str,
        callback: &Callback,
        then: Option<&Told>,
        told: &Told,
    ) {
        self.judge(|oracle| oracle.is_told(actor, callback, then, told));
    }

    /// The outcome of an answer to a callback.
    pub(crate) fn was_said(
        &self,
        actor: &str,
        saying: &Saying,
        outcome: &Result<Accepted, CallbackError>,
    ) {
        let is_new = matches!(outcome, Ok(Accepted::Answered));
        lock(&self.journal).tally.answers += u64::from(is_new);
        let now_ms = self.now_ms();
        self.judge(|oracle| oracle.was_said(actor, saying, outcome, now_ms));
    }

    /// Whether a callback's URL is handed out for the first time, and how many were before it.
    pub(crate) fn handed_out(&self, callback: &Callback) -> Option<usize> {
        lock(&self.oracle).hand_out(callback)
    }
}
