//! Push notification configs, which this binding knows by resource names.

use crate::error::A2aError;
use crate::v0_3::task::mirror;
use crate::v0_3::{FieldNames, PushNotificationConfig};

message! {
    /// A push config under its name.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TaskPushNotificationConfig {
        /// `tasks/{task}/pushNotificationConfigs/{config}`.
        #[json("name")]
        pub name: String,
        /// The push config.
        #[json("pushNotificationConfig", required)]
        pub push_notification_config: PushNotificationConfig,
    }
}

impl From<crate::TaskPushNotificationConfig> for TaskPushNotificationConfig {
    fn from(config: crate::TaskPushNotificationConfig) -> Self {
        Self {
            name: format!("tasks/{}/pushNotificationConfigs/{}", config.task_id, config.id),
            push_notification_config: config.into(),
        }
    }
}

message! {
    /// `POST /v1/tasks/{task}/pushNotificationConfigs`.
    ///
    /// The proto says that the body is the config; the official SDK for Python sends the whole
    /// request, the one for JavaScript the config. Both are read. The task is that of the path.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct CreateTaskPushNotificationConfigRequest {
        /// `tasks/{task}`, in a whole request.
        #[json("parent")]
        pub parent: String,
        /// The new config's id, where the config does not say it.
        #[json("configId")]
        pub config_id: String,
        /// The config, in a whole request.
        #[json("config")]
        pub config: Option<TaskPushNotificationConfig>,
        /// The config's own field, where the body is the config.
        #[json("pushNotificationConfig")]
        pub push_notification_config: Option<PushNotificationConfig>,
    }
}

impl CreateTaskPushNotificationConfigRequest {
    /// The 0.3 names of the fields.
    pub const FIELDS: FieldNames = super::super::TaskPushNotificationConfig::FIELDS;

    /// The request of 1.0, for the task of the path.
    ///
    /// # Errors
    /// If the request has no config.
    pub fn into_current(
        self,
        task_id: impl Into<String>,
    ) -> Result<crate::TaskPushNotificationConfig, A2aError> {
        let config = self.config.map(|config| config.push_notification_config);
        let config = config
            .or(self.push_notification_config)
            .ok_or_else(|| A2aError::invalid_field("pushNotificationConfig", "is required"))?;
        let mut current: crate::TaskPushNotificationConfig = config.into();
        if current.id.is_empty() {
            current.id = self.config_id;
        }
        current.task_id = task_id.into();
        Ok(current)
    }
}

impl From<crate::TaskPushNotificationConfig> for CreateTaskPushNotificationConfigRequest {
    /// The whole request, which the official SDK for Python needs.
    fn from(config: crate::TaskPushNotificationConfig) -> Self {
        Self {
            parent: format!("tasks/{}", config.task_id),
            config_id: config.id.clone(),
            config: Some(config.into()),
            push_notification_config: None,
        }
    }
}

impl From<TaskPushNotificationConfig> for crate::TaskPushNotificationConfig {
    /// A name of another form tells neither task nor id.
    fn from(old: TaskPushNotificationConfig) -> Self {
        let mut config: Self = old.push_notification_config.into();
        let name = old.name.strip_prefix("tasks/");
        if let Some((task, id)) = name.and_then(|it| it.split_once("/pushNotificationConfigs/")) {
            task.clone_into(&mut config.task_id);
            id.clone_into(&mut config.id);
        }
        config
    }
}

message! {
    /// `GET /v1/tasks/{task}/pushNotificationConfigs`: a page of push configs. Its query is read as
    /// that of 1.0.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ListTaskPushNotificationConfigResponse {
        /// The configs.
        #[json("configs")]
        pub configs: Vec<TaskPushNotificationConfig>,
        /// The begin of the next page; empty after the last page.
        #[json("nextPageToken")]
        pub next_page_token: String,
    }
}

mirror!(ListTaskPushNotificationConfigResponse = ListTaskPushNotificationConfigsResponse:
    configs(each), next_page_token);
