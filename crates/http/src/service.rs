//! The operations as every binding calls them: tenants, capabilities, extensions, media types.

use std::sync::Arc;

use a2a_lambda_core::push::Origin;
use a2a_lambda_core::{
    AgentProfile, Agents, Caller, GetOptions, Operations, ProtocolVersion, SendOptions, Tenant,
};
use a2a_lambda_protocol::{
    A2aError, ErrorKind, FIRST_SEGMENTS, Message, Operation, SendMessageRequest,
    SendMessageResponse,
};
use http::Uri;
use tracing::info;

use crate::binding::idempotency_key;
use crate::config::HttpConfig;
use crate::exchange::Exchange;
use crate::extensions::{
    DELIVERY_EXTENSION, GENERATION_EXTENSION, Offered, WORK_EXTENSION, add_told,
};
use crate::hops::with_hops;
use crate::media_type::is_accepted;
use crate::newer::newer_than;
use crate::operation::{Offer, Outcome, Request, Served, needs, right};
use crate::rights::Right;
use crate::visitor::Visitor;

/// The path of the push config's URL in a send request.
const INLINE_URL: &str = "configuration.taskPushNotificationConfig.url";

/// The HTTP bindings over a set of operations.
#[derive(Debug, Clone)]
pub struct Bindings {
    operations: Operations,
    pub(crate) agents: Agents,
    pub(crate) config: HttpConfig,
}

/// An operation that was checked.
struct Call<'a> {
    exchange: &'a Exchange<'a>,
    caller: Caller,
    profile: Arc<AgentProfile>,
    extensions: Vec<String>,
}

impl Bindings {
    /// The bindings for these agents.
    pub fn new(operations: Operations, agents: Agents, config: HttpConfig) -> Self {
        let operations = operations.telling(agents.clone());
        Self { operations, agents, config }
    }

    /// Carries out an operation for a request in the JSON of 1.0. `path_ids` are the task and the
    /// push config in the path, if the path can name them.
    pub(crate) async fn serve_json(
        &self,
        operation: Operation,
        path_tenant: &str,
        json: &[u8],
        path_ids: Option<(String, String)>,
        exchange: &mut Exchange<'_>,
    ) -> Result<Served, A2aError> {
        let mut request = Request::read(operation, json)?;
        if operation == Operation::GetTask {
            exchange.newer_than = newer_than(json)?;
        }
        if let Some((task, config)) = path_ids {
            request = request.of(task, config)?;
        }
        self.serve(operation, path_tenant, request, exchange).await
    }

    /// Carries out an operation for the tenant that the path or the request names.
    pub(crate) async fn serve(
        &self,
        operation: Operation,
        path_tenant: &str,
        request: Request,
        exchange: &Exchange<'_>,
    ) -> Result<Served, A2aError> {
        let call = self.call_of(operation, path_tenant, request.tenant(), exchange).await?;
        let mut about = None;
        let served = self.carry_out(&call, request, &mut about).await?;
        log(operation, &call.caller.tenant, &served, about.as_deref());
        Ok(served)
    }

