//! Conversations, as the broken store has them.

use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, Memory, MemoryEntry, Put, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::{Owner, StoreError, Tenant};
use async_trait::async_trait;

use crate::{Broken, Fault};

macro_rules! flaws {
    ($($flaw:ident: $case:literal,)+) => {
        /// A rule that a store of conversations must keep.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Flaw { $($flaw,)+ }

        pub(crate) const FLAWS: &[(&str, &str, Fault)] =
            &[$((stringify!($flaw), concat!("memory::", $case), Fault::Memory(Flaw::$flaw)),)+];
    };
}

flaws! {
    EntriesAreOverwritten: "the_first_writer_of_a_number_wins",
    WritesNeedNoWrite: "an_entry_is_replaced_by_its_write",
    EntriesForgetTheirOwnWrite: "the_same_write_again_is_known",
    MemoryCrossesTenants: "conversations_are_apart",
    MemoryCrossesOwners: "conversations_are_apart",
    EntriesComeOldestFirst: "entries_come_newest_first_in_pages_of_any_size",
    RangesBeginAtTheFirst: "entries_of_a_range_are_in_it",
    PagesEndTooEarly: "entries_come_newest_first_in_pages_of_any_size",
    ValuesAreOverwritten: "a_value_is_replaced_by_its_write",
    ForgettingLeavesValues: "forgetting_takes_all_in_parts_of_any_size",
}

impl Broken {
    fn flaw(&self) -> Option<Flaw> {
        let Fault::Memory(flaw) = self.fault else { return None };
        Some(flaw)
    }

    fn lacks(&self, flaw: Flaw) -> bool {
        self.flaw() == Some(flaw)
    }

    /// The conversation under which the store keeps this one.
    fn kept_in(&self, of: &ConversationKey) -> ConversationKey {
        let mut of = of.clone();
        match self.flaw() {
            Some(Flaw::MemoryCrossesTenants) => of.tenant = Tenant::default(),
            Some(Flaw::MemoryCrossesOwners) => of.owner = Owner::parse("anyone").unwrap(),
            _ => {}
        }
        of
    }

    /// The write that a broken condition takes for the expected one.
    fn expected<'w>(
        &self,
        before: Option<&'w WriteId>,
        present: Option<&'w WriteId>,
        overwrites: Flaw,
    ) -> Option<&'w WriteId> {
        match self.flaw() {
            Some(flaw) if flaw == overwrites && before.is_none() => present,
            Some(Flaw::WritesNeedNoWrite) if before.is_some() && present.is_some() => present,
            _ => before,
        }
    }
}

#[async_trait]
impl Memory for Broken {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        let of = self.kept_in(of);
        let stored = self.right.stored_conversation(&of).0;
        let stored = stored.into_iter().find(|stored| stored.number == entry.number);
        if self.lacks(Flaw::EntriesForgetTheirOwnWrite)
            && stored.as_ref().is_some_and(|stored| stored.write == entry.write)
        {
            return Ok(Put::Other(stored.map(Box::new)));
        }
        let present = stored.as_ref().map(|stored| &stored.write);
        let before = self.expected(before, present, Flaw::EntriesAreOverwritten);
        self.right.put_entry(&of, before, entry).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        let of = self.kept_in(of);
        let after = if self.lacks(Flaw::RangesBeginAtTheFirst) { 0 } else { after };
        let mut page = self.right.entries(&of, after, through, limit).await?;
        if self.lacks(Flaw::EntriesComeOldestFirst) {
            page.entries.reverse();
        }
        if self.lacks(Flaw::PagesEndTooEarly) {
            page.more = false;
        }
        Ok(page)
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        let of = self.kept_in(of);
        let stored = self.right.value(&of, &value.key).await?;
        let present = stored.as_ref().map(|stored| &stored.write);
        let before = self.expected(before, present, Flaw::ValuesAreOverwritten);
        self.right.put_value(&of, before, value).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        self.right.value(&self.kept_in(of), key).await
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        let of = self.kept_in(of);
        let (_, values) = self.right.stored_conversation(&of);
        let is_over = self.right.forget(&of, limit).await?;
        if self.lacks(Flaw::ForgettingLeavesValues) {
            for value in values {
                self.right.put_value(&of, None, &value).await?;
            }
        }
        Ok(is_over)
    }
}
