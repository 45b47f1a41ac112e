//! The operations as both bindings call them: tenants, capabilities, extensions, media types.

use a2a_lambda_core::push::Origin;
use a2a_lambda_core::{
    AgentProfile, Caller, Generation, GetOptions, ProtocolVersion, SendOptions, Tail, Tenant,
};
use a2a_lambda_protocol::{
    A2aError, AgentCard, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    FIRST_SEGMENTS, GetTaskPushNotificationConfigRequest, GetTaskRequest,
    ListTaskPushNotificationConfigsRequest, ListTaskPushNotificationConfigsResponse,
    ListTasksRequest, ListTasksResponse, Message, SendMessageRequest, SendMessageResponse,
    SubscribeToTaskRequest, Task, TaskPushNotificationConfig,
};
use http::Uri;
use tracing::info;

use crate::binding::idempotency_key;
use crate::exchange::Exchange;
use crate::extensions::{DELIVERY_EXTENSION, GENERATION_EXTENSION, add_told};
use crate::media_type::is_accepted;
use crate::rights::Right;
use crate::{Bindings, Visitor};

/// Where a send has its push config.
const INLINE_URL: &str = "configuration.taskPushNotificationConfig.url";

/// An operation about to be carried out.
struct Call {
    caller: Caller,
    profile: AgentProfile,
    extensions: Vec<String>,
}

impl Call {
    /// Refuses an operation that the agent's card does not offer (spec section 3.3.4).
    fn needs_streaming(&self) -> Result<(), A2aError> {
        if self.profile.offers.streaming {
            return Ok(());
        }
        Err(A2aError::unsupported("the agent does not stream"))
    }

    fn needs_push(&self) -> Result<(), A2aError> {
        if self.profile.offers.push_notifications {
            return Ok(());
        }
        let text = "the agent does not send push notifications";
        Err(A2aError::new(ErrorKind::PushNotificationNotSupported, text))
    }

    /// Refuses a part of a media type that neither the agent nor one of its skills takes. A part
    /// without one is the agent's to judge.
    fn takes(&self, message: &Message) -> Result<(), A2aError> {
        let of_skills = self.profile.skills.iter().flat_map(|skill| &skill.input_modes);
        let accepted: Vec<String> =
            self.profile.input_modes.iter().chain(of_skills).cloned().collect();
        let typed = message.parts.iter().filter(|part| !part.media_type.is_empty());
        match typed.into_iter().find(|part| !is_accepted(&part.media_type, &accepted)) {
            None => Ok(()),
            Some(part) => {
                let accepted = accepted.join(", ");
                let text =
                    format!("the agent does not take {}; it takes {accepted}", part.media_type);
                Err(A2aError::new(ErrorKind::ContentTypeNotSupported, text))
            }
        }
    }

    /// One line for an operation on a task, without its contents.
    fn log(&self, operation: &'static str, task: &Task) {
        let state = task.status.state.as_str();
        info!(event = "request_answered", operation, tenant = %self.caller.tenant, task = task.id,
            state, "the request succeeded");
    }

    /// The same, where what became of the task is not known.
    fn log_about(&self, operation: &'static str, task: &str) {
        info!(event = "request_answered", operation, tenant = %self.caller.tenant, task,
            "the request succeeded");
    }

    /// One line for any other operation.
    fn log_plain(&self, operation: &'static str) {
        info!(event = "request_answered", operation, tenant = %self.caller.tenant,
            "the request succeeded");
    }
}

impl Bindings {
    pub(crate) async fn send(
        &self,
        path_tenant: &str,
        request: SendMessageRequest,
        exchange: &Exchange<'_>,
    ) -> Result<SendMessageResponse, A2aError> {
        let call = self.call_of(Right::Send, path_tenant, &request.tenant, exchange)?;
        let options = self.send_options(&call, &request, exchange)?;
        let sent = self.operations.send(&call.caller, request, &options).await?;
        match &sent {
            SendMessageResponse::Task(task) => call.log("SendMessage", task),
            // There is no task, as far as clients are concerned.
            SendMessageResponse::Message(_) => call.log_plain("SendMessage"),
        }
        Ok(sent)
    }

    pub(crate) async fn send_streaming(
        &self,
        path_tenant: &str,
        request: SendMessageRequest,
        exchange: &Exchange<'_>,
    ) -> Result<Tail, A2aError> {
        let call = self.call_of(Right::Send, path_tenant, &request.tenant, exchange)?;
        call.needs_streaming()?;
        let options = SendOptions {
            last_event: exchange.last_event()?,
            ..self.send_options(&call, &request, exchange)?
        };
        let tail = self.operations.send_streaming(&call.caller, request, &options).await?;
        call.log_about("SendStreamingMessage", tail.task().task.as_str());
        Ok(tail)
    }

