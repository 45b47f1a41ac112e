//! The effects of a plan's faults on requests about conversations.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use async_trait::async_trait;

use super::{Asked, FaultyStore, Kind};

#[async_trait]
impl<S: Memory> Memory for FaultyStore<S> {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        let request = self.inner.put_entry(of, before, entry);
        self.through(Asked::of(Kind::PutEntry), request).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        let request = self.inner.entries(of, after, through, limit);
        self.through(Asked::of(Kind::GetEntries), request).await
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        let request = self.inner.put_value(of, before, value);
        self.through(Asked::of(Kind::PutValue), request).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        self.through(Asked::of(Kind::GetValue), self.inner.value(of, key)).await
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        self.through(Asked::of(Kind::Forget), self.inner.forget(of, limit)).await
    }
}