    /// The checks that every operation begins with.
    async fn call_of<'a>(
        &'a self,
        operation: Operation,
        path_tenant: &str,
        params_tenant: &str,
        exchange: &'a Exchange<'a>,
    ) -> Result<Call<'a>, A2aError> {
        let visitor = exchange.visitor;
        let tenant = self.tenant_of(path_tenant, params_tenant, visitor)?;
        let is_card = operation == Operation::GetExtendedAgentCard;
        if is_card {
            self.check_extended_card(visitor)?;
        }
        let owner = visitor.principal.owner()?.clone();
        self.config.scopes.check(right(operation), &visitor.grant)?;
        self.agents.renew_profile(&tenant).await;
        let profile = self.profile(&tenant)?;
        // A client learns of extensions by the card, so the card requires none.
        let extensions = if is_card {
            Vec::new()
        } else {
            exchange.negotiate(&profile, self.offered(&profile))?
        };
        if let Some(offer) = needs(operation) {
            self.check_offer(&profile, offer)?;
        }
        Ok(Call { exchange, caller: Caller { tenant, owner }, profile, extensions })
    }

    /// Carries out an operation. `about` gets the task of the request, if the outcome does not name
    /// it.
    async fn carry_out(
        &self,
        call: &Call<'_>,
        request: Request,
        about: &mut Option<String>,
    ) -> Result<Served, A2aError> {
        let (operations, caller, exchange) = (&self.operations, &call.caller, call.exchange);
        let answer_by = exchange.visitor.answer_by;
        Ok(Served::Whole(match request {
            Request::SendMessage(request) => {
                let request = with_hops(exchange.parts, request)?;
                let options = self.send_options(call, &request)?;
                Outcome::Sent(operations.send(caller, request, &options).await?)
            }
            Request::SendStreamingMessage(request) => {
                let request = with_hops(exchange.parts, request)?;
                let last_event = exchange.last_event()?;
                let options = SendOptions { last_event, ..self.send_options(call, &request)? };
                let tail = operations.send_streaming(caller, request, &options).await?;
                return Ok(Served::Stream(Box::new(tail)));
            }
            Request::SubscribeToTask(request) => {
                let last_event = exchange.last_event()?;
                let tail = operations.subscribe(caller, &request, last_event, answer_by).await?;
                return Ok(Served::Stream(Box::new(match exchange.version {
                    ProtocolVersion::V1_0 => tail,
                    ProtocolVersion::V0_3 => tail.ends_when_interrupted(),
                })));
            }
            Request::GetTask(request) => {
                let options = GetOptions { newer_than: exchange.newer_than, answer_by };
                let got = operations.get_newer(caller, &request, &options).await?;
                let (mut task, generation) = got;
                let is_active = |extension: &str| call.extensions.iter().any(|it| it == extension);
                let deliveries = if is_active(DELIVERY_EXTENSION) {
                    Some(operations.push_deliveries(caller, &task.id).await?)
                } else {
                    None
                };
                let work = if is_active(WORK_EXTENSION) {
                    Some(operations.work(caller, &task.id).await?)
                } else {
                    None
                };
                let generation = Some(generation).filter(|_| is_active(GENERATION_EXTENSION));
                add_told(&mut task, generation, deliveries, work);
                Outcome::Task(task)
            }
            Request::ListTasks(request) => Outcome::Tasks(operations.list(caller, &request).await?),
            Request::CancelTask(request) => {
                Outcome::Task(operations.cancel(caller, &request).await?)
            }
            Request::CreatePushConfig(request) => {
                check_push_url("url", &request.url)?;
                let origin = Origin { version: exchange.version, trace: exchange.trace() };
                let made = operations.create_push_config(caller, request, origin).await?;
                Outcome::PushConfig(made)
            }
            Request::GetPushConfig(request) => {
                Outcome::PushConfig(operations.get_push_config(caller, &request).await?)
            }
            Request::ListPushConfigs(request) => {
                let page = operations.list_push_configs(caller, &request).await?;
                *about = Some(request.task_id);
                Outcome::PushConfigs(page)
            }
            Request::DeletePushConfig(request) => {
                operations.delete_push_config(caller, &request).await?;
                *about = Some(request.task_id);
                Outcome::Deleted {}
            }
            Request::GetExtendedAgentCard(_) => {
                let base_url = &exchange.visitor.base_url;
                Outcome::Card(self.extended_card(&caller.tenant, &call.profile, base_url)?)
            }
        }))
    }

    /// The tenant of a request: the path names it, or the request does, or it is the caller's own.
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

    /// The profile of the tenant's agent.
    ///
    /// # Errors
    /// When the tenant is not served.
    pub(crate) fn profile(&self, tenant: &Tenant) -> Result<Arc<AgentProfile>, A2aError> {
        self.agents.profile(tenant).ok_or_else(not_served)
    }

    /// Whether pushes are offered. This needs a key for their secrets.
    pub(crate) fn pushes(&self, profile: &AgentProfile) -> bool {
        profile.offers.push_notifications && self.operations.engine().vault.has_key()
    }

    /// The extensions of our own that are offered.
    pub(crate) fn offered(&self, profile: &AgentProfile) -> Offered {
        let work = self.operations.engine().policy.scopes;
        Offered { pushes: self.pushes(profile), work }
    }

    /// Refuses an operation whose capability the agent's card does not offer (spec section 3.3.4).
    fn check_offer(&self, profile: &AgentProfile, offer: Offer) -> Result<(), A2aError> {
        match offer {
            Offer::Streams if !profile.offers.streaming => {
                Err(A2aError::unsupported("the agent does not stream"))
            }
            Offer::Pushes if !self.pushes(profile) => {
                let text = "the agent does not send push notifications";
                Err(A2aError::new(ErrorKind::PushNotificationNotSupported, text))
            }
            Offer::Streams | Offer::Pushes => Ok(()),
        }
    }

    fn send_options(
        &self,
        call: &Call<'_>,
        request: &SendMessageRequest,
    ) -> Result<SendOptions, A2aError> {
        let Call { exchange, profile, extensions, .. } = call;
        let configuration = request.configuration.as_ref();
        let push = configuration.and_then(|it| it.task_push_notification_config.as_ref());
        if let Some(push) = push {
            self.check_offer(profile, Offer::Pushes)?;
            self.config.scopes.check(Right::Push, &exchange.visitor.grant)?;
            check_push_url(INLINE_URL, &push.url)?;
        }
        if let Some(message) = &request.message {
            check_media_types(profile, message)?;
        }
        Ok(SendOptions {
            idempotency_key: idempotency_key(exchange.parts)?,
            answer_by: exchange.visitor.answer_by,
            extensions: extensions.clone(),
            version: exchange.version,
            trace: exchange.trace(),
            may_answer_directly: profile.answers_directly,
            last_event: None,
        })
    }
}

