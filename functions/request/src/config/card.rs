//! The variables of the agent card.

use a2a_lambda_http::{CardSigner, HttpConfig};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::{ConfigError, Variables, push_jwks};
use http::Uri;

use super::{is_web, security};

const KEY: &str = "CARD_SIGNING_KEY";
const KEY_ID: &str = "CARD_SIGNING_KEY_ID";
const JWKS_URL: &str = "CARD_SIGNING_JWKS_URL";
const PUSH_KEY: &str = "PUSH_JWT_KEY";
const PUSH_KEY_ID: &str = "PUSH_JWT_KEY_ID";

/// The variables that [`card`] reads.
pub const CARD_VARIABLES: [&str; 10] = [
    "A2A_V0_3",
    "CARD_MAX_AGE_SECONDS",
    "CARD_MODIFIED",
    "CARD_SECURITY_SCHEMES",
    "CARD_SECURITY_REQUIREMENTS",
    KEY,
    KEY_ID,
    JWKS_URL,
    PUSH_KEY,
    PUSH_KEY_ID,
];

/// What the cards say beside what their agents are, and the public keys beside them, from the
/// [variables](crate::context). What is not set stays as it is.
///
/// # Errors
/// When a variable cannot be used.
pub fn card(variables: &Variables<'_>, http: &mut HttpConfig) -> Result<(), ConfigError> {
    if let Some(v0_3) = variables.flag("A2A_V0_3")? {
        http.v0_3 = v0_3;
    }
    if let Some(seconds) = variables.number("CARD_MAX_AGE_SECONDS", 0..=31_536_000)? {
        http.card_max_age_s = u32::try_from(seconds).unwrap_or(u32::MAX);
    }
    let modified = |text: Option<&str>| text.map(str::parse::<Timestamp>).transpose();
    let what = "a time such as `2026-01-31T12:00:00Z`";
    http.card_modified = variables.read("CARD_MODIFIED", what, modified)?.or(http.card_modified);
    let what = "a card's `securitySchemes`";
    let schemes = variables
        .read("CARD_SECURITY_SCHEMES", what, |text| text.map(security::schemes).transpose())?;
    http.security_schemes.extend(schemes.unwrap_or_default());
    let what = "a card's `securityRequirements`";
    let requirements = variables.read("CARD_SECURITY_REQUIREMENTS", what, |text| {
        text.map(|text| security::requirements(text, &http.security_schemes)).transpose()
    })?;
    http.security_requirements.extend(requirements.unwrap_or_default());
    http.card_signer = signer(variables)?;
    http.jwks = push_jwks(variables)?;
    if let Some(signer) = &http.card_signer {
        let other = "another id than CARD_SIGNING_KEY_ID, as the keys are not the same";
        let add = |_: Option<&str>| http.jwks.add(signer.public_jwk());
        variables.read(PUSH_KEY_ID, other, add)?;
    }
    Ok(())
}

fn signer(variables: &Variables<'_>) -> Result<Option<CardSigner>, ConfigError> {
    let jwks_url = variables.optional(JWKS_URL);
    let is_url = |url: &String| url.parse::<Uri>().is_ok_and(|uri| is_web(&uri));
    if jwks_url.as_ref().is_some_and(|url| !is_url(url)) {
        return Err(invalid(JWKS_URL, "an http or https URL"));
    }
    let Some(key) = variables.optional(KEY) else {
        // Whoever has set these believes that the card is signed.
        return match (variables.optional(KEY_ID), jwks_url) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(invalid(KEY_ID, "unset, or CARD_SIGNING_KEY set")),
            (None, Some(_)) => Err(invalid(JWKS_URL, "unset, or CARD_SIGNING_KEY set")),
        };
    };
    let key_id = variables.required(KEY_ID, "the id of CARD_SIGNING_KEY")?;
    let what = "a private key as PEM of PKCS#8, of P-256 or Ed25519";
    let signer = |_: Option<&str>| CardSigner::from_pem(&key, &key_id, jwks_url.as_deref());
    variables.read(KEY, what, signer).map(Some)
}

fn invalid(variable: &'static str, what: &str) -> ConfigError {
    ConfigError::Invalid { variable, what: what.to_owned(), source: None }
}
