//! The records of steps, as the broken store has them.

use std::collections::BTreeMap;

use a2a_lambda_core::ids::{Incarnation, WriteId};
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use a2a_lambda_core::{Head, StoreError, TaskKey, TaskStore, Tenant};
use async_trait::async_trait;

use crate::{Broken, Fault, Rule};

/// Earlier states of records, as far as faults need them.
#[derive(Default)]
pub(crate) struct Records {
    /// The write ids of all records that were stored.
    writes: Vec<WriteId>,
    reads: BTreeMap<(ScopeKey, RecordKey), Option<StepRecord>>,
    lists: BTreeMap<ScopeKey, Vec<StepRecord>>,
}

impl Broken {
    /// The scope under which the store keeps this one's records.
    fn kept_as(&self, scope: &ScopeKey) -> ScopeKey {
        let mut scope = scope.clone();
        match self.rule() {
            Some(Rule::StepsCrossTenants) => scope.task.tenant = Tenant::default(),
            Some(Rule::StepsCrossIncarnations) => scope.incarnation = None,
            // As if the number had no leading zeros.
            Some(Rule::StepsCrossScopes) => {
                while scope.number >= 10 {
                    scope.number /= 10;
                }
            }
            _ => {}
        }
        scope
    }

    /// Purges a task with its records, or with too many or too few of them.
    pub(crate) async fn purge_steps(&self, expired: &Head) -> Result<(), StoreError> {
        let of: Vec<Option<Incarnation>> = match self.rule() {
            Some(Rule::PurgesTakeAllSteps) => {
                let stored = self.right.stored_steps(&expired.key);
                stored.into_iter().map(|(scope, _)| scope.incarnation).collect()
            }
            // The records of a task in another scope of the store.
            Some(Rule::StepsCrossIncarnations) => vec![None],
            _ => return Ok(()),
        };
        for incarnation in of {
            let key = expired.key.clone();
            let other =
                Head { incarnation, revision: expired.revision.next(), key, ..expired.clone() };
            while !self.right.purge(&other, 1_000).await? {}
        }
        Ok(())
    }
}

#[async_trait]
impl StepRecords for Broken {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        let scope = self.kept_as(scope);
        let mut record = record.clone();
        if let Fault::Step(garble) = self.fault {
            garble(&mut record);
        }
        let stored = self.right.step(&scope, &record.key).await?;
        let is_own = stored.as_ref().is_some_and(|stored| stored.write == record.write);
        let present = stored.as_ref().map(|stored| &stored.write);
        let known = self.past().records.writes.contains(&record.write);
        match self.rule() {
            Some(Rule::StepsAreOverwritten) if before.is_none() => {
                return self.right.put_step(&scope, present, &record).await;
            }
            Some(Rule::ReplacementsNeedNoWrite) if before.is_some() && present.is_some() => {
                return self.right.put_step(&scope, present, &record).await;
            }
            Some(Rule::ReplacementsBringBackSteps) if present.is_none() => {
                return self.right.put_step(&scope, None, &record).await;
            }
            Some(Rule::StepsForgetTheirOwnWrite) if is_own => {
                return Ok(Put::Other(stored.map(Box::new)));
            }
            Some(Rule::StepsKnowEveryWrite) if known => return Ok(Put::Stored),
            Some(Rule::StepsMayBothWin) => {
                // The store reads first and writes then, so that another write may come in between.
                tokio::task::yield_now().await;
                if present == before {
                    let now = self.right.step(&scope, &record.key).await?;
                    let now = now.map(|now| now.write);
                    return self.right.put_step(&scope, now.as_ref(), &record).await;
                }
            }
            _ => {}
        }
        let put = self.right.put_step(&scope, before, &record).await?;
        if put == Put::Stored {
            self.past().records.writes.push(record.write);
        }
        Ok(put)
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        let scope = self.kept_as(scope);
        let now = self.right.step(&scope, key).await?;
        if !self.has(Rule::StepReadsAreStale) {
            return Ok(now);
        }
        let place = (scope, key.clone());
        Ok(self.past().records.reads.insert(place, now.clone()).unwrap_or(now))
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        let scope = self.kept_as(scope);
        let mut now = self.right.steps(&scope).await?;
        match self.rule() {
            Some(Rule::StepListsAreStale) => {
                let before = self.past().records.lists.insert(scope, now.clone());
                Ok(before.unwrap_or(now))
            }
            Some(Rule::StepListsEndAfterAPage) => {
                let mut bytes = 0;
                now.retain(|record| {
                    bytes += record.result_bytes();
                    bytes < 100_000
                });
                Ok(now)
            }
            _ => Ok(now),
        }
    }

    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        self.right.newest_scope(task, incarnation).await
    }
}
