//! Who signs agent cards (spec section 8.4, RFC 7515).

use std::fmt;
use std::sync::Arc;

use a2a_lambda_protocol::{A2aError, AgentCardSignature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde::Serialize;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Signs agent cards with a private key, which is not shown again.
#[derive(Clone)]
pub struct CardSigner(Arc<Inner>);

struct Inner {
    key: Key,
    key_id: String,
    /// The protected header as signatures have it.
    protected: String,
}

enum Key {
    Es256 { pair: EcdsaKeyPair, random: SystemRandom },
    EdDsa(Ed25519KeyPair),
}

/// A text that is no key to sign with. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// It is not what it should be, or another kind of key, such as SEC 1 ("BEGIN EC PRIVATE KEY").
    #[error("there is no PEM with a PKCS#8 private key (\"BEGIN PRIVATE KEY\") in it")]
    NotPkcs8,
    /// It is a private key, but not one for the algorithms that are known here.
    #[error("the key is neither of P-256 nor of Ed25519, or it is damaged")]
    NotSupported,
}

/// The protected header (spec section 8.4.2).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jku: Option<&'a str>,
}

impl CardSigner {
    /// Signs with the private key in this PEM of PKCS#8: with ES256 if it is of P-256, with `EdDSA`
    /// if it is of Ed25519. Clients find the public key by its id, in the JWK set at the URL or
    /// among those that they have.
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn from_pem(
        pem: &str,
        key_id: &str,
        jwks_url: Option<&str>,
    ) -> Result<Self, SigningKeyError> {
        let pkcs8 = pkcs8(pem).ok_or(SigningKeyError::NotPkcs8)?;
        let key = Key::from_pkcs8(&pkcs8).ok_or(SigningKeyError::NotSupported)?;
        let header = Header { alg: key.algorithm(), typ: "JOSE", kid: key_id, jku: jwks_url };
        // Serialization of texts cannot fail.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let protected = URL_SAFE_NO_PAD.encode(header);
        Ok(Self(Arc::new(Inner { key, key_id: key_id.to_owned(), protected })))
    }

    /// Signs a text.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<AgentCardSignature, A2aError> {
        let Inner { key, protected, .. } = &*self.0;
        let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = key.sign(input.as_bytes())?;
        let protected = protected.clone();
        Ok(AgentCardSignature { protected, signature, header: None })
    }

    /// The protected header as signatures have it.
    pub(super) fn protected(&self) -> &str {
        &self.0.protected
    }

    /// The public key, as bytes that are its own.
    pub(super) fn public_key(&self) -> &[u8] {
        match &self.0.key {
            Key::Es256 { pair, .. } => pair.public_key().as_ref(),
            Key::EdDsa(pair) => pair.public_key().as_ref(),
        }
    }

    /// Whether signing the same twice gives the same.
    pub(super) fn is_deterministic(&self) -> bool {
        matches!(self.0.key, Key::EdDsa(_))
    }
}

/// The DER in a PEM. On its way through forms and files of variables, its line breaks may have
/// become spaces, or the `\n` that stands for them.
fn pkcs8(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(PEM_BEGIN)?;
    let (text, _) = rest.split_once(PEM_END)?;
    let text: String = text.replace("\\n", "").split_whitespace().collect();
    STANDARD.decode(text).ok()
}

impl Key {
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        // Most tools write Ed25519 keys without the public key, which is made from the private one.
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Some(Self::EdDsa(pair));
        }
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random).ok()?;
        Some(Self::Es256 { pair, random })
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256 { .. } => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn sign(&self, input: &[u8]) -> Result<String, A2aError> {
        match self {
            Self::Es256 { pair, random } => {
                let signature = pair.sign(random, input);
                // Its one cause is a system that has no randomness to give.
                let signature = signature.map_err(|_| A2aError::internal("signing failed"))?;
                Ok(URL_SAFE_NO_PAD.encode(signature))
            }
            Self::EdDsa(pair) => Ok(URL_SAFE_NO_PAD.encode(pair.sign(input))),
        }
    }
}

impl fmt::Debug for CardSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardSigner")
            .field("algorithm", &self.0.key.algorithm())
            .field("key_id", &self.0.key_id)
            .finish_non_exhaustive()
    }
}
