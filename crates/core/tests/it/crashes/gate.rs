//! What an actor does to the world around it, one effect after the other, until it is killed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::{
    Committed, Created, Depth, DueTask, Guard, ListQuery, Page, Renewed, StoreError,
};
use a2a_lambda_core::{
    Answer, Change, Engine, LeaseToken, MemoryStore, NotAdmitted, Push, PushConfig, PushConfigs,
    PushError, Queue, Signal, SignalError, Snapshot, TaskKey, TaskStore, Timer, Wanted, Webhook,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tokio::sync::Notify;

use crate::support::{Receivers, SentSignals, World};

/// Lets so many effects pass; at the next one its actor is dead.
#[derive(Debug)]
pub(crate) struct Gate {
    effects: Mutex<Vec<String>>,
    lets_pass: usize,
    killed: Notify,
}

impl Gate {
    pub(crate) fn new(lets_pass: usize) -> Arc<Self> {
        Arc::new(Self { effects: Mutex::default(), lets_pass, killed: Notify::new() })
    }

    /// The effects so far; the last one, too, at which the actor was killed.
    pub(crate) fn effects(&self) -> Vec<String> {
        self.effects.lock().unwrap().clone()
    }

    /// Returns when the actor is to be killed.
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// The engine of an actor that must pass the gate.
    pub(crate) fn before(self: &Arc<Self>, world: &World) -> Engine {
        let store = Arc::new(GatedStore { gate: self.clone(), inner: world.memory.clone() });
        let signals = |inner: &Arc<SentSignals>| {
            Arc::new(GatedSignals { gate: self.clone(), inner: inner.clone() })
        };
        Engine {
            store: store.clone(),
            configs: store,
            queue: signals(&world.queue),
            timer: signals(&world.timer),
            webhook: Arc::new(GatedWebhook { gate: self.clone(), inner: world.receivers.clone() }),
            ..world.engine.clone()
        }
    }

    async fn pass(&self, effect: impl Into<String>) {
        let number = {
            let mut effects = self.effects.lock().unwrap();
            // What a dead actor would have done beside the effect that it died at is none.
            if effects.len() <= self.lets_pass {
                effects.push(effect.into());
                effects.len()
            } else {
                effects.len() + 1
            }
        };
        if number > self.lets_pass {
            self.killed.notify_one();
            // A dead actor does not come back.
            std::future::pending::<()>().await;
        }
    }
}

struct GatedStore {
    gate: Arc<Gate>,
    inner: Arc<MemoryStore>,
}

#[async_trait]
impl TaskStore for GatedStore {
    async fn create(&self, change: &Change) -> Result<Created, StoreError> {
        self.gate.pass("create the task").await;
        self.inner.create(change).await
    }

    async fn replace(
        &self,
        expired: &a2a_lambda_core::Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        self.gate.pass("replace the expired task").await;
        self.inner.replace(expired, change).await
    }

    async fn purge(
        &self,
        expired: &a2a_lambda_core::Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        self.gate.pass("delete the expired task").await;
        self.inner.purge(expired, limit).await
    }

    async fn read(&self, key: &TaskKey, depth: Depth) -> Result<Option<Snapshot>, StoreError> {
        self.inner.read(key, depth).await
    }

    async fn commit(
        &self,
        base: &Snapshot,
        guard: Guard,
        change: &Change,
    ) -> Result<Committed, StoreError> {
        let entries = match change.entries().len() {
            0 => String::new(),
            1 => ", 1 entry".to_owned(),
            n => format!(", {n} entries"),
        };
        self.gate.pass(format!("commit {}{entries}", change.head().phase.name())).await;
        self.inner.commit(base, guard, change).await
    }

    async fn renew(
        &self,
        key: &TaskKey,
        token: &LeaseToken,
        until: Timestamp,
    ) -> Result<Renewed, StoreError> {
        self.gate.pass("renew the lease").await;
        self.inner.renew(key, token, until).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        TaskStore::list(self.inner.as_ref(), query).await
    }

    async fn due(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        self.inner.due(shard, until, after, limit).await
    }
}

#[async_trait]
impl PushConfigs for GatedStore {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        self.gate.pass("put the push config").await;
        self.inner.put(task, config).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        self.inner.get(task, registrations).await
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        self.gate.pass("delete the push config").await;
        self.inner.delete(task, registration).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        self.gate.pass("note what the receiver has had").await;
        self.inner.advance(task, before, config).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        self.inner.failing(shard, after, limit).await
    }
}

struct GatedWebhook {
    gate: Arc<Gate>,
    inner: Arc<Receivers>,
}

#[async_trait]
impl Webhook for GatedWebhook {
    async fn admit(&self, url: &str) -> Result<(), NotAdmitted> {
        self.inner.admit(url).await
    }

    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError> {
        let number = push.id.rsplit('_').next().unwrap_or_default();
        self.gate.pass(format!("push entry {number}")).await;
        self.inner.post(push, wanted).await
    }
}

struct GatedSignals {
    gate: Arc<Gate>,
    inner: Arc<SentSignals>,
}

#[async_trait]
impl Queue for GatedSignals {
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let when = if delay.is_zero() { "now".into() } else { format!("in {} s", delay.as_secs()) };
        self.gate.pass(format!("signal {when}")).await;
        self.inner.send(signal, delay).await
    }
}

#[async_trait]
impl Timer for GatedSignals {
    async fn signal_at(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        self.gate.pass("set the timer").await;
        self.inner.signal_at(signal, at).await
    }
}
