//! The JSON-RPC binding (spec section 9).

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::Tail;
use a2a_lambda_protocol::{
    A2aError, ErrorKind, GetExtendedAgentCardRequest, JsonRpcError, decode, decode_params,
};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, json};

use crate::binding::{PLAIN_JSON, challenge, json, log_error, not_supported, version};
use crate::body::{Body, whole};
use crate::exchange::Exchange;
use crate::newer::newer_than;
use crate::{Bindings, Visitor, sse, v0_3};

/// The longest request id that is echoed, in bytes of JSON.
const MAX_REQUEST_ID_BYTES: usize = 1024;

/// The envelope of a request. Its values are only cut out here, and read one by one, so that a
/// request that is wrong in one place is still answered under its id.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// A value that is there, be it `null`.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a, T> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: Outcome<T>,
}

impl<'a, T> Answer<'a, T> {
    pub(crate) fn result(id: Option<&'a RawValue>, result: T) -> Self {
        Self { jsonrpc: "2.0", id, outcome: Outcome::Result(result) }
    }
}

impl<'a> Answer<'a, ()> {
    pub(crate) fn error(id: Option<&'a RawValue>, error: &A2aError) -> Self {
        Self { jsonrpc: "2.0", id, outcome: Outcome::Error(error.to_json_rpc()) }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome<T> {
    Result(T),
    Error(JsonRpcError),
}

/// A request whose envelope is in order.
pub(crate) struct Call<'a> {
    pub(crate) method: String,
    pub(crate) params: Option<&'a RawValue>,
}

impl Bindings {
    pub(crate) async fn json_rpc(
        &self,
        parts: &Parts,
        tenant: &str,
        body: &Bytes,
        visitor: &Visitor,
    ) -> Response<Body> {
        if let Err(error) = self.check_body(parts, body) {
            return unread(parts, None, "", &error);
        }
        let envelope = match envelope(body) {
            Ok(envelope) => envelope,
            Err(error) => return unread(parts, None, "", &error),
        };
        let id = envelope.id.filter(|id| is_request_id(id));
        let call = match checked(&envelope) {
            Ok(call) => call,
            Err(error) => return unread(parts, id, "", &error),
        };
        let version = match version(parts, self.config.v0_3) {
            Ok(version) => version,
            // Whether it is a method of A2A is not known yet: see `call`.
            Err(error) => return unread(parts, id, "unread", &error),
        };
        let exchange = Exchange::new(parts, visitor, version);
        let mut response = match version {
            ProtocolVersion::V1_0 => self.call(tenant, &call, id, &exchange).await,
            ProtocolVersion::V0_3 if self.config.v0_3 => {
                self.call_v0_3(tenant, &call, id, &exchange).await
            }
            ProtocolVersion::V0_3 => {
                let error = not_supported("A2A 0.3 is not supported", false);
                whole(v0_3::refused(id, &call.method, "unread", &error))
            }
        };
        exchange.add_headers(response.headers_mut());
        response
    }

    async fn call(
        &self,
        tenant: &str,
        call: &Call<'_>,
        id: Option<&RawValue>,
        exchange: &Exchange<'_>,
    ) -> Response<Body> {
        let method = call.method.as_str();
        match self.result(tenant, call, id, exchange).await {
            Ok(response) => response,
            Err(error) if error.kind == ErrorKind::MethodNotFound => {
                // What is not a method of A2A is not repeated into the log.
                refused(id, "unknown", &error)
            }
            Err(error) => refused(id, method, &error),
        }
    }

    async fn result(
        &self,
        tenant: &str,
        call: &Call<'_>,
        id: Option<&RawValue>,
        exchange: &Exchange<'_>,
    ) -> Result<Response<Body>, A2aError> {
        Ok(match call.method.as_str() {
            "SendMessage" => answer(id, self.send(tenant, params(call)?, exchange).await?),
            "SendStreamingMessage" => {
                let tail = self.send_streaming(tenant, params(call)?, exchange).await?;
                self.stream(id, tail)
            }
            "GetTask" => {
                let newer = newer_than(text(call).as_bytes())?;
                answer(id, self.get(tenant, &params(call)?, newer, exchange).await?)
            }
            "ListTasks" => answer(id, self.list(tenant, &params(call)?, exchange).await?),
            "CancelTask" => answer(id, self.cancel(tenant, &params(call)?, exchange).await?),
            "SubscribeToTask" => {
                let tail = self.subscribe(tenant, &params(call)?, exchange).await?;
                self.stream(id, tail)
            }
            "CreateTaskPushNotificationConfig" => {
                answer(id, self.create_push_config(tenant, params(call)?, exchange).await?)
            }
            "GetTaskPushNotificationConfig" => {
                answer(id, self.get_push_config(tenant, &params(call)?, exchange).await?)
            }
            "ListTaskPushNotificationConfigs" => {
                answer(id, self.list_push_configs(tenant, &params(call)?, exchange).await?)
            }
            "DeleteTaskPushNotificationConfig" => {
                self.delete_push_config(tenant, &params(call)?, exchange).await?;
                answer(id, json!({}))
            }
            "GetExtendedAgentCard" => {
                let request: GetExtendedAgentCardRequest = params(call)?;
                answer(id, self.extended(tenant, &request.tenant, exchange)?)
            }
            _ => {
                let text = "A2A 1.0 has no such method";
                return Err(A2aError::new(ErrorKind::MethodNotFound, text));
            }
        })
    }

