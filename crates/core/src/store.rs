//! What a store of tasks must do. Every store passes the same suite, `a2a-lambda-store-contract`.

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

/// A task as a store read it, at one moment: the head, and the end of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The head.
    pub head: Head,
    /// The newest entries, in order and without a gap, up to the head's position. How far back
    /// they go is the store's choice unless [`Depth::Full`] was asked for; there may be none.
    pub tail: Vec<Entry>,
    /// For the use of the store that gave it out, when a change is made from it.
    pub kept: Kept,
}

/// What a store knows of a task beside what a [`Snapshot`] shows, and nobody else does. It is no part
/// of the task: two are always the same.
#[derive(Clone, Default)]
pub struct Kept(Option<Arc<dyn Any + Send + Sync>>);

impl Kept {
    /// Something of a store's own.
    pub fn new(what: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(what)))
    }

    /// What the store has kept, if it is of this type.
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
        // Messages may stand at the same generation, behind the event.
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
    /// What comes with the head at no extra cost.
    Tail,
    /// What comes after this entry, and more if that costs nothing: for whoever has read the log up
    /// to there. It costs no more than the head as long as the new entries are with it.
    After(Position),
    /// All of it.
    Full,
}

impl Depth {
    /// What comes after a generation, and more where messages came between.
    pub fn since(generation: Generation) -> Self {
        // Each event is an entry: no entry's position is less than its generation.
        Self::After(Position(generation.0))
    }
}

/// What must still hold for a commit to be made, beside that the task is the one that was read and no
/// later one of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// The revision that the change was made from.
    pub revision: Revision,
    /// For a claim of an expired lease: the end of the lease as it was read, so that a lease that
    /// was renewed in the meantime is not taken away.
    pub leased_until: Option<Timestamp>,
}

/// The outcome of creating a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It was created; also when an earlier try of this same write had succeeded unheard.
    Now,
    /// There is a task with this key already, and this is it.
    Before(Box<Snapshot>),
}

/// The outcome of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    /// It was made, and this is the task from here on; also when an earlier try of this same write
    /// had succeeded unheard.
    Done(Box<Snapshot>),
    /// The guard did not hold, nothing changed, and this is the task as it is now, read in the
    /// same round trip. `None` if there is no such task.
    Lost(Option<Box<Snapshot>>),
}

/// The outcome of renewing a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Renewed {
    /// The lease is held until the new time.
    Done,
    /// The lease is not held any more, and this is the task as it is now, read in the same round
    /// trip. `None` if there is no such task.
    Lost(Option<Box<Snapshot>>),
}

/// Which tasks to list. All conditions must hold.
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
    /// Of tasks that are over, only those whose status changed after this time: the others have
    /// expired.
    pub ended_after: Option<Timestamp>,
    /// Only tasks that come after this one.
    pub after: Option<Cursor>,
    /// What the page before had as its [`Page::hint`]; 0 if nothing is known.
    pub hint: u32,
    /// How many tasks to return at most; at least 1.
    pub limit: usize,
    /// Whether to count all tasks that match, wherever the page begins.
    pub count: bool,
    /// Whether the status of each task is enough: a store may then read no heads.
    pub only_status: bool,
}

/// A task of which only the status was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOutline {
    /// Which task.
    pub task: TaskId,
    /// The conversation that it belongs to.
    pub context: ContextId,
    /// Its status, as clients see it.
    pub status: TaskStatus,
    /// When the status last changed.
    pub status_at: Timestamp,
}

/// A place in a listing: behind this task. Tasks are listed newest status first; those of the same
/// millisecond by descending id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The status time of the last task listed.
    pub status_at: Timestamp,
    /// Its id.
    pub task: TaskId,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The tasks, newest status first, but those that are among the `outlines`.
    pub tasks: Vec<Snapshot>,
    /// The tasks of which the store has only the status, newest first; none unless that was
    /// [enough](ListQuery::only_status).
    pub outlines: Vec<TaskOutline>,
    /// Where the next page begins, if there may be more. A page that is shorter than was asked for
    /// and has no next is the last; one that is exactly full may have a next that is empty.
    pub next: Option<Cursor>,
    /// What the store knows of the next page, for the query for it: that page is then found sooner, and
    /// is the same. The query may have other conditions.
    pub hint: u32,
    /// How many tasks match, if that was asked.
    pub total: Option<u64>,
}

/// A task that must be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTask {
    /// Which.
    pub key: TaskKey,
    /// Since when.
    pub due: Timestamp,
}

