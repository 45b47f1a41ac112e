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
/// - JWT: the claims `iss` and `sub`.
/// - IAM with a Cognito identity pool: the identity, as all of them share a role.
/// - IAM else: the id of the user or role; of an assumed role without the session's name, which
///   changes.
/// - Lambda authorizer: `principalId` or `sub` of its context.
/// - No authorizer: everybody is the same owner.
pub(crate) fn owner(authorizer: Option<&ApiGatewayRequestAuthorizer>) -> Result<Owner, A2aError> {
    let owner = match authorizer {
        None => Owner::parse(ANYBODY).ok(),
        Some(authorizer) => principal(authorizer),
    };
    // With an authorizer, nobody is nobody: not a stranger that shares the tasks of all strangers.
    owner.ok_or_else(|| {
        A2aError::new(ErrorKind::Unauthenticated, "the authorizer does not say who calls")
    })
}

fn principal(authorizer: &ApiGatewayRequestAuthorizer) -> Option<Owner> {
    let named = |kind: &str, name: &str| {
        Some(name).filter(|name| !name.is_empty()).map(|name| Owner::of_principal(kind, name))
    };
    if let Some(jwt) = &authorizer.jwt {
        let subject = jwt.claims.get("sub").filter(|subject| !subject.is_empty())?;
        return match jwt.claims.get("iss") {
            Some(issuer) => named("jwt", &format!("{issuer}#{subject}")),
            None => named("jwt", subject),
        };
    }
    if let Some(iam) = &authorizer.iam {
        let identity = iam.cognito_identity.as_ref().and_then(|it| it.identity_id.as_deref());
        if let Some(identity) = identity.filter(|identity| !identity.is_empty()) {
            return named("cognito", identity);
        }
        return named("iam", iam.user_id.as_deref()?.split(':').next()?);
    }
    let fields = ["principalId", "sub"].into_iter();
    let mut values = fields.filter_map(|field| authorizer.fields.get(field)?.as_str());
    values.find_map(|value| named("lambda", value))
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

/// How many bytes of its event a response takes: its body is a string in there, in which quotes
/// and backslashes take two.
pub(crate) fn event_bytes(response: &Response<Bytes>) -> usize {
    let body = response.body();
    let escaped = body.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    body.len() + escaped
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
