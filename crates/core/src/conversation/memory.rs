//! The memory of a conversation, as an agent uses it.

use std::future::Future;

use a2a_lambda_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::histories::{self, History};
use super::item::{Budget, MemoryItem, Window};
use super::record::{ConversationKey, MemoryEntry, Put, write_of};
use crate::ids::WriteId;
use crate::steps::record::RecordKey;
use crate::steps::{StepError, recorded};
use crate::store::StoreError;
use crate::turn::Turn;

/// The names of the records and the appends of memory. No agent can give them to a step.
const MARK: &str = "@memory";
const APPEND: &str = "@append";

/// How many entries the first page of a read has. Each further page has twice as many.
const FIRST_PAGE: usize = 8;

/// The most entries of a page.
const LARGEST_PAGE: usize = 256;

/// The most pages of a read.
const MAX_PAGES: usize = 64;

/// The memory of a conversation; see [`Turn::memory`].
#[derive(Debug)]
pub struct TurnMemory<'t>(&'t Turn);

impl Turn {
    /// The memory of the conversation that the task belongs to. All tasks of the owner in this context
    /// share it.
    pub fn memory(&self) -> TurnMemory<'_> {
        TurnMemory(self)
    }

    pub(super) fn conversation(&self) -> ConversationKey {
        let owned = &self.owned;
        ConversationKey {
            tenant: owned.tenant.clone(),
            owner: owned.owner.clone(),
            context: owned.context.clone(),
        }
    }
}

/// The end of a load. It is recorded, so that each run of the scope loads the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    /// The newest entry then.
    #[serde(rename = "n")]
    through: u64,
    /// The time.
    #[serde(rename = "t")]
    at: Timestamp,
    /// The tasks that stand for a memory without entries, newest first.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    histories: Vec<History>,
}

impl<'t> TurnMemory<'t> {
    /// The newest items that fit into the budget, oldest first. A tool's call and its result come
    /// together or not at all. At most 1,000 items and 1 MB are loaded.
    ///
    /// Every run of the [scope](crate::steps) loads the same. Items that this scope appends come
    /// with a later call, and in later scopes.
    ///
    /// If the memory has no items yet, the histories of the conversation's newest tasks stand for it:
    /// their messages and artifacts, up to the messages of this scope.
    ///
    /// # Errors
    /// When the store fails, or the end cannot be recorded.
    pub fn load(
        &self,
        budget: Budget,
    ) -> impl Future<Output = Result<Vec<MemoryItem>, StepError>> + Send + 't {
        let turn = self.0;
        let key = turn.journal.key_of(MARK, "");
        async move {
            let mark = Box::pin(mark(turn, &key)).await?;
            let policy = &turn.owned.engine.policy;
            let mut window =
                Window::new(budget, policy.max_memory_load_bytes, policy.max_memory_items);
            if mark.histories.is_empty() {
                entries(turn, &mark, &mut window).await?;
            } else {
                histories::gather(turn, &mark.histories, &mut window).await?;
            }
            Ok(window.into_items())
        }
    }

    /// Adds items to the end of the memory: once for each scope, however often its turns run. A
    /// repeated run replaces the items that it added before, and adds nothing if they are the same.
    /// The agent makes its appends in the same order in each run, as it does with steps.
    ///
    /// # Errors
    /// When an item has more than 64 KB of JSON, or all of them have more than 256 KB. When the store
    /// fails, or the turn is over.
    pub fn append(
        &self,
        items: impl IntoIterator<Item = MemoryItem>,
    ) -> impl Future<Output = Result<(), StepError>> + Send + 't {
        let turn = self.0;
        let key = turn.journal.key_of(APPEND, "");
        // A load that follows has a later mark.
        let first = turn.journal.first_key_of(MARK);
        let items: Vec<MemoryItem> = items.into_iter().collect();
        async move {
            check_room(turn, &items)?;
            let mark = Box::pin(mark(turn, &first)).await?;
            let writer = write_of(turn.journal.scope(), &key);
            Box::pin(append(turn, mark.through, writer, items)).await
        }
    }
}

/// The mark under this key, which is found once for each scope.
async fn mark(turn: &Turn, key: &RecordKey) -> Result<Mark, StepError> {
    recorded(turn, key, MARK, "", async {
        let at = turn.now();
        let engine = &turn.owned.engine;
        let newest = engine.memory_entries(&turn.conversation(), 0, u64::MAX, 1).await?;
        let newest = newest.entries.first();
        let through = newest.map_or(0, |entry| entry.number);
        let is_empty = newest.is_none_or(|entry| entry.is_expired(at));
        let histories = if is_empty { histories::find(turn).await? } else { Vec::new() };
        Ok(Mark { through, at, histories })
    })
    .await
}

