//! The `params` of JSON-RPC methods about messages and tasks.

use super::fields::FieldNames;
use super::history_length;
use super::push::PushNotificationConfig;
use super::task::{Message, mirror};
use crate::json::Struct;

message! {
    /// `message/send` and `message/stream`.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct MessageSendParams {
        /// The message.
        #[json("message")]
        pub message: Option<Message>,
        /// The client's wishes for the answer.
        #[json("configuration")]
        pub configuration: Option<MessageSendConfiguration>,
        /// Anything else, as the client likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl MessageSendParams {
    /// The 0.3 names of the fields.
    pub const FIELDS: FieldNames = FieldNames(&[
        (
            "configuration.taskPushNotificationConfig.authentication.scheme",
            "configuration.pushNotificationConfig.authentication.schemes",
        ),
        ("configuration.taskPushNotificationConfig", "configuration.pushNotificationConfig"),
    ]);
}

impl From<MessageSendParams> for crate::SendMessageRequest {
    fn from(params: MessageSendParams) -> Self {
        Self {
            tenant: String::new(),
            message: params.message.map(Into::into),
            configuration: params.configuration.map(Into::into),
            metadata: params.metadata,
        }
    }
}

impl From<crate::SendMessageRequest> for MessageSendParams {
    /// Always says whether to wait: 0.3 does not define the meaning of an absent configuration.
    fn from(request: crate::SendMessageRequest) -> Self {
        Self {
            message: request.message.map(Into::into),
            configuration: Some(request.configuration.unwrap_or_default().into()),
            metadata: request.metadata,
        }
    }
}

message! {
    /// The client's wishes for the answer to a message.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct MessageSendConfiguration {
        /// MIME types that the client can take.
        #[json("acceptedOutputModes")]
        pub accepted_output_modes: Vec<String>,
        /// Whether to wait until the task is terminal or interrupted. Absent is yes: the schema leaves
        /// it open, the official SDKs' servers wait.
        #[json("blocking")]
        pub blocking: Option<bool>,
        /// How many of the most recent messages the answer may hold; `None` and zero are no limit.
        #[json("historyLength")]
        pub history_length: Option<i32>,
        /// The push config for the task's updates.
        #[json("pushNotificationConfig")]
        pub push_notification_config: Option<PushNotificationConfig>,
    }
}

impl From<MessageSendConfiguration> for crate::SendMessageConfiguration {
    fn from(configuration: MessageSendConfiguration) -> Self {
        Self {
            accepted_output_modes: configuration.accepted_output_modes,
            task_push_notification_config: configuration.push_notification_config.map(Into::into),
            history_length: history_length(configuration.history_length),
            return_immediately: configuration.blocking == Some(false),
        }
    }
}

impl From<crate::SendMessageConfiguration> for MessageSendConfiguration {
    fn from(configuration: crate::SendMessageConfiguration) -> Self {
        Self {
            accepted_output_modes: configuration.accepted_output_modes,
            blocking: Some(!configuration.return_immediately),
            history_length: configuration.history_length,
            push_notification_config: configuration.task_push_notification_config.map(Into::into),
        }
    }
}

message! {
    /// `tasks/get`; over HTTP+JSON the query of `GET /v1/tasks/{id}`.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskQueryParams {
        /// The task.
        #[json("id", required)]
        pub id: String,
        /// How many of the most recent messages the answer may hold; `None` and zero are no limit.
        #[json("historyLength")]
        pub history_length: Option<i32>,
        /// Anything else, as the client likes. 1.0 has none here.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl From<TaskQueryParams> for crate::GetTaskRequest {
    fn from(params: TaskQueryParams) -> Self {
        Self {
            tenant: String::new(),
            id: params.id,
            history_length: history_length(params.history_length),
        }
    }
}

impl From<crate::GetTaskRequest> for TaskQueryParams {
    fn from(request: crate::GetTaskRequest) -> Self {
        Self { id: request.id, history_length: request.history_length, metadata: None }
    }
}

message! {
    /// `tasks/cancel`, `tasks/resubscribe` and `tasks/pushNotificationConfig/list`.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskIdParams {
        /// The task.
        #[json("id", required)]
        pub id: String,
        /// Anything else, as the client likes. 1.0 has it when canceling only.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl TaskIdParams {
    /// The 0.3 names of the fields of the request for a list of push configs. In the other requests
    /// they have the same names.
    pub const LIST_FIELDS: FieldNames = FieldNames(&[("taskId", "id")]);
}

mirror!(TaskIdParams = CancelTaskRequest: id, metadata);

mirror!(TaskIdParams = SubscribeToTaskRequest: id);

impl From<TaskIdParams> for crate::ListTaskPushNotificationConfigsRequest {
    fn from(params: TaskIdParams) -> Self {
        // All of them: 0.3 has no pages over JSON-RPC.
        Self { task_id: params.id, ..Self::default() }
    }
}

impl From<crate::ListTaskPushNotificationConfigsRequest> for TaskIdParams {
    fn from(request: crate::ListTaskPushNotificationConfigsRequest) -> Self {
        Self { id: request.task_id, metadata: None }
    }
}
