//! Requests about messages and tasks, and the answers that are not themselves a task (specification
//! 3.1).

use crate::enums::TaskState;
use crate::json::Struct;
use crate::push::TaskPushNotificationConfig;
use crate::task::{Message, Task};
use crate::timestamp::Timestamp;

message! {
    /// `SendMessage` and `SendStreamingMessage` (specification 3.2.1).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SendMessageRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The message. REQUIRED, but an `Option`: a message has no empty value that could stand
        /// for absent.
        #[json("message")]
        pub message: Option<Message>,
        /// The client's wishes for the answer.
        #[json("configuration")]
        pub configuration: Option<SendMessageConfiguration>,
        /// Anything else, as the client likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl SendMessageRequest {
    /// Sends this message.
    pub fn of(message: Message, configuration: SendMessageConfiguration) -> Self {
        let (message, configuration) = (Some(message), Some(configuration));
        Self { message, configuration, ..Self::default() }
    }
}

message! {
    /// The client's wishes for the answer to a message (specification 3.2.2).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SendMessageConfiguration {
        /// MIME types that the client can take.
        #[json("acceptedOutputModes")]
        pub accepted_output_modes: Vec<String>,
        /// The push config for the task's updates. It comes without a task id.
        #[json("taskPushNotificationConfig")]
        pub task_push_notification_config: Option<TaskPushNotificationConfig>,
        /// The most recent messages that the answer may hold; `None` is no limit.
        #[json("historyLength")]
        pub history_length: Option<i32>,
        /// Whether to answer at once; else when the task is terminal or interrupted.
        #[json("returnImmediately")]
        pub return_immediately: bool,
    }
}

message! {
    /// `GetTask` (specification 3.1.3).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetTaskRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The task.
        #[json("id", required)]
        pub id: String,
        /// The most recent messages that the answer may hold; `None` is no limit.
        #[json("historyLength")]
        pub history_length: Option<i32>,
    }
}

impl GetTaskRequest {
    /// Asks for this task, with its whole history.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

message! {
    /// `ListTasks` (specification 3.1.4).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ListTasksRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// Only tasks of this conversation.
        #[json("contextId")]
        pub context_id: String,
        /// Only tasks in this state; [`TaskState::Unspecified`] is any.
        #[json("status")]
        pub status: TaskState,
        /// How many tasks at most: 1 to 100, 50 if not given.
        #[json("pageSize")]
        pub page_size: Option<i32>,
        /// The begin of the page: the `nextPageToken` of the page before.
        #[json("pageToken")]
        pub page_token: String,
        /// The most recent messages that each task may hold; `None` is no limit.
        #[json("historyLength")]
        pub history_length: Option<i32>,
        /// Selects tasks whose status has this time or a later one.
        #[json("statusTimestampAfter")]
        pub status_timestamp_after: Option<Timestamp>,
        /// Whether tasks come with their artifacts; no if not given.
        #[json("includeArtifacts")]
        pub include_artifacts: Option<bool>,
    }
}

message! {
    /// A page of tasks (specification 3.1.4). All fields are always written.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ListTasksResponse {
        /// The tasks, newest status first.
        #[json("tasks", required)]
        pub tasks: Vec<Task>,
        /// The begin of the next page; empty after the last page.
        #[json("nextPageToken", required)]
        pub next_page_token: String,
        /// The limit that was used for this page.
        #[json("pageSize", required)]
        pub page_size: i32,
        /// How many tasks there are over all pages.
        #[json("totalSize", required)]
        pub total_size: i32,
    }
}

message! {
    /// `CancelTask` (specification 3.1.5).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct CancelTaskRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The task.
        #[json("id", required)]
        pub id: String,
        /// Anything else, as the client likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl CancelTaskRequest {
    /// Cancels this task.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

message! {
    /// `SubscribeToTask` (specification 3.1.6).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SubscribeToTaskRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The task.
        #[json("id", required)]
        pub id: String,
    }
}

impl SubscribeToTaskRequest {
    /// Subscribes to this task.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

message! {
    /// `GetExtendedAgentCard` (specification 3.1.11).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetExtendedAgentCardRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
    }
}
