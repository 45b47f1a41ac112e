//! Conversations in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::conversation::record::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use crate::ids::WriteId;
use crate::store::StoreError;

/// The conversations of a store.
#[derive(Debug, Default)]
pub(super) struct Conversations(Mutex<BTreeMap<ConversationKey, Conversation>>);

#[derive(Debug, Default, Clone)]
struct Conversation {
    entries: BTreeMap<u64, MemoryEntry>,
    values: BTreeMap<String, SessionValue>,
}

impl Conversations {
    /// All entries and session values of a conversation.
    pub(super) fn of(&self, of: &ConversationKey) -> (Vec<MemoryEntry>, Vec<SessionValue>) {
        let found = self.all().get(of).cloned().unwrap_or_default();
        (found.entries.into_values().collect(), found.values.into_values().collect())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ConversationKey, Conversation>> {
        // No code panics while it holds the lock, and each change is made whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts `new` in a place, if the stored item is of the write `before`.
pub(super) fn swap<K: Ord, T: Clone>(
    places: &mut BTreeMap<K, T>,
    place: K,
    before: Option<&WriteId>,
    new: &T,
    write: impl Fn(&T) -> &WriteId,
) -> Put<T> {
    let stored = places.get(&place);
    if stored.is_some_and(|stored| write(stored) == write(new)) {
        return Put::Stored;
    }
    if stored.map(&write) != before {
        return Put::Other(stored.cloned().map(Box::new));
    }
    places.insert(place, new.clone());
    Put::Stored
}

#[async_trait]
impl Memory for Conversations {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        entry.check_size()?;
        let mut all = self.all();
        let entries = &mut all.entry(of.clone()).or_default().entries;
        Ok(swap(entries, entry.number, before, entry, |entry| &entry.write))
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        let all = self.all();
        let Some(found) = all.get(of).filter(|_| after < through) else {
            return Ok(EntryPage::default());
        };
        let mut newest_first = found.entries.range(after + 1..=through).rev();
        let entries: Vec<MemoryEntry> =
            newest_first.by_ref().take(limit.max(1)).map(|(_, entry)| entry.clone()).collect();
        Ok(EntryPage { entries, more: newest_first.next().is_some() })
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        value.check_size()?;
        let mut all = self.all();
        let values = &mut all.entry(of.clone()).or_default().values;
        Ok(swap(values, value.key.clone(), before, value, |value| &value.write))
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        let all = self.all();
        Ok(all.get(of).and_then(|found| found.values.get(key)).cloned())
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        let mut all = self.all();
        let Some(found) = all.get_mut(of) else { return Ok(true) };
        for _ in 0..limit.max(1) {
            if found.entries.pop_first().is_none() && found.values.pop_first().is_none() {
                break;
            }
        }
        let is_empty = found.entries.is_empty() && found.values.is_empty();
        if is_empty {
            all.remove(of);
        }
        Ok(is_empty)
    }
}
