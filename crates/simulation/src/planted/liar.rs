//! The store that lies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::Change;
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueShards, DueTask, Guard, Kept, ListQuery, Page, Renewed, Snapshot,
    StoreError,
};
use a2a_lambda_core::{
    Ending, Generation, Head, Interruption, LeaseToken, Mark, Phase, PushConfig, PushConfigs,
    Registration, TaskKey, TaskStore, Tenant,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use super::{Planted, pushes};
use crate::ground::{Store, lock};
use crate::op::Who;

/// One of this many commits is forgotten.
const FORGOTTEN: u32 = 13;

pub(super) struct Liar {
    pub(super) truth: Arc<dyn Store>,
    pub(super) bug: Planted,
    pub(super) commits: AtomicU32,
    /// Each task before it was canceled, or as it was last read.
    before: Mutex<BTreeMap<TaskKey, Snapshot>>,
    /// The registrations of all configs that were ever put, for the bugs that need them.
    put: Mutex<BTreeMap<TaskKey, Vec<Registration>>>,
}

impl Liar {
    pub(super) fn new(truth: Arc<dyn Store>, bug: Planted) -> Self {
        Self {
            truth,
            bug,
            commits: AtomicU32::new(0),
            before: Mutex::default(),
            put: Mutex::default(),
        }
    }

    pub(super) fn has(&self, bug: Planted) -> bool {
        self.bug == bug
    }

    async fn making(
        &self,
        task: &TaskKey,
        registration: &Registration,
    ) -> Result<Option<PushConfig>, StoreError> {
        Ok(self.truth.get(task, std::slice::from_ref(registration)).await?.pop())
    }

    /// Whether the settlement of a task's pushes implies its cursors.
    async fn is_told(&self, task: &TaskKey) -> Result<bool, StoreError> {
        let now = self.truth.read(task, Depth::Tail).await?;
        Ok(now.is_some_and(|now| now.head.pushed_through().is_some()))
    }

    /// The live config with the same id, if it has another registration.
    async fn other_making(
        &self,
        task: &TaskKey,
        registration: &Registration,
    ) -> Result<Option<Registration>, StoreError> {
        let now = self.truth.read(task, Depth::Tail).await?;
        let live = now.map(|now| now.head.registrations().to_vec()).unwrap_or_default();
        let is_other = |of: &Registration| of.is_of_same_config(registration) && of != registration;
        Ok(live.into_iter().find(is_other))
    }

    /// A snapshot as every answer shows it.
    fn shown(&self, mut snapshot: Snapshot) -> Snapshot {
        let head = &mut snapshot.head;
        pushes::head_as(self.bug, head);
        if let Some(pushes) = &mut head.pushes
            && self.bug == Planted::LeftoversLive
            && let Some(put) = lock(&self.put).get(&head.key)
        {
            // Every stored config counts as live.
            let live = &mut pushes.configs;
            let left = put.iter().filter(|of| !live.iter().any(|one| one.is_of_same_config(of)));
            let left: Vec<Registration> = left.cloned().collect();
            live.extend(left);
        }
        match self.bug {
            Planted::LeaseLooksExpired => {
                if let Phase::Running { until, .. } = &mut head.phase {
                    *until = Timestamp::from_millis(0);
                }
            }
            Planted::InboxHidden => head.last_message = head.last_message.min(head.given),
            Planted::InboxEmptied => head.consumed = head.last_message,
            Planted::InputGrows => head.given = head.last_message,
            Planted::KeyForgotten => head.request = None,
            Planted::FollowUpKeysForgotten => head.follow_ups.clear(),
            Planted::EndHidden if head.phase == Phase::Ended(Ending::Completed) => {
                head.phase = Phase::Interrupted {
                    interruption: Interruption::InputRequired,
                    patience: None,
                };
            }
            Planted::OwnersForgotten => {
                let turn = self.commits.fetch_add(1, Ordering::Relaxed);
                if turn % 2 == 1 {
                    head.owner = Who::Bob.caller().owner;
                }
            }
            Planted::DeletionHidden => head.is_deleted = false,
            Planted::WokenForgotten => head.woken = false,
            Planted::MessageLostInScope if head.scope_turns > 0 => head.consumed = head.given,
            Planted::AttemptsForgotten => head.attempt = head.attempt.min(1),
            Planted::LastEntryMissing => drop(snapshot.tail.pop()),
            _ => {}
        }
        snapshot
    }

    fn boxed(&self, snapshot: Box<Snapshot>) -> Box<Snapshot> {
        Box::new(self.shown(*snapshot))
    }

    /// A snapshot as a read shows it.
    fn read_as(&self, snapshot: Snapshot, depth: Depth) -> Snapshot {
        let mut snapshot = self.shown(snapshot);
        match (self.bug, depth) {
            (Planted::CursorOffByOne, Depth::After(known)) => {
                // The head is unchanged, so that nobody notices.
                let skipped = known.next();
                for entry in snapshot.tail.iter_mut().filter(|of| of.position == skipped.next()) {
                    entry.position = skipped;
                }
            }
            (Planted::MessagesNumbered, Depth::After(_)) => {
                for entry in &mut snapshot.tail {
                    entry.generation = Generation(entry.position.0);
                }
            }
            (Planted::CursorSkips, Depth::After(_)) if snapshot.tail.len() > 2 => {
                snapshot.tail.remove(1);
            }
            (Planted::EarlierLogRead, _) => {
                let mut before = lock(&self.before);
                let key = snapshot.head.key.clone();
                match before.get(&key) {
                    Some(first) if first.head.incarnation != snapshot.head.incarnation => {
                        for entry in &mut snapshot.tail {
                            let theirs = first.tail.iter().find(|of| of.position == entry.position);
                            *entry = theirs.unwrap_or(entry).clone();
                        }
                    }
                    Some(longer) if longer.tail.len() >= snapshot.tail.len() => {}
                    _ => drop(before.insert(key, snapshot.clone())),
                }
            }
            (Planted::NeverNews, Depth::After(known)) => {
                snapshot.head.position = known;
                snapshot.tail.clear();
            }
            (Planted::CancelHidden, Depth::Tail | Depth::After(_)) => {
                let mut before = lock(&self.before);
                let key = snapshot.head.key.clone();
                if snapshot.head.phase == Phase::Ended(Ending::Canceled) {
                    return before.get(&key).cloned().unwrap_or(snapshot);
                }
                before.insert(key, snapshot.clone());
            }
            (Planted::StaleReads, _) => {
                let mut before = lock(&self.before);
                let key = snapshot.head.key.clone();
                let last = before.insert(key, snapshot.clone());
                let reaches = depth != Depth::Full || last.as_ref().is_some_and(Snapshot::is_full);
                return last.filter(|_| reaches).unwrap_or(snapshot);
            }
            _ => {}
        }
        snapshot
    }
}

/// Whether a commit gives up the pending-push mark.
fn is_settling(before: &Head, head: &Head) -> bool {
    let is_claimed = matches!(before.mark(), Some(Mark::Claimed { .. }));
    is_claimed && !matches!(head.mark(), Some(Mark::Claimed { .. }))
}

#[async_trait]
impl TaskStore for Liar {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        if self.has(Planted::ReplacesTheLiving)
            && let Some(now) = self.truth.read(&change.head().key, Depth::Tail).await?
        {
            return self.truth.replace(&now.head, change).await;
        }
        Ok(match self.truth.create(change).await? {
            Created::Before(_) if self.has(Planted::CreatedTwice) => {
                Created::Now(Box::new(Snapshot::created(change, Kept::default())))
            }
            Created::Before(snapshot) => Created::Before(self.boxed(snapshot)),
            Created::Now(snapshot) => Created::Now(self.boxed(snapshot)),
        })
    }

    async fn replace(
        &self,
        expired: &a2a_lambda_core::Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        Ok(match self.truth.replace(expired, change).await? {
            Created::Before(snapshot) => Created::Before(self.boxed(snapshot)),
            Created::Now(snapshot) => Created::Now(self.boxed(snapshot)),
        })
    }

    async fn purge(
        &self,
        expired: &a2a_lambda_core::Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        match self.bug {
            Planted::PurgeTakesAll => {
                let put = lock(&self.put).remove(&expired.key).unwrap_or_default();
                for registration in put {
                    self.truth.delete(&expired.key, &registration).await?;
                }
            }
            Planted::PurgeForgotten => return Ok(true),
            _ => {}
        }
        self.truth.purge(expired, limit).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let mut found = self.truth.read(key, depth).await?;
        if found.is_none() && self.has(Planted::TenantsCrossed) {
            let key = TaskKey { tenant: Tenant::default(), task: key.task.clone() };
            found = self.truth.read(&key, depth).await?;
        }
        Ok(found.map(|snapshot| self.read_as(snapshot, depth)))
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let mut base = base.clone();
        let mut guard = guard;
        let key = &change.head().key;
        match self.bug {
            Planted::LeaseEndIgnored | Planted::LeaseLooksExpired => guard.leased_until = None,
            Planted::GuardIgnored => {
                if let Some(now) = self.truth.read(key, Depth::Tail).await? {
                    guard.revision = now.head.revision;
                }
            }
            Planted::SettleUnguarded if is_settling(&base.head, change.head()) => {
                let now = self.truth.read(key, Depth::Tail).await?;
                let same = now.filter(|now| now.head.position == base.head.position);
                if let Some(now) = same {
                    guard.revision = now.head.revision;
                }
            }
            Planted::IncarnationIgnored => {
                if let Some(now) = self.truth.read(key, Depth::Tail).await?
                    && now.head.incarnation != base.head.incarnation
                {
                    base.head.incarnation = now.head.incarnation;
                    guard.revision = now.head.revision;
                }
            }
            Planted::RenewalUndone => base.head.phase = Phase::Submitted,
            Planted::MarkForgotten => {
                let now = self.truth.read(key, Depth::Tail).await?;
                if let Some(now) = now.filter(|now| now.head.write == change.head().write) {
                    return Ok(Committed::Lost(Some(Box::new(now))));
                }
            }
            Planted::CommitForgotten => {
                let number = self.commits.fetch_add(1, Ordering::Relaxed);
                if number % FORGOTTEN == FORGOTTEN - 1 {
                    base.head = change.head().clone();
                    base.tail.extend_from_slice(change.entries());
                    return Ok(Committed::Done(Box::new(base)));
                }
            }
            _ => {}
        }
        Ok(match self.truth.commit(&base, guard, change).await? {
            Committed::Done(snapshot) => Committed::Done(self.boxed(snapshot)),
            Committed::Lost(snapshot) => Committed::Lost(snapshot.map(|of| self.boxed(of))),
        })
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        match self.bug {
            Planted::RenewalForgotten => return Ok(Renewed::Done),
            Planted::OtherRenewed => {
                let now = self.truth.read(key, Depth::Tail).await?;
                if let Some(Phase::Running { token, .. }) = now.map(|now| now.head.phase) {
                    return self.truth.renew(key, &token, until).await;
                }
            }
            _ => {}
        }
        Ok(match self.truth.renew(key, token, until).await? {
            Renewed::Lost(_) if self.has(Planted::StaleRenewed) => Renewed::Done,
            Renewed::Lost(now) => {
                Renewed::Lost(now.map(|now| Box::new(self.read_as(*now, Depth::Tail))))
            }
            Renewed::Done => Renewed::Done,
        })
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let mut query = query.clone();
        if self.has(Planted::ListsTheExpired) {
            query.ended_after = None;
        }
        let query = &query;
        let mut page = TaskStore::list(self.truth.as_ref(), query).await?;
        if self.has(Planted::ListShort) {
            page.tasks.pop();
        }
        if self.has(Planted::ListsCrossed) {
            for who in Who::ALL {
                let other = who.caller();
                if other.owner != query.owner {
                    let query = ListQuery { owner: other.owner, ..query.clone() };
                    page.tasks.extend(TaskStore::list(self.truth.as_ref(), &query).await?.tasks);
                }
            }
        }
        page.tasks = page.tasks.into_iter().map(|task| self.shown(task)).collect();
        Ok(page)
    }

    fn due_shards(&self) -> DueShards {
        self.truth.due_shards()
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let forgotten =
            self.has(Planted::NeverDue) || (self.has(Planted::ShardForgotten) && shard == 3);
        if forgotten {
            return Ok(Vec::new());
        }
        let mut due = self.truth.due(shard, until, after, limit).await?;
        if self.has(Planted::PushesNotSwept) {
            let mut swept = Vec::new();
            for task in due {
                let now = self.truth.read(&task.key, Depth::Tail).await?;
                if !pushes::is_not_swept(self.bug, now.as_ref()) {
                    swept.push(task);
                }
            }
            due = swept;
        }
        Ok(due)
    }
}

