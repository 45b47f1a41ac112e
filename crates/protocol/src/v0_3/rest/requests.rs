//! The bodies of requests about messages.

use super::task::Message;
use crate::json::Struct;
use crate::v0_3::{FieldNames, PushNotificationConfig, history_length};

message! {
    /// `POST /v1/message:send` and `POST /v1/message:stream`.
    ///
    /// Whether to wait: `ProtoJSON` leaves out a false, so a configuration without `blocking` says
    /// false. Without any configuration the answer waits for the task, as over JSON-RPC.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SendMessageRequest {
        /// The message: `request` in the proto.
        #[json("message")]
        pub request: Option<Message>,
        /// The client's wishes for the answer.
        #[json("configuration")]
        pub configuration: Option<SendMessageConfiguration>,
        /// Anything else, as the client likes.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl SendMessageRequest {
    /// The 0.3 names of the fields.
    pub const FIELDS: FieldNames = FieldNames(&[
        ("message.parts", "message.content"),
        (
            "configuration.taskPushNotificationConfig.authentication.scheme",
            "configuration.pushNotification.authentication.schemes",
        ),
        ("configuration.taskPushNotificationConfig", "configuration.pushNotification"),
    ]);
}

impl From<SendMessageRequest> for crate::SendMessageRequest {
    fn from(request: SendMessageRequest) -> Self {
        Self {
            tenant: String::new(),
            message: request.request.map(Into::into),
            configuration: request.configuration.map(Into::into),
            metadata: request.metadata,
        }
    }
}

impl From<crate::SendMessageRequest> for SendMessageRequest {
    /// Has a configuration in any case: without one, servers do not agree on whether to wait.
    fn from(request: crate::SendMessageRequest) -> Self {
        Self {
            request: request.message.map(Into::into),
            configuration: Some(request.configuration.unwrap_or_default().into()),
            metadata: request.metadata,
        }
    }
}

message! {
    /// The client's wishes for the answer to a message.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct SendMessageConfiguration {
        /// MIME types that the client can take.
        #[json("acceptedOutputModes")]
        pub accepted_output_modes: Vec<String>,
        /// The push config for the task's updates.
        #[json("pushNotification")]
        pub push_notification: Option<PushNotificationConfig>,
        /// The most recent messages that the answer may hold; zero is no limit.
        #[json("historyLength")]
        pub history_length: i32,
        /// Whether to wait until the task is terminal or interrupted.
        #[json("blocking")]
        pub blocking: bool,
    }
}

impl From<SendMessageConfiguration> for crate::SendMessageConfiguration {
    fn from(configuration: SendMessageConfiguration) -> Self {
        Self {
            accepted_output_modes: configuration.accepted_output_modes,
            task_push_notification_config: configuration.push_notification.map(Into::into),
            history_length: history_length(Some(configuration.history_length)),
            return_immediately: !configuration.blocking,
        }
    }
}

impl From<crate::SendMessageConfiguration> for SendMessageConfiguration {
    fn from(configuration: crate::SendMessageConfiguration) -> Self {
        Self {
            accepted_output_modes: configuration.accepted_output_modes,
            push_notification: configuration.task_push_notification_config.map(Into::into),
            history_length: configuration.history_length.unwrap_or_default(),
            blocking: !configuration.return_immediately,
        }
    }
}
