//! The signer of agent cards (spec section 8.4, RFC 7515).

use std::fmt;
use std::sync::Arc;

use a2a_lambda_protocol::{A2aError, AgentCardSignature};
use a2a_lambda_signing::{Jwk, SigningKey, SigningKeyError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// Signs agent cards with a private key, which it never shows.
#[derive(Clone)]
pub struct CardSigner(Arc<Inner>);

struct Inner {
    key: SigningKey,
    key_id: String,
    /// The protected header as signatures have it.
    protected: String,
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
    /// When the text is not such a key.
    pub fn from_pem(
        pem: &str,
        key_id: &str,
        jwks_url: Option<&str>,
    ) -> Result<Self, SigningKeyError> {
        let key = SigningKey::from_pem(pem)?;
        let header = Header { alg: key.algorithm(), typ: "JOSE", kid: key_id, jku: jwks_url };
        // Serialization of texts cannot fail.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let protected = URL_SAFE_NO_PAD.encode(header);
        Ok(Self(Arc::new(Inner { key, key_id: key_id.to_owned(), protected })))
    }

    /// The public key that clients check the signatures with.
    pub fn public_jwk(&self) -> Jwk {
        self.0.key.public_jwk(&self.0.key_id)
    }

    /// Signs a text.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<AgentCardSignature, A2aError> {
        let Inner { key, protected, .. } = &*self.0;
        let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = key.sign(input.as_bytes()).map_err(A2aError::internal)?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let protected = protected.clone();
        Ok(AgentCardSignature { protected, signature, header: None })
    }

    /// The protected header of the signatures.
    pub(super) fn protected(&self) -> &str {
        &self.0.protected
    }

    /// The bytes of the public key.
    pub(super) fn public_key(&self) -> &[u8] {
        self.0.key.public_key()
    }

    /// Whether two signatures of one text are equal.
    pub(super) fn is_deterministic(&self) -> bool {
        self.0.key.is_deterministic()
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
