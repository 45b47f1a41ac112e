//! The contract of a task store. Every store passes the same suite, `a2a-lambda-store-contract`.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use a2a_lambda_protocol::{TaskState, TaskStatus, Timestamp};
use async_trait::async_trait;

use crate::digest::{digest, fnv1a};
use crate::format::UnknownFormat;
use crate::head::Head;
use crate::ids::{
    ContextId, Generation, LeaseToken, Owner, Position, Revision, TaskId, TaskKey, Tenant,
};
use crate::log::Entry;
use crate::machine::Change;

/// A task at one moment, as a store read it: the head, and the end of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The head.
    pub head: Head,
    /// The newest entries, in order and without a gap, up to the head's position. The store chooses
    /// how far back they go, unless [`Depth::Full`] was requested. There may be none.
    pub tail: Vec<Entry>,
    /// Data of the store that made the snapshot, for a change on top of it.
    pub kept: Kept,
}

/// A store's private knowledge of a task, beyond the [`Snapshot`]. It is no part of the task: two
/// values are always equal.
#[derive(Clone, Default)]
pub struct Kept(Option<Arc<dyn Any + Send + Sync>>);

impl Kept {
    /// Wraps a value of the store.
    pub fn new(what: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(what)))
    }

    /// The store's value, if it has this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }
}

impl PartialEq for Kept {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Snapshot {
    /// A new task as this change creates it, with the store's own data about it.
    pub fn created(change: &Change, kept: Kept) -> Self {
        Self { head: change.head().clone(), tail: change.entries().to_vec(), kept }
    }

    /// Whether the tail is the whole log.
    pub fn is_full(&self) -> bool {
        self.tail
            .first()
            .map_or(self.head.position == Position(0), |first| first.position == Position(1))
    }

    /// The entries after a position; `None` if the tail does not reach back to it.
    pub fn after(&self, position: Position) -> Option<&[Entry]> {
        if position >= self.head.position {
            return Some(&[]);
        }
        let next = position.next();
        let start = self.tail.iter().position(|entry| entry.position == next)?;
        Some(&self.tail[start..])
    }

    /// The entries from the first event after a generation on; `None` if the tail does not reach
    /// back to it.
    pub fn since(&self, generation: Generation) -> Option<&[Entry]> {
        if generation >= self.head.generation {
            return Some(&[]);
        }
        let next = generation.next();
        // Messages may have the same generation, after the event.
        let is_next = |entry: &Entry| {
            entry.generation == next && (entry.event.is_streamed() || entry.position == Position(1))
        };
        let start = self.tail.iter().position(is_next)?;
        Some(&self.tail[start..])
    }
}

/// How much of the log to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The entries that come with the head at no extra cost.
    Tail,
    /// The entries after this one, and more if that costs nothing: for a reader that knows the log
    /// up to there. It costs no more than the head while the new entries are in it.
    After(Position),
    /// The whole log.
    Full,
}

impl Depth {
    /// The entries after a generation, and more if there are messages among them.
    pub fn since(generation: Generation) -> Self {
        // Each event is an entry: no entry's position is less than its generation.
        Self::After(Position(generation.0))
    }
}

/// The condition of a commit. The task must also be the one that was read, and no later one of the
/// same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// The revision that the change was made from.
    pub revision: Revision,
    /// For a claim of an expired lease: the end of the lease when it was read, so that a lease that
    /// was renewed in the meantime is not taken.
    pub leased_until: Option<Timestamp>,
}

/// The outcome of creating a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It was created, and this is the task. Perhaps an earlier try of this write, whose answer was
    /// lost, created it.
    Now(Box<Snapshot>),
    /// A task with this key exists: this one.
    Before(Box<Snapshot>),
}

/// The outcome of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    /// It was made, and this is the task now. Perhaps an earlier try of this write, whose answer
    /// was lost, made it.
    Done(Box<Snapshot>),
    /// The guard did not hold, and nothing changed. This is the present task, read in the same
    /// round trip. `None` if there is no such task.
    Lost(Option<Box<Snapshot>>),
}

/// The outcome of renewing a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Renewed {
    /// The lease is held until the new time.
    Done,
    /// The lease is not held any more. This is the present task, read in the same round trip.
    /// `None` if there is no such task.
    Lost(Option<Box<Snapshot>>),
}

/// The conditions of a list of tasks. All must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The tenant.
    pub tenant: Tenant,
    /// The owner.
    pub owner: Owner,
    /// Only tasks of this conversation.
    pub context: Option<ContextId>,
    /// Only tasks in this state.
    pub state: Option<TaskState>,
    /// Only tasks whose status changed at this time or later.
    pub status_since: Option<Timestamp>,
    /// Ended tasks only if their status changed after this time: the others have expired. Open
    /// tasks always.
    pub ended_after: Option<Timestamp>,
    /// Only tasks that come after this one.
    pub after: Option<Cursor>,
    /// The [`Page::hint`] of the previous page; 0 if there is none.
    pub hint: u32,
    /// How many tasks to return at most; at least 1.
    pub limit: usize,
    /// Whether to count all tasks that match, wherever the page begins.
    pub count: bool,
    /// Whether the status of each task is enough: a store may then read no heads.
    pub only_status: bool,
}

