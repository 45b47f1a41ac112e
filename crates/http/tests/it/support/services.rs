//! What the engine needs: time, ids, a queue whose runners are tasks of the test's runtime, and a
//! store that fails.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use a2a_lambda_core::ids::{LeaseToken, TaskKey};
use a2a_lambda_core::store::{Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed};
use a2a_lambda_core::{
    Change, Clock, Company, Ids, Queue, Runner, Signal, SignalError, Snapshot, StoreError,
    TaskStore, Timer,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

/// How long an invocation of a runner lasts, as on Lambda.
const INVOCATION: Duration = Duration::from_mins(15);

/// Tokio's paused time.
#[derive(Debug)]
pub(super) struct TestClock(tokio::time::Instant);

impl TestClock {
    pub(super) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp::from_millis(1_700_000_000_000 + passed)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// `id-1`, `id-2`, …
#[derive(Debug, Default)]
pub(super) struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn fresh(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Sends a signal by starting a runner for it.
#[derive(Debug, Default)]
pub(super) struct Runners(OnceLock<Runner>);

impl Runners {
    pub(super) fn are(&self, runner: Runner) {
        self.0.set(runner).unwrap();
    }
}

#[async_trait]
impl Queue for Runners {
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let (runner, key) = (self.0.get().unwrap().clone(), signal.key());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let deadline = runner.engine().clock.now().saturating_add(INVOCATION);
            // A store that fails is the test's doing, and not for the runner to report.
            let _ = runner.attend(&key, deadline, Company::Alone).await;
        });
        Ok(())
    }
}

#[async_trait]
impl Timer for Runners {
    async fn signal_at(&self, _signal: &Signal, _at: Timestamp) -> Result<(), SignalError> {
        panic!("no agent of these tests waits for so long");
    }
}

/// A store that answers everything with the same error.
pub(crate) struct BrokenStore(pub(crate) fn() -> StoreError);

#[async_trait]
impl TaskStore for BrokenStore {
    async fn create(&self, _: &Change) -> Result<Created, StoreError> {
        Err((self.0)())
    }

    async fn replace(&self, _: &a2a_lambda_core::Head, _: &Change) -> Result<Created, StoreError> {
        Err((self.0)())
    }

    async fn purge(&self, _: &a2a_lambda_core::Head, _: usize) -> Result<bool, StoreError> {
        Err((self.0)())
    }

    async fn read(&self, _: &TaskKey, _: Depth) -> Result<Option<Snapshot>, StoreError> {
        Err((self.0)())
    }

    async fn commit(&self, _: &Snapshot, _: Guard, _: &Change) -> Result<Committed, StoreError> {
        Err((self.0)())
    }

    async fn renew(
        &self,
        _: &TaskKey,
        _: &LeaseToken,
        _: Timestamp,
    ) -> Result<Renewed, StoreError> {
        Err((self.0)())
    }

    async fn list(&self, _: &ListQuery) -> Result<Page, StoreError> {
        Err((self.0)())
    }

    async fn due(
        &self,
        _: u8,
        _: Timestamp,
        _: Option<&DueTask>,
        _: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        Err((self.0)())
    }
}
