//! The headers of a push.

use a2a_lambda_core::push::{Push, Secret};
use a2a_lambda_core::{NotAdmitted, PushError};
use a2a_lambda_protocol::Timestamp;
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::jwt::{JwtSigner, unix_seconds};
use crate::signatures::{SigningKeys, signed_content};

/// The scheme of a push config whose credentials are keys: they sign its pushes and are not sent.
/// Case does not matter.
pub const STANDARD_WEBHOOKS: &str = "StandardWebhooks";

/// The token of a config. The specification names no header for it, and both of these are in use.
const TOKEN: [HeaderName; 2] = [
    HeaderName::from_static("x-a2a-notification-token"),
    HeaderName::from_static("a2a-notification-token"),
];
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Whether pushes can be sent with these credentials. A caller asks before it keeps them.
///
/// # Errors
/// When the scheme is malformed (RFC 9110 section 11.1), a header cannot hold the credentials, or
/// the scheme is [`STANDARD_WEBHOOKS`] and the credentials are not keys (`whsec_…`). The text does
/// not show them.
pub fn check_credentials(scheme: &str, credentials: &Secret) -> Result<(), NotAdmitted> {
    if scheme.is_empty() {
        return if credentials.is_empty() {
            Ok(())
        } else {
            Err(NotAdmitted("credentials need a scheme".to_owned()))
        };
    }
    if is_standard_webhooks(scheme) {
        return own_keys(credentials).map(drop);
    }
    authorization(scheme, credentials.reveal()).map(drop)
}

/// All headers that a push has beside those of its connection.
pub(crate) fn headers(
    push: &Push,
    origin: &str,
    keys: &SigningKeys,
    jwt: Option<&JwtSigner>,
) -> Result<HeaderMap, PushError> {
    let Push { id, at, scheme, secrets, body, .. } = push;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(push.content_type));
    if !secrets.token.is_empty() {
        let token = secret_value(secrets.token.reveal(), "token").map_err(PushError::Refused)?;
        for name in TOKEN {
            headers.insert(name, token.clone());
        }
    }
    if let Some(traceparent) = &push.traceparent
        && let Ok(traceparent) = HeaderValue::from_str(traceparent)
    {
        headers.insert(TRACEPARENT, traceparent);
    }
    let mut own = None;
    let is_bare = scheme.is_empty()
        || scheme.eq_ignore_ascii_case("Bearer") && secrets.credentials.is_empty();
    if is_standard_webhooks(scheme) {
        own = Some(own_keys(&secrets.credentials).map_err(PushError::Refused)?);
    } else if let Some(jwt) = jwt.filter(|_| is_bare) {
        let token = jwt.token(id, *at, origin, body);
        let token = token.map_err(|error| PushError::Ours(error.into()))?;
        let value = authorization("Bearer", &token).map_err(PushError::Refused)?;
        headers.insert(header::AUTHORIZATION, value);
    } else if !scheme.is_empty() {
        let value = authorization(scheme, secrets.credentials.reveal());
        headers.insert(header::AUTHORIZATION, value.map_err(PushError::Refused)?);
    }
    let id_value = HeaderValue::from_str(id);
    let no_id = |_| PushError::Refused(NotAdmitted("the push's id is none".to_owned()));
    headers.insert(WEBHOOK_ID, id_value.map_err(no_id)?);
    let seconds = unix_seconds(*at);
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
    let signature = keys.sign(own.as_ref(), &signed_content(id, seconds, body));
    if !signature.is_empty()
        && let Ok(signature) = HeaderValue::from_str(&signature)
    {
        headers.insert(WEBHOOK_SIGNATURE, signature);
    }
    Ok(headers)
}

/// Signs a request that is no push: adds `webhook-id`, `webhook-timestamp` and, if there are keys,
/// `webhook-signature`, of `{id}.{timestamp}.{body}`. The same id stands for the same request.
///
/// # Errors
/// When a header cannot hold the id.
pub fn sign_request(
    keys: &SigningKeys,
    id: &str,
    at: Timestamp,
    body: &[u8],
    headers: &mut HeaderMap,
) -> Result<(), InvalidHeaderValue> {
    let seconds = unix_seconds(at);
    let signature = keys.sign(None, &signed_content(id, seconds, body));
    headers.insert(WEBHOOK_ID, HeaderValue::from_str(id)?);
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
    if !signature.is_empty() {
        headers.insert(WEBHOOK_SIGNATURE, HeaderValue::from_str(&signature)?);
    }
    Ok(())
}

fn is_standard_webhooks(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case(STANDARD_WEBHOOKS)
}

fn own_keys(credentials: &Secret) -> Result<SigningKeys, NotAdmitted> {
    let keys = SigningKeys::parse_hmac(credentials.reveal());
    keys.map_err(|error| NotAdmitted(format!("the credentials are no keys: {error}")))
}

fn authorization(scheme: &str, credentials: &str) -> Result<HeaderValue, NotAdmitted> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !scheme.bytes().all(is_token) {
        return Err(NotAdmitted("the scheme is none that HTTP could have".to_owned()));
    }
    if credentials.is_empty() {
        return secret_value(scheme, "scheme");
    }
    secret_value(&format!("{scheme} {credentials}"), "credentials")
}

/// A value that is not shown, and not kept in tables of compression.
fn secret_value(text: &str, what: &str) -> Result<HeaderValue, NotAdmitted> {
    let mut value = HeaderValue::from_str(text)
        .ok()
        .filter(|_| text.is_ascii())
        .ok_or_else(|| NotAdmitted(format!("the {what} cannot be in a header")))?;
    value.set_sensitive(true);
    Ok(value)
}
