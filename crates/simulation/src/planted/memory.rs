//! The effects of planted bugs on conversations.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use async_trait::async_trait;

use super::Planted;
use super::liar::Liar;
use crate::op::Who;

impl Liar {
    /// The conversation that a request is about, if all owners share it because of this bug.
    fn shared(&self, of: &ConversationKey, bug: Planted) -> ConversationKey {
        let mut of = of.clone();
        if self.has(bug) {
            of.owner = Who::Alice.caller().owner;
        }
        of
    }

    fn value_as(&self, mut value: SessionValue) -> SessionValue {
        if self.has(Planted::SwapsForgotten) {
            value.before.clear();
        }
        value
    }
}

#[async_trait]
impl Memory for Liar {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        let of = self.shared(of, Planted::MemoryShared);
        let put = self.truth.put_entry(&of, before, entry).await?;
        match &put {
            Put::Other(Some(other)) if self.has(Planted::MemoryOverwritten) => {
                self.truth.put_entry(&of, Some(&other.write), entry).await
            }
            _ => Ok(put),
        }
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        let of = self.shared(of, Planted::MemoryShared);
        let mut page = self.truth.entries(&of, after, through, limit).await?;
        for entry in &mut page.entries {
            if self.has(Planted::MemoryAppendedTwice) {
                entry.writer = WriteId::new("somebody");
            }
        }
        if self.has(Planted::MemoryStale) && through == u64::MAX && limit == 1 {
            let older = self.truth.entries(&of, after, through, 2).await?.entries;
            page.entries = older.into_iter().skip(1).collect();
        }
        Ok(page)
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        let of = self.shared(of, Planted::SessionShared);
        Ok(match self.truth.put_value(&of, before, value).await? {
            Put::Other(Some(other)) if self.has(Planted::SwapUnguarded) => {
                self.truth.put_value(&of, Some(&other.write), value).await?
            }
            Put::Other(other) => Put::Other(other.map(|other| Box::new(self.value_as(*other)))),
            Put::Stored => Put::Stored,
        })
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        let of = self.shared(of, Planted::SessionShared);
        let value = self.truth.value(&of, key).await?;
        Ok(value.map(|value| self.value_as(value)))
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        self.truth.forget(of, limit).await
    }
}
