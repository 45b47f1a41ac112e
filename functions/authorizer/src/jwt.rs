//! Tokens of issuers: who has signed them, for whom, and until when (RFC 7519, RFC 8725, RFC 9068).

use a2a_lambda_aws::{CallerContext, CallerKind};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_signing::{Algorithm, Jws, Padding, VerifyingKeys, scopes};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::keys::KeyCache;

/// How far the clock of an issuer may be off, in seconds.
const LEEWAY_S: f64 = 60.0;

/// The types of access tokens; a token without a type is accepted, too. Tokens with other names (of
/// a log-out, of a proof) are signed by the same keys.
const TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// An issuer whose tokens are accepted.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) keys: KeyCache,
}

/// The claims that tokens need.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) owner_claim: String,
    pub(crate) tenant_claim: Option<String>,
    pub(crate) required_scopes: Vec<String>,
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is not known who calls.
    #[error("{0}")]
    Unknown(&'static str),
    /// It is known who calls, and that is not enough.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It cannot be found out now.
    #[error("who calls could not be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

use Refusal::{Forbidden, Unknown};

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Whether the header has it, with any value.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Checks a token, and returns its owner.
pub(crate) async fn check(
    token: &str,
    issuers: &[Issuer],
    rules: &Rules,
    now: Timestamp,
) -> Result<CallerContext, Refusal> {
    let jws = Jws::parse(token, Padding::None).map_err(|_| Unknown("it is no JWT"))?;
    let header: Header = jws.header().map_err(|_| Unknown("its header cannot be read"))?;
    let claims: Map<String, Value> =
        jws.payload().map_err(|_| Unknown("its claims cannot be read"))?;
    if header.crit {
        return Err(Unknown("it has an extension that must be understood (crit)"));
    }
    let is_of_type = |typ: &String| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
    if !header.typ.as_ref().is_none_or(is_of_type) {
        return Err(Unknown("it is no token for access (typ)"));
    }
    let algorithm = Algorithm::named(&header.alg).ok_or(Unknown("its algorithm is not taken"))?;
    let issuer = text(&claims, "iss").ok_or(Unknown("it names no issuer"))?;
    let issuer = issuers.iter().find(|known| known.url == issuer);
    let issuer = issuer.ok_or(Unknown("its issuer is not in JWT_ISSUERS"))?;
    // Checks without a key come first, so that a malformed token causes no fetch of keys.
    let expires_s = in_time(&claims, now).map_err(Unknown)?;
    if !is_for(&claims, &issuer.audiences) {
        return Err(Unknown("it is for another audience"));
    }
    let signed = |keys: &VerifyingKeys| {
        keys.of(header.kid.as_deref(), algorithm).any(|key| jws.is_signed_by(key, algorithm))
    };
    let keys = issuer.keys.current(now).await;
    let keys = keys.map_err(|error| Refusal::Unavailable(error.into()))?;
    if !signed(&keys) {
        // A key of this name is there, and it has not signed the token.
        let is_forged = header.kid.as_deref().is_some_and(|id| keys.has(id));
        let newer = if is_forged { None } else { issuer.keys.again(now).await };
        if !newer.is_some_and(|keys| signed(&keys)) {
            return Err(Unknown("none of the issuer's keys has signed it"));
        }
    }
    granted(&claims, issuer, rules, expires_s)
}

/// The grants in a token that its issuer has certainly signed.
fn granted(
    claims: &Map<String, Value>,
    issuer: &Issuer,
    rules: &Rules,
    expires_s: i64,
) -> Result<CallerContext, Refusal> {
    let owner = text(claims, &rules.owner_claim);
    let owner = owner.ok_or(Forbidden("it names no owner (OWNER_CLAIM)"))?;
    let scopes = scopes(claims);
    if !rules.required_scopes.iter().all(|needed| scopes.contains(&needed.as_str())) {
        return Err(Forbidden("it lacks one of REQUIRED_SCOPES"));
    }
    let tenant = match &rules.tenant_claim {
        Some(claim) => {
            Some(text(claims, claim).ok_or(Forbidden("it names no tenant (TENANT_CLAIM)"))?)
        }
        None => None,
    };
    Ok(CallerContext {
        kind: CallerKind::Jwt,
        owner: owner.to_owned(),
        iss: Some(issuer.url.clone()),
        sub: text(claims, "sub").map(str::to_owned),
        tenant: tenant.map(str::to_owned),
        scope: scopes.join(" "),
        exp: Some(expires_s.to_string()),
    })
}

/// When a token expires, if now is within its time.
fn in_time(claims: &Map<String, Value>, now: Timestamp) -> Result<i64, &'static str> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are exact")]
    let now = now.as_millis() as f64 / 1_000.0;
    let time = |name: &str| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or("a time in it is no number"),
    };
    let expires = time("exp")?.ok_or("it does not say when it expires")?;
    if now >= expires + LEEWAY_S {
        return Err("it has expired");
    }
    if [time("nbf")?, time("iat")?].into_iter().flatten().any(|begins| now + LEEWAY_S < begins) {
        return Err("it is not valid yet");
    }
    // The leeway is part of it: `request` compares with its own clock, which is ours. A number that is
    // too large becomes the largest.
    #[expect(clippy::cast_possible_truncation, reason = "that is meant")]
    Ok((expires + LEEWAY_S) as i64)
}

/// Whether a token is for one of these audiences.
fn is_for(claims: &Map<String, Value>, audiences: &[String]) -> bool {
    let is_ours = |name: &str| audiences.iter().any(|audience| audience == name);
    match claims.get("aud") {
        Some(Value::String(name)) => is_ours(name),
        Some(Value::Array(names)) => {
            names.iter().all(Value::is_string)
                && names.iter().filter_map(Value::as_str).any(is_ours)
        }
        // Cognito's tokens for access name the client instead.
        None if text(claims, "token_use") == Some("access") => {
            text(claims, "client_id").is_some_and(is_ours)
        }
        _ => false,
    }
}

/// A claim that is a text and not empty.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.is_empty())
}
