//! The operators' actions on pushes: find the configs in trouble, replay pushes that a receiver has
//! lost, and enable a disabled config.
//!
//! All of this is safe while others deliver. A config is written only over the state that was read.
//! An attempt in flight notices the new write, and its outcome does not count. The config is
//! written before the task's mark, as when a config is created. If the process dies in between,
//! nothing was sent, and a repetition does the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use a2a_lambda_protocol::{TaskState, Timestamp};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::engine::TransactError;
use crate::head::Head;
use crate::ids::{ConfigId, Generation, Position, Registration, TaskKey};
use crate::machine::{Command, Stamp};
use crate::operator::{OperateError, Operator, not_done};
use crate::push::mark::{Mark, Pushes};
use crate::push::settled::transact_pushes;
use crate::push::url::public_part;
use crate::push::{Delivery, Failing, PushConfig};
use crate::store::{DUE_SHARDS, Depth, Snapshot, StoreError};
use crate::version::ProtocolVersion;

/// The most configs on a page of [`Operator::failing`].
pub const MAX_FAILING_PAGE: usize = 100;

/// How many configs are read at a time.
const READS_AT_ONCE: usize = 8;

/// A push config as operators see it: without its secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigState {
    /// Its id.
    pub id: ConfigId,
    /// The receiver's URL, without parts that may be secret: no user, no password and no query.
    pub url: String,
    /// The version of A2A that the pushes are written in.
    pub version: ProtocolVersion,
    /// When it was created or last replaced.
    pub created_at: Timestamp,
    /// How far its receiver has come.
    pub delivery: Delivery,
}

impl From<PushConfig> for ConfigState {
    fn from(config: PushConfig) -> Self {
        let PushConfig { id, url, version, created_at, delivery, .. } = config;
        Self { id, url: public_part(&url), version, created_at, delivery }
    }
}

/// A config in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct FailingConfig {
    /// The config's task.
    pub task: TaskKey,
    /// The config.
    pub config: ConfigState,
}

/// A page of configs in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct FailingPage {
    /// The configs, the longest in trouble first.
    pub configs: Vec<FailingConfig>,
    /// The begin of the next page; `None` if this is the last one.
    pub next: Option<FailingPlace>,
}

/// A place in the listing of all configs in trouble.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailingPlace {
    /// The last listed config of each shard.
    after: [Option<Failing>; DUE_SHARDS as usize],
}

/// The pushes of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPushes {
    /// The task.
    pub key: TaskKey,
    /// Whose it is.
    pub owner: crate::Owner,
    /// Its state, as clients see it.
    pub state: TaskState,
    /// Its generation, as clients see it.
    pub generation: Generation,
    /// Whether something is to be pushed.
    pub mark: Option<Mark>,
    /// Its configs, by id.
    pub configs: Vec<ConfigState>,
}

