//! Operations on conversations.

use a2a_lambda_core::Memory;
use a2a_lambda_core::conversation::{
    ConversationKey, EntryPage, MemoryEntry, MemoryItem, SessionValue,
};
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::Random;

use crate::content::text_of;
use crate::memory::{conversation, entry, value};

const TENANTS: [&str; 2] = ["", "acme"];
const OWNERS: [&str; 2] = ["alice", "bob#1"];
const CONTEXTS: [&str; 3] = ["red", "blue", "blue#1"];
const KEYS: [&str; 3] = ["a", "b", "é#/ 🦀"];

/// Numbers that repeat, and do not sort as texts.
const NUMBERS: [u64; 8] = [1, 2, 3, 9, 10, 11, 100, u64::MAX];

/// How many operations of a hundred steps are on conversations.
const PERCENT: u64 = 30;

/// The conversations of two stores.
pub(super) struct Conversations<'a> {
    pub(super) a: &'a dyn Memory,
    pub(super) b: &'a dyn Memory,
    pub(super) seed: u64,
    rng: Random,
    last_write: u64,
    /// The last writes, for repetition.
    entry: Option<(ConversationKey, Option<WriteId>, MemoryEntry)>,
    value: Option<(ConversationKey, Option<WriteId>, SessionValue)>,
}

impl<'a> Conversations<'a> {
    pub(super) fn new(a: &'a dyn Memory, b: &'a dyn Memory, seed: u64) -> Self {
        Self { a, b, seed, rng: Random::new(seed), last_write: 0, entry: None, value: None }
    }

    /// Makes an operation on both, or none.
    pub(super) async fn operate(&mut self) {
        if !self.rng.percent(PERCENT) {
            return;
        }
        let of = self.conversation();
        match self.rng.below(20) {
            0..6 => self.new_entry(&of).await,
            6..8 => self.put_entry().await,
            8..12 => self.new_value(&of).await,
            12..14 => self.put_value().await,
            14..18 => self.compare_a_range(&of).await,
            _ => self.forget(&of).await,
        }
        self.compare(&of).await;
    }

    /// Compares all conversations.
    pub(super) async fn compare_all(&self) {
        for tenant in TENANTS {
            for owner in OWNERS {
                for context in CONTEXTS {
                    self.compare(&conversation(tenant, owner, context)).await;
                }
            }
        }
    }

    /// Mostly one of two, so that they get several items.
    fn conversation(&mut self) -> ConversationKey {
        if self.rng.percent(60) {
            return conversation(TENANTS[0], OWNERS[0], self.rng.pick(&CONTEXTS[..2]));
        }
        let (tenant, owner) = (self.rng.pick(&TENANTS), self.rng.pick(&OWNERS));
        conversation(tenant, owner, self.rng.pick(&CONTEXTS))
    }

    fn write(&mut self) -> String {
        self.last_write += 1;
        format!("write {}", self.last_write)
    }

    fn expires_at(&mut self) -> Option<Timestamp> {
        let ms = i64::try_from(self.rng.below(1 << 40)).unwrap_or(0);
        self.rng.percent(50).then(|| Timestamp::from_millis(ms))
    }

    /// Usually the stored write id, so that the write is made.
    fn before(&mut self, stored: Option<&WriteId>) -> Option<WriteId> {
        match self.rng.below(10) {
            0 => None,
            1 => Some(WriteId::new("another")),
            _ => stored.cloned(),
        }
    }

    async fn new_entry(&mut self, of: &ConversationKey) {
        let number = self.rng.pick(&NUMBERS);
        let stored = page(self.a, of, number - 1, number, 1).await.entries.pop();
        let before = self.before(stored.as_ref().map(|stored| &stored.write));
        let write = self.write();
        let bytes = self.rng.pick(&[0, 10, 3_000, 100_000, 400_000]);
        let new = MemoryEntry {
            items: vec![MemoryItem::agent(text_of(bytes, &write))],
            fence: self.rng.below(1 << 60),
            expires_at: self.expires_at(),
            ..entry(number, &write)
        };
        self.entry = Some((of.clone(), before, new));
        self.put_entry().await;
    }

