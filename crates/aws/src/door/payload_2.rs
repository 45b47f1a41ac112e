//! Payload 2.0, of HTTP APIs and Function URLs.

use a2a_lambda_protocol::A2aError;
use serde::Deserialize;
use serde_json::Value;

use super::headers::Headers;
use super::{Arrival, Credentials, Place, method};

/// A field that AWS omits, or has as `null`, is empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<Headers>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Http,
    domain_name: Option<String>,
    stage: Option<String>,
    authorizer: Option<Value>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

pub(super) fn arrival(event: Event) -> Result<Arrival, A2aError> {
    let context = event.request_context;
    let headers = event.headers.unwrap_or_default();
    let raw_path = event.raw_path.unwrap_or_default();
    Ok(Arrival {
        method: method(&context.http.method)?,
        headers: headers.map,
        headers_cut: headers.cut,
        place: Place::of_stage(context.domain_name, context.stage.as_deref(), raw_path),
        credentials: Credentials::of_payload_2(context.authorizer),
        query: event.raw_query_string.unwrap_or_default(),
        body: event.body.unwrap_or_default(),
        is_base64: event.is_base64_encoded.unwrap_or_default(),
    })
}
