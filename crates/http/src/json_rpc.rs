//! The JSON-RPC binding (spec section 9).

use a2a_lambda_protocol::{A2aError, ErrorKind, JsonRpcError, decode_params};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::binding::{PLAIN_JSON, check_version, json, log_error};
use crate::service::Unclaimed;
use crate::{Bindings, Visitor};

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
struct Answer<'a, T> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: Outcome<T>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome<T> {
    Result(T),
    Error(JsonRpcError),
}

/// A request whose envelope is in order.
struct Call<'a> {
    method: String,
    params: Option<&'a RawValue>,
}

impl Bindings {
    pub(crate) async fn json_rpc(
        &self,
        parts: &Parts,
        body: &Bytes,
        visitor: &Visitor,
    ) -> Response<Bytes> {
        if let Err(error) = self.check_body(body) {
            return refused(None, "", &error);
        }
        let envelope = match envelope(body) {
            Ok(envelope) => envelope,
            Err(error) => return refused(None, "", &error),
        };
        let id = envelope.id.filter(|id| is_request_id(id));
        let call = match checked(&envelope) {
            Ok(call) => call,
            Err(error) => return refused(id, "", &error),
        };
        self.call(&call, id, parts, visitor).await
    }

    async fn call(
        &self,
        call: &Call<'_>,
        id: Option<&RawValue>,
        parts: &Parts,
        visitor: &Visitor,
    ) -> Response<Bytes> {
        let method = call.method.as_str();
        if let Err(error) = check_version(parts) {
            return refused(id, method, &error);
        }
        match method {
            "SendMessage" => match params(call) {
                Ok(request) => answer(id, method, self.send("", request, parts, visitor).await),
                Err(error) => refused(id, method, &error),
            },
            "GetTask" => match params(call) {
                Ok(request) => answer(id, method, self.get("", &request, visitor).await),
                Err(error) => refused(id, method, &error),
            },
            "ListTasks" => match params(call) {
                Ok(request) => answer(id, method, self.list("", &request, visitor).await),
                Err(error) => refused(id, method, &error),
            },
            "CancelTask" => match params(call) {
                Ok(request) => answer(id, method, self.cancel("", &request, visitor).await),
                Err(error) => refused(id, method, &error),
            },
            "SendStreamingMessage" | "SubscribeToTask" => {
                refused(id, method, &Unclaimed::Streaming.error())
            }
            "CreateTaskPushNotificationConfig"
            | "GetTaskPushNotificationConfig"
            | "ListTaskPushNotificationConfigs"
            | "DeleteTaskPushNotificationConfig" => {
                refused(id, method, &Unclaimed::PushNotifications.error())
            }
            "GetExtendedAgentCard" => refused(id, method, &Unclaimed::ExtendedAgentCard.error()),
            // What is not a method of A2A is not repeated into the log.
            _ => {
                let text = "A2A 1.0 has no such method";
                refused(id, "unknown", &A2aError::new(ErrorKind::MethodNotFound, text))
            }
        }
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
fn params<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, A2aError> {
    match call.params {
        Some(params) if params.get().starts_with('[') => {
            Err(A2aError::invalid_field("params", "must be an object"))
        }
        Some(params) => decode_params(params),
        None => a2a_lambda_protocol::decode(b"{}"),
    }
}

fn answer<T: Serialize>(
    id: Option<&RawValue>,
    method: &str,
    result: Result<T, A2aError>,
) -> Response<Bytes> {
    match result {
        Ok(result) => {
            let answer = Answer { jsonrpc: "2.0", id, outcome: Outcome::Result(result) };
            json(200, PLAIN_JSON, &answer)
        }
        Err(error) => refused(id, method, &error),
    }
}

fn refused(id: Option<&RawValue>, method: &str, error: &A2aError) -> Response<Bytes> {
    log_error(method, error);
    error_response(id, error)
}

/// An error as JSON-RPC has it (spec section 9.5).
pub(crate) fn error_response(id: Option<&RawValue>, error: &A2aError) -> Response<Bytes> {
    let outcome: Outcome<()> = Outcome::Error(error.to_json_rpc());
    json(200, PLAIN_JSON, &Answer { jsonrpc: "2.0", id, outcome })
}
