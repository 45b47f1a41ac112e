//! A store that fails when the test says so.

mod conversations;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_core::ids::{Incarnation, Registration, WriteId};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueShards, DueTask, Guard, ListQuery, Page, Renewed, Snapshot,
    StoreError,
};
use a2a_lambda_core::{
    Change, Formats, Head, LeaseToken, MemoryStore, PushConfig, PushConfigs, TaskKey, TaskStore,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tokio::sync::Semaphore;

/// The kind of a request to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is an operation of a store's trait")]
#[non_exhaustive]
pub enum Kind {
    Create,
    Replace,
    Purge,
    Read,
    Glance,
    Commit,
    Renew,
    List,
    Due,
    PutConfig,
    GetConfigs,
    DeleteConfig,
    AdvanceConfig,
    Failing,
    PutStep,
    GetStep,
    GetSteps,
    PutEntry,
    GetEntries,
    PutValue,
    GetValue,
    Forget,
}

/// One request to the store.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The kind of the request.
    pub kind: Kind,
    /// The request's number, from 1, since the plan was made.
    pub number: usize,
    /// Its number among those of its kind.
    pub of_kind: usize,
    /// The task that it is about, if it is about one.
    pub task: Option<&'a TaskKey>,
    /// The shard of an index that is asked for.
    pub shard: Option<u8>,
    /// The commit, and the head that it was made from.
    pub commit: Option<(&'a Head, &'a Change)>,
    /// The record of a step that is put.
    pub step: Option<&'a StepRecord>,
}

/// The fate of a request.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Fault {
    /// It does not arrive.
    LoseRequest,
    /// It is refused, and will be again.
    Refuse,
    /// Another release wrote the item.
    OtherRelease,
    /// It fails with this error, and nothing is done.
    Fail(fn() -> StoreError),
    /// It is carried out, but its answer does not arrive.
    LoseAnswer,
    /// As `LoseAnswer`, and it takes this long to find out.
    LoseAnswerFor(Duration),
    /// It does not arrive, and no answer comes.
    HangBefore,
    /// It is carried out, and no answer comes.
    HangAfter,
    /// It takes this long to arrive.
    SlowRequest(Duration),
    /// The answer takes this long to arrive.
    SlowAnswer(Duration),
    /// It is held before it arrives, until the test lets it go on.
    HoldRequest(Hold),
    /// It is carried out, and the answer is held until the test lets it go on.
    HoldAnswer(Hold),
}

/// A point at which a test holds those who arrive. A copy is the same place, which is kept until
/// the test's process ends.
#[derive(Debug, Clone, Copy)]
pub struct Hold(&'static Places);

#[derive(Debug)]
struct Places {
    reached: Semaphore,
    released: Semaphore,
}

impl Default for Hold {
    fn default() -> Self {
        let places = Places { reached: Semaphore::new(0), released: Semaphore::new(0) };
        Self(Box::leak(Box::new(places)))
    }
}

impl Hold {
    /// A place that nothing has reached.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns when something is held here, once for each that is.
    pub async fn reached(&self) {
        taken(&self.0.reached).await;
    }

    /// Lets one go on: the one that is held, or else the next that comes.
    pub fn release(&self) {
        self.0.released.add_permits(1);
    }

    /// Waits here until it is let go.
    pub async fn wait(&self) {
        self.0.reached.add_permits(1);
        taken(&self.0.released).await;
    }
}

async fn taken(permits: &Semaphore) {
    if let Ok(permit) = permits.acquire().await {
        permit.forget();
    }
}

type Plan = Box<dyn FnMut(Call<'_>) -> Option<Fault> + Send>;

/// A store that forwards to another one, but for the faults of a plan. It counts its requests.
///
/// ```
/// # use std::sync::Arc;
/// # use a2a_lambda_core::MemoryStore;
/// use a2a_lambda_testing::{Fault, FaultyStore, Kind};
///
/// let store = FaultyStore::new(Arc::new(MemoryStore::new()));
/// // The second commit is made, and its answer is lost.
/// store.plan(|call| {
///     (call.kind == Kind::Commit && call.of_kind == 2).then_some(Fault::LoseAnswer)
/// });
/// ```
pub struct FaultyStore<S = MemoryStore> {
    inner: Arc<S>,
    state: Mutex<State>,
}

struct State {
    plan: Plan,
    calls: Vec<Kind>,
    /// Whether no task is to be found any more.
    emptied: bool,
}

impl State {
    fn with(plan: Plan) -> Self {
        Self { plan, calls: Vec::new(), emptied: false }
    }
}

impl<S> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").finish_non_exhaustive()
    }
}