    /// Makes the last write of an entry, perhaps not for the first time.
    async fn put_entry(&self) {
        let Some((of, before, new)) = &self.entry else { return };
        let a = self.a.put_entry(of, before.as_ref(), new).await;
        let b = self.b.put_entry(of, before.as_ref(), new).await;
        let (a, b) = (a.map_err(|e| e.to_string()), b.map_err(|e| e.to_string()));
        let (write, number) = (new.write.as_str(), new.number);
        assert!(a == b, "seed {}: {write} over {before:?} at {number} of {of}", self.seed);
    }

    async fn new_value(&mut self, of: &ConversationKey) {
        let key = self.rng.pick(&KEYS);
        let stored = self.a.value(of, key).await.expect("a value");
        let before = self.before(stored.as_ref().map(|stored| &stored.write));
        let write = self.write();
        let mut new = SessionValue { expires_at: self.expires_at(), ..value(key, &write) };
        if self.rng.percent(20) {
            new.value = None;
        }
        new.before = stored.map(|stored| stored.write).into_iter().collect();
        self.value = Some((of.clone(), before, new));
        self.put_value().await;
    }

    async fn put_value(&self) {
        let Some((of, before, new)) = &self.value else { return };
        let a = self.a.put_value(of, before.as_ref(), new).await.expect("an outcome");
        let b = self.b.put_value(of, before.as_ref(), new).await.expect("an outcome");
        assert_eq!(a, b, "seed {}: {new:?} over {before:?} in {of}", self.seed);
    }

    async fn compare_a_range(&mut self, of: &ConversationKey) {
        let (after, through) = (self.rng.pick(&NUMBERS), self.rng.pick(&NUMBERS));
        let limit = self.rng.pick(&[1, 2, 100]);
        let a = page(self.a, of, after, through, limit).await;
        let b = page(self.b, of, after, through, limit).await;
        // A store may end a page early, where that is not the end.
        let same = a.entries.iter().zip(&b.entries).all(|(a, b)| a == b);
        let is_whole = |page: &EntryPage, other: &EntryPage| {
            page.entries.len() == other.entries.len() || page.more
        };
        assert!(
            same && is_whole(&a, &b) && is_whole(&b, &a),
            "seed {}: {limit} of ({after}, {through}] of {of}: {a:?} and {b:?}",
            self.seed
        );
    }

    async fn forget(&mut self, of: &ConversationKey) {
        let limit = self.rng.pick(&[1, 3, 100]);
        for _ in 0..100 {
            let a = self.a.forget(of, limit).await.expect("an outcome");
            let b = self.b.forget(of, limit).await.expect("an outcome");
            if a && b {
                return;
            }
        }
        panic!("seed {}: {of} is not forgotten", self.seed);
    }

    async fn compare(&self, of: &ConversationKey) {
        let (a, b) = (all(self.a, of).await, all(self.b, of).await);
        assert!(a == b, "seed {}: the memory of {of}: {a:?} and {b:?}", self.seed);
        for key in KEYS {
            let a = self.a.value(of, key).await.expect("a value");
            let b = self.b.value(of, key).await.expect("a value");
            assert_eq!(a, b, "seed {}: {key} of {of}", self.seed);
        }
    }
}

async fn page(
    store: &dyn Memory,
    of: &ConversationKey,
    after: u64,
    through: u64,
    limit: usize,
) -> EntryPage {
    store.entries(of, after, through, limit).await.expect("a page")
}

/// All entries, in pages.
async fn all(store: &dyn Memory, of: &ConversationKey) -> Vec<MemoryEntry> {
    let (mut found, mut through) = (Vec::new(), u64::MAX);
    for _ in 0..100 {
        let page = page(store, of, 0, through, 3).await;
        found.extend(page.entries);
        match found.last() {
            Some(last) if page.more => through = last.number.saturating_sub(1),
            _ => break,
        }
    }
    found
}
