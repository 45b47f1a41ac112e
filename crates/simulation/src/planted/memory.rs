//! What a planted bug does to conversations.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use async_trait::async_trait;

use super::liar::Liar;

#[async_trait]
impl Memory for Liar {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        self.truth.put_entry(of, before, entry).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        self.truth.entries(of, after, through, limit).await
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        self.truth.put_value(of, before, value).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        self.truth.value(of, key).await
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        self.truth.forget(of, limit).await
    }
}
