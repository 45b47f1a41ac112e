//! Events to requests, and responses to events.

use a2a_lambda_core::Owner;
use a2a_lambda_protocol::{A2aError, ErrorKind};
use aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest, ApiGatewayV2httpResponse,
};
use aws_lambda_events::encodings::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The owner of tasks where the front door lets everybody in.
const ANYBODY: &str = "anonymous";

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

/// Who calls, as the front door's authorizer has found out. The kind of authorizer is part of the
/// name, so that two kinds cannot name the same owner.
///
/// - JWT: the claim `sub`.
/// - IAM: the id of the user or role; of an assumed role without the session's name, which changes.
/// - Lambda authorizer: `principalId` or `sub` of its context.
/// - No authorizer: everybody is the same owner.
pub(crate) fn owner(authorizer: Option<&ApiGatewayRequestAuthorizer>) -> Result<Owner, A2aError> {
    let name = match authorizer {
        None => Some(ANYBODY.to_owned()),
        Some(authorizer) => principal(authorizer),
    };
    let owner = name.and_then(|name| Owner::parse(name).ok());
    // With an authorizer, nobody is nobody: not a stranger that shares the tasks of all strangers.
    owner.ok_or_else(|| {
        let text = "the authorizer does not say who calls, or by a name that is too long";
        A2aError::new(ErrorKind::Unauthenticated, text)
    })
}

fn principal(authorizer: &ApiGatewayRequestAuthorizer) -> Option<String> {
    if let Some(jwt) = &authorizer.jwt {
        return jwt.claims.get("sub").filter(|sub| !sub.is_empty()).map(|sub| format!("jwt:{sub}"));
    }
    if let Some(iam) = &authorizer.iam {
        let id = iam.user_id.as_deref()?.split(':').next()?;
        return Some(id).filter(|id| !id.is_empty()).map(|id| format!("iam:{id}"));
    }
    let fields = ["principalId", "sub"].into_iter();
    let named = fields.filter_map(|field| authorizer.fields.get(field)?.as_str());
    named.filter(|name| !name.is_empty()).map(|name| format!("lambda:{name}")).next()
}

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

/// The request that an event tells of.
pub(crate) fn to_request(event: ApiGatewayV2httpRequest) -> Result<Request<Bytes>, A2aError> {
    let prefix = stage_prefix(&event);
    let path = event.raw_path.unwrap_or_default();
    let path = path.strip_prefix(&prefix).unwrap_or(&path);
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

/// The event that a response is answered with. All our bodies are text.
pub(crate) fn to_event(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut event = ApiGatewayV2httpResponse::default();
    event.status_code = i64::from(parts.status.as_u16());
    event.headers = parts.headers;
    event.body = match String::from_utf8(body.into()) {
        Ok(text) => Some(Body::Text(text)),
        Err(bytes) => {
            event.is_base64_encoded = true;
            Some(Body::Binary(bytes.into_bytes()))
        }
    };
    event
}
