//! Events to requests.

use a2a_lambda_protocol::{A2aError, ErrorKind};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

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

/// The stage's part of the path, with its slash. Empty for the default stage and Function URLs, and
/// behind a custom domain, which leaves the stage out of the path.
pub(crate) fn stage_prefix(event: &ApiGatewayV2httpRequest) -> String {
    let stage = match event.request_context.stage.as_deref() {
        None | Some("" | "$default") => return String::new(),
        Some(stage) => format!("/{stage}"),
    };
    let path = event.raw_path.as_deref().unwrap_or_default();
    match path.strip_prefix(&stage) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => stage,
        _ => String::new(),
    }
}

/// The path that is asked for, without the stage.
pub(crate) fn path(event: &ApiGatewayV2httpRequest) -> &str {
    let path = event.raw_path.as_deref().unwrap_or_default();
    path.strip_prefix(&stage_prefix(event)).unwrap_or(path)
}

/// The request that an event tells of.
pub(crate) fn to_request(event: ApiGatewayV2httpRequest) -> Result<Request<Bytes>, A2aError> {
    let path = path(&event);
    let mut target = utf8_percent_encode(path, NOT_IN_PATHS).to_string();
    if !target.starts_with('/') {
        target.insert(0, '/');
    }
    if let Some(query) = event.raw_query_string.filter(|query| !query.is_empty()) {
        target.push('?');
        target.extend(utf8_percent_encode(&query, NOT_IN_PATHS));
    }
    let uri: Uri = target.parse().map_err(|error| {
        A2aError::new(ErrorKind::InvalidRequest, "the path cannot be read").with_source(error)
    })?;
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded {
        let decoded = STANDARD.decode(body).map_err(|error| {
            A2aError::new(ErrorKind::InvalidRequest, "the body is not base64").with_source(error)
        })?;
        Bytes::from(decoded)
    } else {
        Bytes::from(body)
    };
    let mut request = Request::new(body);
    *request.method_mut() = event.request_context.http.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = event.headers;
    Ok(request)
}
