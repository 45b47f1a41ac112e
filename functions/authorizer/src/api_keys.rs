//! API keys: looked up in the table, by their ids.

use a2a_lambda_aws::{CallerContext, CallerKind};
use a2a_lambda_core::ApiKeys;
use a2a_lambda_core::api_key::KeySecret;
use a2a_lambda_protocol::Timestamp;

use crate::jwt::Refusal::{Forbidden, Unavailable, Unknown};
use crate::jwt::{Refusal, Rules};

/// Checks a key, and returns its owner.
pub(crate) async fn check(
    text: &str,
    keys: Option<&dyn ApiKeys>,
    rules: &Rules,
    now: Timestamp,
) -> Result<CallerContext, Refusal> {
    let keys = keys.ok_or(Unknown("API keys are not taken (API_KEYS)"))?;
    // A malformed key costs no look-up.
    let secret = KeySecret::parse(text).ok_or(Unknown("it is no API key"))?;
    let found = keys.find(secret.id()).await.map_err(|error| Unavailable(error.into()))?;
    let key = found.ok_or(Unknown("there is no such API key"))?;
    if !key.is(&secret, now) {
        return Err(Unknown("it is not the API key of its id, or it is over"));
    }
    if !rules.required_scopes.iter().all(|needed| key.scopes.contains(needed)) {
        return Err(Forbidden("the API key lacks one of REQUIRED_SCOPES"));
    }
    if rules.tenant_claim.is_some() && key.tenant.is_none() {
        return Err(Forbidden("the API key has no tenant, and TENANT_CLAIM asks for one"));
    }
    Ok(CallerContext {
        kind: CallerKind::Key,
        owner: key.owner,
        iss: None,
        sub: Some(key.id.to_string()),
        tenant: key.tenant.map(|tenant| tenant.to_string()),
        scope: key.scopes.join(" "),
        exp: key.expires_at.map(|at| (at.as_millis() / 1_000).to_string()),
    })
}
