//! The event that a function is given: that of an HTTP API, payload format 2.0.

use std::collections::BTreeMap;

use a2a_lambda_https::Request;
use a2a_lambda_protocol::Timestamp;
use http::header;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    request_context: Context<'a>,
    body: &'a str,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'static str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'static str,
    stage: &'static str,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'static str,
    user_agent: &'static str,
}

/// The request's body is no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEvent {
    #[error("the request's body is no text")]
    Body(#[from] std::str::Utf8Error),
    #[error("the event cannot be written")]
    Json(#[from] serde_json::Error),
}

/// The event for a request that is made now.
pub(super) fn of(request: &Request, now: Timestamp) -> Result<Vec<u8>, NoEvent> {
    let text = |name: header::HeaderName| {
        request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let host = request.uri.host().unwrap_or_default();
    let named = request.headers.iter();
    let mut headers: BTreeMap<&str, &str> =
        named.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    headers.extend([("host", host), ("x-forwarded-port", "443"), ("x-forwarded-proto", "https")]);
    let body = std::str::from_utf8(&request.body)?;
    let length = body.len().to_string();
    headers.insert("content-length", &length);
    Ok(serde_json::to_vec(&Event {
        version: "2.0",
        route_key: "$default",
        raw_path: request.uri.path(),
        raw_query_string: request.uri.query().unwrap_or_default(),
        headers,
        request_context: Context {
            account_id: "anonymous",
            api_id: "a2a-lambda",
            domain_name: host,
            domain_prefix: "lambda",
            http: Http {
                method: request.method.as_str(),
                path: request.uri.path(),
                protocol: "HTTP/1.1",
                source_ip: "127.0.0.1",
                user_agent: "a2a-lambda",
            },
            request_id: text(header::HeaderName::from_static("idempotency-key")),
            route_key: "$default",
            stage: "$default",
            time_epoch: now.as_millis(),
        },
        body,
        is_base64_encoded: false,
    })?)
}
