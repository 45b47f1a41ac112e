//! The records of steps, as the broken store has them.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use async_trait::async_trait;

use crate::Broken;

#[async_trait]
impl StepRecords for Broken {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        self.right.put_step(scope, before, record).await
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        self.right.step(scope, key).await
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        self.right.steps(scope).await
    }
}
