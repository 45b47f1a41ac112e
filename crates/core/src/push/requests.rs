//! Push configs: create, get, list, delete (spec sections 3.1.7 to 3.1.10).

use std::collections::BTreeSet;
use std::time::Duration;

use a2a_lambda_protocol::{
    A2aError, AuthenticationInfo, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig, validate,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{join, join_all};
use tracing::warn;

use crate::engine::{TransactError, chain};
use crate::head::Head;
use crate::ids::{ConfigId, Generation, Position, Registration, TaskKey};
use crate::machine::{Command, NewPush, Refusal, Stamp};
use crate::operations::{Caller, Operations, invalid_id, store_error, transact_error};
use crate::push::settled::transact_pushes;
use crate::push::{Delivery, NotAdmitted, Origin, PushConfig, PushSecrets, Secret, VaultError};
use crate::store::{Depth, Snapshot};
use crate::version::ProtocolVersion;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// The longest authentication scheme, in bytes.
const MAX_SCHEME_BYTES: usize = 64;

/// The longest token, and the longest credentials, in bytes.
const MAX_SECRET_BYTES: usize = 8 * 1_024;

/// The most configs on a page.
const MAX_PAGE: usize = 100;

/// How much longer than [`Policy::push_view`](crate::Policy::push_view) an answer waits. It covers
/// the time from the check of a push to its first byte, and clocks that run at different speeds.
const VIEW_MARGIN: Duration = Duration::from_millis(100);

impl Operations {
    /// Creates a push config, or replaces the one with the same id. Ended tasks accept configs,
    /// too.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, `UnsupportedOperation` when the task has
    /// the most configs that it may have, or a store's failure.
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
        let mut request = request;
        // In 0.3 a request without an id sets the task's one config. In 1.0 it creates another.
        if request.id.is_empty() && origin.version == ProtocolVersion::V1_0 {
            request.id = self.engine.ids.fresh();
        }
        let task = snapshot.head.key.clone();
        let head = Some(&snapshot.head);
        let offer = Box::pin(self.offer(&task, head, request, origin, "")).await?;
        Box::pin(self.register(snapshot, offer)).await.map(|config| shown(&task, &config))
    }

    /// Reads a push config, without its secrets.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound` for a missing task or config, or a store's
    /// failure.
    pub async fn get_push_config(
        &self,
        caller: &Caller,
        request: &GetTaskPushNotificationConfigRequest,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        validate(request)?;
        let snapshot = self.owned(caller, &request.task_id, Depth::Tail).await?;
        let not_found = || {
            let text = format!("the task has no push config {}", request.id);
            A2aError::new(ErrorKind::TaskNotFound, text)
                .with_metadata("taskId", request.task_id.clone())
        };
        // A malformed id is the id of no config.
        let id = ConfigId::parse(&request.id).map_err(|_| not_found())?;
        let key = snapshot.head.key.clone();
        let configs = self.live_configs(snapshot, |of| of.is_of(&id)).await?;
        configs.first().map(|config| shown(&key, config)).ok_or_else(not_found)
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
        let snapshot = self.owned(caller, &request.task_id, Depth::Tail).await?;
        let key = snapshot.head.key.clone();
        let size = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => MAX_PAGE,
            Ok(size) => size.min(MAX_PAGE),
        };
        let mut found = self.live_configs(snapshot, |_| true).await?;
        found.retain(|config| after.as_ref().is_none_or(|after| config.id > *after));
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|last| encode_token(&last.id));
        Ok(ListTaskPushNotificationConfigsResponse {
            configs: found.iter().map(|config| shown(&key, config)).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    /// The deliveries to a task's push configs, by id. A2A has no field for them.
    ///
    /// # Errors
    /// `TaskNotFound`, or a store's failure.
    pub async fn push_deliveries(
        &self,
        caller: &Caller,
        task_id: &str,
    ) -> Result<Vec<(ConfigId, Delivery)>, A2aError> {
        let snapshot = self.owned(caller, task_id, Depth::Tail).await?;
        let head = snapshot.head.clone();
        let configs = self.live_configs(snapshot, |_| true).await?;
        Ok(configs.into_iter().map(|of| (of.id, of.delivery.of_task(&head))).collect())
    }

    /// Deletes a push config. Deleting a missing one succeeds.
    ///
    /// After this returns, no push to the config is begun (invariant I14). So it waits while a
    /// deliverer may not know of the deletion.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, or a store's failure.
    pub async fn delete_push_config(
        &self,
        caller: &Caller,
        request: &DeleteTaskPushNotificationConfigRequest,
    ) -> Result<(), A2aError> {
        validate(request)?;
        let snapshot = self.owned(caller, &request.task_id, Depth::Tail).await?;
        let Ok(id) = ConfigId::parse(&request.id) else {
            return Ok(());
        };
        let task = snapshot.head.key.clone();
        let mut replaced = Replaced::default();
        let unregister = |head: &Head, stamp: &Stamp| {
            replaced.note(head, |of| of.is_of(&id));
            head.apply(Command::UnregisterPush { id: id.clone() }, stamp)
        };
        match Box::pin(self.engine.transact_with(snapshot, unregister)).await {
            Ok(_) => {}
            Err(TransactError::Illegal(refused)) => {
                // An earlier request whose answer was lost may just have deleted it.
                replaced.note_deliverer(&refused.snapshot.head);
            }
            Err(TransactError::Gone) => return Err(A2aError::task_not_found(&request.task_id)),
            Err(error) => return Err(transact_error(error)),
        }
        self.silence(&task, replaced).await;
        Ok(())
    }

    /// The configs that a task names, by id, limited to some registrations.
    async fn live_configs(
        &self,
        mut snapshot: Snapshot,
        is_asked_for: impl Fn(&Registration) -> bool + Send,
    ) -> Result<Vec<PushConfig>, A2aError> {
        let task = snapshot.head.key.clone();
        let mut left = self.engine.policy.store_tries;
        loop {
            let named = snapshot.head.registrations().iter().filter(|of| is_asked_for(of));
            let named: Vec<Registration> = named.cloned().collect();
            let found = self.engine.configs(&task, &named).await.map_err(store_error)?;
            left = left.saturating_sub(1);
            if found.len() == named.len() || left == 0 {
                return Ok(found);
            }
            // A config was replaced or deleted since the task was read.
            let read = self.engine.read(&task, Depth::Tail).await.map_err(store_error)?;
            snapshot = read.ok_or_else(|| A2aError::task_not_found(task.task.as_str()))?;
        }
    }

    /// Stores a config, which a task is to name, from the task's newest entry on. `head` is the
    /// task, unless it is new. `path` is the config's path in the request.
    pub(crate) async fn offer(
        &self,
        task: &TaskKey,
        head: Option<&Head>,
        request: TaskPushNotificationConfig,
        origin: Origin,
        path: &str,
    ) -> Result<Offer, A2aError> {
        if !self.engine.vault.has_key() {
            let text = "push notifications are not set up: there is no key for their secrets";
            return Err(A2aError::new(ErrorKind::PushNotificationNotSupported, text));
        }
        let read = read(task, request, path)?;
        let most = self.engine.policy.max_push_configs;
        // The commit decides. This check saves the cost of a request that the commit would refuse.
        let named = head.map_or(&[][..], Head::registrations);
        if named.iter().filter(|of| !of.is_of(&read.id)).count() >= most {
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
        let newest = |head: &Head| (head.position, head.generation);
        let (cursor, delivered) = head.map_or((Position(0), Generation(0)), newest);
        let config = PushConfig {
            registration: self.engine.registration(&read.id),
            id: read.id,
            url: read.url,
            scheme: read.scheme,
            secrets: sealed.map_err(vault_error)?,
            version: origin.version,
            trace: origin.trace,
            created_at: self.engine.clock.now(),
            write: self.engine.write_id(),
            delivery: Delivery::from_entry(cursor, delivered),
        };
        self.engine.put_config(task, &config).await.map_err(store_error)?;
        Ok(Offer { task: task.clone(), config, most, replaced: Replaced::default() })
    }

    /// Names a stored config in its task. It deletes a config that the task refuses.
    async fn register(
        &self,
        mut snapshot: Snapshot,
        mut offer: Offer,
    ) -> Result<PushConfig, A2aError> {
        let incarnation = snapshot.head.incarnation.clone();
        for _ in 0..self.engine.policy.commit_tries {
            let command = Command::RegisterPush(offer.push());
            let register = |head: &Head, stamp: &Stamp| {
                offer.note(head);
                head.apply(command.clone(), stamp)
            };
            match Box::pin(transact_pushes(&self.engine, snapshot, register)).await {
                Ok(_) => {
                    self.silence(&offer.task, offer.replaced).await;
                    return Ok(offer.config);
                }
                Err(TransactError::Contended) => {}
                Err(error) => return Err(self.refuse(offer, error).await),
            }
            // The config may have been named and deleted again since; nobody can tell. A deleted
            // registration must not return, because its stored config is being deleted. So the
            // config gets a new one.
            self.delete(&offer.task, &offer.config.registration).await;
            let read = self.engine.read(&offer.task, Depth::Tail).await.map_err(store_error)?;
            // The config begins at an entry of this task. A later one of its id has other entries.
            let read = read.filter(|now| now.head.incarnation == incarnation);
            snapshot = read.ok_or_else(|| transact_error(TransactError::Gone))?;
            offer.config.registration = self.engine.registration(&offer.config.id);
            offer.config.write = self.engine.write_id();
            let stored = self.engine.put_config(&offer.task, &offer.config).await;
            stored.map_err(store_error)?;
        }
        Err(self.refuse(offer, TransactError::Contended).await)
    }

    /// Deletes the config of a refused request, unless the task may name it after all.
    async fn refuse(&self, offer: Offer, error: TransactError) -> A2aError {
        if is_certain(&error) {
            self.withdraw(offer).await;
        }
        match error {
            TransactError::Illegal(refused) => refused_config(&refused.illegal.refusal)
                .unwrap_or_else(|| transact_error(TransactError::Illegal(refused))),
            error => transact_error(error),
        }
    }

    /// The commit that names a config was made.
    pub(crate) async fn accepted(&self, head: &Head, offer: Offer) {
        if !offer.is_named(head) {
            // Another config has replaced it meanwhile.
            self.delete(&offer.task, &offer.config.registration).await;
        }
        self.silence(&offer.task, offer.replaced).await;
    }

    /// Deletes a config that no task will name: its request was refused, or repeats another.
    pub(crate) async fn withdraw(&self, offer: Offer) {
        self.delete(&offer.task, &offer.config.registration).await;
    }

    /// Deletes a config that its task does not name. If it stays behind, it has no effect.
    async fn delete(&self, task: &TaskKey, registration: &Registration) {
        if let Err(error) = self.engine.delete_config(task, registration).await {
            let (tenant, task, error) = (&task.tenant, &task.task, chain(&error));
            warn!(event = "push_config_not_deleted", %tenant, %task, error,
                "a push config that no task uses could not be deleted");
        }
    }

    /// Deletes the configs whose names a commit removed, and waits until no deliverer can begin a
    /// push to them (invariant I14).
    pub(crate) async fn silence(&self, task: &TaskKey, replaced: Replaced) {
        let delete = replaced.registrations.iter().map(|of| self.delete(task, of));
        let wait = async {
            if let Some(view) = replaced.view {
                let longest = view.max(self.engine.policy.push_view);
                self.engine.clock.sleep(longest + VIEW_MARGIN).await;
            }
        };
        join(wait, join_all(delete)).await;
    }
}

/// Whether a command was certainly not carried out.
pub(crate) fn is_certain(error: &TransactError) -> bool {
    match error {
        TransactError::Store(error) => error.certainly_not_applied(),
        TransactError::Signal(_) => false,
        TransactError::Illegal(_) | TransactError::Gone | TransactError::Contended => true,
    }
}

/// The client's error for a refusal that is about its config.
pub(crate) fn refused_config(refusal: &Refusal) -> Option<A2aError> {
    match refusal {
        Refusal::TooManyConfigs { most } => Some(too_many(*most)),
        _ => None,
    }
}

fn too_many(most: usize) -> A2aError {
    A2aError::unsupported(format!("the task has {most} push configs, and can have no more"))
}

/// A stored config that a task is to name.
pub(crate) struct Offer {
    task: TaskKey,
    config: PushConfig,
    most: usize,
    /// The configs that it replaces.
    pub(crate) replaced: Replaced,
}

impl Offer {
    /// The config for the commit that makes it live.
    pub(crate) fn push(&self) -> NewPush {
        NewPush { registration: self.config.registration.clone(), most: self.most }
    }

    pub(crate) fn registration(&self) -> &Registration {
        &self.config.registration
    }

    pub(crate) fn is_named(&self, head: &Head) -> bool {
        head.registrations().contains(&self.config.registration)
    }

    /// Notes the configs that a commit on this head replaces.
    pub(crate) fn note(&mut self, head: &Head) {
        let own = &self.config.registration;
        self.replaced.note(head, |of| of.is_of_same_config(own) && of != own);
    }
}

/// The configs whose names a commit removes.
#[derive(Default)]
pub(crate) struct Replaced {
    registrations: BTreeSet<Registration>,
    /// The widest view of a deliverer that may not know of the removal; `None` if there is none.
    view: Option<Duration>,
}

impl Replaced {
    fn note(&mut self, head: &Head, is_replaced: impl Fn(&Registration) -> bool) {
        let replaced: Vec<_> = head.registrations().iter().filter(|of| is_replaced(of)).collect();
        if !replaced.is_empty() {
            self.note_deliverer(head);
        }
        self.registrations.extend(replaced.into_iter().cloned());
    }

    /// Notes a deliverer that may not know of another request's deletion.
    fn note_deliverer(&mut self, head: &Head) {
        self.view = self.view.max(head.push_view(Duration::ZERO));
    }

    /// The replacements of an identical request, whose answer may have been lost.
    pub(crate) fn by_another(head: &Head) -> Self {
        let mut replaced = Self::default();
        replaced.note_deliverer(head);
        replaced
    }
}

/// The client's form of a vault failure.
fn vault_error(error: VaultError) -> A2aError {
    let (kind, text) = match error {
        VaultError::Unavailable(_) => {
            (ErrorKind::Unavailable, "the config's secrets cannot be sealed now; try again")
        }
        VaultError::NoKey | VaultError::Damaged | VaultError::OtherRelease(_) => {
            (ErrorKind::Internal, "the config's secrets cannot be sealed")
        }
    };
    A2aError::new(kind, text).with_source(error)
}

/// A validated config of a request.
struct Requested {
    id: ConfigId,
    url: String,
    scheme: String,
    secrets: PushSecrets,
}

/// Reads the config of a request. One without an id gets the task's id, so that a repeated message
/// creates one config.
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
        // Each of them becomes part of an HTTP request's head.
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

/// A config as clients read it, without its secrets: these are for the receiver only.
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
