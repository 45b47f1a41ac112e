//! The operations of A2A (spec section 3.1), each declared once. The bindings read requests into
//! them and write their results.

use a2a_lambda_core::Tail;
use a2a_lambda_protocol::{
    A2aError, AgentCard, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest, GetTaskPushNotificationConfigRequest, GetTaskRequest,
    ListTaskPushNotificationConfigsRequest, ListTaskPushNotificationConfigsResponse,
    ListTasksRequest, ListTasksResponse, Operation, SendMessageRequest, SendMessageResponse,
    SubscribeToTaskRequest, Task, TaskPushNotificationConfig, decode,
};
use serde::Serialize;

use crate::rights::Right;

/// The capability of an agent's card that an operation needs (spec section 3.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Streams,
    Pushes,
}

/// Declares the operations, each with its request, its name, the right that its caller needs, and
/// the capability that its agent must offer.
macro_rules! operations {
    ($( $operation:ident($request:ident), $right:ident, $needs:expr; )*) => {
        /// The right that a caller needs for an operation.
        pub(crate) const fn right(operation: Operation) -> Right {
            match operation { $( Operation::$operation => Right::$right, )* }
        }

        /// The feature that an agent must offer for an operation.
        pub(crate) const fn needs(operation: Operation) -> Option<Offer> {
            match operation { $( Operation::$operation => $needs, )* }
        }

        /// The request of an operation.
        #[derive(Debug)]
        pub(crate) enum Request {
            $( $operation($request), )*
        }

        impl Request {
            /// Reads the request of an operation in 1.0.
            pub(crate) fn read(operation: Operation, json: &[u8]) -> Result<Self, A2aError> {
                Ok(match operation {
                    $( Operation::$operation => Self::$operation(decode(json)?), )*
                })
            }

            /// The tenant that the request names; empty if it names none.
            pub(crate) fn tenant(&self) -> &str {
                match self { $( Self::$operation(request) => &request.tenant, )* }
            }
        }
    };
}

operations! {
    SendMessage(SendMessageRequest), Send, None;
    SendStreamingMessage(SendMessageRequest), Send, Some(Offer::Streams);
    GetTask(GetTaskRequest), Read, None;
    ListTasks(ListTasksRequest), Read, None;
    CancelTask(CancelTaskRequest), Cancel, None;
    SubscribeToTask(SubscribeToTaskRequest), Read, Some(Offer::Streams);
    CreatePushConfig(TaskPushNotificationConfig), Push, Some(Offer::Pushes);
    GetPushConfig(GetTaskPushNotificationConfigRequest), Push, Some(Offer::Pushes);
    ListPushConfigs(ListTaskPushNotificationConfigsRequest), Push, Some(Offer::Pushes);
    DeletePushConfig(DeleteTaskPushNotificationConfigRequest), Push, Some(Offer::Pushes);
    GetExtendedAgentCard(GetExtendedAgentCardRequest), Read, None;
}

impl Request {
    /// The same request for the task and the push config that a path names.
    pub(crate) fn of(mut self, task: String, config: String) -> Result<Self, A2aError> {
        match &mut self {
            Self::GetTask(request) => request.id = task,
            Self::CancelTask(request) => request.id = task,
            Self::SubscribeToTask(request) => request.id = task,
            Self::CreatePushConfig(request) => {
                if !request.task_id.is_empty() && request.task_id != task {
                    return Err(A2aError::invalid_field(
                        "taskId",
                        "is another one than in the path",
                    ));
                }
                request.task_id = task;
            }
            Self::GetPushConfig(request) => (request.task_id, request.id) = (task, config),
            Self::ListPushConfigs(request) => request.task_id = task,
            Self::DeletePushConfig(request) => (request.task_id, request.id) = (task, config),
            Self::SendMessage(_)
            | Self::SendStreamingMessage(_)
            | Self::ListTasks(_)
            | Self::GetExtendedAgentCard(_) => {}
        }
        Ok(self)
    }
}

/// The outcome of an operation: a result, or a stream of events.
#[expect(clippy::large_enum_variant, reason = "there is one of it in a request")]
pub(crate) enum Served {
    Whole(Outcome),
    Stream(Box<Tail>),
}

/// A result. It serializes in the form of 1.0.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Sent(SendMessageResponse),
    Task(Task),
    Tasks(ListTasksResponse),
    PushConfig(TaskPushNotificationConfig),
    PushConfigs(ListTaskPushNotificationConfigsResponse),
    Deleted {},
    Card(AgentCard),
}
