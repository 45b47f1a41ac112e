//! The actor's requests about conversations.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use async_trait::async_trait;

use super::{Actor, unavailable};

#[async_trait]
impl Memory for Actor {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        let request = self.world.put_entry(&self.name, of, before, entry);
        self.ask("put memory", format!("{} of {of}", entry.number), unavailable, request).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        let request = self.world.shown.entries(of, after, through, limit);
        self.ask("get memory", of, unavailable, request).await
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        let request = self.world.put_value(&self.name, of, before, value);
        self.ask("put value", format!("{} of {of}", value.key), unavailable, request).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        let request = self.world.shown.value(of, key);
        self.ask("get value", format!("{key} of {of}"), unavailable, request).await
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        let request = self.world.shown.forget(of, limit);
        self.ask("forget", of, unavailable, request).await
    }
}
