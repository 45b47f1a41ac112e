//! The effects of planted bugs on the records of steps.

use std::sync::atomic::Ordering;

use a2a_lambda_core::ids::{Incarnation, WriteId};
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords, StepState};
use a2a_lambda_core::{StoreError, TaskKey};
use async_trait::async_trait;

use super::Planted;
use super::liar::Liar;

/// One of this many answers to callbacks is forgotten.
const FORGOTTEN: u32 = 3;

/// How many turns an earlier scope may lie back whose records are found.
const SCOPES_BACK: u32 = 6;

/// Whether a record is of an at-most-once step, by its name in the simulation.
fn is_of_once(record: &StepRecord) -> bool {
    record.name == "xonce"
}

#[async_trait]
impl StepRecords for Liar {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        if self.has(Planted::ResolutionUncommitted)
            && matches!(record.state, StepState::Answered(_))
            && self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGOTTEN)
        {
            return Ok(Put::Stored);
        }
        let put = self.truth.put_step(scope, before, record).await?;
        let Put::Other(Some(other)) = &put else { return Ok(put) };
        match self.bug {
            Planted::FirstWriterLoses => {
                self.truth.put_step(scope, Some(&other.write), record).await
            }
            Planted::OnceAfterDifference
                if is_of_once(record) && other.arguments != record.arguments =>
            {
                Ok(Put::Stored)
            }
            _ => Ok(put),
        }
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        self.truth.step(scope, key).await
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        let mut found = self.truth.steps(scope).await?;
        match self.bug {
            Planted::RecordsForgotten => found.clear(),
            // The put tells whether there is a difference.
            Planted::OnceAfterDifference => found.retain(|record| !is_of_once(record)),
            Planted::RecordsOfOtherScope => {
                for back in 1..=SCOPES_BACK.min(scope.number) {
                    let other = ScopeKey { number: scope.number - back, ..scope.clone() };
                    for record in self.truth.steps(&other).await? {
                        if found.iter().all(|of| of.key != record.key) {
                            found.push(record);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        self.truth.newest_scope(task, incarnation).await
    }
}
