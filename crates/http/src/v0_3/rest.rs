//! The paths of 0.3, and its HTTP+JSON binding: below `/v1`.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::Tail;
use a2a_lambda_protocol::v0_3::AgentCard;
use a2a_lambda_protocol::v0_3::rest::{
    CreateTaskPushNotificationConfigRequest, ErrorBody, ListTaskPushNotificationConfigResponse,
    SendMessageRequest, SendMessageResult, StreamEvent, Task, TaskPushNotificationConfig,
    TaskQueryParams, http_status,
};
use a2a_lambda_protocol::{
    A2aError, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest, ErrorKind,
    GetTaskPushNotificationConfigRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    SubscribeToTaskRequest, decode,
};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use serde::Serialize;
use serde_json::json;

use super::in_old_names;
use crate::binding::{PLAIN_JSON, challenge, json, log_error};
use crate::body::{Body, whole};
use crate::exchange::Exchange;
use crate::rest::{from_query, or_empty};
use crate::route::{Found, RestCall, RestOperation, Target, find_in, json_rpc, segments};
use crate::service::tenant_named;
use crate::{Bindings, Visitor, method_not_allowed, sse};

/// What a path is for in 0.3, where that is not the same as in 1.0: the HTTP+JSON binding, and the
/// JSON-RPC binding of a tenant, which 0.3 cannot name in a request.
pub(crate) fn find(method: &Method, path: &str) -> Option<Found> {
    let segments = segments(path);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (tenant, rest) = match segments.as_slice() {
        ["v1", rest @ ..] => ("", rest),
        [tenant, "v1", rest @ ..] => (*tenant, rest),
        [tenant] if *method == Method::POST && is_tenant(tenant) => {
            return Some(json_rpc(method, tenant));
        }
        _ => return None,
    };
    Some(match rest {
        ["card"] => find_in(method, tenant, &["extendedAgentCard"]),
        // 1.0 has these, and 0.3 has not.
        ["extendedAgentCard" | "tasks"] | [".well-known", ..] => Found::Nothing,
        rest => find_in(method, tenant, rest),
    })
}

fn is_tenant(segment: &str) -> bool {
    !segment.is_empty() && tenant_named(segment).is_ok()
}

impl Bindings {
    pub(crate) async fn found_v0_3(
        &self,
        found: Found,
        parts: &Parts,
        body: &Bytes,
        visitor: &Visitor,
    ) -> Response<Body> {
        let call = match found {
            Found::Target(Target::Rest(call)) => call,
            Found::OtherMethod(allowed) => {
                return whole(method_not_allowed(&parts.method, allowed));
            }
            Found::Target(Target::JsonRpc { tenant }) => {
                return self.json_rpc(parts, &tenant, body, visitor).await;
            }
            Found::Target(Target::Card { .. }) | Found::Nothing => {
                let text = format!("there is nothing at {} {}", parts.method, parts.uri.path());
                return whole(error_response(&A2aError::new(ErrorKind::MethodNotFound, text)));
            }
        };
        let name = call.operation.name();
        let exchange = Exchange::new(parts, visitor, ProtocolVersion::V0_3);
        let mut response = match self.rest_answer_v0_3(call, body, &exchange).await {
            Ok(response) => response,
            Err(error) => {
                log_error(name, &error);
                whole(error_response(&error))
            }
        };
        exchange.add_headers(response.headers_mut());
        response
    }

    async fn rest_answer_v0_3(
        &self,
        call: RestCall,
        body: &Bytes,
        exchange: &Exchange<'_>,
    ) -> Result<Response<Body>, A2aError> {
        self.check_body(exchange.parts, body)?;
        let tenant = call.tenant.as_str();
        let parts = exchange.parts;
        Ok(match call.operation {
            RestOperation::SendMessage => {
                let request = decode::<SendMessageRequest>(body)?.into();
                let sent = self.send(tenant, request, exchange).await;
                let sent = in_old_names(sent, Some(SendMessageRequest::FIELDS))?;
                ok(&SendMessageResult::from(sent))
            }
            RestOperation::SendStreamingMessage => {
                let request = decode::<SendMessageRequest>(body)?.into();
                let tail = self.send_streaming(tenant, request, exchange).await;
                self.rest_stream_v0_3(in_old_names(tail, Some(SendMessageRequest::FIELDS))?)
            }
            RestOperation::GetTask { id } => {
                let request: GetTaskRequest = TaskQueryParams { id, ..from_query(parts)? }.into();
                ok(&Task::from(self.get(tenant, &request, None, exchange).await?))
            }
            RestOperation::CancelTask { id } => {
                let request = CancelTaskRequest { id, ..decode(or_empty(body))? };
                ok(&Task::from(self.cancel(tenant, &request, exchange).await?))
            }
            RestOperation::SubscribeToTask { id } => {
                let request = SubscribeToTaskRequest { id, ..SubscribeToTaskRequest::default() };
                self.rest_stream_v0_3(self.subscribe(tenant, &request, exchange).await?)
            }
            RestOperation::CreatePushConfig { task } => {
                let request = decode::<CreateTaskPushNotificationConfigRequest>(body)?;
                let request = request.into_current(task)?;
                let made = self.create_push_config(tenant, request, exchange).await;
                let names = CreateTaskPushNotificationConfigRequest::FIELDS;
                ok(&TaskPushNotificationConfig::from(in_old_names(made, Some(names))?))
            }
            RestOperation::ListPushConfigs { task } => {
                let request =
                    ListTaskPushNotificationConfigsRequest { task_id: task, ..from_query(parts)? };
                let page = self.list_push_configs(tenant, &request, exchange).await?;
                ok(&ListTaskPushNotificationConfigResponse::from(page))
            }
            RestOperation::GetPushConfig { task, id } => {
                let request = GetTaskPushNotificationConfigRequest {
                    task_id: task,
                    id,
                    ..GetTaskPushNotificationConfigRequest::default()
                };
                let config = self.get_push_config(tenant, &request, exchange).await?;
                ok(&TaskPushNotificationConfig::from(config))
            }
            RestOperation::DeletePushConfig { task, id } => {
                let request = DeleteTaskPushNotificationConfigRequest {
                    task_id: task,
                    id,
                    ..DeleteTaskPushNotificationConfigRequest::default()
                };
                self.delete_push_config(tenant, &request, exchange).await?;
                ok(&json!({}))
            }
            RestOperation::GetExtendedAgentCard => {
                let (card, url) = self.old_extended(tenant, exchange)?;
                ok(&AgentCard::new(&card, &url))
            }
            RestOperation::ListTasks => {
                let text = "A2A 0.3 has no list of tasks; to speak 1.0, send A2A-Version: 1.0";
                return Err(A2aError::new(ErrorKind::MethodNotFound, text));
            }
        })
    }

    fn rest_stream_v0_3(&self, tail: Tail) -> Response<Body> {
        sse::respond(tail, self.config.keep_alive, |response| {
            sse::json(&StreamEvent::from(response))
        })
    }
}

fn ok(body: &impl Serialize) -> Response<Body> {
    whole(json(200, PLAIN_JSON, body))
}

pub(crate) fn error_response(error: &A2aError) -> Response<Bytes> {
    challenge(json(http_status(error.kind), PLAIN_JSON, &ErrorBody::from(error)), error)
}
