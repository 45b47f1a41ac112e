//! API Gateway's question, in each of its forms.

use a2a_lambda_aws::{EventError, EventKind};
use http::HeaderName;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The longest credentials. API Gateway takes 10 KB of headers in all.
pub(crate) const MAX_CREDENTIALS_BYTES: usize = 8 * 1024;

/// A question of API Gateway.
pub(crate) struct Question {
    /// The form of the answer.
    pub(crate) form: Form,
    /// The token or the API key, without `Bearer`.
    pub(crate) credentials: Result<String, NoCredentials>,
}

/// The form of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An HTTP API's simple response (payload 2.0 with `EnableSimpleResponses`).
    Simple,
    /// A policy, for this method (a REST API, or an HTTP API with payload 1.0).
    Policy {
        /// `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}/{path}`.
        method_arn: String,
    },
}

/// Why there is nothing to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCredentials {
    #[error("there are no credentials")]
    None,
    #[error("there are several credentials")]
    Several,
    #[error("the credentials are too long")]
    TooLong,
    #[error("the credentials are neither a bearer token nor an API key")]
    OtherScheme,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    method_arn: Option<String>,
    route_arn: Option<String>,
    authorization_token: Option<String>,
    headers: Option<Map<String, Value>>,
    multi_value_headers: Option<Map<String, Value>>,
}

/// Reads an event. Credentials are looked for in these headers only: API Gateway keeps an answer for
/// all requests that have the same in the header by which it caches. If another header were looked
/// at, too, it could let in everybody who sends nothing in the first.
///
/// # Errors
/// When the event asks nothing.
pub(crate) fn read(event: &RawValue, headers: &[HeaderName]) -> Result<Question, EventError> {
    let foreign = || EventError::Foreign {
        function: "authorizer",
        taken: "what API Gateway asks of an authorizer".to_owned(),
        found: EventKind::of(event),
    };
    if !event.get().starts_with('{') {
        return Err(foreign());
    }
    let read: Event = serde_json::from_str(event.get()).map_err(|source| {
        EventError::Malformed { taken: EventKind::Service("an API Gateway authorizer"), source }
    })?;
    let form = match (&read.route_arn, &read.method_arn) {
        (Some(_), None) => Form::Simple,
        (None, Some(arn)) => Form::Policy { method_arn: arn.clone() },
        _ => return Err(foreign()),
    };
    Ok(Question { form, credentials: credentials(&read, headers) })
}

fn credentials(event: &Event, headers: &[HeaderName]) -> Result<String, NoCredentials> {
    // An authorizer of the type TOKEN is given one header, and no other.
    if let Some(text) = &event.authorization_token {
        return without_scheme(text);
    }
    // REST APIs have the headers twice. Of a header that came twice, `headers` has one value.
    let all = event.multi_value_headers.as_ref().filter(|all| !all.is_empty());
    let all = all.or(event.headers.as_ref());
    let mut found = all.into_iter().flatten().filter(|(name, _)| {
        headers.iter().any(|header| name.eq_ignore_ascii_case(header.as_str()))
    });
    let (first, second) = (found.next(), found.next());
    let text = match (first.map(|(_, value)| value), second) {
        (None, _) => return Err(NoCredentials::None),
        (Some(_), Some(_)) => return Err(NoCredentials::Several),
        (Some(Value::Array(values)), None) => match values.as_slice() {
            [] => return Err(NoCredentials::None),
            [Value::String(text)] => text,
            _ => return Err(NoCredentials::Several),
        },
        (Some(Value::String(text)), None) => text,
        (Some(_), None) => return Err(NoCredentials::OtherScheme),
    };
    without_scheme(text)
}

fn without_scheme(text: &str) -> Result<String, NoCredentials> {
    if text.len() > MAX_CREDENTIALS_BYTES {
        return Err(NoCredentials::TooLong);
    }
    let text = text.trim_matches(' ');
    let text = match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_matches(' '),
        _ => text,
    };
    if text.is_empty() {
        return Err(NoCredentials::None);
    }
    // Other schemes have a space; two tokens that API Gateway has joined have a comma.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if text.bytes().all(is_token) { Ok(text.to_owned()) } else { Err(NoCredentials::OtherScheme) }
}
