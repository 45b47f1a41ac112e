//! The JSON-RPC binding of 0.3.

use a2a_lambda_core::{ProtocolVersion, Tail};
use a2a_lambda_protocol::v0_3::{
    AgentCard, DeleteTaskPushNotificationConfigParams, GetTaskPushNotificationConfigParams,
    MessageSendParams, SendMessageResult, StreamEvent, Task, TaskIdParams,
    TaskPushNotificationConfig, TaskQueryParams, WhichPushNotificationConfig,
};
use a2a_lambda_protocol::{A2aError, ErrorKind};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, header};
use serde_json::value::RawValue;

use super::{SAME_FIELDS, in_old_names};
use crate::binding::{PLAIN_JSON, header_texts, log_error, version};
use crate::body::{Body, whole};
use crate::exchange::Exchange;
use crate::json_rpc::{Answer, Call, answer, error_response, params};
use crate::{Bindings, sse};

/// The methods that answer with a stream.
const STREAMS: [&str; 2] = ["message/stream", "tasks/resubscribe"];

/// Refuses a call, and logs it under a name.
pub(crate) fn refused(
    id: Option<&RawValue>,
    method: &str,
    logged: &str,
    error: &A2aError,
) -> Response<Bytes> {
    log_error(logged, error);
    error_response_to_call(id, method, error)
}

/// An error in the form that the method's client reads. Clients of 0.3 that ask for a stream read
/// only a stream: they report JSON as a transport error. A 401, 403 or 429 stays JSON, since clients
/// check the status first.
pub(crate) fn error_response_to_call(
    id: Option<&RawValue>,
    method: &str,
    error: &A2aError,
) -> Response<Bytes> {
    if STREAMS.contains(&method) {
        return stream_error_response(id, error);
    }
    error_response(id, error)
}

/// An error as a client reads it that reads only a stream.
pub(crate) fn stream_error_response(id: Option<&RawValue>, error: &A2aError) -> Response<Bytes> {
    if matches!(
        error.kind,
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied | ErrorKind::TooManyRequests
    ) {
        return error_response(id, error);
    }
    sse::refused(&Answer::error(id, error))
}

/// Whether a client that does not speak 1.0 asks for a stream, and not for JSON: clients of 1.0 read
/// JSON where they asked for a stream.
pub(crate) fn wants_stream(parts: &Parts) -> bool {
    let accepted = header_texts(parts, header::ACCEPT.as_str()).unwrap_or_default();
    let ranges = || accepted.iter().flat_map(|line| line.split(','));
    let names = |wanted: &str| {
        ranges().any(|range| {
            let media_type = range.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case(wanted)
        })
    };
    let is_new = version(parts, true).is_ok_and(|version| version == ProtocolVersion::V1_0);
    !is_new && names("text/event-stream") && !names(PLAIN_JSON)
}

impl Bindings {
    pub(crate) async fn call_v0_3(
        &self,
        tenant: &str,
        call: &Call<'_>,
        id: Option<&RawValue>,
        exchange: &Exchange<'_>,
    ) -> Response<Body> {
        let method = call.method.as_str();
        match self.result_v0_3(tenant, call, id, exchange).await {
            Ok(response) => response,
            // What is not a method of A2A is not repeated into the log.
            Err(error) if error.kind == ErrorKind::MethodNotFound => {
                whole(refused(id, method, "unknown", &error))
            }
            Err(error) => whole(refused(id, method, method, &error)),
        }
    }

