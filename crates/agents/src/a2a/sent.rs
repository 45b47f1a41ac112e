//! The record of a message that was sent.

use a2a_lambda_core::Reply;
use a2a_lambda_protocol::{Part, Struct, Task};
use serde::{Deserialize, Serialize};

/// A remote task, as the checkpoint has it while the user is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) task: String,
    pub(super) context: String,
}

/// The outcome of a sent message, as the step records it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sent {
    /// The remote agent has answered without a task.
    Message(Words),
    /// It works on a task.
    Task(Box<RemoteTask>),
    /// It does not know the task that the message was for.
    Forgotten,
}

/// A remote task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RemoteTask {
    pub(super) link: Link,
    /// When the message was sent, in milliseconds.
    pub(super) at: i64,
    /// The task, if it had settled at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<Task>,
}

/// A message's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Struct>,
}

impl From<Words> for Reply {
    fn from(words: Words) -> Self {
        let mut reply = Self::from(words.parts);
        reply.metadata = words.metadata;
        reply
    }
}
