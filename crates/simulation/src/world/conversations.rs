//! Conversations, as the world sees them.

use std::panic::resume_unwind;
use std::sync::Arc;

use a2a_lambda_core::conversation::{ConversationKey, MemoryEntry, MemoryItem, Put, SessionValue};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::store::StoreError;

use super::World;
use crate::ground::lock;
use crate::talks::Counted;

/// More entries than a page of the store has.
const PAGE: usize = 1_000;

impl World {
    /// Stores an entry, and shows the oracle the memory afterwards.
    pub(crate) async fn put_entry(
        self: &Arc<Self>,
        actor: &str,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        let (world, actor) = (self.clone(), actor.to_owned());
        let (of, before, entry) = (of.clone(), before.cloned(), entry.clone());
        let made = tokio::spawn(async move {
            let _one_at_a_time = world.gate.lock().await;
            let put = world.shown.put_entry(&of, before.as_ref(), &entry).await;
            let after = world.entries(&of).await?;
            let stored = matches!(put, Ok(Put::Stored)).then_some(&entry);
            lock(&world.journal).tally.appends += u64::from(stored.is_some());
            world.judge(|oracle| oracle.entry_written(&actor, &of, &after, stored));
            put
        });
        made.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
    }

    /// All entries of a memory, oldest first.
    async fn entries(&self, of: &ConversationKey) -> Result<Vec<MemoryEntry>, StoreError> {
        let (mut entries, mut through) = (Vec::new(), u64::MAX);
        loop {
            let page = self.truth.entries(of, 0, through, PAGE).await?;
            entries.extend(page.entries);
            match entries.last() {
                Some(oldest) if page.more => through = oldest.number.saturating_sub(1),
                _ => break,
            }
        }
        entries.reverse();
        Ok(entries)
    }

    /// Stores a session value, and shows it to the oracle.
    pub(crate) async fn put_value(
        self: &Arc<Self>,
        actor: &str,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        let (world, actor) = (self.clone(), actor.to_owned());
        let (of, before, value) = (of.clone(), before.cloned(), value.clone());
        let made = tokio::spawn(async move {
            let _one_at_a_time = world.gate.lock().await;
            let put = world.shown.put_value(&of, before.as_ref(), &value).await;
            let after = world.truth.value(&of, &value.key).await?;
            let stored = matches!(put, Ok(Put::Stored)).then_some(&value);
            lock(&world.journal).tally.swaps += u64::from(stored.is_some());
            world.judge(|oracle| oracle.value_written(&actor, &of, after.as_ref(), stored));
            put
        });
        made.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
    }

    /// An agent is about to load its memory, or to read a session value. Returns the number of the event.
    pub(crate) fn agent_remembers(&self, actor: &str, place: &str, key: Option<&str>) -> u64 {
        lock(&self.oracle).remembers(actor, place, key)
    }

    pub(crate) fn agent_appended(&self, actor: &str, tag: String, items: Vec<String>) {
        lock(&self.oracle).appended(actor, tag, items);
    }

    pub(crate) fn agent_loads(
        &self,
        actor: &str,
        place: &str,
        asked_at: u64,
        is_whole: bool,
        items: &[MemoryItem],
    ) {
        self.note(actor, "loads", format_args!("{} items", items.len()));
        self.judge(|oracle| oracle.loads(actor, place, asked_at, is_whole, items));
    }

    pub(crate) fn agent_sees_value(
        &self,
        actor: &str,
        place: &str,
        key: &str,
        seen: (Option<&str>, Option<&Counted>),
    ) {
        self.judge(|oracle| oracle.sees_value(actor, place, key, seen));
    }

    /// An agent was told that a write of it was made, or was not.
    pub(crate) fn agent_wrote(
        &self,
        actor: &str,
        place: &str,
        key: &str,
        tag: &str,
        made: Option<&str>,
    ) {
        self.note(actor, "has written", format_args!("{key}: {made:?}"));
        self.judge(|oracle| oracle.is_told_of_write(actor, place, key, tag, made));
    }
}
