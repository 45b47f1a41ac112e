//! Tasks, messages and artifacts.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::part::Part;
use crate::enums::Role;
use crate::json::Struct;
use crate::timestamp::Timestamp;
use crate::v0_3::names::names;
use crate::v0_3::task::mirror;

names! {
    /// Where a task is in its life. One name is spelled otherwise than in 1.0.
    pub struct TaskState(crate::TaskState) {
        Unspecified => "TASK_STATE_UNSPECIFIED",
        Submitted => "TASK_STATE_SUBMITTED",
        Working => "TASK_STATE_WORKING",
        Completed => "TASK_STATE_COMPLETED",
        Failed => "TASK_STATE_FAILED",
        Canceled => "TASK_STATE_CANCELLED",
        InputRequired => "TASK_STATE_INPUT_REQUIRED",
        Rejected => "TASK_STATE_REJECTED",
        AuthRequired => "TASK_STATE_AUTH_REQUIRED",
    }
}

message! {
    /// The unit of work.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Task {
        /// Its id, made by the server.
        #[json("id")]
        pub id: String,
        /// The conversation it belongs to.
        #[json("contextId")]
        pub context_id: String,
        /// The status now.
        #[json("status", required)]
        pub status: TaskStatus,
        /// What it has produced.
        #[json("artifacts")]
        pub artifacts: Vec<Artifact>,
        /// The messages so far, oldest first.
        #[json("history")]
        pub history: Vec<Message>,
        /// Anything else, as the agent likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

mirror!(Task: id, context_id, status(one), artifacts(each), history(each), metadata);

message! {
    /// A task's state, since when, and what the agent says about it.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskStatus {
        /// The state.
        #[json("state")]
        pub state: TaskState,
        /// What the agent says about it: `update` in the proto.
        #[json("message")]
        pub message: Option<Message>,
        /// When the status was recorded.
        #[json("timestamp")]
        pub timestamp: Option<Timestamp>,
    }
}

mirror!(TaskStatus: state(one), message(maybe), timestamp);

message! {
    /// One unit of communication between client and server.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Message {
        /// Its id, made by whoever wrote it.
        #[json("messageId")]
        pub message_id: String,
        /// The conversation it belongs to.
        #[json("contextId")]
        pub context_id: String,
        /// The task it belongs to.
        #[json("taskId")]
        pub task_id: String,
        /// Who sent it.
        #[json("role")]
        pub role: Role,
        /// What it says: at least one part. `parts` is read, too: it is what the schema has.
        #[json("content")]
        pub parts: Vec<Part>,
        /// Anything else, as the sender likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
        /// URIs of the extensions that had a part in it.
        #[json("extensions")]
        pub extensions: Vec<String>,
    }
}

mirror!(Message: message_id, context_id, task_id, role, parts(each), metadata, extensions);

message! {
    /// An output of a task.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Artifact {
        /// Its id, unique within the task.
        #[json("artifactId")]
        pub artifact_id: String,
        /// A name for people.
        #[json("name")]
        pub name: String,
        /// A description for people.
        #[json("description")]
        pub description: String,
        /// What it holds: at least one part.
        #[json("parts")]
        pub parts: Vec<Part>,
        /// Anything else, as the agent likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
        /// URIs of the extensions that had a part in it.
        #[json("extensions")]
        pub extensions: Vec<String>,
    }
}

mirror!(Artifact: artifact_id, name, description, parts(each), metadata, extensions);
