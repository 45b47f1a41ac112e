//! The bench of every case: a fresh store, a clock that moves only by call, and counted ids.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::head::{Head, Phase};
use a2a_lambda_core::ids::Registration;
use a2a_lambda_core::invariants;
use a2a_lambda_core::log::fold_listed;
use a2a_lambda_core::machine::{Change, FirstPush, Stamp, Submission};
use a2a_lambda_core::store::{
    Committed, Created, Cursor, Depth, DueTask, Guard, ListQuery, Page, TaskOutline,
};
use a2a_lambda_core::{
    ClaimToken, ContextId, LeaseToken, Memory, Owner, PushConfigs, Retention, RunnerName, Snapshot,
    StepRecords, StoreError, TaskId, TaskKey, TaskStore, Tenant, TraceContext,
};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{caller, listing, stamp, submission};

use crate::Store;
use crate::configs::registration;
use crate::content::user_message;
use crate::tracked::Tracked;

/// How long a lease lasts.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How long a signal may take before the due index makes the sweep visit its task.
pub(crate) const SIGNAL_GRACE: Duration = Duration::from_mins(1);

/// How long tasks are kept in the cases of expiry.
pub(crate) const KEPT: Duration = Duration::from_hours(24);

/// How many pages a listing of a few hundred tasks may have, even if a store makes short ones.
const MAX_PAGES: usize = 2_000;

/// How many pages of due tasks a shard may have.
const MAX_DUE_PAGES: usize = 2_000;

