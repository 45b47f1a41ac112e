//! The events of a stream, and the answers that are one of several things (specification 3.2.3 and
//! 4.2).

use crate::json::Struct;
use crate::task::{Artifact, Message, Task, TaskStatus};

message! {
    /// A task's status has changed (specification 4.2.1).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskStatusUpdateEvent {
        /// The task.
        #[json("taskId", required)]
        pub task_id: String,
        /// Its conversation.
        #[json("contextId", required)]
        pub context_id: String,
        /// The new status.
        #[json("status", required)]
        pub status: TaskStatus,
        /// Anything else, as the agent likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

message! {
    /// A task has produced an artifact, or a chunk of one (specification 4.2.2).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskArtifactUpdateEvent {
        /// The task.
        #[json("taskId", required)]
        pub task_id: String,
        /// Its conversation.
        #[json("contextId", required)]
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
    /// One event of a stream, and the body of a push notification (specification 3.2.3 and 4.3.3).
    #[derive(Debug, Clone, PartialEq)]
    pub enum StreamResponse {
        /// The task as it is.
        #[json("task", "task")]
        Task(Task),
        /// The agent's answer without a task.
        #[json("message", "message")]
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
    /// The answer to `SendMessage` (specification 3.1.1).
    #[derive(Debug, Clone, PartialEq)]
    pub enum SendMessageResponse {
        /// The task that the message made or continued.
        #[json("task", "task")]
        Task(Task),
        /// The agent's answer without a task.
        #[json("message", "message")]
        Message(Message),
    }
}
