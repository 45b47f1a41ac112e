//! Tasks, messages and artifacts (specification 4.1).

use crate::enums::{Role, TaskState};
use crate::json::Struct;
use crate::part::Part;
use crate::timestamp::Timestamp;

message! {
    /// The unit of work: its present status and its results so far (specification 4.1.1).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Task {
        /// Its id, made by the server.
        #[json("id", required)]
        pub id: String,
        /// The conversation it belongs to.
        #[json("contextId")]
        pub context_id: String,
        /// The status now.
        #[json("status", required)]
        pub status: TaskStatus,
        /// The task's results.
        #[json("artifacts")]
        pub artifacts: Vec<Artifact>,
        /// The messages so far, oldest first; possibly only the most recent.
        #[json("history")]
        pub history: Vec<Message>,
        /// Anything else, as the agent likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

message! {
    /// A task's state, its time, and the agent's message about it (specification 4.1.2).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskStatus {
        /// The state.
        #[json("state", required)]
        pub state: TaskState,
        /// The agent's message about the state.
        #[json("message")]
        pub message: Option<Message>,
        /// When the status was recorded.
        #[json("timestamp")]
        pub timestamp: Option<Timestamp>,
    }
}

message! {
    /// One unit of communication between client and server (specification 4.1.4).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Message {
        /// Its id, chosen by the sender. Not unique in practice.
        #[json("messageId", required)]
        pub message_id: String,
        /// The conversation it belongs to.
        #[json("contextId")]
        pub context_id: String,
        /// The task it belongs to.
        #[json("taskId")]
        pub task_id: String,
        /// The sender.
        #[json("role", required)]
        pub role: Role,
        /// The content: at least one part.
        #[json("parts", required)]
        pub parts: Vec<Part>,
        /// Anything else, as the sender likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
        /// URIs of the extensions that had a part in it.
        #[json("extensions")]
        pub extensions: Vec<String>,
        /// Ids of other tasks to look at.
        #[json("referenceTaskIds")]
        pub reference_task_ids: Vec<String>,
    }
}

impl Message {
    /// A message of one text, with this id.
    pub fn text(id: impl Into<String>, role: Role, text: impl Into<String>) -> Self {
        let parts = vec![Part::text(text)];
        Self { message_id: id.into(), role, parts, ..Self::default() }
    }
}

message! {
    /// An output of a task (specification 4.1.7).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Artifact {
        /// Its id, unique within the task.
        #[json("artifactId", required)]
        pub artifact_id: String,
        /// A name for people.
        #[json("name")]
        pub name: String,
        /// A description for people.
        #[json("description")]
        pub description: String,
        /// The content: at least one part.
        #[json("parts", required)]
        pub parts: Vec<Part>,
        /// Anything else, as the agent likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
        /// URIs of the extensions that had a part in it.
        #[json("extensions")]
        pub extensions: Vec<String>,
    }
}

impl Artifact {
    /// An artifact without a name, with this id and these parts.
    pub fn new(id: impl Into<String>, parts: impl Into<Vec<Part>>) -> Self {
        Self { artifact_id: id.into(), parts: parts.into(), ..Self::default() }
    }
}
