//! What a planted bug does to the records of steps.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use async_trait::async_trait;

use super::liar::Liar;

#[async_trait]
impl StepRecords for Liar {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        self.truth.put_step(scope, before, record).await
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        self.truth.step(scope, key).await
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        self.truth.steps(scope).await
    }
}
