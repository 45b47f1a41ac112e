//! Push configs: create, get, list, delete (spec sections 3.1.7 to 3.1.10).

use a2a_lambda_protocol::{
    A2aError, AuthenticationInfo, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig, validate,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tracing::warn;

use super::{Caller, Operations, invalid_id, store_error};
use crate::engine::chain;
use crate::ids::{ConfigId, Generation, TaskKey};
use crate::push::{PushConfig, PushSecrets, Secret};
use crate::store::Depth;
use crate::version::ProtocolVersion;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// The longest authentication scheme, in bytes.
const MAX_SCHEME_BYTES: usize = 64;

/// The longest token, and the longest credentials, in bytes.
const MAX_SECRET_BYTES: usize = 8 * 1_024;

/// The most configs on a page.
const MAX_PAGE: usize = 100;

impl Operations {
    /// Makes a push config, or replaces the one with the same id. Tasks that are over take them,
    /// too.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, `UnsupportedOperation` when the task has
    /// as many as it may have, or a store's failure.
    pub async fn create_push_config(
        &self,
        caller: &Caller,
        request: TaskPushNotificationConfig,
        version: ProtocolVersion,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        validate(&request)?;
        if request.task_id.is_empty() {
            return Err(A2aError::invalid_field("taskId", "is required"));
        }
        let head = self.owned(caller, &request.task_id, Depth::Tail).await?.head;
        let mut request = request;
        // 0.3 sets the one config of a task, unless it is named; 1.0 creates another.
        if request.id.is_empty() && version == ProtocolVersion::V1_0 {
            request.id = self.engine.ids.fresh();
        }
        let registered = self.register(&head.key, head.generation, request, version, "").await?;
        Ok(shown(&head.key, &registered.config))
    }

    /// Reads a push config, without its secrets.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound` for a task or a config that is not there,
    /// or a store's failure.
    pub async fn get_push_config(
        &self,
        caller: &Caller,
        request: &GetTaskPushNotificationConfigRequest,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        validate(request)?;
        let key = self.owned(caller, &request.task_id, Depth::Tail).await?.head.key;
        let not_found = || {
            let text = format!("the task has no push config {}", request.id);
            A2aError::new(ErrorKind::TaskNotFound, text)
                .with_metadata("taskId", request.task_id.clone())
        };
        // An id that cannot be one is the id of no config.
        let id = ConfigId::parse(&request.id).map_err(|_| not_found())?;
        let config = self.engine.config(&key, &id).await.map_err(store_error)?;
        config.map(|config| shown(&key, &config)).ok_or_else(not_found)
    }

    /// Lists the push configs of a task by id, without their secrets.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request or page token, `TaskNotFound`, or a store's failure.
    pub async fn list_push_configs(
        &self,
        caller: &Caller,
        request: &ListTaskPushNotificationConfigsRequest,
    ) -> Result<ListTaskPushNotificationConfigsResponse, A2aError> {
        validate(request)?;
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(decode_token(token)?),
        };
        let key = self.owned(caller, &request.task_id, Depth::Tail).await?.head.key;
        let size = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => MAX_PAGE,
            Ok(size) => size.min(MAX_PAGE),
        };
        // One more than is shown tells whether there is another page.
        let found = self.engine.configs(&key, after.as_ref(), size + 1).await;
        let mut found = found.map_err(store_error)?;
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|last| encode_token(&last.id));
        Ok(ListTaskPushNotificationConfigsResponse {
            configs: found.iter().map(|config| shown(&key, config)).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    /// Deletes a push config. One that is not there is as good as deleted.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, or a store's failure.
    pub async fn delete_push_config(
        &self,
        caller: &Caller,
        request: &DeleteTaskPushNotificationConfigRequest,
    ) -> Result<(), A2aError> {
        validate(request)?;
        let key = self.owned(caller, &request.task_id, Depth::Tail).await?.head.key;
        let Ok(id) = ConfigId::parse(&request.id) else {
            return Ok(());
        };
        self.engine.delete_config(&key, &id).await.map_err(store_error)
    }

    /// Stores a config for a task, from `cursor` on. `path` is where the request has the config.
    pub(super) async fn register(
        &self,
        task: &TaskKey,
        cursor: Generation,
        request: TaskPushNotificationConfig,
        version: ProtocolVersion,
        path: &str,
    ) -> Result<Registered, A2aError> {
        let read = read(task, request, path)?;
        let config = PushConfig {
            id: read.id,
            url: read.url,
            scheme: read.scheme,
            secrets: read.secrets,
            version,
            created_at: self.engine.clock.now(),
            cursor,
        };
        let most = self.engine.policy.max_push_configs;
        let present = self.engine.configs(task, None, most).await.map_err(store_error)?;
        let count = present.len();
        let replaced = present.into_iter().find(|present| present.id == config.id);
        if count >= most && replaced.is_none() {
            let text = format!("the task has {most} push configs, and can have no more");
            return Err(A2aError::unsupported(text));
        }
        self.engine.put_config(task, &config).await.map_err(store_error)?;
        Ok(Registered { config, replaced })
    }

    /// Takes back a config whose message was refused after all.
    pub(super) async fn take_back(&self, task: &TaskKey, registered: &Registered) {
        let taken_back = match &registered.replaced {
            Some(replaced) => self.engine.put_config(task, replaced).await,
            None => self.engine.delete_config(task, &registered.config.id).await,
        };
        if let Err(error) = taken_back {
            let (tenant, task, error) = (&task.tenant, &task.task, chain(&error));
            warn!(%tenant, %task, error, "the push config of a refused message is left behind");
        }
    }
}

/// A config that was stored, and the one that it took the place of.
pub(super) struct Registered {
    config: PushConfig,
    replaced: Option<PushConfig>,
}

/// What a request says of a config, in order.
struct Requested {
    id: ConfigId,
    url: String,
    scheme: String,
    secrets: PushSecrets,
}

/// Reads a config out of a request. One without an id gets the task's, so that a message that is
/// sent twice brings one config.
fn read(
    task: &TaskKey,
    request: TaskPushNotificationConfig,
    path: &str,
) -> Result<Requested, A2aError> {
    let field = |name: &str| format!("{path}{name}");
    let id = if request.id.is_empty() { task.task.as_str().to_owned() } else { request.id };
    let AuthenticationInfo { scheme, credentials } = request.authentication.unwrap_or_default();
    for (name, text, limit) in [
        ("url", &request.url, MAX_URL_BYTES),
        ("token", &request.token, MAX_SECRET_BYTES),
        ("authentication.scheme", &scheme, MAX_SCHEME_BYTES),
        ("authentication.credentials", &credentials, MAX_SECRET_BYTES),
    ] {
        if text.len() > limit {
            let text = format!("must have at most {limit} bytes");
            return Err(A2aError::invalid_field(field(name), text));
        }
        // All of them become parts of an HTTP request's head.
        let allowed = |b: u8| b.is_ascii_graphic() || (b == b' ' && name != "url");
        if !text.bytes().all(allowed) {
            let text = "must be printable ASCII, and a URL without spaces";
            return Err(A2aError::invalid_field(field(name), text));
        }
    }
    Ok(Requested {
        id: ConfigId::parse(id).map_err(|e| invalid_id(&field("id"), &e))?,
        url: request.url,
        scheme,
        secrets: PushSecrets {
            token: Secret::new(request.token),
            credentials: Secret::new(credentials),
        },
    })
}

/// A config as clients read it: its secrets were for the receiver, and are not told again.
fn shown(task: &TaskKey, config: &PushConfig) -> TaskPushNotificationConfig {
    let authentication = Some(&config.scheme).filter(|scheme| !scheme.is_empty());
    TaskPushNotificationConfig {
        tenant: task.tenant.as_str().to_owned(),
        id: config.id.as_str().to_owned(),
        task_id: task.task.as_str().to_owned(),
        url: config.url.clone(),
        token: String::new(),
        authentication: authentication.map(|scheme| AuthenticationInfo {
            scheme: scheme.clone(),
            credentials: String::new(),
        }),
    }
}

fn encode_token(last: &ConfigId) -> String {
    URL_SAFE_NO_PAD.encode(last.as_str())
}

fn decode_token(token: &str) -> Result<ConfigId, A2aError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let id = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    id.and_then(|id| ConfigId::parse(id).ok()).ok_or_else(|| {
        A2aError::invalid_field(
            "pageToken",
            "is not a token that ListTaskPushNotificationConfigs has given out",
        )
    })
}