impl ListQuery {
    /// Whether lists show the task under these conditions, wherever the page begins.
    pub fn matches(&self, head: &Head) -> bool {
        head.is_listed()
            && head.key.tenant == self.tenant
            && head.owner == self.owner
            && self.context.as_ref().is_none_or(|context| *context == head.context)
            && self.state.is_none_or(|state| state == head.listed_state())
            && self.status_since.is_none_or(|since| head.listed_at() >= since)
            && self.ended_after.is_none_or(|after| !head.is_terminal() || head.status_at > after)
    }
}

/// A task in a listing that needs only the status.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOutline {
    /// The task.
    pub task: TaskId,
    /// The conversation that it belongs to.
    pub context: ContextId,
    /// Its status, as clients see it.
    pub status: TaskStatus,
    /// When the status last changed.
    pub status_at: Timestamp,
}

/// A place in a listing: after this task. The order is newest status first, and by descending id
/// within a millisecond.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The status time of the last task listed.
    pub status_at: Timestamp,
    /// Its id.
    pub task: TaskId,
}

impl Cursor {
    /// The place of a task.
    pub fn of(head: &Head) -> Self {
        Self { status_at: head.listed_at(), task: head.key.task.clone() }
    }
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The tasks, newest status first, without those among the `outlines`.
    pub tasks: Vec<Snapshot>,
    /// The tasks whose status alone the store has read, newest first. Empty unless that was
    /// [enough](ListQuery::only_status).
    pub outlines: Vec<TaskOutline>,
    /// The begin of the next page, if there may be more. A short page without a `next` is the last
    /// one. After a full page, the next one may be empty.
    pub next: Option<Cursor>,
    /// The store's hint for the query of the next page. It makes that query cheaper, and does not
    /// change its result. The query may have other conditions.
    pub hint: u32,
    /// How many tasks match, if the query asked for the count.
    pub total: Option<u64>,
}

/// A task that the sweep must visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTask {
    /// The task.
    pub key: TaskKey,
    /// Since when.
    pub due: Timestamp,
}

/// How many shards the due index has at least, and by default. Configs in trouble are in as many
/// shards always.
pub const DUE_SHARDS: u8 = 8;

/// The shard of a task among [`DUE_SHARDS`]: of its configs in trouble, and of its due time by
/// default. It stays the same for the task's whole life.
pub fn due_shard(key: &TaskKey) -> u8 {
    shard_among(DUE_SHARDS, key)
}

fn shard_among(shards: u8, key: &TaskKey) -> u8 {
    let hash = fnv1a(key.task.as_str().as_bytes());
    u8::try_from(hash % u64::from(shards.max(1))).unwrap_or(0)
}

/// The shards of a store's due index.
///
/// A due time goes into one of the `used` shards, and stays there until it is cleared. If the
/// number is raised, the earlier shards are among the new ones. If it is lowered, due times remain
/// in shards that are not used any more. The sweep asks those [by turns](Self::swept_at).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueShards {
    used: u8,
    all: u8,
}

impl Default for DueShards {
    /// [`DUE_SHARDS`], all used.
    fn default() -> Self {
        Self { used: DUE_SHARDS, all: DUE_SHARDS }
    }
}

impl DueShards {
    /// The most shards that a due index has.
    pub const MOST: u8 = 64;

    /// This many used shards, 8 to 64, of an index that may have had up to [`MOST`](Self::MOST).
    /// Another number becomes the nearest of these.
    pub fn configured(used: u8) -> Self {
        Self { used: used.clamp(DUE_SHARDS, Self::MOST), all: Self::MOST }
    }

    /// The shard that a task's new due time goes into: 0 up to one less than the used shards.
    pub fn of(self, key: &TaskKey) -> u8 {
        shard_among(self.used, key)
    }

    /// All shards that may have a due time, used or not.
    pub fn all(self) -> impl Iterator<Item = u8> + Clone {
        0..self.all
    }

    /// The shards that a sweep asks at this time: all used ones, and one of the others, if there
    /// are any. Each minute has another one. So sweeps once a minute ask each of at most 56 others
    /// within 56 minutes.
    pub fn swept_at(self, now: Timestamp) -> impl Iterator<Item = u8> + Clone {
        let others = i64::from(self.all.saturating_sub(self.used));
        let turn = (now.as_millis() / 60_000).checked_rem_euclid(others);
        let other = turn.and_then(|turn| u8::try_from(turn).ok());
        (0..self.used).chain(other.map(|other| self.used.saturating_add(other)))
    }

    /// How many shards a sweep asks.
    pub fn swept(self) -> usize {
        usize::from(self.used) + usize::from(self.used < self.all)
    }
}

