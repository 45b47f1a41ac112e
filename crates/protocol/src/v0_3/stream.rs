//! The events of a stream, and the answer to `message/send`.

use serde::{Deserialize, Serialize};

use super::names::kind;
use super::task::{Artifact, Message, Task, TaskStatus};
use crate::decode::decode;
use crate::error::A2aError;
use crate::json::Struct;

kind! {
    /// `"status-update"`.
    StatusUpdateKind = "status-update"
}

kind! {
    /// `"artifact-update"`.
    ArtifactUpdateKind = "artifact-update"
}

/// Makes the two directions between an enum and one of 1.0 with the same variants.
macro_rules! mirror_variants {
    ($name:ident = $current:ident: $( $variant:ident ),*) => {
        impl From<crate::$current> for $name {
            fn from(current: crate::$current) -> Self {
                match current {
                    $( crate::$current::$variant(value) => Self::$variant(value.into()), )*
                }
            }
        }

        impl From<$name> for crate::$current {
            fn from(old: $name) -> Self {
                match old {
                    $( $name::$variant(value) => Self::$variant(value.into()), )*
                }
            }
        }
    };
}

pub(super) use mirror_variants;

/// Makes the events that both forms of 0.3 have under the same names, and their containers, with
/// conversions. The schema's objects have a `kind`, and more of their fields are required.
macro_rules! events {
    ($($required:ident, $status_kind:ident, $artifact_kind:ident)?) => {
        message! {
            /// A task's status has changed.
            #[derive(Debug, Clone, PartialEq, Default)]
            pub struct TaskStatusUpdateEvent {
                $(
                    /// Says that it is a change of status.
                    #[json("kind", required)]
                    pub kind: $status_kind,
                )?
                /// The task.
                #[json("taskId" $(, $required)?)]
                pub task_id: String,
                /// Its conversation.
                #[json("contextId" $(, $required)?)]
                pub context_id: String,
                /// The new status.
                #[json("status", required)]
                pub status: TaskStatus,
                /// Whether the stream ends with it.
                #[json("final" $(, $required)?)]
                pub is_final: bool,
                /// Anything else, as the agent likes.
                #[json("metadata")]
                pub metadata: Option<Struct>,
            }
        }

        message! {
            /// A task has produced an artifact, or a chunk of one.
            #[derive(Debug, Clone, PartialEq, Default)]
            pub struct TaskArtifactUpdateEvent {
                $(
                    /// Says that it is about an artifact.
                    #[json("kind", required)]
                    pub kind: $artifact_kind,
                )?
                /// The task.
                #[json("taskId" $(, $required)?)]
                pub task_id: String,
                /// Its conversation.
                #[json("contextId" $(, $required)?)]
                pub context_id: String,
                /// The artifact, or the chunk.
                #[json("artifact", required)]
                pub artifact: Artifact,
                /// Whether the parts continue the artifact that was sent before under the same id.
                #[json("append")]
                pub append: bool,
                /// Whether this ends the artifact.
                #[json("lastChunk")]
                pub last_chunk: bool,
                /// Anything else, as the agent likes.
                #[json("metadata")]
                pub metadata: Option<Struct>,
            }
        }

        crate::v0_3::task::mirror!(TaskArtifactUpdateEvent:
            task_id, context_id, artifact(one), append, last_chunk, metadata);

        impl From<crate::TaskStatusUpdateEvent> for TaskStatusUpdateEvent {
            fn from(current: crate::TaskStatusUpdateEvent) -> Self {
                let state = current.status.state;
                // Both end a stream of 0.3: there it is, after a question, the user's turn.
                let is_final = state.is_terminal() || state.is_interrupted();
                let crate::TaskStatusUpdateEvent { task_id, context_id, status, metadata } = current;
                #[allow(clippy::needless_update)] // One of the two forms has a `kind`, too.
                Self {
                    task_id,
                    context_id,
                    status: status.into(),
                    is_final,
                    metadata,
                    ..Self::default()
                }
            }
        }

        impl From<TaskStatusUpdateEvent> for crate::TaskStatusUpdateEvent {
            fn from(old: TaskStatusUpdateEvent) -> Self {
                let TaskStatusUpdateEvent { task_id, context_id, status, metadata, .. } = old;
                Self { task_id, context_id, status: status.into(), metadata }
            }
        }

        crate::v0_3::stream::mirror_variants!(StreamEvent = StreamResponse:
            Task, Message, StatusUpdate, ArtifactUpdate);

        crate::v0_3::stream::mirror_variants!(SendMessageResult = SendMessageResponse:
            Task, Message);
    };
}

pub(super) use events;

/// One event of a stream: the `result` of each answer to `message/stream` and `tasks/resubscribe`.
/// Its `kind` says which.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum StreamEvent {
    /// The task as it is.
    Task(Task),
    /// The agent's answer without a task.
    Message(Message),
    /// A change of status.
    StatusUpdate(TaskStatusUpdateEvent),
    /// An artifact, or a chunk of one.
    ArtifactUpdate(TaskArtifactUpdateEvent),
}

/// The `result` of `message/send`. Its `kind` says which.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SendMessageResult {
    /// The task that the message made or continued.
    Task(Task),
    /// The agent's answer without a task.
    Message(Message),
}

events!(required, StatusUpdateKind, ArtifactUpdateKind);

/// The member that tells the objects of a result apart.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    kind: String,
}

fn kind_of(text: &[u8]) -> Result<String, A2aError> {
    Ok(decode::<Kind>(text)?.kind)
}

impl StreamEvent {
    /// Reads an event. Its `kind` tells its type.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn read(text: &[u8]) -> Result<Self, A2aError> {
        match kind_of(text)?.as_str() {
            "task" => decode(text).map(Self::Task),
            "message" => decode(text).map(Self::Message),
            "status-update" => decode(text).map(Self::StatusUpdate),
            "artifact-update" => decode(text).map(Self::ArtifactUpdate),
            _ => Err(A2aError::invalid_field(
                "kind",
                "must be one of task, message, status-update, artifact-update",
            )),
        }
    }
}

impl SendMessageResult {
    /// Reads a result. Its `kind` tells its type.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn read(text: &[u8]) -> Result<Self, A2aError> {
        match kind_of(text)?.as_str() {
            "task" => decode(text).map(Self::Task),
            "message" => decode(text).map(Self::Message),
            _ => Err(A2aError::invalid_field("kind", "must be one of task, message")),
        }
    }
}
