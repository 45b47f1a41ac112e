//! Requests for what is stored beside a task: its push configs, and the records of its steps.

use super::{Engine, Tries};
use crate::ids::{Incarnation, Registration, TaskKey, WriteId};
use crate::push::{Failing, PushConfig};
use crate::steps::record::{Put, RecordKey, ScopeKey, StepRecord};
use crate::store::StoreError;

impl Engine {
    /// Stores a push config; see [`PushConfigs::put`](crate::PushConfigs::put).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn put_config(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        tried!(self, self.configs.put(task, config))
    }

    /// Reads those push configs of these registrations that exist, by id; see
    /// [`PushConfigs::get`](crate::PushConfigs::get).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn configs(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        if registrations.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = tried!(self, self.configs.get(task, registrations))?;
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    /// Deletes a push config; see [`PushConfigs::delete`](crate::PushConfigs::delete).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn delete_config(
        &self,
        task: &TaskKey,
        registration: &Registration,
    ) -> Result<(), StoreError> {
        tried!(self, self.configs.delete(task, registration))
    }

    /// Stores a push config in place of another state of it; see
    /// [`PushConfigs::advance`](crate::PushConfigs::advance).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn advance_config(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        tried!(self, self.configs.advance(task, before, config))
    }

    /// Finds configs that are in trouble; see
    /// [`PushConfigs::failing`](crate::PushConfigs::failing).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub async fn failing_configs(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        tried!(self, self.configs.failing(shard, after, limit))
    }

    /// Stores the record of a step; see [`StepRecords::put_step`](crate::StepRecords::put_step).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        tried!(self, self.steps.put_step(scope, before, record))
    }

    /// Reads the record of a step; see [`StepRecords::step`](crate::StepRecords::step).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        tried!(self, self.steps.step(scope, key))
    }

    /// Reads the records of a scope; see [`StepRecords::steps`](crate::StepRecords::steps).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        tried!(self, self.steps.steps(scope))
    }

    /// Finds the newest scope of a task that has records; see
    /// [`StepRecords::newest_scope`](crate::StepRecords::newest_scope).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        tried!(self, self.steps.newest_scope(task, incarnation))
    }
}
