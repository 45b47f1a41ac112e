//! Events in AWS's form for requests and records of this machine.
//!
//! They are JSON text that the functions' own types read, so that the local cloud takes every step
//! of a deployed function.

use std::collections::HashMap;

use a2a_lambda_request::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The fields of a request's event beside the request.
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

/// Accepts a bearer token without a check, as if a JWT authorizer had found its text in the claim
/// `sub`. No check follows: this is for trials on one's own machine.
pub(crate) fn trust_bearer(event: &mut Value, parts: &Parts) {
    if let Some(user) = bearer(&parts.headers) {
        event["requestContext"]["authorizer"] =
            json!({ "jwt": { "claims": { "sub": user }, "scopes": null } });
    }
}

/// A REST API's question to its authorizer about a request (of the type `REQUEST`).
pub(crate) fn authorizer_event(parts: &Parts, event: &Value) -> Value {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let mut all = Map::new();
    for name in parts.headers.keys() {
        let values = parts.headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
        all.insert(name.as_str().to_owned(), json!(values.collect::<Vec<_>>()));
    }
    json!({
        "type": "REQUEST",
        "methodArn": format!("{API_ARN}/live/{method}{path}"),
        "resource": "/{tenant}/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": event["headers"],
        "multiValueHeaders": all,
        "queryStringParameters": null,
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": event["requestContext"],
    })
}

/// The REST API that asks.
const API_ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:local";

/// The result of asking an authorizer.
pub(crate) enum Asked {
    /// It has answered.
    Answer(Value),
    /// It does not know the caller.
    Unauthorized,
    /// It has failed.
    Failed,
}

impl Asked {
    /// The result in an authorizer's error: one text means that the caller is unknown.
    pub(crate) fn reported(report: &[u8]) -> Self {
        let report: Value = serde_json::from_slice(report).unwrap_or_default();
        if report["errorMessage"] == "Unauthorized" { Self::Unauthorized } else { Self::Failed }
    }
}

/// A REST API's reading of its authorizer's answer: the caller's context for the function, or the
/// answer to the request.
pub(crate) fn authorized(asked: Asked) -> Result<Value, Refused> {
    let mut answer = match asked {
        Asked::Answer(answer) => answer,
        Asked::Unauthorized => return Err(Refused::Unauthorized),
        Asked::Failed => return Err(Refused::Unavailable),
    };
    let statement = &answer["policyDocument"]["Statement"][0];
    let is_of_stage = statement["Resource"] == format!("{API_ARN}/live/*/*");
    match statement["Effect"].as_str() {
        Some("Allow") if is_of_stage => Ok(json!({ "lambda": answer["context"].take() })),
        Some("Deny") if is_of_stage => Err(Refused::Forbidden),
        _ => Err(Refused::Unavailable),
    }
}

/// A refusal that a REST API gives by itself, as the template has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody knows the caller.
    Unauthorized,
    /// The caller has no right to call.
    Forbidden,
    /// The authorizer could not check the caller.
    Unavailable,
}

impl Refused {
    /// The answer.
    pub(crate) fn response(self) -> Response<ResponseBody> {
        let (status, name, message) = match self {
            Self::Unauthorized => (401, "UNAUTHENTICATED", "the request has no valid credentials"),
            Self::Forbidden => (403, "PERMISSION_DENIED", "the request is not allowed"),
            Self::Unavailable => {
                (503, "UNAVAILABLE", "the service cannot answer now: try again later")
            }
        };
        let body =
            format!(r#"{{"error":{{"code":{status},"status":"{name}","message":"{message}"}}}}"#);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        let mut response = json_response(status, body);
        if self == Self::Unauthorized {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
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

/// The function's process ended amid its answer: the client must see that the answer is incomplete.
#[derive(Debug, thiserror::Error)]
#[error("the function did not complete its answer")]
pub(crate) struct BrokenOff;

/// A response's body: whole, or in chunks as they come.
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

/// A response that is all there.
pub(crate) fn whole(response: Response<Bytes>) -> Response<ResponseBody> {
    response.map(all)
}

/// A whole answer of a function's process, in the form of payload 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeAnswer {
    status_code: u16,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl WholeAnswer {
    /// The response that it stands for; `None` if it stands for none.
    pub(crate) fn response(self) -> Option<Response<ResponseBody>> {
        let body = if self.is_base64_encoded {
            STANDARD.decode(self.body).ok()?
        } else {
            self.body.into_bytes()
        };
        let mut response = Response::new(all(body));
        *response.status_mut() = StatusCode::from_u16(self.status_code).ok()?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            response.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some(response)
    }
}

/// The answer of API Gateway when the function cannot be given the request.
pub(crate) fn refused(status: StatusCode, message: &str) -> Response<ResponseBody> {
    json_response(status, json!({ "message": message }).to_string())
}

fn json_response(status: StatusCode, body: String) -> Response<ResponseBody> {
    let mut response = Response::new(all(body));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

/// An event as a function's own types have it.
pub(crate) fn typed<T: DeserializeOwned>(event: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&event.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_refused_is_answered_as_the_template_says() {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
        let template = std::fs::read_to_string(template).unwrap();
        for (refused, of) in [
            (Refused::Unauthorized, "UNAUTHORIZED"),
            (Refused::Forbidden, "DEFAULT_4XX"),
            (Refused::Unavailable, "DEFAULT_5XX"),
        ] {
            let deployed = template.split(&format!("\n          {of}:\n")).nth(1).unwrap();
            let mut lines = deployed.lines();
            let response = refused.response();
            let status = format!("            statusCode: {}", response.status().as_u16());
            assert_eq!(lines.next(), Some(&*status));
            let asks = lines.next().unwrap().contains("WWW-Authenticate");
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), asks, "{of}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = std::str::from_utf8(&body).unwrap();
            assert!(lines.next().unwrap().contains(&format!("'{body}'")), "{of}: {body}");
        }
    }

    #[test]
    fn an_answer_lets_in_whom_it_allows_the_stage() {
        let answer = |effect: &str, resource: &str| {
            let statement = json!({ "Effect": effect, "Resource": resource });
            let policy = json!({ "Statement": [statement] });
            authorized(Asked::Answer(json!({ "policyDocument": policy, "context": { "a": "b" } })))
        };
        let stage = format!("{API_ARN}/live/*/*");
        assert_eq!(answer("Allow", &stage), Ok(json!({ "lambda": { "a": "b" } })));
        assert_eq!(answer("Deny", &stage), Err(Refused::Forbidden));
        assert_eq!(answer("Allow", &stage.replace("live", "*")), Err(Refused::Unavailable));
        assert_eq!(authorized(Asked::Answer(json!(null))), Err(Refused::Unavailable));
        for (report, refused) in [
            (r#"{"errorType":"X","errorMessage":"Unauthorized"}"#, Refused::Unauthorized),
            (r#"{"errorMessage":"unauthorized"}"#, Refused::Unavailable),
            ("none", Refused::Unavailable),
        ] {
            assert_eq!(authorized(Asked::reported(report.as_bytes())), Err(refused), "{report}");
        }
    }
}
