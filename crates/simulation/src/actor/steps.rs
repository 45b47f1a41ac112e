//! The actor's requests about the records of steps.

use a2a_lambda_core::ids::{Incarnation, WriteId};
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use a2a_lambda_core::{StoreError, TaskKey};
use async_trait::async_trait;

use super::{Actor, unavailable};

#[async_trait]
impl StepRecords for Actor {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        let more = format!("{} of {}: {}", record.name, scope.task.task, record.state.name());
        let request = self.world.put_step(&self.name, scope, before, record);
        self.ask("put step", more, unavailable, request).await
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        let request = self.world.shown.step(scope, key);
        self.ask("get step", &scope.task.task, unavailable, request).await
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        let request = self.world.shown.steps(scope);
        self.ask("get steps", &scope.task.task, unavailable, request).await
    }

    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        let request = self.world.shown.newest_scope(task, incarnation);
        self.ask("get newest scope", &task.task, unavailable, request).await
    }
}
