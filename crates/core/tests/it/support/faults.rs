//! A store that fails when the test says so.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::machine::Change;
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed, Snapshot, StoreError,
};
use a2a_lambda_core::{LeaseToken, MemoryStore, PushConfig, PushConfigs, TaskKey, TaskStore};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

/// What is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Replace,
    Purge,
    Read,
    Commit,
    Renew,
    List,
    Due,
    PutConfig,
    GetConfigs,
    DeleteConfig,
    AdvanceConfig,
    Failing,
}

/// One request to the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    /// The request's number, from 1, since the plan was made.
    pub(crate) number: usize,
    /// Its number among those of its kind.
    pub(crate) of_kind: usize,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It does not arrive.
    LoseRequest,
    /// It is refused, and will be again.
    Refuse,
    /// It is carried out, but its answer does not arrive.
    LoseAnswer,
    /// As `LoseAnswer`, and it takes this long to find out.
    LoseAnswerFor(Duration),
    /// It does not arrive, and nobody is told.
    HangBefore,
    /// It is carried out, and nobody is told.
    HangAfter,
    /// It takes this long to arrive.
    SlowRequest(Duration),
    /// The answer takes this long to arrive.
    SlowAnswer(Duration),
}

type Plan = Box<dyn FnMut(Call) -> Option<Fault> + Send>;

pub(crate) struct FaultyStore {
    inner: Arc<MemoryStore>,
    state: Mutex<State>,
}

struct State {
    plan: Plan,
    calls: Vec<Kind>,
    /// Whether no task is to be found any more.
    emptied: bool,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").finish_non_exhaustive()
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("lost on the way".into())
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<MemoryStore>) -> Self {
        let state =
            Mutex::new(State { plan: Box::new(|_| None), calls: Vec::new(), emptied: false });
        Self { inner, state }
    }

    /// From the next request on, faults come as `plan` says.
    pub(crate) fn plan(&self, plan: impl FnMut(Call) -> Option<Fault> + Send + 'static) {
        *self.state.lock().unwrap() =
            State { plan: Box::new(plan), calls: Vec::new(), emptied: false };
    }

    /// From the next request on, there are no faults.
    pub(crate) fn heal(&self) {
        self.plan(|_| None);
    }

    /// From the next request on, no task is found, as if all were deleted.
    pub(crate) fn empty(&self) {
        self.state.lock().unwrap().emptied = true;
    }

    /// How many requests were made since the plan was.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().calls.len()
    }

    /// How many of a kind.
    pub(crate) fn count_of(&self, kind: Kind) -> usize {
        self.state.lock().unwrap().calls.iter().filter(|call| **call == kind).count()
    }

    async fn through<T: Send>(
        &self,
        kind: Kind,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = {
            let State { plan, calls, .. } = &mut *self.state.lock().unwrap();
            calls.push(kind);
            let of_kind = calls.iter().filter(|call| **call == kind).count();
            plan(Call { kind, number: calls.len(), of_kind })
        };
        // Even a fast store is an await away.
        tokio::task::yield_now().await;
        match fault {
            None => request.await,
            Some(Fault::LoseRequest) => Err(lost()),
            Some(Fault::Refuse) => Err(StoreError::Refused("no rights".into())),
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
        }
    }
}

#[async_trait]
impl TaskStore for FaultyStore {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        self.through(Kind::Create, self.inner.create(change)).await
    }

    async fn replace(
        &self,
        expired: &a2a_lambda_core::Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        self.through(Kind::Replace, self.inner.replace(expired, change)).await
    }

    async fn purge(
        &self,
        expired: &a2a_lambda_core::Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        self.through(Kind::Purge, self.inner.purge(expired, limit)).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        let found = self.through(Kind::Read, self.inner.read(key, depth)).await?;
        Ok(found.filter(|_| !self.state.lock().unwrap().emptied))
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        self.through(Kind::Commit, self.inner.commit(base, guard, change)).await
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        self.through(Kind::Renew, self.inner.renew(key, token, until)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.through(Kind::List, TaskStore::list(self.inner.as_ref(), query)).await
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        self.through(Kind::Due, self.inner.due(shard, until, after, limit)).await
    }
}

#[async_trait]
impl PushConfigs for FaultyStore {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        self.through(Kind::PutConfig, self.inner.put(task, config)).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        self.through(Kind::GetConfigs, self.inner.get(task, registrations)).await
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        self.through(Kind::DeleteConfig, self.inner.delete(task, registration)).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        self.through(Kind::AdvanceConfig, self.inner.advance(task, before, config)).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        self.through(Kind::Failing, self.inner.failing(shard, after, limit)).await
    }
}
