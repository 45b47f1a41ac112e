//! Requests for what is stored of conversations.

use super::{Engine, Tries};
use crate::conversation::record::{ConversationKey, EntryPage, MemoryEntry, Put, SessionValue};
use crate::ids::WriteId;
use crate::store::StoreError;

impl Engine {
    /// Stores an entry of memory; see [`Memory::put_entry`](crate::conversation::Memory::put_entry).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn put_memory_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        tried!(self, self.memory.put_entry(of, before, entry))
    }

    /// Reads entries of memory; see [`Memory::entries`](crate::conversation::Memory::entries).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn memory_entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        tried!(self, self.memory.entries(of, after, through, limit))
    }

    /// Stores a session value; see [`Memory::put_value`](crate::conversation::Memory::put_value).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn put_session_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        tried!(self, self.memory.put_value(of, before, value))
    }

    /// Reads a session value; see [`Memory::value`](crate::conversation::Memory::value).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn session_value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        tried!(self, self.memory.value(of, key))
    }

    /// Deletes the stored data of a conversation; see
    /// [`Memory::forget`](crate::conversation::Memory::forget).
    ///
    /// # Errors
    /// When the store fails, even after a few tries.
    pub(crate) async fn forget(
        &self,
        of: &ConversationKey,
        limit: usize,
    ) -> Result<bool, StoreError> {
        tried!(self, self.memory.forget(of, limit))
    }
}
