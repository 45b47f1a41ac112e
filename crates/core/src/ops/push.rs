//! Push configs: create, get, list, delete (spec sections 3.1.7 to 3.1.10).

use std::time::Duration;

use a2a_lambda_protocol::{
    A2aError, AuthenticationInfo, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig, Timestamp, validate,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tracing::warn;

use super::{Caller, Operations, invalid_id, store_error, transact_error};
use crate::engine::{TransactError, chain};
use crate::ids::{ConfigId, Generation, Position, TaskKey};
use crate::push::{Delivery, Origin, PushConfig, PushSecrets, Secret};
use crate::store::Depth;
use crate::vault::VaultError;
use crate::version::ProtocolVersion;
use crate::webhook::NotAdmitted;

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
        origin: impl Into<Origin>,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        let origin = origin.into();
        validate(&request)?;
        if request.task_id.is_empty() {
            return Err(A2aError::invalid_field("taskId", "is required"));
        }
        let snapshot = self.owned(caller, &request.task_id, Depth::Tail).await?;
        let key = snapshot.head.key.clone();
        let from = (snapshot.head.position, snapshot.head.generation);
        let mut request = request;
        // 0.3 sets the one config of a task, unless it is named; 1.0 creates another.
        if request.id.is_empty() && origin.version == ProtocolVersion::V1_0 {
            request.id = self.engine.ids.fresh();
        }
        let registered = Box::pin(self.register(&key, from, request, origin, "")).await?;
        // The config is there before the task knows of it, so that nothing is missed.
        if let Err(error) = self.engine.register_push(snapshot).await {
            self.take_back(&key, &registered).await;
            return Err(transact_error(error));
        }
        Ok(shown(&key, &registered.config))
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

    /// How the delivery to a task's push configs stands, by id: what A2A has no field for.
    ///
    /// # Errors
    /// `TaskNotFound`, or a store's failure.
    pub async fn push_deliveries(
        &self,
        caller: &Caller,
        task_id: &str,
    ) -> Result<Vec<(ConfigId, Delivery)>, A2aError> {
        let key = self.owned(caller, task_id, Depth::Tail).await?.head.key;
        let configs = self.engine.configs(&key, None, MAX_PAGE).await.map_err(store_error)?;
        Ok(configs.into_iter().map(|config| (config.id, config.delivery)).collect())
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

    /// Stores a config for a task, for what comes after `from`. `path` is where the request has the config.
    pub(super) async fn register(
        &self,
        task: &TaskKey,
        from: (Position, Generation),
        request: TaskPushNotificationConfig,
        origin: Origin,
        path: &str,
    ) -> Result<Registered, A2aError> {
        if !self.engine.vault.has_key() {
            let text = "push notifications are not set up: there is no key for their secrets";
            return Err(A2aError::new(ErrorKind::PushNotificationNotSupported, text));
        }
        let read = read(task, request, path)?;
        let most = self.engine.policy.max_push_configs;
        let present = self.engine.configs(task, None, most).await.map_err(store_error)?;
        let count = present.len();
        let replaced = present.into_iter().find(|present| present.id == read.id);
        if count >= most && replaced.is_none() {
            return Err(too_many(most));
        }
        let webhook = &self.engine.webhook;
        let refused = |field: &str, NotAdmitted(text): NotAdmitted| {
            A2aError::invalid_field(format!("{path}{field}"), text)
        };
        webhook
            .check_credentials(&read.scheme, &read.secrets.credentials)
            .map_err(|error| refused("authentication.credentials", error))?;
        webhook.admit(&read.url).await.map_err(|error| refused("url", error))?;
        let context = PushConfig::seal_context(task, &read.id);
        let sealed = self.engine.vault.seal(&read.secrets, &context).await;
        let (cursor, delivered) = from;
        let config = PushConfig {
            id: read.id,
            url: read.url,
            scheme: read.scheme,
            secrets: sealed.map_err(vault_error)?,
            version: origin.version,
            trace: origin.trace,
            created_at: after(replaced.as_ref(), self.engine.clock.now()),
            write: self.engine.write_id(),
            delivery: Delivery { cursor, delivered, ..Delivery::default() },
        };
        let registered = self.store_config(task, config, replaced).await?;
        // Others may have made some at the same time: whoever sees too many takes its own back, and
        // the last to look sees all.
        let now = self.engine.configs(task, None, most + 1).await.map_err(store_error)?;
        if now.len() > most && registered.replaced.is_none() {
            self.take_back(task, &registered).await;
            return Err(too_many(most));
        }
        Ok(registered)
    }

    /// Stores a config, in place of `present` if there is one: of that very state, which is
    /// delivered to meanwhile, so that it can be taken back as it was.
    async fn store_config(
        &self,
        task: &TaskKey,
        config: PushConfig,
        present: Option<PushConfig>,
    ) -> Result<Registered, A2aError> {
        let mut replaced = present;
        for _ in 0..self.engine.policy.commit_tries {
            let Some(present) = &replaced else {
                self.engine.put_config(task, &config).await.map_err(store_error)?;
                return Ok(Registered { config, replaced });
            };
            let stored = self.engine.advance_config(task, &present.write, &config).await;
            if stored.map_err(store_error)? {
                return Ok(Registered { config, replaced });
            }
            let now = self.engine.config(task, &config.id).await.map_err(store_error)?;
            if now.as_ref().is_some_and(|now| is_same(now, &config)) {
                // It was stored by a try whose answer was lost, and has been delivered to since.
                return Ok(Registered { config, replaced });
            }
            replaced = now;
        }
        Err(transact_error(TransactError::Contended))
    }

    async fn try_to_take_back(
        &self,
        task: &TaskKey,
        registered: &Registered,
    ) -> Result<(), TransactError> {
        let Registered { config, replaced } = registered;
        let Some(replaced) = replaced else {
            return Ok(self.engine.delete_config(task, &config.id).await?);
        };
        // Whoever delivers may have noted something of it. What others have made of it stays.
        let now = self.engine.config(task, &config.id).await?;
        let Some(now) = now.filter(|now| is_same(now, config)) else { return Ok(()) };
        self.engine.advance_config(task, &now.write, replaced).await?;
        // It may have been passed over while it was not there.
        let Some(snapshot) = self.engine.read(task, Depth::Tail).await? else { return Ok(()) };
        self.engine.register_push(snapshot).await
    }

    /// Takes back a config whose message was refused after all.
    pub(super) async fn take_back(&self, task: &TaskKey, registered: &Registered) {
        if let Err(error) = self.try_to_take_back(task, registered).await {
            let (tenant, task, error) = (&task.tenant, &task.task, chain(&error));
            warn!(%tenant, %task, error, "the push config of a refused message is left behind");
        }
    }
}

fn too_many(most: usize) -> A2aError {
    A2aError::unsupported(format!("the task has {most} push configs, and can have no more"))
}

/// Whether this is the same config, however far its receiver has come.
fn is_same(config: &PushConfig, other: &PushConfig) -> bool {
    config.created_at == other.created_at && config.url == other.url
}

/// The vault's failure, as a client is told of it.
fn vault_error(error: VaultError) -> A2aError {
    let (kind, text) = match error {
        VaultError::Unavailable(_) => {
            (ErrorKind::Unavailable, "the config's secrets cannot be sealed now; try again")
        }
        VaultError::NoKey | VaultError::Damaged => {
            (ErrorKind::Internal, "the config's secrets cannot be sealed")
        }
    };
    A2aError::new(kind, text).with_source(error)
}

/// A config that was stored, and the one that it took the place of.
pub(super) struct Registered {
    config: PushConfig,
    replaced: Option<PushConfig>,
}

/// The time when a config is made, which tells its pushes from those of the one that it replaces.
fn after(replaced: Option<&PushConfig>, now: Timestamp) -> Timestamp {
    let next = |config: &PushConfig| config.created_at.saturating_add(Duration::from_millis(1));
    replaced.map_or(now, |replaced| next(replaced).max(now))
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
