//! Push configs: where a task's updates are sent, and how the store keeps configs.

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::digest::digest;
use crate::ids::{ConfigId, Position, Registration, TaskKey, WriteId};
use crate::push::delivery::Delivery;
use crate::push::vault::Sealed;
use crate::store::StoreError;
use crate::trace::TraceContext;
use crate::version::ProtocolVersion;

/// The receiver of a task's updates, and how far its delivery has come.
///
/// The config is stored before the task's head names it, and has no effect until then. A config
/// that a refused or interrupted request left behind is never listed, counted or pushed to.
#[derive(Debug, Clone, PartialEq)]
pub struct PushConfig {
    /// Its id, unique within the task.
    pub id: ConfigId,
    /// The name in the task's head and the key in the store.
    pub registration: Registration,
    /// The URL to POST to.
    pub url: String,
    /// The HTTP authentication scheme for the `Authorization` header; empty if there is none.
    pub scheme: String,
    /// The secrets that only the receiver may know: sealed
    /// [`PushSecrets`](crate::push::PushSecrets).
    pub secrets: Sealed,
    /// The version of A2A that the pushes are written in.
    pub version: ProtocolVersion,
    /// The trace of the pushes, if the request that created the config had one.
    pub trace: Option<TraceContext>,
    /// When it was created or last replaced.
    pub created_at: Timestamp,
    /// The id of the newest write. By it a deliverer learns that another has written since the
    /// read.
    pub write: WriteId,
    /// How far its receiver has come.
    pub delivery: Delivery,
}

impl PushConfig {
    /// The context of its sealed secrets: they open for no other config.
    pub fn seal_context(task: &TaskKey, id: &ConfigId) -> String {
        // A tenant's name has no `#`. The length tells a task id with a `#` apart.
        format!("{}#{}#{}#{id}", task.tenant, task.task.as_str().len(), task.task)
    }

    /// The id of the push whose newest entry is `through`. It is the same at each attempt, until
    /// the config is created anew or replayed.
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

/// The facts about the request that creates a config, beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The version of A2A of the request.
    pub version: ProtocolVersion,
    /// The trace of the request.
    pub trace: Option<TraceContext>,
}

impl From<ProtocolVersion> for Origin {
    fn from(version: ProtocolVersion) -> Self {
        Self { version, trace: None }
    }
}

/// A config whose receiver is in trouble. The task may not name it any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failing {
    /// Since when the receiver is in trouble.
    pub since: Timestamp,
    /// The config's task.
    pub task: TaskKey,
    /// The config.
    pub registration: Registration,
}

/// A store of push configs. It is a part of the task store: it keeps a config with its task, and it
/// decides nothing either. Callers ensure that the task exists, is the caller's, and names the
/// config.
///
/// - **Whole**: a config is stored whole or not at all. Of two parallel puts one stays.
/// - **Strong**: reads see every write that was answered before they began.
/// - **Lost answers**: repeating a put or a delete is safe.
#[async_trait]
pub trait PushConfigs: Send + Sync + 'static {
    /// Stores a config. It replaces the one with the same registration.
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError>;

    /// Reads the configs of these registrations, in any order, and leaves missing ones out. It
    /// costs one request at most.
    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError>;

    /// Deletes a config, if there is one.
    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError>;

    /// Replaces the config whose newest write is `before`. Returns false, and changes nothing, if
    /// there is no such config any more. Repeating the same write is safe: the store recognizes its
    /// id.
    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError>;

    /// Finds configs in trouble, of the tasks in one shard of the due index: the longest in trouble
    /// first, after `after`, at most `limit` (at least 1). The result may lag behind the writes.
    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError>;
}
