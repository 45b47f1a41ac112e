//! The envelope of a JSON-RPC request (spec section 9).

use a2a_lambda_protocol::{A2aError, ErrorKind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::value::RawValue;

/// The longest request id that is echoed, in bytes of JSON.
const MAX_REQUEST_ID_BYTES: usize = 1024;

/// The envelope of a request. Reading cuts its values out first and parses them one by one. So a
/// request with one bad value is still answered under its id.
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

/// A member that is present, even if it is `null`.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

/// A request with a valid envelope.
pub(crate) struct Call<'a> {
    pub(crate) method: String,
    params: Option<&'a RawValue>,
}

impl Call<'_> {
    /// The parameters. Absent ones count as an empty object, so that the error names the missing
    /// fields.
    pub(crate) fn params(&self) -> Result<&[u8], A2aError> {
        let params = self.params.map_or("{}", RawValue::get);
        if params.starts_with('[') {
            return Err(A2aError::invalid_field("params", "must be an object"));
        }
        Ok(params.as_bytes())
    }
}

/// Reads a body: the id of the request, if it can be echoed, and the call.
pub(crate) fn read(body: &[u8]) -> (Option<&RawValue>, Result<Call<'_>, A2aError>) {
    match cut_out(body) {
        Ok(envelope) => (envelope.id.filter(|id| is_request_id(id)), checked(&envelope)),
        Err(error) => (None, Err(error)),
    }
}

/// Cuts the envelope out of the body.
fn cut_out(body: &[u8]) -> Result<Envelope<'_>, A2aError> {
    // All of it is checked at once: serde_json does not check the encoding of strings that it
    // skips.
    let text = std::str::from_utf8(body).map_err(|error| {
        A2aError::new(ErrorKind::JsonParse, "malformed JSON: not UTF-8").with_source(error)
    })?;
    // `serde` would take the items of an array for the members, in order.
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

/// Whether every client can read an answer with this id. `"\ud800"` and `1e999` are JSON by its
/// grammar, but most parsers refuse them.
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