impl Default for FaultyStore {
    fn default() -> Self {
        Self::new(Arc::new(MemoryStore::new()))
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("lost on the way".into())
}

impl<S> FaultyStore<S> {
    /// A store that has no faults yet.
    pub fn new(inner: Arc<S>) -> Self {
        Self { inner, state: Mutex::new(State::with(Box::new(|_| None))) }
    }

    /// The store without its faults.
    pub fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// From the next request on, faults come as `plan` says.
    pub fn plan(&self, plan: impl FnMut(Call<'_>) -> Option<Fault> + Send + 'static) {
        *self.state() = State::with(Box::new(plan));
    }

    /// From the next request on, the one with this number among those of its kind meets the fault.
    pub fn fail_nth(&self, kind: Kind, nth: usize, fault: Fault) {
        self.plan(move |call| (call.kind == kind && call.of_kind == nth).then_some(fault));
    }

    /// From the next request on, each of this kind meets the fault.
    pub fn fail_each(&self, kind: Kind, fault: Fault) {
        self.plan(move |call| (call.kind == kind).then_some(fault));
    }

    /// From the next request on, there are no faults.
    pub fn heal(&self) {
        self.plan(|_| None);
    }

    /// From the next request on, no task is found, as if all were deleted.
    pub fn empty(&self) {
        self.state().emptied = true;
    }

    /// How many requests were made since the plan was.
    pub fn count(&self) -> usize {
        self.state().calls.len()
    }

    /// How many of a kind.
    pub fn count_of(&self, kind: Kind) -> usize {
        self.state().calls.iter().filter(|call| **call == kind).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A plan may panic, as tests do.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn through<T: Send>(
        &self,
        asked: Asked<'_>,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = {
            let state = &mut *self.state();
            state.calls.push(asked.kind);
            let of_kind = state.calls.iter().filter(|call| **call == asked.kind).count();
            let Asked { kind, task, shard, commit, step } = asked;
            let number = state.calls.len();
            (state.plan)(Call { kind, number, of_kind, task, shard, commit, step })
        };
        // Even a fast store is an await away.
        tokio::task::yield_now().await;
        match fault {
            None => request.await,
            Some(Fault::LoseRequest) => Err(lost()),
            Some(Fault::Refuse) => Err(StoreError::Refused("the test says so".into())),
            Some(Fault::OtherRelease) => Err(of_other_release(asked)),
            Some(Fault::Fail(error)) => Err(error()),
            Some(Fault::LoseAnswer) => request.await.and_then(|_| Err(lost())),
            Some(Fault::LoseAnswerFor(wait)) => {
                request.await?;
                tokio::time::sleep(wait).await;
                Err(lost())
            }
            Some(Fault::HangBefore) => std::future::pending().await,
            Some(Fault::HangAfter) => {
                request.await?;
                std::future::pending().await
            }
            Some(Fault::SlowRequest(wait)) => {
                tokio::time::sleep(wait).await;
                request.await
            }
            Some(Fault::SlowAnswer(wait)) => {
                let answer = request.await;
                tokio::time::sleep(wait).await;
                answer
            }
            Some(Fault::HoldRequest(hold)) => {
                hold.wait().await;
                request.await
            }
            Some(Fault::HoldAnswer(hold)) => {
                let answer = request.await;
                hold.wait().await;
                answer
            }
        }
    }
}

fn of_other_release(asked: Asked<'_>) -> StoreError {
    let key = asked.task.map_or_else(|| "of an index".to_owned(), ToString::to_string);
    let item = match asked.kind {
        Kind::PutConfig | Kind::GetConfigs | Kind::DeleteConfig | Kind::AdvanceConfig => {
            "push config"
        }
        Kind::PutStep | Kind::GetStep | Kind::GetSteps => "step",
        Kind::PutEntry | Kind::GetEntries => "memory",
        Kind::PutValue | Kind::GetValue => "session value",
        _ => "head",
    };
    match Formats::new(item, 1, 1).check(99) {
        Err(source) => StoreError::OtherRelease { key, source },
        Ok(()) => lost(),
    }
}

/// A plan's view of a request, beside its numbers.
#[derive(Clone, Copy)]
struct Asked<'a> {
    kind: Kind,
    task: Option<&'a TaskKey>,
    shard: Option<u8>,
    commit: Option<(&'a Head, &'a Change)>,
    step: Option<&'a StepRecord>,
}

impl<'a> Asked<'a> {
    fn of(kind: Kind) -> Self {
        Self { kind, task: None, shard: None, commit: None, step: None }
    }

