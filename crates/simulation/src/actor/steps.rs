//! The actor's requests about the records of steps.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
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
}