/// Logs an operation in one line, without its contents.
fn log(operation: Operation, tenant: &Tenant, served: &Served, about: Option<&str>) {
    let (task, state) = match served {
        Served::Whole(Outcome::Sent(SendMessageResponse::Task(task)) | Outcome::Task(task)) => {
            (Some(task.id.as_str()), Some(task.status.state.as_str()))
        }
        Served::Whole(Outcome::PushConfig(config)) => (Some(config.task_id.as_str()), None),
        // For clients, a direct message belongs to no task.
        Served::Whole(_) => (about, None),
        Served::Stream(tail) => (Some(tail.task().task.as_str()), None),
    };
    let tasks = match served {
        Served::Whole(Outcome::Tasks(page)) => Some(page.tasks.len()),
        _ => None,
    };
    let operation = operation.name();
    info!(event = "request_answered", operation, %tenant, task, state, tasks, "the request succeeded");
}

/// Refuses a part of a media type that neither the agent nor one of its skills accepts. The agent
/// judges parts without a type.
fn check_media_types(profile: &AgentProfile, message: &Message) -> Result<(), A2aError> {
    let of_skills = profile.skills.iter().flat_map(|skill| &skill.input_modes);
    let accepted: Vec<&str> =
        profile.input_modes.iter().chain(of_skills).map(String::as_str).collect();
    let mut typed = message.parts.iter().filter(|part| !part.media_type.is_empty());
    let Some(part) = typed.find(|part| !is_accepted(&part.media_type, &accepted)) else {
        return Ok(());
    };
    let accepted = accepted.join(", ");
    let text = format!("the agent does not take {}; it takes {accepted}", part.media_type);
    Err(A2aError::new(ErrorKind::ContentTypeNotSupported, text))
}

fn not_served() -> A2aError {
    A2aError::invalid_field("tenant", "is none of the tenants that are here")
}

/// The tenant with this name. A name that is also a path of A2A is refused, because A2A's own paths
/// would answer below it.
pub(crate) fn tenant_named(name: &str) -> Result<Tenant, A2aError> {
    if FIRST_SEGMENTS.contains(&name) {
        return Err(A2aError::invalid_field("tenant", "must not be the name of a path of A2A"));
    }
    Tenant::parse(name).map_err(|error| A2aError::invalid_field("tenant", error.to_string()))
}

/// Refuses a text that is not a URL to POST to. For an empty one, the operation says that it is
/// missing.
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
    // The parser takes any text after the host for the port, and only each delivery would notice.
    let port = authority.as_str().strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    if port.is_some_and(|port| port.starts_with('+') || port.parse::<u16>().is_err()) {
        return refused("must have a port of 0 to 65535, or none");
    }
    Ok(())
}
