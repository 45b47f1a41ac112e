//! The store in memory: the reference for every other store.

mod conversations;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use self::conversations::{Conversations, swap};
use crate::conversation::record::{ConversationKey, EntryPage, Memory, MemoryEntry, SessionValue};
use crate::head::{Head, Phase};
use crate::ids::{Incarnation, LeaseToken, Registration, TaskKey, WriteId};
use crate::log::{Entry, fold_listed};
use crate::machine::Change;
use crate::push::{Failing, PushConfig, PushConfigs};
use crate::steps::record::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use crate::store::{
    Committed, Created, Cursor, Depth, DueShards, DueTask, Guard, Kept, ListQuery, Page, Renewed,
    Snapshot, StoreError, TaskOutline, TaskStore, due_shard,
};

/// How many entries come with the head. It is small, so that the tests of a caller fail if it
/// forgets to ask for the rest.
const TAIL_ENTRIES: usize = 4;

/// The largest entry, in bytes: a round number beyond the needs of tests.
const MAX_ENTRY_BYTES: usize = 400 * 1024;

/// How much older than its task's end an unnamed config must be to count as a leftover. A younger
/// config may belong to a later task of the same id.
const LEFTOVER_AGE: Duration = Duration::from_hours(1);

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tasks: Mutex<BTreeMap<TaskKey, Record>>,
    configs: Mutex<BTreeMap<(TaskKey, Registration), PushConfig>>,
    steps: Mutex<BTreeMap<(ScopeKey, RecordKey), StepRecord>>,
    conversations: Conversations,
    due_shards: DueShards,
}

#[derive(Debug, Clone)]
struct Record {
    head: Head,
    log: Vec<Entry>,
}

impl Record {
    fn snapshot(&self, depth: Depth) -> Snapshot {
        let skip = match depth {
            Depth::Tail => self.log.len().saturating_sub(TAIL_ENTRIES),
            // Entries are numbered from 1, so that their number is how many there are up to them.
            Depth::After(known) => {
                usize::try_from(known.0).unwrap_or(usize::MAX).min(self.log.len())
            }
            Depth::Full => 0,
        };
        Snapshot { head: self.head.clone(), tail: self.log[skip..].to_vec(), kept: Kept::default() }
    }

    fn outline(&self) -> TaskOutline {
        TaskOutline {
            task: self.head.key.task.clone(),
            context: self.head.context.clone(),
            status: fold_listed(&self.head, &self.log).status,
            status_at: self.head.listed_at(),
        }
    }

