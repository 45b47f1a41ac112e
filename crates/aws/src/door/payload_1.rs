//! Payload 1.0, of REST APIs, and of HTTP APIs that are set to it.

use a2a_lambda_protocol::A2aError;
use serde::Deserialize;
use serde_json::Value;

use super::headers::Headers;
use super::parameters::Parameters;
use super::{Arrival, Credentials, Place, all_headers, method};

/// A field that AWS omits, or has as `null`, is empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    resource: Option<String>,
    path: Option<String>,
    path_parameters: Option<Value>,
    http_method: Option<String>,
    headers: Option<Headers>,
    multi_value_headers: Option<Headers>,
    query_string_parameters: Option<Parameters>,
    multi_value_query_string_parameters: Option<Parameters>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    #[serde(default)]
    request_context: Option<Context>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http_method: Option<String>,
    /// The path as the client has it: with the stage, or the mapping of a custom domain.
    path: Option<String>,
    domain_name: Option<String>,
    stage: Option<String>,
    authorizer: Option<Value>,
    identity: Option<Value>,
}

pub(super) fn arrival(event: Event) -> Result<Arrival, A2aError> {
    let context = event.request_context.unwrap_or_default();
    let headers = all_headers(event.multi_value_headers, event.headers);
    let parameters = event.multi_value_query_string_parameters.filter(|all| !all.is_empty());
    let parameters = parameters.or(event.query_string_parameters).unwrap_or_default();
    let place = Place::of_resource(
        context.domain_name,
        context.stage.as_deref(),
        context.path.or(event.path).unwrap_or_default(),
        event.resource.as_deref(),
        event.path_parameters.as_ref(),
    );
    Ok(Arrival {
        method: method(&event.http_method.or(context.http_method).unwrap_or_default())?,
        headers: headers.map,
        headers_cut: headers.cut,
        place,
        credentials: Credentials::of_payload_1(context.authorizer, context.identity.as_ref()),
        // API Gateway has decoded them.
        query: parameters.encoded(),
        body: event.body.unwrap_or_default(),
        is_base64: event.is_base64_encoded.unwrap_or_default(),
    })
}
