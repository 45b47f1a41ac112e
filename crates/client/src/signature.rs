//! The signatures of an agent card (specification 8.4).

use a2a_lambda_protocol::{AgentCard, AgentCardSignature};
use a2a_lambda_signing::{Algorithm, VerifyingKeys, canonical, canonical_without_empty};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// The most signatures of a card that are looked at.
const MAX_SIGNATURES: usize = 16;

/// Why a card is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It has no signature.
    #[error("it has no signature")]
    Missing,
    /// None of its signatures is by a key that the caller has.
    #[error("no key that is trusted here has signed it")]
    NoKey,
    /// A trusted key has signed another card.
    #[error("its signature is of another card")]
    Wrong,
}

/// The members of a protected header that count.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// The extensions that a verifier must understand (RFC 7515 section 4.1.11). This one
    /// understands none.
    crit: Option<Value>,
}

/// Checks that one of a card's signatures is by one of these keys.
///
/// Three texts of a card are signed in practice: its fields by the specification, these without empty
/// values as the official SDKs sign, and the document as it is. The first two cover the fields of 1.0,
/// so they count only for a card that is read by these: `is_current`.
///
/// A key is never fetched from where a signature says it is (`jku`): anyone can write that.
pub(crate) fn check(
    card: &AgentCard,
    document: &Value,
    is_current: bool,
    keys: &VerifyingKeys,
) -> Result<(), SignatureFault> {
    if card.signatures.is_empty() {
        return Err(SignatureFault::Missing);
    }
    let texts = texts(card, document, is_current);
    let mut fault = SignatureFault::NoKey;
    for signature in card.signatures.iter().take(MAX_SIGNATURES) {
        match is_of(signature, &texts, keys) {
            None => {}
            Some(true) => return Ok(()),
            Some(false) => fault = SignatureFault::Wrong,
        }
    }
    Err(fault)
}

/// The texts of a card that may be signed, each in base64url.
fn texts(card: &AgentCard, document: &Value, is_current: bool) -> Vec<String> {
    let mut raw = document.clone();
    if let Some(members) = raw.as_object_mut() {
        members.remove("signatures");
    }
    let mut values = vec![canonical(&raw).ok(), canonical_without_empty(raw).ok()];
    if is_current {
        let unsigned = AgentCard { signatures: Vec::new(), ..card.clone() };
        if let Ok(fields) = serde_json::to_value(unsigned) {
            values.push(canonical(&fields).ok());
            values.push(canonical_without_empty(fields).ok());
        }
    }
    values.into_iter().flatten().map(|text| URL_SAFE_NO_PAD.encode(text)).collect()
}

/// Whether a signature is of one of the texts; `None` if there is no key for it.
fn is_of(signature: &AgentCardSignature, texts: &[String], keys: &VerifyingKeys) -> Option<bool> {
    let AgentCardSignature { protected, signature, .. } = signature;
    let header = URL_SAFE_NO_PAD.decode(protected).ok()?;
    let header: Header = serde_json::from_slice(&header).ok()?;
    if header.crit.is_some() {
        return None;
    }
    let algorithm = Algorithm::named(&header.alg)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let mut keys = keys.of(header.kid.as_deref(), algorithm).peekable();
    keys.peek()?;
    Some(keys.any(|key| {
        texts.iter().any(|text| {
            key.verifies(algorithm, format!("{protected}.{text}").as_bytes(), &signature)
        })
    }))
}