    fn current(&self) -> Box<Snapshot> {
        Box::new(self.snapshot(Depth::Tail))
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with other shards of the due index.
    pub fn with_due_shards(due_shards: DueShards) -> Self {
        Self { due_shards, ..Self::default() }
    }

    /// All stored push configs of a task, whether the task names them or not.
    pub fn stored_configs(&self, task: &TaskKey) -> Vec<PushConfig> {
        let configs = self.configs();
        let of_task = configs.iter().filter(|((key, _), _)| key == task);
        of_task.map(|(_, config)| config.clone()).collect()
    }

    /// Deletes heads whose time to live is over, as a store may do by itself. Returns their tasks.
    pub fn let_die(&self, now: Timestamp) -> Vec<TaskKey> {
        let mut tasks = self.tasks();
        let is_over = |record: &Record| record.head.ttl.is_some_and(|ttl| ttl <= now);
        let dead = tasks.iter().filter(|(_, record)| is_over(record));
        let dead: Vec<TaskKey> = dead.map(|(key, _)| key.clone()).collect();
        for key in &dead {
            tasks.remove(key);
        }
        dead
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<TaskKey, Record>> {
        // No code panics while it holds the lock, and each change is made whole.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records of a task's steps that are stored, by scope.
    pub fn stored_steps(&self, task: &TaskKey) -> Vec<(ScopeKey, StepRecord)> {
        let steps = self.step_records();
        let of_task = steps.iter().filter(|((scope, _), _)| scope.task == *task);
        of_task.map(|((scope, _), record)| (scope.clone(), record.clone())).collect()
    }

    /// All entries and session values of a conversation that are stored.
    pub fn stored_conversation(
        &self,
        of: &ConversationKey,
    ) -> (Vec<MemoryEntry>, Vec<SessionValue>) {
        self.conversations.of(of)
    }

    fn step_records(&self) -> MutexGuard<'_, BTreeMap<(ScopeKey, RecordKey), StepRecord>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn configs(&self) -> MutexGuard<'_, BTreeMap<(TaskKey, Registration), PushConfig>> {
        self.configs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_size(entries: &[Entry]) -> Result<(), StoreError> {
    let limit = MAX_ENTRY_BYTES;
    match entries.iter().map(Entry::stored_bytes).find(|bytes| *bytes > limit) {
        Some(bytes) => Err(StoreError::TooLarge { what: "an entry", bytes, limit }),
        None => Ok(()),
    }
}

/// Whether a task has not changed since it was read, and is the same incarnation.
fn is_as(head: &Head, read: &Head) -> bool {
    head.revision == read.revision && head.incarnation == read.incarnation
}

/// Whether a refused request left the config behind before the task ended. The clocks of the
/// processes that create configs and end tasks may differ.
fn is_leftover(config: &PushConfig, expired: &Head) -> bool {
    config.created_at.saturating_add(LEFTOVER_AGE) < expired.status_at
}

#[async_trait]
impl TaskStore for MemoryStore {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        check_size(change.entries())?;
        let head = change.head().clone();
        let mut tasks = self.tasks();
        match tasks.get(&head.key) {
            Some(record) if record.head.write == head.write => Ok(Created::Now(record.current())),
            Some(record) => Ok(Created::Before(record.current())),
            None => {
                let log = change.entries().to_vec();
                let record = Record { head, log };
                let created = record.current();
                tasks.insert(created.head.key.clone(), record);
                Ok(Created::Now(created))
            }
        }
    }

    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError> {
        check_size(change.entries())?;
        let head = change.head().clone();
        let mut tasks = self.tasks();
        match tasks.get(&head.key) {
            Some(record) if record.head.write == head.write => Ok(Created::Now(record.current())),
            Some(record) if !is_as(&record.head, expired) => Ok(Created::Before(record.current())),
            _ => {
                let log = change.entries().to_vec();
                let record = Record { head, log };
                let created = record.current();
                tasks.insert(created.head.key.clone(), record);
                Ok(Created::Now(created))
            }
        }
    }

    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError> {
        let mut tasks = self.tasks();
        let mut configs = self.configs();
        let of_task = configs.iter().filter(|((key, _), _)| *key == expired.key);
        let goes = |of: &Registration, config: &PushConfig| {
            expired.registrations().contains(of) || is_leftover(config, expired)
        };
        let going = of_task.filter(|((_, of), config)| goes(of, config));
        let going: Vec<_> = going.take(limit).map(|(place, _)| place.clone()).collect();
        for place in &going {
            configs.remove(place);
        }
        let mut steps = self.step_records();
        let is_of = |scope: &ScopeKey| scope.is_in(expired);
        let of_task = steps.keys().filter(|(scope, _)| is_of(scope));
        let records: Vec<_> = of_task.take(limit - going.len()).cloned().collect();
        for record in &records {
            steps.remove(record);
        }
        if going.len() + records.len() == limit {
            return Ok(false);
        }
        if tasks.get(&expired.key).is_some_and(|record| is_as(&record.head, expired)) {
            tasks.remove(&expired.key);
        }
        Ok(true)
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.tasks().get(key).map(|record| record.snapshot(depth)))
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        check_size(change.entries())?;
        let mut tasks = self.tasks();
        let Some(record) = tasks.get_mut(&change.head().key) else {
            return Ok(Committed::Lost(None));
        };
        if record.head.write == change.head().write {
            return Ok(Committed::Done(record.current()));
        }
        let lease_stands =
            guard.leased_until.is_none_or(|until| record.head.leased_until() == Some(until));
        if record.head.revision != guard.revision
            || record.head.incarnation != base.head.incarnation
            || !lease_stands
        {
            return Ok(Committed::Lost(Some(record.current())));
        }
        let renewed = record.head.phase.clone();
        record.head = change.head().clone();
        if record.head.phase == base.head.phase {
            record.head.phase = renewed;
        }
        record.log.extend_from_slice(change.entries());
        Ok(Committed::Done(record.current()))
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        let mut tasks = self.tasks();
        let Some(record) = tasks.get_mut(key) else {
            return Ok(Renewed::Lost(None));
        };
        if !record.head.is_held_by(token) {
            return Ok(Renewed::Lost(Some(record.current())));
        }
        record.head.phase = Phase::Running { token: token.clone(), until };
        Ok(Renewed::Done)
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let tasks = self.tasks();
        let mut found: Vec<&Record> =
            tasks.values().filter(|record| query.matches(&record.head)).collect();
        found.sort_by_key(|record| std::cmp::Reverse(Cursor::of(&record.head)));
        let total = query.count.then_some(found.len() as u64);
        if let Some(after) = &query.after {
            found.retain(|record| Cursor::of(&record.head) < *after);
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|record| Cursor::of(&record.head));
        // Every other task comes as an outline, as from a store whose index has the status of some
        // tasks.
        let mut page = Page { tasks: Vec::new(), outlines: Vec::new(), next, hint: 0, total };
        for (place, record) in found.into_iter().enumerate() {
            if query.only_status && place % 2 == 0 {
                page.outlines.push(record.outline());
            } else {
                page.tasks.push(record.snapshot(Depth::Tail));
            }
        }
        Ok(page)
    }

    fn due_shards(&self) -> DueShards {
        self.due_shards
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let order = |task: &DueTask| (task.due, task.key.clone());
        let tasks = self.tasks();
        let in_shard =
            tasks.values().filter(|record| self.due_shards.of(&record.head.key) == shard);
        let mut due: Vec<DueTask> = in_shard
            .filter_map(|record| {
                let due = record.head.due.filter(|due| *due <= until)?;
                Some(DueTask { key: record.head.key.clone(), due })
            })
            .collect();
        due.retain(|task| after.is_none_or(|after| order(after) < order(task)));
        due.sort_by_key(order);
        due.truncate(limit);
        Ok(due)
    }
}

#[async_trait]
impl PushConfigs for MemoryStore {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let place = (task.clone(), config.registration.clone());
        self.configs().insert(place, config.clone());
        Ok(())
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        let configs = self.configs();
        let found = registrations.iter().filter_map(|of| configs.get(&(task.clone(), of.clone())));
        Ok(found.cloned().collect())
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        self.configs().remove(&(task.clone(), registration.clone()));
        Ok(())
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let mut configs = self.configs();
        let Some(stored) = configs.get_mut(&(task.clone(), config.registration.clone())) else {
            return Ok(false);
        };
        if stored.write != *before {
            return Ok(stored.write == config.write);
        }
        stored.clone_from(config);
        Ok(true)
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        let configs = self.configs();
        let in_shard = configs.iter().filter(|((task, _), _)| due_shard(task) == shard);
        let mut failing: Vec<Failing> = in_shard
            .filter_map(|((task, registration), config)| {
                let since = config.delivery.trouble.as_ref()?.since;
                Some(Failing { since, task: task.clone(), registration: registration.clone() })
            })
            .filter(|failing| after.is_none_or(|after| failing > after))
            .collect();
        failing.sort();
        failing.truncate(limit);
        Ok(failing)
    }
}

#[async_trait]
impl StepRecords for MemoryStore {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        let (bytes, limit) = (record.result_bytes(), MAX_ENTRY_BYTES);
        if bytes > limit {
            return Err(StoreError::TooLarge { what: "the record of a step", bytes, limit });
        }
        let mut steps = self.step_records();
        let place = (scope.clone(), record.key.clone());
        Ok(swap(&mut steps, place, before, record, |record| &record.write))
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        Ok(self.step_records().get(&(scope.clone(), key.clone())).cloned())
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        let steps = self.step_records();
        let of_scope = steps.iter().filter(|((of, _), _)| of == scope);
        Ok(of_scope.map(|(_, record)| record.clone()).collect())
    }

    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        let steps = self.step_records();
        let of_task = steps
            .keys()
            .filter(|(of, _)| of.task == *task && of.incarnation.as_ref() == incarnation);
        Ok(of_task.map(|(of, _)| of.number).max())
    }
}

#[async_trait]
impl Memory for MemoryStore {
    async fn put_entry(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        entry: &MemoryEntry,
    ) -> Result<Put<MemoryEntry>, StoreError> {
        self.conversations.put_entry(of, before, entry).await
    }

    async fn entries(
        &self,
        of: &ConversationKey,
        after: u64,
        through: u64,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        self.conversations.entries(of, after, through, limit).await
    }

    async fn put_value(
        &self,
        of: &ConversationKey,
        before: Option<&WriteId>,
        value: &SessionValue,
    ) -> Result<Put<SessionValue>, StoreError> {
        self.conversations.put_value(of, before, value).await
    }

    async fn value(
        &self,
        of: &ConversationKey,
        key: &str,
    ) -> Result<Option<SessionValue>, StoreError> {
        self.conversations.value(of, key).await
    }

    async fn forget(&self, of: &ConversationKey, limit: usize) -> Result<bool, StoreError> {
        self.conversations.forget(of, limit).await
    }
}
