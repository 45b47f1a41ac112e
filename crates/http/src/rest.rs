//! The HTTP+JSON binding (spec section 11).

use a2a_lambda_core::Tail;
use a2a_lambda_protocol::{
    A2aError, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest, GetTaskPushNotificationConfigRequest, GetTaskRequest,
    ListTaskPushNotificationConfigsRequest, SubscribeToTaskRequest, TaskPushNotificationConfig,
    decode,
};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Bindings;
use crate::binding::{PROTOCOL_JSON, error_response, json, log_error, query_pairs};
use crate::body::{Body, whole};
use crate::exchange::Exchange;
use crate::newer::newer_than;
use crate::route::{RestCall, RestOperation};
use crate::sse;

impl Bindings {
    pub(crate) async fn rest(
        &self,
        call: RestCall,
        body: &Bytes,
        exchange: &Exchange<'_>,
    ) -> Response<Body> {
        let name = call.operation.name();
        match self.rest_answer(call, body, exchange).await {
            Ok(response) => response,
            Err(error) => {
                log_error(name, &error);
                whole(error_response(&error))
            }
        }
    }

    async fn rest_answer(
        &self,
        call: RestCall,
        body: &Bytes,
        exchange: &Exchange<'_>,
    ) -> Result<Response<Body>, A2aError> {
        self.check_body(exchange.parts, body)?;
        let tenant = call.tenant.as_str();
        let parts = exchange.parts;
        match call.operation {
            RestOperation::SendMessage => {
                Ok(ok(&self.send(tenant, decode(body)?, exchange).await?))
            }
            RestOperation::SendStreamingMessage => {
                let tail = self.send_streaming(tenant, decode(body)?, exchange).await?;
                Ok(self.rest_stream(tail))
            }
            RestOperation::GetTask { id } => {
                let query = query_object(parts);
                let request = GetTaskRequest { id, ..decode(query.as_bytes())? };
                let newer = newer_than(query.as_bytes())?;
                Ok(ok(&self.get(tenant, &request, newer, exchange).await?))
            }
            RestOperation::ListTasks => {
                Ok(ok(&self.list(tenant, &from_query(parts)?, exchange).await?))
            }
            RestOperation::CancelTask { id } => {
                let request = CancelTaskRequest { id, ..decode(or_empty(body))? };
                Ok(ok(&self.cancel(tenant, &request, exchange).await?))
            }
            RestOperation::SubscribeToTask { id } => {
                // GET in the proto, which has its fields in the query; POST in the text.
                let request: SubscribeToTaskRequest = match parts.method {
                    Method::GET => from_query(parts)?,
                    _ => decode(or_empty(body))?,
                };
                let request = SubscribeToTaskRequest { id, ..request };
                let tail = self.subscribe(tenant, &request, exchange).await?;
                Ok(self.rest_stream(tail))
            }
            RestOperation::CreatePushConfig { task } => {
                let request: TaskPushNotificationConfig = decode(body)?;
                let request = in_task(request, task)?;
                Ok(ok(&self.create_push_config(tenant, request, exchange).await?))
            }
            RestOperation::ListPushConfigs { task } => {
                let request =
                    ListTaskPushNotificationConfigsRequest { task_id: task, ..from_query(parts)? };
                Ok(ok(&self.list_push_configs(tenant, &request, exchange).await?))
            }
            RestOperation::GetPushConfig { task, id } => {
                let request = GetTaskPushNotificationConfigRequest {
                    task_id: task,
                    id,
                    ..from_query(parts)?
                };
                Ok(ok(&self.get_push_config(tenant, &request, exchange).await?))
            }
            RestOperation::DeletePushConfig { task, id } => {
                let request = DeleteTaskPushNotificationConfigRequest {
                    task_id: task,
                    id,
                    ..from_query(parts)?
                };
                self.delete_push_config(tenant, &request, exchange).await?;
                Ok(ok(&json!({})))
            }
            RestOperation::GetExtendedAgentCard => {
                let request: GetExtendedAgentCardRequest = from_query(parts)?;
                Ok(ok(&self.extended(tenant, &request.tenant, exchange)?))
            }
        }
    }

    fn rest_stream(&self, tail: Tail) -> Response<Body> {
        sse::respond(tail, self.config.keep_alive, |response| sse::json(&response))
    }
}

impl RestOperation {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::SendMessage => "SendMessage",
            Self::SendStreamingMessage => "SendStreamingMessage",
            Self::GetTask { .. } => "GetTask",
            Self::ListTasks => "ListTasks",
            Self::CancelTask { .. } => "CancelTask",
            Self::SubscribeToTask { .. } => "SubscribeToTask",
            Self::CreatePushConfig { .. } => "CreateTaskPushNotificationConfig",
            Self::ListPushConfigs { .. } => "ListTaskPushNotificationConfigs",
            Self::GetPushConfig { .. } => "GetTaskPushNotificationConfig",
            Self::DeletePushConfig { .. } => "DeleteTaskPushNotificationConfig",
            Self::GetExtendedAgentCard => "GetExtendedAgentCard",
        }
    }
}

fn ok(body: &impl Serialize) -> Response<Body> {
    whole(json(200, PROTOCOL_JSON, body))
}

/// A body that may be absent: the path says it all.
pub(crate) fn or_empty(body: &Bytes) -> &[u8] {
    if body.trim_ascii().is_empty() { b"{}" } else { body }
}

/// A config for the task that the path names; the body may name the same one.
fn in_task(
    request: TaskPushNotificationConfig,
    task: String,
) -> Result<TaskPushNotificationConfig, A2aError> {
    if !request.task_id.is_empty() && request.task_id != task {
        return Err(A2aError::invalid_field("taskId", "is another one than in the path"));
    }
    Ok(TaskPushNotificationConfig { task_id: task, ..request })
}

/// Reads a request from the query's parameters.
pub(crate) fn from_query<T: DeserializeOwned>(parts: &Parts) -> Result<T, A2aError> {
    decode(query_object(parts).as_bytes())
}

/// The query's parameters as a JSON object (spec section 11.5), so that they are read by the same
/// rules: numbers and enums come as text there, which ProtoJSON takes; only booleans need help.
///
/// A parameter that is given twice is twice in the JSON, where the reader refuses it if it is a
/// field, and skips it as often as it comes if it is none.
fn query_object(parts: &Parts) -> String {
    let members = query_pairs(parts).into_iter().map(|(name, value)| {
        let value = match (name.as_str(), value.as_str()) {
            ("includeArtifacts" | "include_artifacts", "true") => Value::Bool(true),
            ("includeArtifacts" | "include_artifacts", "false") => Value::Bool(false),
            _ => Value::String(value),
        };
        format!("{}:{value}", Value::String(name))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}
