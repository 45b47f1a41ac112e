//! Push configs: where the updates of a task are to be sent, and how they are kept.

use std::fmt;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::{ConfigId, Generation, Position, Registration, TaskKey, WriteId};
use crate::push::Sealed;
use crate::request_key::digest;
use crate::store::StoreError;
use crate::trace::TraceContext;
use crate::version::ProtocolVersion;

/// A text that is never shown: `Debug` says only that there is one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PushSecrets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.token.is_empty() && self.credentials.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "<none>" } else { "<secret>" })
    }
}

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
    /// What only the receiver may know: sealed [`PushSecrets`].
    pub secrets: Sealed,
    /// The version of A2A that the pushes are written in.
    pub version: ProtocolVersion,
    /// The trace that the pushes belong to, if the request that made the config had one.
    pub trace: Option<TraceContext>,
    /// When it was made, or last replaced.
    pub created_at: Timestamp,
    /// The mark of the newest write: whoever goes on from what was read learns by it that somebody
    /// else has.
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

/// How far the receiver of a push config has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delivery {
    /// The newest log entry that it has been sent, or need not be: at first the task's newest when
    /// the config was made.
    pub cursor: Position,
    /// The cursor's generation, which owners and operators are told.
    pub delivered: Generation,
    /// How often an operator had it sent again what it had been sent before: each time under ids of
    /// its own.
    pub replays: u32,
    /// Whether it has been sent the task as it was then, or need not be.
    pub introduced: bool,
    /// The last of several entries that are sent as one: noted before they are, so that they are
    /// one each time they are sent.
    pub batch: Option<Position>,
    /// What went wrong since it was last sent something.
    pub trouble: Option<Trouble>,
}

impl Delivery {
    /// Whether nothing more is sent, until its owner makes the config anew or an operator switches
    /// it on.
    pub fn is_disabled(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.next.is_none())
    }
}

/// What went wrong at a receiver, time after time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Since when.
    #[serde(rename = "s")]
    pub since: Timestamp,
    /// How many attempts have failed since then.
    #[serde(rename = "n")]
    pub failures: u32,
    /// How many attempts could not be made since the last one, for reasons that are not the
    /// receiver's. They do not count as failures.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub ours: u32,
    /// When the next attempt is made; `None` if there is none, because the config is disabled.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// The newest of the attempts, oldest first, at most [`MAX_ATTEMPTS_KEPT`].
    #[serde(rename = "a", default)]
    pub attempts: Vec<Attempt>,
}

impl Trouble {
    /// A trouble that begins now, of which nothing is known yet.
    pub(crate) fn begun(now: Timestamp) -> Self {
        Self { since: now, failures: 0, ours: 0, next: None, attempts: Vec::new() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How many failed attempts a config remembers.
pub const MAX_ATTEMPTS_KEPT: usize = 5;

/// The longest [`Attempt::cause`].
pub const MAX_CAUSE_BYTES: usize = 160;

/// An attempt to send something that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When it was made.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The generation that would have been sent, or the newest of several.
    #[serde(rename = "g")]
    pub generation: Generation,
    /// What came of it, in a few words, for the config's owner: nothing of what the network here is
    /// like.
    #[serde(rename = "r")]
    pub reason: String,
    /// Why, for the operator, where there is more to say. Owners are not shown it: it may tell which
    /// names exist in this network and which ports are open.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
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

/// The secrets of a push config.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSecrets {
    /// Sent along so that the receiver knows that the notification is meant for it.
    #[serde(rename = "t", default, skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// What follows the scheme in the `Authorization` header.
    #[serde(rename = "c", default, skip_serializing_if = "Secret::is_empty")]
    pub credentials: Secret,
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

    /// Stores a config in place of the one that `before` is the mark of. False, and nothing is
    /// changed, if there is no such config any more. Making the same write again is safe: it is
    /// recognized by its mark.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let secrets = PushSecrets { token: Secret::new("hush"), credentials: Secret::default() };
        assert_eq!(format!("{secrets:?}"), "PushSecrets { token: <secret>, credentials: <none> }");
    }
}