#[async_trait]
impl PushConfigs for Liar {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        if self.has(Planted::LeftoversLive) || self.has(Planted::PurgeTakesAll) {
            lock(&self.put).entry(task.clone()).or_default().push(config.registration.clone());
        }
        if self.has(Planted::ConfigsOverwritten)
            && let Some(other) = self.other_making(task, &config.registration).await?
        {
            self.truth.delete(task, &other).await?;
        }
        self.truth.put(task, config).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        let mut found = self.truth.get(task, registrations).await?;
        if self.has(Planted::ConfigForgotten) {
            found.pop();
        }
        let mut shown: Vec<_> =
            found.into_iter().map(|config| pushes::config_as(self.bug, config)).collect();
        for config in shown.iter_mut().filter(|_| self.bug.is_of_repeats()) {
            let mut delivery = (*config.delivery).clone();
            match self.bug {
                Planted::RepeatsRenamed => {
                    let mut put = lock(&self.put);
                    let read = put.entry(task.clone()).or_default();
                    delivery.replays += u32::from(read.contains(&config.registration));
                    read.push(config.registration.clone());
                }
                _ if self.is_told(task).await? => delivery.trouble = None,
                _ => {}
            }
            config.delivery = delivery.into();
        }
        Ok(shown)
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        if self.has(Planted::RefusedTakesBack)
            && let Some(other) = self.other_making(task, registration).await?
        {
            self.truth.delete(task, &other).await?;
        }
        self.truth.delete(task, registration).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        if self.has(Planted::SettledCursorForgotten) && self.is_told(task).await? {
            return Ok(true);
        }
        if self.has(Planted::CursorUnguarded)
            && let Some(now) = self.making(task, &config.registration).await?
        {
            return self.truth.advance(task, &now.write, config).await;
        }
        self.truth.advance(task, before, config).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        self.truth.failing(shard, after, limit).await
    }
}