    async fn result_v0_3(
        &self,
        tenant: &str,
        call: &Call<'_>,
        id: Option<&RawValue>,
        exchange: &Exchange<'_>,
    ) -> Result<Response<Body>, A2aError> {
        Ok(match call.method.as_str() {
            "message/send" => {
                let request = params::<MessageSendParams>(call)?.into();
                let sent = self.send(tenant, request, exchange).await;
                let sent = in_old_names(sent, Some(MessageSendParams::FIELDS))?;
                answer(id, SendMessageResult::from(sent))
            }
            "message/stream" => {
                let request = params::<MessageSendParams>(call)?.into();
                let tail = self.send_streaming(tenant, request, exchange).await;
                self.stream_v0_3(id, in_old_names(tail, Some(MessageSendParams::FIELDS))?)
            }
            "tasks/get" => {
                let request = params::<TaskQueryParams>(call)?.into();
                answer(id, Task::from(self.get(tenant, &request, None, exchange).await?))
            }
            "tasks/cancel" => {
                let request = params::<TaskIdParams>(call)?.into();
                answer(id, Task::from(self.cancel(tenant, &request, exchange).await?))
            }
            "tasks/resubscribe" => {
                let request = params::<TaskIdParams>(call)?.into();
                self.stream_v0_3(id, self.subscribe(tenant, &request, exchange).await?)
            }
            "tasks/pushNotificationConfig/set" => {
                let request = params::<TaskPushNotificationConfig>(call)?;
                if request.push_notification_config.is_none() {
                    return Err(A2aError::invalid_field("pushNotificationConfig", "is required"));
                }
                let made = self.create_push_config(tenant, request.into(), exchange).await;
                let made = in_old_names(made, Some(TaskPushNotificationConfig::FIELDS))?;
                answer(id, TaskPushNotificationConfig::from(made))
            }
            "tasks/pushNotificationConfig/get" => {
                answer(id, self.get_push_config_v0_3(tenant, params(call)?, exchange).await?)
            }
            "tasks/pushNotificationConfig/list" => {
                let request = params::<TaskIdParams>(call)?.into();
                let page = self.list_push_configs(tenant, &request, exchange).await;
                let page = in_old_names(page, Some(TaskIdParams::LIST_FIELDS))?;
                let configs = page.configs.into_iter().map(TaskPushNotificationConfig::from);
                answer(id, configs.collect::<Vec<_>>())
            }
            "tasks/pushNotificationConfig/delete" => {
                let request = params::<DeleteTaskPushNotificationConfigParams>(call)?.into();
                let deleted = self.delete_push_config(tenant, &request, exchange).await;
                in_old_names(deleted, Some(DeleteTaskPushNotificationConfigParams::FIELDS))?;
                answer(id, ())
            }
            "agent/getAuthenticatedExtendedCard" => {
                let (card, url) = in_old_names(self.old_extended(tenant, exchange), SAME_FIELDS)?;
                answer(id, AgentCard::new(&card, &url))
            }
            _ => {
                let text = "A2A 0.3 has no such method; to speak 1.0, send A2A-Version: 1.0";
                return Err(A2aError::new(ErrorKind::MethodNotFound, text));
            }
        })
    }

    /// Reads the config that is asked for, or any one of the task's if none is named.
    async fn get_push_config_v0_3(
        &self,
        tenant: &str,
        request: GetTaskPushNotificationConfigParams,
        exchange: &Exchange<'_>,
    ) -> Result<TaskPushNotificationConfig, A2aError> {
        let config = match request.into() {
            WhichPushNotificationConfig::One(request) => {
                self.get_push_config(tenant, &request, exchange).await
            }
            WhichPushNotificationConfig::First(request) => {
                let page = self.list_push_configs(tenant, &request, exchange).await;
                page.and_then(|page| {
                    page.configs.into_iter().next().ok_or_else(|| {
                        A2aError::new(ErrorKind::TaskNotFound, "the task has no push config")
                    })
                })
            }
        };
        let names = Some(GetTaskPushNotificationConfigParams::FIELDS);
        Ok(in_old_names(config, names)?.into())
    }

    fn stream_v0_3(&self, id: Option<&RawValue>, tail: Tail) -> Response<Body> {
        let id = id.map(ToOwned::to_owned);
        sse::respond(tail, self.config.keep_alive, move |response| {
            sse::json(&Answer::result(id.as_deref(), StreamEvent::from(response)))
        })
    }
}