impl Operator {
    /// Finds the configs in trouble of all tasks, the longest in trouble first. It returns at most
    /// `limit`, which is at least 1 and at most [`MAX_FAILING_PAGE`].
    ///
    /// An index finds them, and it may lag behind. The page shows their present state and leaves
    /// out configs that have recovered. So a page can be short or empty without being the last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failing(
        &self,
        limit: usize,
        after: Option<&FailingPlace>,
    ) -> Result<FailingPage, OperateError> {
        let limit = limit.clamp(1, MAX_FAILING_PAGE);
        let mut place = after.cloned().unwrap_or_default();
        let (found, more) = self.find(limit, &mut place).await?;
        let read = found.into_iter().map(|failing| async move {
            let config = self.live(&failing.task, &failing.registration).await?;
            let config = config.filter(|config| config.delivery.trouble.is_some());
            let shown = |config: PushConfig| FailingConfig {
                task: failing.task,
                config: ConfigState::from(config),
            };
            Ok::<_, StoreError>(config.map(shown))
        });
        let configs: Vec<Option<FailingConfig>> =
            stream::iter(read).buffered(READS_AT_ONCE).try_collect().await?;
        let configs = configs.into_iter().flatten().collect();
        Ok(FailingPage { configs, next: more.then_some(place) })
    }

    /// The next configs of the index, by the beginning of their trouble, and whether there are
    /// more. `place` moves behind them.
    async fn find(
        &self,
        limit: usize,
        place: &mut FailingPlace,
    ) -> Result<(Vec<Failing>, bool), StoreError> {
        // One more than the limit tells whether there is a next page.
        let shards = (0..DUE_SHARDS).zip(&place.after);
        let shards = shards
            .map(|(shard, after)| self.engine.failing_configs(shard, after.as_ref(), limit + 1));
        let shards = try_join_all(shards).await?;
        // Takes configs from the shards' fronts only. So the listed configs of a shard are always a
        // beginning of the shard, even if the store orders equal times differently.
        let mut rest: Vec<_> = shards.into_iter().map(Vec::into_iter).collect();
        let mut fronts: BinaryHeap<_> = rest
            .iter_mut()
            .enumerate()
            .filter_map(|(shard, rest)| rest.next().map(|first| Reverse((first, shard))))
            .collect();
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(Reverse((first, shard))) = fronts.pop() else { break };
            if let Some(last) = place.after.get_mut(shard) {
                *last = Some(first.clone());
            }
            found.push(first);
            let next = rest.get_mut(shard).and_then(Iterator::next);
            fronts.extend(next.map(|next| Reverse((next, shard))));
        }
        Ok((found, !fronts.is_empty()))
    }

    /// Shows the pushes of a task: how far each config's receiver has come.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`], or when the store fails.
    pub async fn show(&self, task: &TaskKey) -> Result<TaskPushes, OperateError> {
        let head = self.task(task, Depth::Tail).await?.head;
        let configs = self.engine.configs(task, head.registrations()).await?;
        let of_task = |config: PushConfig| {
            let delivery = config.delivery.of_task(&head);
            ConfigState::from(PushConfig { delivery, ..config })
        };
        let configs = configs.into_iter().map(of_task).collect();
        let (state, generation, mark) = (head.state(), head.generation, head.mark().cloned());
        Ok(TaskPushes { key: head.key, owner: head.owner, state, generation, mark, configs })
    }

    /// Replays the pushes after a generation of the task to a receiver, in order. Generation 0
    /// means all, even those from before the config was created. It enables the config if it was
    /// disabled.
    ///
    /// The pushes get new ids, so that a receiver that drops known ids accepts them. Chunks of an
    /// artifact that were sent as one may be divided differently.
    ///
    /// Unsent pushes are not skipped: for a generation that the receiver has not reached, delivery
    /// continues where it is.
    ///
    /// A deliverer beside a runner may notice only at the next update.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`], [`OperateError::NoSuchConfig`], [`OperateError::NotYet`] for a
    /// generation that the task has not reached, or when the store fails or other writers are
    /// faster. Then it may be done in part, and must be repeated.
    pub async fn replay(
        &self,
        task: &TaskKey,
        config: &ConfigId,
        since: Generation,
    ) -> Result<ConfigState, OperateError> {
        let snapshot = self.task(task, Depth::since(since)).await?;
        let Head { generation, position, .. } = snapshot.head;
        if since > generation {
            return Err(OperateError::NotYet { generation });
        }
        let first = snapshot.since(since).and_then(<[_]>::first);
        let cursor = first.map_or(position, |first| Position(first.position.0.saturating_sub(1)));
        let is_under_way = snapshot.head.mark().is_some();
        let replay = |delivery: &mut Delivery| {
            delivery.replayed(since, cursor, is_under_way && delivery.may_be_behind());
        };
        self.change(snapshot, config, replay).await
    }

    /// Enables a config: its trouble is cleared, and delivery continues where it stopped, with a
    /// full schedule of attempts.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`], [`OperateError::NoSuchConfig`], or when the store fails or
    /// other writers are faster. Then it may be done in part, and must be repeated.
    pub async fn enable(
        &self,
        task: &TaskKey,
        config: &ConfigId,
    ) -> Result<ConfigState, OperateError> {
        let snapshot = self.task(task, Depth::Tail).await?;
        self.change(snapshot, config, Delivery::enabled).await
    }

    /// The config with a registration, if the task names it.
    async fn live(
        &self,
        task: &TaskKey,
        registration: &Registration,
    ) -> Result<Option<PushConfig>, StoreError> {
        let Some(snapshot) = self.engine.read(task, Depth::Tail).await? else { return Ok(None) };
        let named = snapshot.head.registrations().iter().filter(|of| *of == registration);
        let named: Vec<Registration> = named.cloned().collect();
        Ok(self.engine.configs(task, &named).await?.pop())
    }

    /// Changes how far a receiver has come, on top of the present state, and tells the task that
    /// there is something to deliver. That wakes a deliverer, or the present one looks again before
    /// it gives up the mark.
    async fn change(
        &self,
        snapshot: Snapshot,
        id: &ConfigId,
        change: impl Fn(&mut Delivery) + Send,
    ) -> Result<ConfigState, OperateError> {
        let named = snapshot.head.registration(id).ok_or(OperateError::NoSuchConfig)?;
        let (task, registration) = (snapshot.head.key.clone(), named.clone());
        let is_first = snapshot.head.pushes.as_ref().is_some_and(Pushes::is_first_delivery);
        let snapshot = if is_first {
            // From this commit on, no settlement implies the config's cursor.
            self.push_again(snapshot, &registration).await?
        } else {
            snapshot
        };
        let changed = self.change_config(&task, &registration, change).await?;
        self.push_again(snapshot, &registration).await?;
        Ok(changed)
    }

    async fn push_again(
        &self,
        snapshot: Snapshot,
        registration: &Registration,
    ) -> Result<Snapshot, OperateError> {
        let again = |head: &Head, stamp: &Stamp| {
            head.apply(Command::PushAgain { registration: registration.clone() }, stamp)
        };
        match transact_pushes(&self.engine, snapshot, again).await {
            Ok((snapshot, _)) => Ok(snapshot),
            Err(TransactError::Illegal(_)) => Err(OperateError::NoSuchConfig),
            Err(error) => Err(not_done(error)),
        }
    }

    async fn change_config(
        &self,
        task: &TaskKey,
        registration: &Registration,
        change: impl Fn(&mut Delivery) + Send,
    ) -> Result<ConfigState, OperateError> {
        for _ in 0..self.engine.policy.commit_tries {
            let found = self.engine.configs(task, std::slice::from_ref(registration)).await?.pop();
            let before = found.ok_or(OperateError::NoSuchConfig)?;
            let mut delivery = before.delivery.clone();
            change(&mut delivery);
            if delivery == before.delivery {
                // Nothing changes, so no attempt in flight is repeated because of it.
                return Ok(before.into());
            }
            let write = self.engine.write_id();
            let after = PushConfig { write, delivery, ..before.clone() };
            if self.engine.advance_config(task, &before.write, &after).await? {
                return Ok(after.into());
            }
        }
        Err(OperateError::Contended)
    }
}