/// Gathers the items up to a mark.
async fn entries(turn: &Turn, mark: &Mark, window: &mut Window) -> Result<(), StepError> {
    let mut pages = Pages::new(turn, 0, mark.through);
    while let Some(page) = pages.next().await? {
        for entry in page {
            if entry.is_expired(mark.at) {
                return Ok(());
            }
            if !entry.items.into_iter().rev().all(|item| window.add(item)) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Adds an entry behind all others, or replaces that of the same writer.
async fn append(
    turn: &Turn,
    begun_after: u64,
    writer: WriteId,
    items: Vec<MemoryItem>,
) -> Result<(), StepError> {
    let engine = &turn.owned.engine;
    let of = turn.conversation();
    for _ in 0..engine.policy.commit_tries {
        turn.may_go_on(APPEND)?;
        let (own, newest) = find(turn, begun_after, &writer).await?;
        let number = match &own {
            // Another run has taken over.
            Some(own) if own.fence > turn.fence.0 => return Err(StepError::Over),
            Some(own) if own.items == items => return Ok(()),
            Some(own) => own.number,
            None if items.is_empty() => return Ok(()),
            None => newest + 1,
        };
        let life = engine.policy.memory_life;
        let entry = MemoryEntry {
            number,
            writer: writer.clone(),
            fence: turn.fence.0,
            items: items.clone(),
            write: engine.write_id(),
            expires_at: life.map(|life| turn.now().saturating_add(life)),
        };
        let before = own.map(|own| own.write);
        match engine.put_memory_entry(&of, before.as_ref(), &entry).await? {
            Put::Stored => return Ok(()),
            // Another writer was faster, perhaps a run of this same scope.
            Put::Other(_) => {}
        }
    }
    Err(StoreError::Unavailable("too many writers add to a conversation at once".into()).into())
}

/// The entry of a writer, if it has one after a number, and the newest number.
async fn find(
    turn: &Turn,
    after: u64,
    writer: &WriteId,
) -> Result<(Option<MemoryEntry>, u64), StepError> {
    let mut newest = after;
    let mut pages = Pages::new(turn, after, u64::MAX);
    while let Some(page) = pages.next().await? {
        for entry in page {
            newest = newest.max(entry.number);
            if entry.writer == *writer {
                return Ok((Some(entry), newest));
            }
        }
    }
    Ok((None, newest))
}

/// The entries of a conversation in pages, newest first.
struct Pages<'t> {
    turn: &'t Turn,
    of: ConversationKey,
    after: u64,
    through: u64,
    read: usize,
    is_over: bool,
}

impl<'t> Pages<'t> {
    fn new(turn: &'t Turn, after: u64, through: u64) -> Self {
        let of = turn.conversation();
        Self { turn, of, after, through, read: 0, is_over: through <= after }
    }

    async fn next(&mut self) -> Result<Option<Vec<MemoryEntry>>, StepError> {
        if self.is_over || self.read == MAX_PAGES {
            return Ok(None);
        }
        let limit = FIRST_PAGE.saturating_mul(1 << self.read.min(16)).min(LARGEST_PAGE);
        let engine = &self.turn.owned.engine;
        let page = engine.memory_entries(&self.of, self.after, self.through, limit).await?;
        self.read += 1;
        match page.entries.last() {
            Some(oldest) if page.more => self.through = oldest.number.saturating_sub(1),
            _ => self.is_over = true,
        }
        Ok(Some(page.entries))
    }
}

fn check_room(turn: &Turn, items: &[MemoryItem]) -> Result<(), StepError> {
    let policy = &turn.owned.engine.policy;
    let sizes = || items.iter().map(MemoryItem::bytes);
    let checks = [
        ("an item of memory", sizes().max().unwrap_or(0), policy.max_memory_item_bytes),
        ("the memory of one append", sizes().sum(), policy.max_memory_append_bytes),
    ];
    match checks.into_iter().find(|(_, bytes, limit)| bytes > limit) {
        Some((what, bytes, limit)) => Err(StepError::TooMuch { what, bytes, limit }),
        None => Ok(()),
    }
}
