//! Push configs: where the updates of a task are to be sent, and how they are kept.

use std::fmt;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::{ConfigId, Generation, TaskKey};
use crate::store::StoreError;
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

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "<none>" } else { "<secret>" })
    }
}

/// Where to push the updates of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct PushConfig {
    /// Its id, unique within the task.
    pub id: ConfigId,
    /// Where to POST.
    pub url: String,
    /// The HTTP authentication scheme for the `Authorization` header; empty if there is none.
    pub scheme: String,
    /// What only the receiver may know.
    pub secrets: PushSecrets,
    /// The version of A2A that the pushes are written in.
    pub version: ProtocolVersion,
    /// When it was made, or last replaced.
    pub created_at: Timestamp,
    /// The newest log entry that its receiver need not be sent: the task's newest when the config
    /// was made.
    pub cursor: Generation,
}

/// The secrets of a push config: one value, so that a store can keep them apart from the rest, and
/// encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushSecrets {
    /// Sent along so that the receiver knows that the notification is meant for it.
    #[serde(rename = "t", default, skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// What follows the scheme in the `Authorization` header.
    #[serde(rename = "c", default, skip_serializing_if = "Secret::is_empty")]
    pub credentials: Secret,
}

/// A store of push configs. It is a part of the tasks' store: a config is kept with its task, and
/// like that store decides nothing. That the task exists and is the caller's is for callers to see.
///
/// - **Whole**: a config is stored whole, or not at all; of two that are put at once one stays.
/// - **Strong**: reads see every write that was answered before they began.
/// - **Lost answers**: putting or deleting the same again is safe.
#[async_trait]
pub trait PushConfigs: Send + Sync + 'static {
    /// Stores a config, in place of the one with the same id if there is one.
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError>;

    /// Reads a config; `None` if there is none.
    async fn get(&self, task: &TaskKey, id: &ConfigId) -> Result<Option<PushConfig>, StoreError>;

    /// Lists the configs of a task by ascending id, those behind `after`, at most `limit` (at
    /// least 1). One that is shorter than `limit` is the end.
    async fn list(
        &self,
        task: &TaskKey,
        after: Option<&ConfigId>,
        limit: usize,
    ) -> Result<Vec<PushConfig>, StoreError>;

    /// Deletes a config, if there is one.
    async fn delete(&self, task: &TaskKey, id: &ConfigId) -> Result<(), StoreError>;
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
