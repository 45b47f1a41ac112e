//! Push notification configs, and the `params` of JSON-RPC methods about them.

use std::fmt;

use super::fields::FieldNames;
use crate::json::Struct;
use crate::push::Secret;

message! {
    /// A task and where to push its updates: the `params` of `tasks/pushNotificationConfig/set`, and
    /// the `result` of it and of its sisters.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskPushNotificationConfig {
        /// The task.
        #[json("taskId", required)]
        pub task_id: String,
        /// The push config. REQUIRED, but an `Option`: a config has no empty value that could stand
        /// for absent.
        #[json("pushNotificationConfig")]
        pub push_notification_config: Option<PushNotificationConfig>,
    }
}

impl TaskPushNotificationConfig {
    /// The 0.3 names of the fields.
    pub const FIELDS: FieldNames = FieldNames(&[
        ("id", "pushNotificationConfig.id"),
        ("url", "pushNotificationConfig.url"),
        ("token", "pushNotificationConfig.token"),
        ("authentication.scheme", "pushNotificationConfig.authentication.schemes"),
        ("authentication", "pushNotificationConfig.authentication"),
    ]);
}

message! {
    /// The URL for updates, and the authentication there. `Debug` does not show the token.
    #[derive(Clone, PartialEq, Default)]
    pub struct PushNotificationConfig {
        /// Its id, unique within the task.
        #[json("id")]
        pub id: String,
        /// The URL to POST to.
        #[json("url", required)]
        pub url: String,
        /// Sent along so that the receiver knows the notification is meant for it. A secret.
        #[json("token")]
        pub token: String,
        /// The authentication at the URL.
        #[json("authentication")]
        pub authentication: Option<PushNotificationAuthenticationInfo>,
    }
}

message! {
    /// The authentication at the URL of a push. `Debug` does not show the credentials.
    #[derive(Clone, PartialEq, Default)]
    pub struct PushNotificationAuthenticationInfo {
        /// HTTP authentication schemes, such as `Bearer`. The first is used.
        #[json("schemes", required)]
        pub schemes: Vec<String>,
        /// The text after the scheme. A secret.
        #[json("credentials")]
        pub credentials: String,
    }
}

impl fmt::Debug for PushNotificationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushNotificationConfig")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("token", &Secret(&self.token))
            .field("authentication", &self.authentication)
            .finish()
    }
}

impl fmt::Debug for PushNotificationAuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushNotificationAuthenticationInfo")
            .field("schemes", &self.schemes)
            .field("credentials", &Secret(&self.credentials))
            .finish()
    }
}

impl From<PushNotificationConfig> for crate::TaskPushNotificationConfig {
    fn from(config: PushNotificationConfig) -> Self {
        let authentication = config
            .authentication
            // Neither scheme nor credentials says the same as none at all.
            .filter(|info| !(info.schemes.is_empty() && info.credentials.is_empty()));
        Self {
            id: config.id,
            url: config.url,
            token: config.token,
            authentication: authentication.map(Into::into),
            ..Self::default()
        }
    }
}

impl From<PushNotificationAuthenticationInfo> for crate::AuthenticationInfo {
    fn from(info: PushNotificationAuthenticationInfo) -> Self {
        let scheme = info.schemes.into_iter().next().unwrap_or_default();
        Self { scheme, credentials: info.credentials }
    }
}

impl From<crate::AuthenticationInfo> for PushNotificationAuthenticationInfo {
    fn from(info: crate::AuthenticationInfo) -> Self {
        Self { schemes: vec![info.scheme], credentials: info.credentials }
    }
}

impl From<crate::TaskPushNotificationConfig> for PushNotificationConfig {
    fn from(config: crate::TaskPushNotificationConfig) -> Self {
        Self {
            id: config.id,
            url: config.url,
            token: config.token,
            authentication: config.authentication.map(Into::into),
        }
    }
}

impl From<TaskPushNotificationConfig> for crate::TaskPushNotificationConfig {
    fn from(config: TaskPushNotificationConfig) -> Self {
        let task_id = config.task_id;
        Self { task_id, ..config.push_notification_config.unwrap_or_default().into() }
    }
}

impl From<crate::TaskPushNotificationConfig> for TaskPushNotificationConfig {
    fn from(mut config: crate::TaskPushNotificationConfig) -> Self {
        let task_id = std::mem::take(&mut config.task_id);
        Self { task_id, push_notification_config: Some(config.into()) }
    }
}

message! {
    /// `tasks/pushNotificationConfig/get`.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct GetTaskPushNotificationConfigParams {
        /// The task.
        #[json("id", required)]
        pub id: String,
        /// The config; any one if it is not given.
        #[json("pushNotificationConfigId")]
        pub push_notification_config_id: String,
        /// Anything else, as the client likes. 1.0 has none here.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

/// The config that `tasks/pushNotificationConfig/get` asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum WhichPushNotificationConfig {
    /// This one.
    One(crate::GetTaskPushNotificationConfigRequest),
    /// The first of these: the oldest form of the method has no config's id.
    First(crate::ListTaskPushNotificationConfigsRequest),
}

impl From<GetTaskPushNotificationConfigParams> for WhichPushNotificationConfig {
    fn from(params: GetTaskPushNotificationConfigParams) -> Self {
        let (task_id, id) = (params.id, params.push_notification_config_id);
        if id.is_empty() {
            let all = crate::ListTaskPushNotificationConfigsRequest::default();
            Self::First(crate::ListTaskPushNotificationConfigsRequest { task_id, ..all })
        } else {
            let tenant = String::new();
            Self::One(crate::GetTaskPushNotificationConfigRequest { tenant, task_id, id })
        }
    }
}

/// The 0.3 names of the fields of a request about one config.
const ONE_CONFIG: FieldNames = FieldNames(&[("taskId", "id"), ("id", "pushNotificationConfigId")]);

impl GetTaskPushNotificationConfigParams {
    /// The 0.3 names of the fields.
    pub const FIELDS: FieldNames = ONE_CONFIG;
}

message! {
    /// `tasks/pushNotificationConfig/delete`.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct DeleteTaskPushNotificationConfigParams {
        /// The task.
        #[json("id", required)]
        pub id: String,
        /// The config.
        #[json("pushNotificationConfigId", required)]
        pub push_notification_config_id: String,
        /// Anything else, as the client likes. 1.0 has none here.
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl DeleteTaskPushNotificationConfigParams {
    /// The 0.3 names of the fields.
    pub const FIELDS: FieldNames = ONE_CONFIG;
}

impl From<DeleteTaskPushNotificationConfigParams>
    for crate::DeleteTaskPushNotificationConfigRequest
{
    fn from(params: DeleteTaskPushNotificationConfigParams) -> Self {
        Self { tenant: String::new(), task_id: params.id, id: params.push_notification_config_id }
    }
}

impl From<crate::GetTaskPushNotificationConfigRequest> for GetTaskPushNotificationConfigParams {
    fn from(request: crate::GetTaskPushNotificationConfigRequest) -> Self {
        let (id, push_notification_config_id) = (request.task_id, request.id);
        Self { id, push_notification_config_id, metadata: None }
    }
}

impl From<crate::DeleteTaskPushNotificationConfigRequest>
    for DeleteTaskPushNotificationConfigParams
{
    fn from(request: crate::DeleteTaskPushNotificationConfigRequest) -> Self {
        let (id, push_notification_config_id) = (request.task_id, request.id);
        Self { id, push_notification_config_id, metadata: None }
    }
}
