//! The operations of A2A (specification 3.1) and the names of their JSON-RPC methods (9.4).

/// Declares the operations: of each its name, which is that of its JSON-RPC method in 1.0, and that
/// of its method in 0.3, if it has one there.
macro_rules! operations {
    ($( $(#[doc = $doc:expr])* $operation:ident = $name:literal, $old:expr; )*) => {
        /// An operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $( $(#[doc = $doc])* $operation, )*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$( Self::$operation, )*];

            /// Its name, and that of its JSON-RPC method.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$operation => $name, )* }
            }

            /// The name of its JSON-RPC method in 0.3; `None` where 0.3 lacks it.
            pub const fn name_in_v0_3(self) -> Option<&'static str> {
                match self { $( Self::$operation => $old, )* }
            }
        }
    };
}

operations! {
    /// Sends a message, and waits unless told not to.
    SendMessage = "SendMessage", Some("message/send");
    /// Sends a message, and streams the answer.
    SendStreamingMessage = "SendStreamingMessage", Some("message/stream");
    /// Reads a task.
    GetTask = "GetTask", Some("tasks/get");
    /// Lists tasks.
    ListTasks = "ListTasks", None;
    /// Cancels a task.
    CancelTask = "CancelTask", Some("tasks/cancel");
    /// Streams the updates of a task.
    SubscribeToTask = "SubscribeToTask", Some("tasks/resubscribe");
    /// Adds a push config to a task.
    CreatePushConfig = "CreateTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/set");
    /// Reads a push config.
    GetPushConfig = "GetTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/get");
    /// Lists the push configs of a task.
    ListPushConfigs = "ListTaskPushNotificationConfigs", Some("tasks/pushNotificationConfig/list");
    /// Removes a push config.
    DeletePushConfig =
        "DeleteTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/delete");
    /// Reads the card for authenticated clients.
    GetExtendedAgentCard = "GetExtendedAgentCard", Some("agent/getAuthenticatedExtendedCard");
}

impl Operation {
    /// The operation of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// The operation of this method of 0.3.
    pub fn named_in_v0_3(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name_in_v0_3() == Some(name))
    }

    /// Whether it answers with a stream.
    pub const fn streams(self) -> bool {
        matches!(self, Self::SendStreamingMessage | Self::SubscribeToTask)
    }
}
