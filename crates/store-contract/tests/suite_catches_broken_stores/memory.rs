//! Conversations, as the broken store has them.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, SessionValue, Swapped,
};
use a2a_lambda_core::ids::WriteId;
use async_trait::async_trait;

use crate::Broken;

#[async_trait]
impl Memory for Broken {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Swapped<MemoryEntry>, StoreError> {
        self.right.put_entry(of, before, entry).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        self.right.entries(of, after, through, limit).await
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Swapped<SessionValue>, StoreError> {
        self.right.put_value(of, before, value).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        self.right.value(of, key).await
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        self.right.forget(of, limit).await
    }
}