    fn stream(&self, id: Option<&RawValue>, tail: Tail) -> Response<Body> {
        let id = id.map(ToOwned::to_owned);
        sse::respond(tail, self.config.keep_alive, move |response| {
            sse::json(&Answer::result(id.as_deref(), response))
        })
    }
}

/// Cuts the envelope out of the body.
fn envelope(body: &[u8]) -> Result<Envelope<'_>, A2aError> {
    // All of it, at once: serde_json does not look at the encoding of strings that it skips.
    let text = std::str::from_utf8(body).map_err(|error| {
        A2aError::new(ErrorKind::JsonParse, "malformed JSON: not UTF-8").with_source(error)
    })?;
    // `serde` would take an array's items for the members, in their order.
    let is_object = text.trim_ascii_start().starts_with('{');
    let error = match serde_json::from_str(text) {
        Ok(envelope) if is_object => return Ok(envelope),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let text = format!("malformed JSON: {error}");
        return Err(A2aError::new(ErrorKind::JsonParse, text).with_source(error));
    }
    match error {
        Some(error) if is_object => {
            Err(invalid_request("", "a member is given twice").with_source(error))
        }
        _ => {
            let text = "a JSON-RPC request is one JSON object; batches are not served";
            Err(invalid_request("", text))
        }
    }
}

fn checked<'a>(envelope: &Envelope<'a>) -> Result<Call<'a>, A2aError> {
    let text = |value: Option<&RawValue>| {
        value.and_then(|value| serde_json::from_str::<String>(value.get()).ok())
    };
    if text(envelope.jsonrpc).as_deref() != Some("2.0") {
        return Err(invalid_request("jsonrpc", "must be \"2.0\""));
    }
    match envelope.id {
        None => return Err(invalid_request("id", "is required: every method has an answer")),
        Some(id) if !is_request_id(id) => {
            return Err(invalid_request("id", "must be a short string or a number"));
        }
        Some(_) => {}
    }
    let Some(method) = text(envelope.method) else {
        return Err(invalid_request("method", "must be the name of a method"));
    };
    Ok(Call { method, params: envelope.params })
}

/// Whether an id can be echoed so that every client can read the answer: `"\ud800"` and `1e999` are
/// JSON by its grammar, and most parsers refuse them.
fn is_request_id(id: &RawValue) -> bool {
    let id = id.get();
    id.len() <= MAX_REQUEST_ID_BYTES
        && (id == "null"
            || serde_json::from_str::<String>(id).is_ok()
            || serde_json::from_str::<Number>(id).is_ok())
}

fn invalid_request(field: &str, description: &str) -> A2aError {
    let mut error = A2aError::invalid_field(field, description);
    error.kind = ErrorKind::InvalidRequest;
    error.message = format!("invalid request: {field} {description}").replace("  ", " ");
    error
}

/// The parameters; none are as good as an empty object, whose missing fields are then named.
pub(crate) fn params<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, A2aError> {
    match call.params {
        Some(params) if params.get().starts_with('[') => {
            Err(A2aError::invalid_field("params", "must be an object"))
        }
        Some(params) => decode_params(params),
        None => decode(b"{}"),
    }
}

/// The text of the parameters, if they are an object.
fn text<'a>(call: &Call<'a>) -> &'a str {
    call.params.map(RawValue::get).filter(|params| params.starts_with('{')).unwrap_or("{}")
}

/// Answers with a result.
pub(crate) fn answer<T: Serialize>(id: Option<&RawValue>, result: T) -> Response<Body> {
    whole(json(200, PLAIN_JSON, &Answer::result(id, result)))
}

pub(crate) fn refused(id: Option<&RawValue>, method: &str, error: &A2aError) -> Response<Body> {
    log_error(method, error);
    whole(error_response(id, error))
}

/// Refuses a request of which it is not known whether it is a call, and to which method.
fn unread(parts: &Parts, id: Option<&RawValue>, logged: &str, error: &A2aError) -> Response<Body> {
    log_error(logged, error);
    whole(unread_response(parts, id, error))
}

/// As [`error_response`], to a request that was not read. Whether its client reads only a stream is
/// told by its headers.
pub(crate) fn unread_response(
    parts: &Parts,
    id: Option<&RawValue>,
    error: &A2aError,
) -> Response<Bytes> {
    if v0_3::wants_stream(parts) {
        return v0_3::stream_error_response(id, error);
    }
    error_response(id, error)
}

/// As [`error_response`], to the request in this body, which is of 0.3 or not.
pub(crate) fn error_response_to(
    parts: &Parts,
    body: &[u8],
    is_old: bool,
    error: &A2aError,
) -> Response<Bytes> {
    let envelope = envelope(body).ok();
    let id = envelope.as_ref().and_then(|it| it.id).filter(|id| is_request_id(id));
    match envelope.and_then(|envelope| checked(&envelope).ok()) {
        Some(call) if is_old => v0_3::error_response_to_call(id, &call.method, error),
        Some(_) => error_response(id, error),
        None => unread_response(parts, id, error),
    }
}

/// An error as JSON-RPC has it (spec section 9.5).
pub(crate) fn error_response(id: Option<&RawValue>, error: &A2aError) -> Response<Bytes> {
    let response = json(200, PLAIN_JSON, &Answer::error(id, error));
    challenge(response, error)
}
