//! Push notification configs and the requests about them (specification 3.1.7 to 3.1.10, 4.3).

use std::fmt;

message! {
    /// The URL for the updates of a task, and the authentication there (specification 4.3.1).
    ///
    /// Also the request of `CreateTaskPushNotificationConfig`. `Debug` does not show the token.
    #[derive(Clone, PartialEq, Default)]
    pub struct TaskPushNotificationConfig {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// Its id, unique within the task; made by the server if the client gives none.
        #[json("id")]
        pub id: String,
        /// The task.
        #[json("taskId")]
        pub task_id: String,
        /// The URL to POST to.
        #[json("url", required)]
        pub url: String,
        /// Sent along so that the receiver knows the notification is meant for it. A secret.
        #[json("token")]
        pub token: String,
        /// The authentication at the URL.
        #[json("authentication")]
        pub authentication: Option<AuthenticationInfo>,
    }
}

impl TaskPushNotificationConfig {
    /// Sends the updates of a task to this URL. `task_id` is empty in a config that comes with a
    /// message: there the task is that of the message.
    pub fn of(task_id: impl Into<String>, url: impl Into<String>) -> Self {
        Self { task_id: task_id.into(), url: url.into(), ..Self::default() }
    }
}

message! {
    /// The content of a push's `Authorization` header (specification 4.3.2).
    ///
    /// `Debug` does not show the credentials.
    #[derive(Clone, PartialEq, Default)]
    pub struct AuthenticationInfo {
        /// The HTTP authentication scheme, such as `Bearer`.
        #[json("scheme", required)]
        pub scheme: String,
        /// The text after the scheme. A secret.
        #[json("credentials")]
        pub credentials: String,
    }
}

/// A secret in `Debug`: shows whether it is set, and never its value.
pub(crate) struct Secret<'a>(pub(crate) &'a str);

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "<none>" } else { "<secret>" })
    }
}

impl fmt::Debug for TaskPushNotificationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPushNotificationConfig")
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("task_id", &self.task_id)
            .field("url", &self.url)
            .field("token", &Secret(&self.token))
            .field("authentication", &self.authentication)
            .finish()
    }
}

impl fmt::Debug for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationInfo")
            .field("scheme", &self.scheme)
            .field("credentials", &Secret(&self.credentials))
            .finish()
    }
}

message! {
    /// `GetTaskPushNotificationConfig` (specification 3.1.8).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetTaskPushNotificationConfigRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The task.
        #[json("taskId", required)]
        pub task_id: String,
        /// The config.
        #[json("id", required)]
        pub id: String,
    }
}

impl GetTaskPushNotificationConfigRequest {
    /// Asks for this config of a task.
    pub fn of(task_id: impl Into<String>, id: impl Into<String>) -> Self {
        Self { task_id: task_id.into(), id: id.into(), ..Self::default() }
    }
}

message! {
    /// `DeleteTaskPushNotificationConfig` (specification 3.1.10).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DeleteTaskPushNotificationConfigRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The task.
        #[json("taskId", required)]
        pub task_id: String,
        /// The config.
        #[json("id", required)]
        pub id: String,
    }
}

impl DeleteTaskPushNotificationConfigRequest {
    /// Deletes this config of a task.
    pub fn of(task_id: impl Into<String>, id: impl Into<String>) -> Self {
        Self { task_id: task_id.into(), id: id.into(), ..Self::default() }
    }
}

message! {
    /// `ListTaskPushNotificationConfigs` (specification 3.1.9).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ListTaskPushNotificationConfigsRequest {
        /// Routes to an agent.
        #[json("tenant")]
        pub tenant: String,
        /// The task.
        #[json("taskId", required)]
        pub task_id: String,
        /// How many configs at most; zero is not given.
        #[json("pageSize")]
        pub page_size: i32,
        /// The begin of the page: the `nextPageToken` of the page before.
        #[json("pageToken")]
        pub page_token: String,
    }
}

impl ListTaskPushNotificationConfigsRequest {
    /// Asks for all configs of this task.
    pub fn of(task_id: impl Into<String>) -> Self {
        Self { task_id: task_id.into(), ..Self::default() }
    }
}

message! {
    /// A page of push configs (specification 3.1.9).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ListTaskPushNotificationConfigsResponse {
        /// The configs.
        #[json("configs")]
        pub configs: Vec<TaskPushNotificationConfig>,
        /// The begin of the next page; empty after the last page.
        #[json("nextPageToken")]
        pub next_page_token: String,
    }
}