/// How many due-index shards there are. A fixed number: the sweep asks for each.
pub const DUE_SHARDS: u8 = 8;

/// The shard of the due index that a task is in: the same for the whole life of the task.
pub fn due_shard(key: &TaskKey) -> u8 {
    u8::try_from(fnv1a(key.task.as_str().as_bytes()) % u64::from(DUE_SHARDS)).unwrap_or(0)
}

/// The name of the index partition that a conversation of an owner is in: 64 bits of a digest, so that it
/// is short whatever they are called. It never changes. Another conversation may have the same name.
pub fn context_partition(tenant: &Tenant, owner: &Owner, context: &ContextId) -> String {
    let fields = [tenant.as_str(), owner.as_str(), context.as_str()];
    let mut name = digest(fields.map(str::as_bytes));
    name.truncate(16);
    name
}

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is to be written does not fit, and nothing was written.
    #[error("{what} of {bytes} bytes is larger than the {limit} bytes that can be stored")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The store did not answer, or not in time, or refused for now. A write may or may not have
    /// been made.
    #[error("the task store cannot be reached or is overloaded")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The store refused for a reason that trying again does not remove: rights, a missing table.
    #[error("the task store refused the request")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// What was read is not a task.
    #[error("the stored task {key} cannot be read")]
    Corrupt {
        /// Which task.
        key: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// What was read was stored by another release, in a format that this one does not read. This
    /// request has written nothing over it. A function of the other release can read it, so the
    /// request may succeed when the deployment or its rollback has ended.
    #[error("the stored task {key} is of another release")]
    OtherRelease {
        /// Which task.
        key: String,
        /// What of it is unknown.
        #[source]
        source: UnknownFormat,
    },
}

impl StoreError {
    /// Whether the same request may succeed soon.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the stored task cannot be read by this release: each try fails until another release is
    /// deployed, or somebody mends the task.
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
/// The store keeps what the state machine decides and decides nothing itself. The contract:
///
/// - **Atomic**: a [`Change`] is stored whole (head and entries) or not at all.
/// - **Conditional**: nothing is written unless the [`Guard`] holds at that moment. Losing the race
///   is an outcome, not an error, and comes with the task as it now is.
/// - **Strong**: [`read`](Self::read) sees every write that was answered before it began, and
///   [`glance`](Self::glance) each at some time.
///   [`list`](Self::list) and [`due`](Self::due) may lag behind for a moment.
/// - **Lost answers**: after [`StoreError::Unavailable`] a write may have been made. Making the
///   same write again is safe: it is recognized by its id, [`Head::write`].
/// - **Private**: nothing is ever found under another tenant, and lists are of one owner.
/// - **One life**: of a task that was replaced by a later one of the same id, nothing is read any more.
///   A write or a purge that began with the earlier one changes nothing of the later one.
///
/// A store has no clock: that a task has expired is for callers to see. At any time after
/// [`Head::ttl`] it may delete a head by itself, or not at all.
#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// Stores a new task.
    async fn create(&self, change: &Change) -> Result<Created, StoreError>;

    /// Stores a new task in place of one of the same id that has expired, if that is still as `expired`
    /// or is gone. All else is as with [`create`](Self::create).
    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError>;

    /// Deletes what is stored of a task that has expired, at most some `limit` items of it (at least
    /// 1), its head last. Returns whether nothing is left; then the head is gone, unless the task is not as
    /// `expired` any more. Push configs go that the head names, and those of requests that came to
    /// nothing before it ended.
    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError>;

    /// Reads a task; `None` if there is none. Strongly consistent. At [`Depth::Tail`] it costs no
    /// more than the head.
    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError>;

    /// As [`read`](Self::read), for who looks again soon: for less, where the store can, and not
    /// strongly consistent. It may be the task as it was a moment before, or none where one was just
    /// made. What it has of the log goes up to the head that comes with it.
    async fn glance(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        self.read(key, depth).await
    }

    /// Stores a change that was made from `base`, which must be as this store gave it out.
    ///
    /// A change has at most what the [`Policy`](crate::Policy) lets one commit have: some 128 KB of
    /// updates, an entry of 350 KB at the end, and a checkpoint of 32 KB.
    ///
    /// A change that leaves the lease of `base` as it was does not write it either, so that a
    /// renewal that was made in the meantime stands.
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

    /// Finds tasks of one shard of the due index whose time is at or before `until`, earliest
    /// first, at most `limit`. What was found before is passed over by `after`, the last of it.
    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError>;
}
