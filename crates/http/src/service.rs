//! The operations as both bindings call them: capabilities, tenants, media types.

use a2a_lambda_core::{Caller, SendOptions, Tenant};
use a2a_lambda_protocol::{
    A2aError, AgentCapabilities, CancelTaskRequest, ErrorKind, GetTaskRequest, ListTasksRequest,
    ListTasksResponse, Message, SendMessageRequest, SendMessageResponse, Task,
};
use http::request::Parts;
use tracing::info;

use crate::binding::idempotency_key;
use crate::media_type::is_accepted;
use crate::{Bindings, Visitor};

/// What the agent card claims; the operations of other capabilities are refused with the error
/// that the specification has for them (section 3.3.4).
pub(crate) fn capabilities() -> AgentCapabilities {
    AgentCapabilities {
        streaming: Some(false),
        push_notifications: Some(false),
        extensions: Vec::new(),
        extended_agent_card: Some(false),
    }
}

/// An operation that belongs to a capability that the card does not claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unclaimed {
    Streaming,
    PushNotifications,
    ExtendedAgentCard,
}

impl Unclaimed {
    pub(crate) fn error(self) -> A2aError {
        match self {
            Self::Streaming => A2aError::unsupported("the agent does not stream"),
            Self::PushNotifications => A2aError::new(
                ErrorKind::PushNotificationNotSupported,
                "the agent does not send push notifications",
            ),
            Self::ExtendedAgentCard => A2aError::unsupported("the agent has no extended card"),
        }
    }
}

impl Bindings {
    pub(crate) async fn send(
        &self,
        path_tenant: &str,
        request: SendMessageRequest,
        parts: &Parts,
        visitor: &Visitor,
    ) -> Result<SendMessageResponse, A2aError> {
        let caller = caller(path_tenant, &request.tenant, visitor)?;
        let inline_push = request
            .configuration
            .as_ref()
            .and_then(|configuration| configuration.task_push_notification_config.as_ref());
        if inline_push.is_some() {
            return Err(Unclaimed::PushNotifications.error());
        }
        if let Some(message) = &request.message {
            self.check_media_types(&caller.tenant, message)?;
        }
        let options =
            SendOptions { idempotency_key: idempotency_key(parts)?, answer_by: visitor.answer_by };
        let sent = self.operations.send(&caller, request, &options).await?;
        match &sent {
            SendMessageResponse::Task(task) => log_answer("SendMessage", &caller, task),
            // There is no task, as far as clients are concerned.
            SendMessageResponse::Message(_) => {
                info!(operation = "SendMessage", tenant = %caller.tenant, "answered by a message");
            }
        }
        Ok(sent)
    }

    pub(crate) async fn get(
        &self,
        path_tenant: &str,
        request: &GetTaskRequest,
        visitor: &Visitor,
    ) -> Result<Task, A2aError> {
        let caller = caller(path_tenant, &request.tenant, visitor)?;
        let task = self.operations.get(&caller, request).await?;
        log_answer("GetTask", &caller, &task);
        Ok(task)
    }

    pub(crate) async fn list(
        &self,
        path_tenant: &str,
        request: &ListTasksRequest,
        visitor: &Visitor,
    ) -> Result<ListTasksResponse, A2aError> {
        let caller = caller(path_tenant, &request.tenant, visitor)?;
        let page = self.operations.list(&caller, request).await?;
        let tasks = page.tasks.len();
        info!(operation = "ListTasks", tenant = %caller.tenant, tasks, "answered");
        Ok(page)
    }

    pub(crate) async fn cancel(
        &self,
        path_tenant: &str,
        request: &CancelTaskRequest,
        visitor: &Visitor,
    ) -> Result<Task, A2aError> {
        let caller = caller(path_tenant, &request.tenant, visitor)?;
        let task = self.operations.cancel(&caller, request).await?;
        log_answer("CancelTask", &caller, &task);
        Ok(task)
    }

    /// Refuses a part of a media type that the agent does not take. A part without one is the
    /// agent's to judge.
    fn check_media_types(&self, tenant: &Tenant, message: &Message) -> Result<(), A2aError> {
        let typed = || message.parts.iter().filter(|part| !part.media_type.is_empty());
        if typed().next().is_none() {
            return Ok(());
        }
        let profile = self.agents.of(tenant).profile();
        match typed().find(|part| !is_accepted(&part.media_type, &profile.input_modes)) {
            None => Ok(()),
            Some(part) => {
                let accepted = profile.input_modes.join(", ");
                let text =
                    format!("the agent does not take {}; it takes {accepted}", part.media_type);
                Err(A2aError::new(ErrorKind::ContentTypeNotSupported, text))
            }
        }
    }
}

/// One line for an operation on a task, without its contents.
fn log_answer(operation: &'static str, caller: &Caller, task: &Task) {
    let state = task.status.state.as_str();
    info!(operation, tenant = %caller.tenant, task = task.id, state, "answered");
}

/// Who calls, and for which tenant: it can be named in the path or in the request.
fn caller(path: &str, params: &str, visitor: &Visitor) -> Result<Caller, A2aError> {
    let name = match (path, params) {
        ("", name) | (name, "") => name,
        (path, params) if path == params => path,
        _ => return Err(A2aError::invalid_field("tenant", "is another one than in the path")),
    };
    let tenant =
        Tenant::parse(name).map_err(|e| A2aError::invalid_field("tenant", e.to_string()))?;
    Ok(Caller { tenant, owner: visitor.owner.clone() })
}