    pub(crate) async fn subscribe(
        &self,
        path_tenant: &str,
        request: &SubscribeToTaskRequest,
        exchange: &Exchange<'_>,
    ) -> Result<Tail, A2aError> {
        let call = self.call_of(Right::Read, path_tenant, &request.tenant, exchange)?;
        call.needs_streaming()?;
        let (last, until) = (exchange.last_event()?, exchange.visitor.answer_by);
        let tail = self.operations.subscribe(&call.caller, request, last, until).await?;
        call.log_about("SubscribeToTask", &request.id);
        Ok(match exchange.version {
            ProtocolVersion::V1_0 => tail,
            ProtocolVersion::V0_3 => tail.ends_when_interrupted(),
        })
    }

    /// Reads a task; one that is newer than `newer_than`, if that is given.
    pub(crate) async fn get(
        &self,
        path_tenant: &str,
        request: &GetTaskRequest,
        newer_than: Option<Generation>,
        exchange: &Exchange<'_>,
    ) -> Result<Task, A2aError> {
        let call = self.call_of(Right::Read, path_tenant, &request.tenant, exchange)?;
        let options = GetOptions { newer_than, answer_by: exchange.visitor.answer_by };
        let got = self.operations.get_newer(&call.caller, request, &options).await?;
        let (mut task, generation) = got;
        let is_active = |extension: &str| call.extensions.iter().any(|uri| uri == extension);
        let deliveries = if is_active(DELIVERY_EXTENSION) {
            Some(self.operations.push_deliveries(&call.caller, &task.id).await?)
        } else {
            None
        };
        let generation = Some(generation).filter(|_| is_active(GENERATION_EXTENSION));
        add_told(&mut task, generation, deliveries);
        call.log("GetTask", &task);
        Ok(task)
    }

    pub(crate) async fn list(
        &self,
        path_tenant: &str,
        request: &ListTasksRequest,
        exchange: &Exchange<'_>,
    ) -> Result<ListTasksResponse, A2aError> {
        let call = self.call_of(Right::Read, path_tenant, &request.tenant, exchange)?;
        let page = self.operations.list(&call.caller, request).await?;
        let tasks = page.tasks.len();
        info!(event = "request_answered", operation = "ListTasks", tenant = %call.caller.tenant,
            tasks, "the request succeeded");
        Ok(page)
    }

    pub(crate) async fn cancel(
        &self,
        path_tenant: &str,
        request: &CancelTaskRequest,
        exchange: &Exchange<'_>,
    ) -> Result<Task, A2aError> {
        let call = self.call_of(Right::Cancel, path_tenant, &request.tenant, exchange)?;
        let task = self.operations.cancel(&call.caller, request).await?;
        call.log("CancelTask", &task);
        Ok(task)
    }

    pub(crate) async fn create_push_config(
        &self,
        path_tenant: &str,
        request: TaskPushNotificationConfig,
        exchange: &Exchange<'_>,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        let call = self.call_of(Right::Push, path_tenant, &request.tenant, exchange)?;
        call.needs_push()?;
        check_push_url("url", &request.url)?;
        let origin = Origin { version: exchange.version, trace: exchange.trace() };
        let made = self.operations.create_push_config(&call.caller, request, origin).await?;
        call.log_about("CreateTaskPushNotificationConfig", &made.task_id);
        Ok(made)
    }

    pub(crate) async fn get_push_config(
        &self,
        path_tenant: &str,
        request: &GetTaskPushNotificationConfigRequest,
        exchange: &Exchange<'_>,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        let call = self.call_of(Right::Push, path_tenant, &request.tenant, exchange)?;
        call.needs_push()?;
        let config = self.operations.get_push_config(&call.caller, request).await?;
        call.log_about("GetTaskPushNotificationConfig", &request.task_id);
        Ok(config)
    }

    pub(crate) async fn list_push_configs(
        &self,
        path_tenant: &str,
        request: &ListTaskPushNotificationConfigsRequest,
        exchange: &Exchange<'_>,
    ) -> Result<ListTaskPushNotificationConfigsResponse, A2aError> {
        let call = self.call_of(Right::Push, path_tenant, &request.tenant, exchange)?;
        call.needs_push()?;
        let page = self.operations.list_push_configs(&call.caller, request).await?;
        call.log_about("ListTaskPushNotificationConfigs", &request.task_id);
        Ok(page)
    }

    pub(crate) async fn delete_push_config(
        &self,
        path_tenant: &str,
        request: &DeleteTaskPushNotificationConfigRequest,
        exchange: &Exchange<'_>,
    ) -> Result<(), A2aError> {
        let call = self.call_of(Right::Push, path_tenant, &request.tenant, exchange)?;
        call.needs_push()?;
        self.operations.delete_push_config(&call.caller, request).await?;
        call.log_about("DeleteTaskPushNotificationConfig", &request.task_id);
        Ok(())
    }

