//! Events of front doors, to requests.

use a2a_lambda_protocol::{A2aError, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::headers::Headers;
use crate::path::Place;

/// What a path cannot have as it is. API Gateway may have decoded it; what is still encoded stays.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request, read from the event of any front door.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Whether headers were dropped, because they are too many or too large.
    pub(crate) headers_cut: bool,
    /// Where it came in, and at which path.
    pub(crate) place: Place,
    /// What the front door's authorizer says; `None` without an authorizer.
    pub(crate) authorizer: Option<Value>,
    query: String,
    body: String,
    is_base64: bool,
}

/// Payload 2.0, of HTTP APIs and Function URLs. What AWS leaves out, or has as `null`, is empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload2 {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<Headers>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: Context2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context2 {
    http: Http2,
    domain_name: Option<String>,
    stage: Option<String>,
    authorizer: Option<Value>,
}

#[derive(Deserialize)]
struct Http2 {
    method: String,
}

impl Arrival {
    /// The request in an event of payload 2.0.
    pub(crate) fn of_payload_2(event: &RawValue) -> Result<Self, A2aError> {
        let unreadable = |text: &str| A2aError::new(ErrorKind::InvalidRequest, text);
        let event: Payload2 = serde_json::from_str(event.get()).map_err(|error| {
            unreadable("the event is not in the form of payload 2.0").with_source(error)
        })?;
        let context = event.request_context;
        let method = Method::from_bytes(context.http.method.as_bytes())
            .map_err(|error| unreadable("the method cannot be read").with_source(error))?;
        let headers = event.headers.unwrap_or_default();
        Ok(Self {
            method,
            headers: headers.map,
            headers_cut: headers.cut,
            place: Place {
                domain: context.domain_name,
                stage: context.stage,
                raw_path: event.raw_path.unwrap_or_default(),
            },
            authorizer: context.authorizer,
            query: event.raw_query_string.unwrap_or_default(),
            body: event.body.unwrap_or_default(),
            is_base64: event.is_base64_encoded.unwrap_or_default(),
        })
    }

    /// The request itself, at this path of ours.
    pub(crate) fn into_request(self, path: &str) -> Result<Request<Bytes>, A2aError> {
        if self.headers_cut {
            let text = "the headers are too many, or too large";
            return Err(A2aError::new(ErrorKind::PayloadTooLarge, text));
        }
        let mut target = utf8_percent_encode(path, NOT_IN_PATHS).to_string();
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        if !self.query.is_empty() {
            target.push('?');
            target.extend(utf8_percent_encode(&self.query, NOT_IN_PATHS));
        }
        let uri: Uri = target.parse().map_err(|error| {
            A2aError::new(ErrorKind::InvalidRequest, "the path cannot be read").with_source(error)
        })?;
        let body = if self.is_base64 {
            let decoded = STANDARD.decode(self.body).map_err(|error| {
                let text = "the body is not base64";
                A2aError::new(ErrorKind::InvalidRequest, text).with_source(error)
            })?;
            Bytes::from(decoded)
        } else {
            Bytes::from(self.body)
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}
