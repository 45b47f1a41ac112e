//! Tasks, messages and artifacts.

use super::names::{Role, TaskState, kind};
use super::part::Part;
use crate::json::Struct;
use crate::timestamp::Timestamp;

/// Makes the two directions between a type and the one of the same name in 1.0, field by field. A
/// field that only one of them has keeps its default.
///
/// The mark after a field says how to convert it. `(one)` converts a value, `(maybe)` the value of
/// an option, and `(each)` the values of a list. A field without a mark has one type on both sides.
macro_rules! mirror {
    ($name:ident: $($fields:tt)*) => { crate::v0_3::task::mirror!($name = $name: $($fields)*); };
    ($name:ident = $current:ident: $( $field:ident $(($how:ident))? ),*) => {
        impl From<crate::$current> for $name {
            fn from(current: crate::$current) -> Self {
                #[allow(clippy::needless_update)] // Some have fields that the other side has not.
                Self { $( $field: crate::v0_3::task::mirror!(@ current.$field $(, $how)?), )* ..Self::default() }
            }
        }

        impl From<$name> for crate::$current {
            fn from(old: $name) -> Self {
                #[allow(clippy::needless_update)] // Some have fields that the other side has not.
                Self { $( $field: crate::v0_3::task::mirror!(@ old.$field $(, $how)?), )* ..Self::default() }
            }
        }
    };
    (@ $value:expr) => { $value };
    (@ $value:expr, one) => { $value.into() };
    (@ $value:expr, maybe) => { $value.map(Into::into) };
    (@ $value:expr, each) => { crate::v0_3::convert($value) };
}

pub(super) use mirror;

kind! {
    /// `"task"`.
    TaskKind = "task"
}

kind! {
    /// `"message"`.
    MessageKind = "message"
}

/// Makes the objects that both forms of 0.3 have under the same names. The schema's objects have a
/// `kind`, and more of their fields are required. `$parts` is the name of a message's parts.
macro_rules! objects {
    ($parts:literal $(, $required:ident, $task_kind:ident, $message_kind:ident, $references:ident)?) => {
        message! {
            /// The unit of work.
            #[derive(Debug, Clone, PartialEq, Default)]
            pub struct Task {
                $(
                    /// Says that it is a task.
                    #[json("kind", required)]
                    pub kind: $task_kind,
                )?
                /// Its id, made by the server.
                #[json("id" $(, $required)?)]
                pub id: String,
                /// The conversation it belongs to.
                #[json("contextId" $(, $required)?)]
                pub context_id: String,
                /// The status now.
                #[json("status", required)]
                pub status: TaskStatus,
                /// The artifacts that it has produced.
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

        crate::v0_3::task::mirror!(Task:
            id, context_id, status(one), artifacts(each), history(each), metadata);

        message! {
            /// A task's state, its time, and the agent's message about it.
            #[derive(Debug, Clone, PartialEq, Default)]
            pub struct TaskStatus {
                /// The state.
                #[json("state" $(, $required)?)]
                pub state: TaskState,
                /// The agent's message about it.
                #[json("message")]
                pub message: Option<Message>,
                /// When the status was recorded.
                #[json("timestamp")]
                pub timestamp: Option<Timestamp>,
            }
        }

        crate::v0_3::task::mirror!(TaskStatus: state(one), message(maybe), timestamp);

        message! {
            /// One unit of communication between client and server.
            #[derive(Debug, Clone, PartialEq, Default)]
            pub struct Message {
                $(
                    /// Says that it is a message.
                    #[json("kind", required)]
                    pub kind: $message_kind,
                )?
                /// Its id, made by its sender.
                #[json("messageId" $(, $required)?)]
                pub message_id: String,
                /// The conversation it belongs to.
                #[json("contextId")]
                pub context_id: String,
                /// The task it belongs to.
                #[json("taskId")]
                pub task_id: String,
                /// The sender.
                #[json("role" $(, $required)?)]
                pub role: Role,
                /// Its content: at least one part.
                #[json($parts $(, $required)?)]
                pub parts: Vec<Part>,
                /// Anything else, as the sender likes.
                #[json("metadata")]
                pub metadata: Option<Struct>,
                /// URIs of the extensions that had a part in it.
                #[json("extensions")]
                pub extensions: Vec<String>,
                $(
                    /// Ids of other tasks to look at.
                    #[json("referenceTaskIds")]
                    pub $references: Vec<String>,
                )?
            }
        }

        crate::v0_3::task::mirror!(Message: message_id, context_id, task_id, role(one),
            parts(each), metadata, extensions $(, $references)?);

        message! {
            /// An output of a task.
            #[derive(Debug, Clone, PartialEq, Default)]
            pub struct Artifact {
                /// Its id, unique within the task.
                #[json("artifactId" $(, $required)?)]
                pub artifact_id: String,
                /// A name for people.
                #[json("name")]
                pub name: String,
                /// A description for people.
                #[json("description")]
                pub description: String,
                /// Its content: at least one part.
                #[json("parts" $(, $required)?)]
                pub parts: Vec<Part>,
                /// Anything else, as the agent likes.
                #[json("metadata")]
                pub metadata: Option<Struct>,
                /// URIs of the extensions that had a part in it.
                #[json("extensions")]
                pub extensions: Vec<String>,
            }
        }

        crate::v0_3::task::mirror!(Artifact:
            artifact_id, name, description, parts(each), metadata, extensions);
    };
}

pub(super) use objects;

objects!("parts", required, TaskKind, MessageKind, reference_task_ids);
