//! One call of an operation: what is asked, in the types of 1.0.

use a2a_lambda_protocol::{
    CancelTaskRequest, DeleteTaskPushNotificationConfigRequest, GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    ListTasksRequest, Operation, SendMessageRequest, SubscribeToTaskRequest,
    TaskPushNotificationConfig,
};
use serde::Serialize;

/// Declares the calls: each operation with its request.
macro_rules! calls {
    ($( $operation:ident($request:ident), )*) => {
        /// A call.
        #[derive(Debug, Clone, Serialize)]
        #[serde(untagged)]
        pub(crate) enum Call {
            $( $operation($request), )*
        }

        impl Call {
            pub(crate) const fn operation(&self) -> Operation {
                match self { $( Self::$operation(_) => Operation::$operation, )* }
            }

            /// The same call, for this tenant.
            pub(crate) fn of_tenant(mut self, tenant: &str) -> Self {
                match &mut self {
                    $( Self::$operation(request) => tenant.clone_into(&mut request.tenant), )*
                }
                self
            }
        }
    };
}

calls! {
    SendMessage(SendMessageRequest),
    SendStreamingMessage(SendMessageRequest),
    GetTask(GetTaskRequest),
    ListTasks(ListTasksRequest),
    CancelTask(CancelTaskRequest),
    SubscribeToTask(SubscribeToTaskRequest),
    CreatePushConfig(TaskPushNotificationConfig),
    GetPushConfig(GetTaskPushNotificationConfigRequest),
    ListPushConfigs(ListTaskPushNotificationConfigsRequest),
    DeletePushConfig(DeleteTaskPushNotificationConfigRequest),
    GetExtendedAgentCard(GetExtendedAgentCardRequest),
}

impl Call {
    /// Whether its answer comes only when the task has settled.
    pub(crate) fn waits(&self) -> bool {
        match self {
            Self::SendMessage(request) => {
                !request.configuration.as_ref().is_some_and(|it| it.return_immediately)
            }
            _ => false,
        }
    }

    /// Whether it may arrive twice without a key: it changes nothing, or the second time nothing more.
    pub(crate) fn is_idempotent(&self) -> bool {
        !matches!(
            self,
            Self::SendMessage(_) | Self::SendStreamingMessage(_) | Self::CreatePushConfig(_)
        )
    }
}
