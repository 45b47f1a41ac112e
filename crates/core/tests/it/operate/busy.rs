//! A store of configs in which somebody else is always faster.

use std::sync::Arc;

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::{MemoryStore, PushConfig, PushConfigs, StoreError, TaskKey};
use async_trait::async_trait;

pub(super) struct Busy {
    pub(super) memory: Arc<MemoryStore>,
    pub(super) task: TaskKey,
}

#[async_trait]
impl PushConfigs for Busy {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        self.memory.put(task, config).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        self.memory.get(task, registrations).await
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        self.memory.delete(task, registration).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let named = std::slice::from_ref(&config.registration);
        if let Some(theirs) = self.memory.get(&self.task, named).await?.pop() {
            let write = WriteId::new(format!("{}+", theirs.write.as_str()));
            self.memory.put(&self.task, &PushConfig { write, ..theirs }).await?;
        }
        self.memory.advance(task, before, config).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        self.memory.failing(shard, after, limit).await
    }
}
