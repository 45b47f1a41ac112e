//! The events of a stream, and the answer to `/v1/message:send`.

use super::task::{Artifact, Message, Task, TaskStatus};
use crate::json::Struct;
use crate::v0_3::stream::events;

oneof! {
    /// One event of a stream: `StreamResponse` in the proto.
    #[derive(Debug, Clone, PartialEq)]
    pub enum StreamEvent {
        /// The task as it is.
        #[json("task", "task")]
        Task(Task),
        /// The agent's answer without a task.
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
        /// The agent's answer without a task.
        #[json("message", "msg")]
        Message(Message),
    }
}

events!();