    fn on(kind: Kind, task: &'a TaskKey) -> Self {
        Self { task: Some(task), ..Self::of(kind) }
    }

    fn shard(kind: Kind, shard: u8) -> Self {
        Self { shard: Some(shard), ..Self::of(kind) }
    }
}

#[async_trait]
impl<S: TaskStore> TaskStore for FaultyStore<S> {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        let asked = Asked::on(Kind::Create, &change.head().key);
        self.through(asked, self.inner.create(change)).await
    }

    async fn replace(&self, expired: &Head, change: &Change) -> Result<Created, StoreError> {
        let asked = Asked::on(Kind::Replace, &expired.key);
        self.through(asked, self.inner.replace(expired, change)).await
    }

    async fn purge(&self, expired: &Head, limit: usize) -> Result<bool, StoreError> {
        let asked = Asked::on(Kind::Purge, &expired.key);
        self.through(asked, self.inner.purge(expired, limit)).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let found = self.through(Asked::on(Kind::Read, key), self.inner.read(key, depth)).await?;
        Ok(found.filter(|_| !self.state().emptied))
    }

    async fn glance(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let asked = Asked::on(Kind::Glance, key);
        let found = self.through(asked, self.inner.glance(key, depth)).await?;
        Ok(found.filter(|_| !self.state().emptied))
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let commit = Some((&base.head, change));
        let asked = Asked { commit, ..Asked::on(Kind::Commit, &base.head.key) };
        self.through(asked, self.inner.commit(base, guard, change)).await
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        self.through(Asked::on(Kind::Renew, key), self.inner.renew(key, token, until)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.through(Asked::of(Kind::List), self.inner.list(query)).await
    }

    fn due_shards(&self) -> DueShards {
        self.inner.due_shards()
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let asked = Asked::shard(Kind::Due, shard);
        self.through(asked, self.inner.due(shard, until, after, limit)).await
    }
}

#[async_trait]
impl<S: PushConfigs> PushConfigs for FaultyStore<S> {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        self.through(Asked::on(Kind::PutConfig, task), self.inner.put(task, config)).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        self.through(Asked::on(Kind::GetConfigs, task), self.inner.get(task, registrations)).await
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        let asked = Asked::on(Kind::DeleteConfig, task);
        self.through(asked, self.inner.delete(task, registration)).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let asked = Asked::on(Kind::AdvanceConfig, task);
        self.through(asked, self.inner.advance(task, before, config)).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        let asked = Asked::shard(Kind::Failing, shard);
        self.through(asked, self.inner.failing(shard, after, limit)).await
    }
}

#[async_trait]
impl<S: StepRecords> StepRecords for FaultyStore<S> {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        let asked = Asked { step: Some(record), ..Asked::on(Kind::PutStep, &scope.task) };
        self.through(asked, self.inner.put_step(scope, before, record)).await
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        self.through(Asked::on(Kind::GetStep, &scope.task), self.inner.step(scope, key)).await
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        self.through(Asked::on(Kind::GetSteps, &scope.task), self.inner.steps(scope)).await
    }

    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        let asked = Asked::on(Kind::GetSteps, task);
        self.through(asked, self.inner.newest_scope(task, incarnation)).await
    }
}