/// A fresh store, with the time and the ids of one test. Clones share them.
#[derive(Clone)]
pub struct Bench {
    store: Arc<dyn Store>,
    now_ms: Arc<AtomicI64>,
    last_id: Arc<AtomicU64>,
    registrations: Arc<Mutex<BTreeSet<Registration>>>,
    /// How long tasks are kept: for ever, unless a case says otherwise.
    retention: Retention,
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Bench {
    /// A bench around a store, which must be empty.
    pub fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            now_ms: Arc::new(AtomicI64::new(1_760_000_000_000)),
            last_id: Arc::new(AtomicU64::new(0)),
            registrations: Arc::default(),
            retention: Retention::FOREVER,
        }
    }

    /// The same bench with tasks that expire.
    pub(crate) fn where_tasks_expire(self) -> Self {
        let retention = Retention { ended: Some(KEPT), waiting: Some(KEPT), ..self.retention };
        Self { retention, ..self }
    }

    pub(crate) fn store(&self) -> &dyn TaskStore {
        &*self.store
    }

    pub(crate) fn memory(&self) -> &dyn Memory {
        &*self.store
    }

    pub(crate) fn configs(&self) -> &dyn PushConfigs {
        &*self.store
    }

    pub(crate) fn records(&self) -> &dyn StepRecords {
        &*self.store
    }

    /// The registrations of all configs that were ever put.
    pub(crate) fn registrations(&self) -> Vec<Registration> {
        self.registrations.lock().expect("no panic").iter().cloned().collect()
    }

    pub(crate) fn note_registration(&self, registration: &Registration) {
        self.registrations.lock().expect("no panic").insert(registration.clone());
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).expect("a short time");
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Advances the clock by one millisecond: the least that tells two statuses apart.
    pub(crate) fn tick(&self) {
        self.advance(Duration::from_millis(1));
    }

    pub(crate) fn fresh(&self) -> String {
        format!("id-{:05}", self.last_id.fetch_add(1, Ordering::SeqCst) + 1)
    }

    pub(crate) fn fresh_token(&self) -> LeaseToken {
        LeaseToken::new(self.fresh())
    }

    pub(crate) fn fresh_claim(&self) -> ClaimToken {
        ClaimToken::new(self.fresh())
    }

    pub(crate) fn stamp(&self) -> Stamp {
        let (retention, usual) = (Some(self.retention), stamp(self.now(), self.fresh()));
        let (signal_grace, lease, push_claim) = (SIGNAL_GRACE, LEASE, LEASE);
        let runner = Some(RunnerName::of("bench"));
        Stamp { signal_grace, lease, push_claim, retention, runner, ..usual }
    }

    /// A new task of Alice's, in her usual context, in the default tenant.
    pub(crate) fn submission(&self) -> Submission {
        let submission = submission(&self.fresh());
        Submission {
            message: user_message(&self.fresh(), "hello"),
            trace: TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ..submission
        }
    }

    /// As [`submission`](Self::submission), with a task id that falls into this shard.
    pub(crate) fn submission_in_shard(&self, shard: u8) -> Submission {
        // The ids spread evenly, so that a few hundred misses in a row are practically impossible.
        (0..10_000)
            .map(|_| self.submission())
            .find(|submission| self.store.due_shards().of(&submission.key) == shard)
            .expect("a task id in every shard")
    }

    pub(crate) fn decide_submit(&self, submission: Submission) -> Change {
        Head::submit(submission, &self.stamp())
    }

    /// Submits a new task of Alice's.
    pub(crate) async fn submit(&self) -> Tracked {
        self.submit_this(self.submission()).await
    }

    /// A new task of Alice's that is worked on.
    pub(crate) async fn claimed(&self) -> Tracked {
        let mut task = self.submit().await;
        task.claim().await;
        task
    }

    /// Submits a new task of Alice's that has a push config.
    pub(crate) async fn submit_pushed(&self, held_until: Option<Timestamp>) -> Tracked {
        let registration = registration("first");
        let pushes = Some(FirstPush { registration, held_until });
        self.submit_this(Submission { pushes, ..self.submission() }).await
    }

    pub(crate) async fn submit_this(&self, submission: Submission) -> Tracked {
        let change = self.decide_submit(submission);
        let created = check_created(&change, self.create(&change).await);
        Tracked::created(self.clone(), &change, created).await
    }

    pub(crate) async fn create(&self, change: &Change) -> Created {
        self.store.create(change).await.expect("create")
    }

    pub(crate) async fn replace(&self, expired: &Head, change: &Change) -> Created {
        self.store.replace(expired, change).await.expect("replace")
    }

    pub(crate) async fn purge(&self, expired: &Head, limit: usize) -> bool {
        self.store.purge(expired, limit).await.expect("purge")
    }

    /// Commits under the guard that the engine would use at this time.
    pub(crate) async fn commit(&self, base: &Snapshot, change: &Change) -> Committed {
        let guard = guard(base, self.now());
        self.store.commit(base, guard, change).await.expect("commit")
    }

    pub(crate) async fn try_read(&self, key: &TaskKey, depth: Depth) -> Option<Snapshot> {
        self.store.read(key, depth).await.expect("read")
    }

    /// The head and the tail that comes with it.
    pub(crate) async fn read(&self, key: &TaskKey) -> Snapshot {
        let snapshot = self.try_read(key, Depth::Tail).await.expect("the task exists");
        check_tail(&snapshot);
        snapshot
    }

    /// The whole task, which must obey the invariants.
    pub(crate) async fn read_full(&self, key: &TaskKey) -> Snapshot {
        let snapshot = self.try_read(key, Depth::Full).await.expect("the task exists");
        check_full(&snapshot);
        snapshot
    }

    pub(crate) async fn page(&self, query: &ListQuery) -> Page {
        let page = self.store().list(query).await.expect("list");
        assert!(page.tasks.len() <= query.limit, "a page of {} tasks", page.tasks.len());
        assert!(page.outlines.is_empty(), "more than the status was asked for");
        page.tasks.iter().for_each(check_tail);
        page
    }

    /// The statuses of the tasks that a query finds, newest first.
    pub(crate) async fn outlines(&self, query: &ListQuery) -> Vec<TaskOutline> {
        outlines(self.store(), query).await.expect("list")
    }

    /// The tasks that a query finds, page by page.
    pub(crate) async fn list(&self, query: &ListQuery) -> Vec<Snapshot> {
        walk(self.store(), query).await.expect("list")
    }

    /// The ids of the tasks that a query finds, in the order of the listing.
    pub(crate) async fn list_ids(&self, query: &ListQuery) -> Vec<String> {
        ids(&self.list(query).await)
    }

    /// The due tasks of a shard, in pages of this size.
    pub(crate) async fn due_in_pages(&self, shard: u8, limit: usize) -> Vec<DueTask> {
        walk_due(&*self.store, shard, Timestamp::MAX, limit).await.expect("due")
    }

    pub(crate) async fn due_after(&self, shard: u8, after: &DueTask, limit: usize) -> Vec<DueTask> {
        self.store.due(shard, Timestamp::MAX, Some(after), limit).await.expect("due")
    }

    pub(crate) async fn due(&self, shard: u8, until: Timestamp, limit: usize) -> Vec<DueTask> {
        self.store.due(shard, until, None, limit).await.expect("due")
    }

    /// The due tasks of all shards by a time, in no particular order.
    pub(crate) async fn all_due(&self, until: Timestamp) -> Vec<DueTask> {
        let mut all = Vec::new();
        for shard in self.store.due_shards().all() {
            all.extend(self.due(shard, until, usize::from(u16::MAX)).await);
        }
        all
    }
}