/// The name of the index partition of an owner's conversation: 64 bits of a digest, so that it is
/// always short. It never changes. Another conversation may have the same name.
pub fn context_partition(tenant: &Tenant, owner: &Owner, context: &ContextId) -> String {
    let fields = [tenant.as_str(), owner.as_str(), context.as_str()];
    let mut name = digest(fields.map(str::as_bytes));
    name.truncate(16);
    name
}

/// Why a store could not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data does not fit, and nothing was written.
    #[error("{what} of {bytes} bytes is larger than the {limit} bytes that can be stored")]
    TooLarge {
        /// The name of the large part.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The store did not answer in time, or refused for now. A write may have been made.
    #[error("the task store cannot be reached or does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The store refused for now, because it is asked for more than it can carry. An earlier try of
    /// a write may have been made.
    #[error("the task store is overloaded")]
    Throttled(#[source] Box<dyn Error + Send + Sync>),
    /// The store refused for a reason that a retry does not remove: rights, a missing table.
    #[error("the task store refused the request")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The stored data is not a task.
    #[error("the stored task {key} cannot be read")]
    Corrupt {
        /// The task.
        key: String,
        /// The fault in it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Another release stored the task, in a format that this one does not read. This request has
    /// not overwritten it. A function of the other release can read it, so the request may succeed
    /// when the deployment or its rollback has ended.
    #[error("the stored task {key} is of another release")]
    OtherRelease {
        /// The task.
        key: String,
        /// The unknown part.
        #[source]
        source: UnknownFormat,
    },
}

impl StoreError {
    /// Whether the same request may succeed soon.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Throttled(_))
    }

    /// Whether the store is asked for more than it can carry.
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Throttled(_))
    }

    /// Whether this release cannot read the stored task. Each try fails until another release is
    /// deployed, or someone repairs the task.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::OtherRelease { .. })
    }

    /// Whether it is certain that nothing was written.
    pub fn certainly_not_applied(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Refused(_))
    }
}

/// A store of tasks.
///
/// The store keeps the decisions of the state machine and decides nothing itself. The contract:
///
/// - **Atomic**: a [`Change`] is stored whole (head and entries) or not at all.
/// - **Conditional**: nothing is written unless the [`Guard`] holds at that moment. Losing the race
///   is an outcome, not an error, and comes with the task as it now is.
/// - **Strong**: [`read`](Self::read) sees every write that was answered before it began, and
///   [`glance`](Self::glance) each at some time.
///   [`list`](Self::list) and [`due`](Self::due) may lag behind for a moment.
/// - **Lost answers**: after [`StoreError::Unavailable`] or [`StoreError::Throttled`] a write may have been made. Making the
///   same write again is safe: it is recognized by its id, [`Head::write`].
/// - **Private**: nothing is ever found under another tenant, and lists are of one owner.
/// - **One life**: after a later task of the same id has replaced a task, no read returns the
///   earlier one. A write or a purge that began with the earlier one does not change the later one.
///
/// A store has no clock: callers check whether a task has expired. After [`Head::ttl`] it may
/// delete a head by itself, at any time or never.
#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// Stores a new task.
    async fn create(&self, change: &Change) -> Result<Created, StoreError>;

    /// Stores a new task in place of an expired one of the same id, if that one is unchanged since
    /// `expired` was read, or is gone. Otherwise it behaves like [`create`](Self::create).
    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError>;

    /// Deletes items of an expired task, at most about `limit` (at least 1), the head last. Returns
    /// whether nothing is left. Then the head is gone, unless the task has changed since `expired`
    /// was read. It deletes the push configs that the head names, and those that refused requests
    /// left behind before the task ended.
    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError>;

    /// Reads a task; `None` if there is none. Strongly consistent. At [`Depth::Tail`] it costs no
    /// more than the head.
    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError>;

    /// As [`read`](Self::read), for a caller that reads again soon. It costs less if the store can
    /// offer that, and is not strongly consistent. The answer may be the task as it was a moment
    /// before, or `None` for a task that was just created. Its part of the log ends at the head
    /// that comes with it.
    async fn glance(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        self.read(key, depth).await
    }

    /// Stores a change of `base`, which must be unchanged since this store returned it.
    ///
    /// A change has at most the content of one commit by the [`Policy`](crate::Policy): about 128
    /// KB of updates, an entry of 350 KB at the end, and a checkpoint of 32 KB.
    ///
    /// A change that keeps the lease of `base` does not write the lease, so that a renewal in the
    /// meantime stays.
    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError>;

    /// Sets the end of a lease, if the lease is still held. Changes nothing else, no revision and
    /// no index. A lease that has expired, but that nobody has taken over, is still held.
    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError>;

    /// Lists an owner's tasks.
    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError>;

    /// The shards of the due index. [`due`](Self::due) finds a due time in one of them.
    fn due_shards(&self) -> DueShards;

    /// Finds tasks of one shard of the due index whose time is at or before `until`, earliest
    /// first, at most `limit`. `after` is the last task of an earlier page: the result begins after
    /// it.
    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError>;
}
