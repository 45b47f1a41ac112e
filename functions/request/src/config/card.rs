//! The variables of the agent card.

use a2a_lambda_http::{CardSigner, HttpConfig};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::table::{
    A2A_V0_3, CARD_MAX_AGE_SECONDS, CARD_MODIFIED, CARD_SECURITY_REQUIREMENTS,
    CARD_SECURITY_SCHEMES, CARD_SIGNING_JWKS_URL, CARD_SIGNING_KEY, CARD_SIGNING_KEY_ID,
    PUSH_JWT_KEY_ID,
};
use a2a_lambda_runtime::{ConfigError, Variables, push_jwks};
use http::Uri;

use super::{is_web, security};

/// The cards' settings beside their agents, and the public keys beside the cards.
///
/// # Errors
/// When a variable cannot be used.
pub fn card(variables: &Variables<'_>, http: &mut HttpConfig) -> Result<(), ConfigError> {
    http.v0_3 = variables.flag(&A2A_V0_3)?;
    let max_age = variables.number(&CARD_MAX_AGE_SECONDS)?;
    http.card_max_age_s = u32::try_from(max_age).unwrap_or(u32::MAX);
    http.card_modified = variables.read(&CARD_MODIFIED, str::parse::<Timestamp>)?;
    let schemes = variables.read(&CARD_SECURITY_SCHEMES, security::schemes)?;
    http.security_schemes = schemes.unwrap_or_default();
    let requirements = variables.read(&CARD_SECURITY_REQUIREMENTS, |text| {
        security::requirements(text, &http.security_schemes)
    })?;
    http.security_requirements = requirements.unwrap_or_default();
    http.card_signer = signer(variables)?;
    http.jwks = push_jwks(variables)?;
    if let Some(signer) = &http.card_signer {
        let what = "another id than CARD_SIGNING_KEY_ID, as the keys are not the same";
        http.jwks.add(signer.public_jwk()).map_err(|error| ConfigError::Invalid {
            variable: PUSH_JWT_KEY_ID.about.name,
            what: what.to_owned(),
            source: Some(error.into()),
        })?;
    }
    Ok(())
}

fn signer(variables: &Variables<'_>) -> Result<Option<CardSigner>, ConfigError> {
    // All of them are looked at, so that none is set for nothing.
    let key_id = variables.text(&CARD_SIGNING_KEY_ID)?.unwrap_or_default();
    let jwks_url = variables.text(&CARD_SIGNING_JWKS_URL)?;
    let is_url = |url: &String| url.parse::<Uri>().is_ok_and(|uri| is_web(&uri));
    if jwks_url.as_ref().is_some_and(|url| !is_url(url)) {
        return Err(ConfigError::invalid(&CARD_SIGNING_JWKS_URL));
    }
    variables.read(&CARD_SIGNING_KEY, |key| CardSigner::from_pem(key, &key_id, jwks_url.as_deref()))
}
