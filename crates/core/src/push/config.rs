//! Push configs: where the updates of a task are to be sent, and how they are kept.

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::digest::digest;
use crate::ids::{ConfigId, Position, Registration, TaskKey, WriteId};
use crate::push::delivery::Delivery;
use crate::push::vault::Sealed;
use crate::store::StoreError;
use crate::trace::TraceContext;
use crate::version::ProtocolVersion;

/// Where to push the updates of a task, and how far that has come.
///
/// It is stored before the task's head names it, and means nothing unless the head does: what a
/// refused request, or one that died, leaves behind is never listed, counted or pushed to.
#[derive(Debug, Clone, PartialEq)]
pub struct PushConfig {
    /// Its id, unique within the task.
    pub id: ConfigId,
    /// By which the task's head names it, and under which it is stored.
    pub registration: Registration,
    /// Where to POST.
    pub url: String,
    /// The HTTP authentication scheme for the `Authorization` header; empty if there is none.
    pub scheme: String,
    /// What only the receiver may know: sealed [`PushSecrets`](crate::push::PushSecrets).
    pub secrets: Sealed,
    /// The version of A2A that the pushes are written in.
    pub version: ProtocolVersion,
    /// The trace that the pushes belong to, if the request that made the config had one.
    pub trace: Option<TraceContext>,
    /// When it was made, or last replaced.
    pub created_at: Timestamp,
    /// The id of the newest write: a deliverer that goes on from what it read learns by it that another
    /// has written since.
    pub write: WriteId,
    /// How far its receiver has come.
    pub delivery: Delivery,
}

impl PushConfig {
    /// What its secrets are sealed for: they open for no other config.
    pub fn seal_context(task: &TaskKey, id: &ConfigId) -> String {
        // A tenant's name has no `#`, and a task's id that has one is made shorter or longer by it.
        format!("{}#{}#{}#{id}", task.tenant, task.task.as_str().len(), task.task)
    }

    /// The id of the push of which `through` is the newest entry: the same at each attempt, until
    /// the config is made anew or replayed.
    pub fn push_id(&self, task: &TaskKey, through: Position) -> String {
        let replays = self.delivery.replays.to_be_bytes();
        let fields: [&[u8]; 4] = [
            task.tenant.as_str().as_bytes(),
            task.task.as_str().as_bytes(),
            self.registration.as_str().as_bytes(),
            &replays,
        ];
        format!("msg_{}_{through}", digest(fields))
    }
}

/// What is known of the request that makes a config, besides what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The version of A2A that it was made by.
    pub version: ProtocolVersion,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

impl From<ProtocolVersion> for Origin {
    fn from(version: ProtocolVersion) -> Self {
        Self { version, trace: None }
    }
}

/// A config whose receiver is in trouble. The task may name it no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// The task that it is of.
    pub task: TaskKey,
    /// The config.
    pub registration: Registration,
}

/// A store of push configs. It is a part of the tasks' store: a config is kept with its task, and
/// like that store decides nothing. That the task exists, is the caller's and names the config is
/// for callers to see.
///
/// - **Whole**: a config is stored whole, or not at all; of two that are put at once one stays.
/// - **Strong**: reads see every write that was answered before they began.
/// - **Lost answers**: putting or deleting the same again is safe.
#[async_trait]
pub trait PushConfigs: Send + Sync + 'static {
    /// Stores a config, in place of the one with the same registration if there is one.
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError>;

    /// Reads the configs of these registrations, in any order; one that is not there is left out. It
    /// costs one request at most.
    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError>;

    /// Deletes a config, if there is one.
    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError>;

    /// Stores a config in place of the one whose newest write is `before`. False, and nothing is
    /// changed, if there is no such config any more. Making the same write again is safe: it is
    /// recognized by its id.
    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError>;

    /// Finds configs that are in trouble, of the tasks of one shard of the due index, those that
    /// have been for longest first, behind `after`, at most `limit` (at least 1). It may lag behind
    /// the writes.
    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError>;
}