    /// The card for callers that are known (spec section 3.1.11). It is how a client learns of
    /// extensions, and so needs none.
    pub(crate) fn extended(
        &self,
        path_tenant: &str,
        params_tenant: &str,
        exchange: &Exchange<'_>,
    ) -> Result<AgentCard, A2aError> {
        let tenant = self.tenant_of(path_tenant, params_tenant, exchange.visitor)?;
        let card = self.extended_card(&tenant, exchange.visitor)?;
        self.config.scopes.check(Right::Read, &exchange.visitor.grant)?;
        info!(event = "request_answered", operation = "GetExtendedAgentCard", %tenant,
            "the request succeeded");
        Ok(card)
    }

    /// The tenant that a request is for: it can be named in the path or in the request, or be the
    /// caller's own.
    pub(crate) fn tenant_of(
        &self,
        path: &str,
        params: &str,
        visitor: &Visitor,
    ) -> Result<Tenant, A2aError> {
        let name = match (path, params) {
            ("", name) | (name, "") => name,
            (path, params) if path == params => path,
            _ => return Err(A2aError::invalid_field("tenant", "is another one than in the path")),
        };
        let tenant = tenant_named(visitor.grant.tenants.named(name)?)?;
        if !self.agents.serves(&tenant) {
            return Err(not_served());
        }
        Ok(tenant)
    }

    /// What the tenant's agent offers here: without a key for their secrets there are no pushes.
    ///
    /// # Errors
    /// When the tenant is not served.
    pub(crate) fn profile(&self, tenant: &Tenant) -> Result<AgentProfile, A2aError> {
        let mut profile = self.agents.of(tenant).ok_or_else(not_served)?.profile();
        profile.offers.push_notifications &= self.operations.engine().vault.has_key();
        Ok(profile)
    }

    /// What every operation begins with.
    fn call_of(
        &self,
        right: Right,
        path_tenant: &str,
        params_tenant: &str,
        exchange: &Exchange<'_>,
    ) -> Result<Call, A2aError> {
        let visitor = exchange.visitor;
        let tenant = self.tenant_of(path_tenant, params_tenant, visitor)?;
        let owner = visitor.principal.owner()?.clone();
        self.config.scopes.check(right, &visitor.grant)?;
        let profile = self.profile(&tenant)?;
        let extensions = exchange.negotiate(&profile)?;
        let caller = Caller { tenant, owner };
        Ok(Call { caller, profile, extensions })
    }

    fn send_options(
        &self,
        call: &Call,
        request: &SendMessageRequest,
        exchange: &Exchange<'_>,
    ) -> Result<SendOptions, A2aError> {
        let configuration = request.configuration.as_ref();
        let push = configuration.and_then(|it| it.task_push_notification_config.as_ref());
        if let Some(push) = push {
            call.needs_push()?;
            self.config.scopes.check(Right::Push, &exchange.visitor.grant)?;
            check_push_url(INLINE_URL, &push.url)?;
        }
        if let Some(message) = &request.message {
            call.takes(message)?;
        }
        Ok(SendOptions {
            idempotency_key: idempotency_key(exchange.parts)?,
            answer_by: exchange.visitor.answer_by,
            extensions: call.extensions.clone(),
            version: exchange.version,
            trace: exchange.trace(),
            may_answer_directly: call.profile.answers_directly,
            last_event: None,
        })
    }
}

fn not_served() -> A2aError {
    A2aError::invalid_field("tenant", "is none of the tenants that are here")
}

/// The tenant of this name. A name that is also a path of A2A is refused: below it, A2A's own paths
/// would answer.
pub(crate) fn tenant_named(name: &str) -> Result<Tenant, A2aError> {
    if FIRST_SEGMENTS.contains(&name) {
        return Err(A2aError::invalid_field("tenant", "must not be the name of a path of A2A"));
    }
    Tenant::parse(name).map_err(|error| A2aError::invalid_field("tenant", error.to_string()))
}

/// Refuses what is no URL to POST to. An empty one is named as missing by the operation.
fn check_push_url(field: &str, url: &str) -> Result<(), A2aError> {
    let refused = |description: &str| Err(A2aError::invalid_field(field, description));
    if url.is_empty() {
        return Ok(());
    }
    let Ok(uri) = url.parse::<Uri>() else {
        return refused("must be an absolute URL");
    };
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return refused("must be an absolute URL with the scheme https or http");
    };
    if authority.as_str().contains('@') {
        return refused("must have no user or password: use authentication");
    }
    let host = authority.host();
    if host.is_empty() {
        return refused("must have a host");
    }
    // The port is whatever follows the host until it is used, which would be at every delivery.
    let port = authority.as_str().strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    if port.is_some_and(|port| port.starts_with('+') || port.parse::<u16>().is_err()) {
        return refused("must have a port of 0 to 65535, or none");
    }
    Ok(())
}
