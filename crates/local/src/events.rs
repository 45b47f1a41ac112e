//! Events as AWS sends them, made from what happens on this machine.
//!
//! They are made as JSON text and read by the functions' own types, so that the local cloud goes
//! through every step that a deployed function does.

use a2a_lambda_request::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What a request's event needs beside the request.
pub(crate) struct Arrival<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) now_ms: i64,
    pub(crate) source_ip: String,
    pub(crate) domain: &'a str,
}

/// The event of an HTTP API (payload format 2.0) for a request.
pub(crate) fn http_event(parts: &Parts, body: &Bytes, arrival: &Arrival<'_>) -> Value {
    let (body, is_base64) = match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(body), true),
    };
    let path = parts.uri.path();
    let context = json!({
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": arrival.domain,
        "domainPrefix": "local",
        "http": {
            "method": parts.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": arrival.source_ip,
            "userAgent": text(&parts.headers, header::USER_AGENT).unwrap_or_default(),
        },
        "requestId": arrival.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "timeEpoch": arrival.now_ms,
    });
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": joined_headers(&parts.headers),
        "requestContext": context,
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// Takes a bearer token for what a JWT authorizer would have found in it: its text becomes the claim
/// `sub`. There is no check of any kind: this is for trying things out on one's own machine.
pub(crate) fn trust_bearer(event: &mut Value, parts: &Parts) {
    if let Some(user) = bearer(&parts.headers) {
        event["requestContext"]["authorizer"] =
            json!({ "jwt": { "claims": { "sub": user }, "scopes": null } });
    }
}

/// Whether a deployment asks nobody who they are at this path: the card, the keys beside it, and
/// preflights.
pub(crate) fn is_for_everybody(parts: &Parts) -> bool {
    let segments: Vec<&str> = parts.uri.path().split('/').skip(1).take(3).collect();
    let is_public =
        matches!(segments.as_slice(), [".well-known", _, ..] | [_, ".well-known", _, ..]);
    match parts.method {
        Method::GET | Method::HEAD => is_public,
        Method::OPTIONS => true,
        _ => false,
    }
}

/// What an HTTP API asks its authorizer about a request (payload format 2.0).
pub(crate) fn authorizer_event(event: &Value) -> Value {
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:000000000000:local/$default",
        "identitySource": null,
        "routeKey": event["routeKey"],
        "rawPath": event["rawPath"],
        "rawQueryString": event["rawQueryString"],
        "headers": event["headers"],
        "requestContext": event["requestContext"],
    })
}

/// What an HTTP API makes of its authorizer's answer: what the function is told, or how the request
/// is answered.
pub(crate) fn authorized(answer: Option<Value>) -> Result<Value, (StatusCode, &'static str)> {
    match answer {
        Some(mut answer) if answer["isAuthorized"] == true => {
            Ok(json!({ "lambda": answer["context"].take() }))
        }
        Some(_) => Err((StatusCode::FORBIDDEN, "Forbidden")),
        None => Err((StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
    }
}

/// Several headers of one name arrive as one, divided by commas.
fn joined_headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        joined.insert(name.as_str().to_owned(), Value::String(values.join(",")));
    }
    joined
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// The function's process ended amid its answer: the client must not take what it has for all.
#[derive(Debug, thiserror::Error)]
#[error("the function broke off its answer")]
pub(crate) struct BrokenOff;

/// What a response is made of: all of it, or chunks as they come.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, BrokenOff>;

fn all(bytes: impl Into<Bytes>) -> ResponseBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The HTTP response that an answer stands for.
pub(crate) fn http_response(answer: Answer) -> Response<ResponseBody> {
    match answer {
        Answer::Buffered(response, _) => response.map(all),
        Answer::Streamed(parts, chunks) => {
            let frames = chunks.map(|chunk| chunk.map(Frame::data));
            let body = StreamBody::new(frames).map_err(|never| match never {});
            Response::from_parts(parts, body.boxed_unsync())
        }
    }
}

/// The answer of API Gateway when the function cannot be given the request.
pub(crate) fn refused(status: StatusCode, message: &str) -> Response<ResponseBody> {
    let mut response = Response::new(all(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

/// An event as a function's own types have it.
pub(crate) fn typed<T: DeserializeOwned>(event: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&event.to_string())
}
