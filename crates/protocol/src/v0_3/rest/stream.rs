//! What a server sends as it goes, and the answer to `/v1/message:send`.

use super::task::{Artifact, Message, Task, TaskStatus};
use crate::json::Struct;
use crate::v0_3::stream::events;

message! {
    /// A task's status has changed.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskStatusUpdateEvent {
        /// The task.
        #[json("taskId")]
        pub task_id: String,
        /// Its conversation.
        #[json("contextId")]
        pub context_id: String,
        /// The new status.
        #[json("status", required)]
        pub status: TaskStatus,
        /// Whether the stream ends with it.
        #[json("final")]
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
        /// The task.
        #[json("taskId")]
        pub task_id: String,
        /// Its conversation.
        #[json("contextId")]
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

oneof! {
    /// One event of a stream: `StreamResponse` in the proto.
    #[derive(Debug, Clone, PartialEq)]
    pub enum StreamEvent {
        /// The task as it is.
        #[json("task", "task")]
        Task(Task),
        /// The agent's answer, when there is no task.
        #[json("message", "msg")]
        Message(Message),
        /// A change of status.
        #[json("statusUpdate", "status_update")]
        StatusUpdate(TaskStatusUpdateEvent),
        /// An artifact, or a chunk of one.
        #[json("artifactUpdate", "artifact_update")]
        ArtifactUpdate(TaskArtifactUpdateEvent),
    }
}

oneof! {
    /// The answer to `/v1/message:send`: `SendMessageResponse` in the proto.
    #[derive(Debug, Clone, PartialEq)]
    pub enum SendMessageResult {
        /// The task that the message made or continued.
        #[json("task", "task")]
        Task(Task),
        /// The agent's answer, when there is no task.
        #[json("message", "msg")]
        Message(Message),
    }
}

events!();