/// All pages of a query, in order.
pub(crate) async fn walk(
    store: &dyn TaskStore,
    query: &ListQuery,
) -> Result<Vec<Snapshot>, StoreError> {
    let mut query = query.clone();
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = store.list(&query).await?;
        assert!(page.tasks.len() <= query.limit, "a page of {} tasks", page.tasks.len());
        found.extend(page.tasks);
        match page.next {
            Some(next) => (query.after, query.hint) = (Some(next), page.hint),
            None => return Ok(found),
        }
    }
    panic!("a listing of more than {MAX_PAGES} pages");
}

/// The status of each task that a query for statuses finds, newest first. A task whose head the
/// store has read comes whole.
pub(crate) async fn outlines(
    store: &dyn TaskStore,
    query: &ListQuery,
) -> Result<Vec<TaskOutline>, StoreError> {
    let mut query = ListQuery { only_status: true, ..query.clone() };
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = store.list(&query).await?;
        let mut rows = page.outlines;
        for task in page.tasks {
            let task = store.read(&task.head.key, Depth::Full).await?.expect("it is listed");
            rows.push(outline(&task));
        }
        assert!(rows.len() <= query.limit, "a page of {} tasks", rows.len());
        rows.sort_by_key(|row| std::cmp::Reverse((row.status_at, row.task.clone())));
        found.extend(rows);
        match page.next {
            Some(next) => (query.after, query.hint) = (Some(next), page.hint),
            None => return Ok(found),
        }
    }
    panic!("a listing of more than {MAX_PAGES} pages");
}

/// The status of a task that was read whole.
pub(crate) fn outline(task: &Snapshot) -> TaskOutline {
    TaskOutline {
        task: task.head.key.task.clone(),
        context: task.head.context.clone(),
        status: fold_listed(&task.head, &task.tail).status,
        status_at: task.head.listed_at(),
    }
}

/// All of Alice's tasks in the default tenant, in pages of 100.
pub(crate) fn alices() -> ListQuery {
    listing(&caller("", "alice"))
}

pub(crate) fn ids(tasks: &[Snapshot]) -> Vec<String> {
    tasks.iter().map(|task| task.head.key.task.as_str().to_owned()).collect()
}

pub(crate) fn cursor(head: &Head) -> Cursor {
    Cursor { status_at: head.listed_at(), task: head.key.task.clone() }
}

/// The guard that the engine sets for a change from `base` at `now`. A takeover of an expired lease
/// must fail if the holder has just renewed the lease.
pub(crate) fn guard(base: &Snapshot, now: Timestamp) -> Guard {
    let leased_until = match base.head.phase {
        Phase::Running { until, .. } if until <= now => Some(until),
        _ => None,
    };
    Guard { revision: base.head.revision, leased_until }
}

/// Checks that a store has created this task, and gives it out as it is. Returns it.
pub(crate) fn check_created(change: &Change, outcome: Created) -> Snapshot {
    let Created::Now(created) = outcome else { panic!("not created: {outcome:?}") };
    assert_eq!(created.head, *change.head(), "the new head");
    check_tail(&created);
    let tail = &change.entries()[change.entries().len() - created.tail.len()..];
    assert!(created.tail == tail, "the new log");
    *created
}

/// Checks that a tail is gapless and ends at the head's position.
pub(crate) fn check_tail(snapshot: &Snapshot) {
    let end = snapshot.head.position.0;
    for (back, entry) in snapshot.tail.iter().rev().enumerate() {
        let expected = end.checked_sub(back as u64);
        let found = entry.position.0;
        assert_eq!(Some(found), expected, "the tail of {} has a gap", snapshot.head.key);
    }
}

/// Checks that a full read has the whole log, and that the log agrees with the head.
pub(crate) fn check_full(snapshot: &Snapshot) {
    assert!(snapshot.is_full(), "a full read of {} is the whole log", snapshot.head.key);
    assert_eq!(invariants::check_task(&snapshot.head, &snapshot.tail), Ok(()));
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).expect("a tenant")
}

pub(crate) fn owner(name: &str) -> Owner {
    Owner::parse(name).expect("an owner")
}

pub(crate) fn context(id: &str) -> ContextId {
    ContextId::parse(id).expect("a context id")
}

pub(crate) fn key(tenant_name: &str, task: &str) -> TaskKey {
    TaskKey { tenant: tenant(tenant_name), task: TaskId::parse(task).expect("a task id") }
}

/// The due tasks of a shard, in pages of this size.
pub(crate) async fn walk_due(
    store: &dyn TaskStore,
    shard: u8,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<DueTask>, StoreError> {
    let mut found: Vec<DueTask> = Vec::new();
    for _ in 0..MAX_DUE_PAGES {
        let page = store.due(shard, until, found.last(), limit).await?;
        assert!(page.len() <= limit, "a page of {} due tasks, for {limit}", page.len());
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
    panic!("shard {shard}: more than {MAX_DUE_PAGES} pages of due tasks");
}
