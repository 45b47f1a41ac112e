//! What operators do about pushes: find the configs that are in trouble, send again what a receiver
//! has lost, and switch a config on that was
//! disabled.
//!
//! All of it is safe while others deliver. A config is only ever written over the state that was
//! read, and an attempt that is under way meanwhile finds out by that, and does not count. The
//! config comes before the task's mark, as when one is made: whoever dies in between has sent
//! nothing, and does the same again.

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
    /// Where it is sent, without what may be a secret: no user, no password and no query.
    pub url: String,
    /// The version of A2A that the pushes are written in.
    pub version: ProtocolVersion,
    /// When it was made, or last replaced.
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

/// A config that is in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct FailingConfig {
    /// The task that it is of.
    pub task: TaskKey,
    /// The config.
    pub config: ConfigState,
}

/// Configs that are in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct FailingPage {
    /// Those that have been for longest come first.
    pub configs: Vec<FailingConfig>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<FailingPlace>,
}

/// A place in the listing of all configs that are in trouble.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailingPlace {
    /// The last one of each shard that was listed.
    after: [Option<Failing>; DUE_SHARDS as usize],
}

/// The pushes of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPushes {
    /// The task.
    pub key: TaskKey,
    /// Its state, as clients see it.
    pub state: TaskState,
    /// Its generation, as clients see it.
    pub generation: Generation,
    /// Whether something is to be sent.
    pub mark: Option<Mark>,
    /// Its configs, by id.
    pub configs: Vec<ConfigState>,
}

impl Operator {
    /// Finds configs that are in trouble, of all tasks, at most `limit`, which is at least 1 and at
    /// most [`MAX_FAILING_PAGE`]. Those that have been for longest come first.
    ///
    /// They are found by an index that may lag behind, and shown as they are: one that is well by
    /// now is left out, so that a page can be short, or empty, and not be the last.
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

    /// The next ones of the index, by the time that they have been in trouble since, and whether
    /// there are more. `place` moves behind them.
    async fn find(
        &self,
        limit: usize,
        place: &mut FailingPlace,
    ) -> Result<(Vec<Failing>, bool), StoreError> {
        // One more than is listed tells whether there is another.
        let shards = (0..DUE_SHARDS).zip(&place.after);
        let shards = shards
            .map(|(shard, after)| self.engine.failing_configs(shard, after.as_ref(), limit + 1));
        let shards = try_join_all(shards).await?;
        // Taken from the shards' fronts only, so that what is listed of a shard is a beginning of
        // it, also if the store orders those that began at the same time otherwise than this does.
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
        Ok(TaskPushes { key: head.key, state, generation, mark, configs })
    }

    /// Sends a receiver again what came after a generation of the task, in order: 0 for all that
    /// ever came, also what came before the config was made. The config is switched on if it was
    /// disabled.
    ///
    /// The pushes have other ids than before: a receiver that drops the ids it knows takes them all the
    /// same, and chunks of an artifact that were sent as one may be divided otherwise now.
    ///
    /// What the receiver was not sent yet is not passed over: from a generation that it has not
    /// come to, delivery goes on where it is.
    ///
    /// Whoever runs the task's agent, and delivers beside it, may notice only at the next update.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`], [`OperateError::NoSuchConfig`], [`OperateError::NotYet`] for a
    /// generation that the task has not come to, or when the store fails or others are faster. Then
    /// it may have been done in part, and is to be done again.
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

    /// Switches a config on: its trouble is forgotten, and delivery goes on where it stopped, with
    /// all attempts before it.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`], [`OperateError::NoSuchConfig`], or when the store fails or
    /// others are faster. Then it may have been done in part, and is to be done again.
    pub async fn enable(
        &self,
        task: &TaskKey,
        config: &ConfigId,
    ) -> Result<ConfigState, OperateError> {
        let snapshot = self.task(task, Depth::Tail).await?;
        self.change(snapshot, config, Delivery::enabled).await
    }

    /// The config of a registration, if the task names it.
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

    /// Changes how far a receiver has come, over the state that is there, and lets the task know that
    /// there is something to deliver: somebody will be woken, or looks again before giving up the
    /// mark.
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
            // From here on no settlement tells of the config, whatever is written of it.
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
                // Nothing to write, and so no attempt under way that is made again for it.
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
