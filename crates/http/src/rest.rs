//! The HTTP+JSON binding (spec section 11).

use a2a_lambda_protocol::{A2aError, decode};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::binding::{PROTOCOL_JSON, check_version, error_response, json, log_error, query_pairs};
use crate::route::{RestCall, RestOperation};
use crate::service::Unclaimed;
use crate::{Bindings, Visitor};

impl Bindings {
    pub(crate) async fn rest(
        &self,
        call: RestCall,
        parts: &Parts,
        body: &Bytes,
        visitor: &Visitor,
    ) -> Response<Bytes> {
        let name = call.operation.name();
        match self.rest_answer(call, parts, body, visitor).await {
            Ok(response) => response,
            Err(error) => {
                log_error(name, &error);
                error_response(&error)
            }
        }
    }

    async fn rest_answer(
        &self,
        call: RestCall,
        parts: &Parts,
        body: &Bytes,
        visitor: &Visitor,
    ) -> Result<Response<Bytes>, A2aError> {
        self.check_body(body)?;
        check_version(parts)?;
        let tenant = call.tenant.as_str();
        match call.operation {
            RestOperation::SendMessage => {
                let request = decode(body)?;
                Ok(ok(&self.send(tenant, request, parts, visitor).await?))
            }
            RestOperation::GetTask { id } => {
                let mut request: a2a_lambda_protocol::GetTaskRequest = from_query(parts)?;
                request.id = id;
                Ok(ok(&self.get(tenant, &request, visitor).await?))
            }
            RestOperation::ListTasks => {
                Ok(ok(&self.list(tenant, &from_query(parts)?, visitor).await?))
            }
            RestOperation::CancelTask { id } => {
                // The body may be absent: the path says it all.
                let body: &[u8] = if body.trim_ascii().is_empty() { b"{}" } else { body };
                let mut request: a2a_lambda_protocol::CancelTaskRequest = decode(body)?;
                request.id = id;
                Ok(ok(&self.cancel(tenant, &request, visitor).await?))
            }
            RestOperation::SendStreamingMessage | RestOperation::SubscribeToTask => {
                Err(Unclaimed::Streaming.error())
            }
            RestOperation::PushNotificationConfig => Err(Unclaimed::PushNotifications.error()),
            RestOperation::GetExtendedAgentCard => Err(Unclaimed::ExtendedAgentCard.error()),
        }
    }
}

impl RestOperation {
    fn name(&self) -> &'static str {
        match self {
            Self::SendMessage => "SendMessage",
            Self::SendStreamingMessage => "SendStreamingMessage",
            Self::GetTask { .. } => "GetTask",
            Self::ListTasks => "ListTasks",
            Self::CancelTask { .. } => "CancelTask",
            Self::SubscribeToTask => "SubscribeToTask",
            Self::PushNotificationConfig => "TaskPushNotificationConfig",
            Self::GetExtendedAgentCard => "GetExtendedAgentCard",
        }
    }
}

fn ok(body: &impl Serialize) -> Response<Bytes> {
    json(200, PROTOCOL_JSON, body)
}

/// Reads a request from the query's parameters (spec section 11.5), by the same rules as from
/// JSON: numbers and enums come as text there, which ProtoJSON takes; only booleans need help.
///
/// A parameter that is given twice is twice in the JSON, where the reader refuses it if it is a
/// field, and skips it as often as it comes if it is none.
fn from_query<T: DeserializeOwned>(parts: &Parts) -> Result<T, A2aError> {
    let members = query_pairs(parts).into_iter().map(|(name, value)| {
        let value = match (name.as_str(), value.as_str()) {
            ("includeArtifacts" | "include_artifacts", "true") => Value::Bool(true),
            ("includeArtifacts" | "include_artifacts", "false") => Value::Bool(false),
            _ => Value::String(value),
        };
        format!("{}:{value}", Value::String(name))
    });
    let object = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    decode(object.as_bytes())
}
