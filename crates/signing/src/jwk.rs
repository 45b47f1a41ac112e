//! Public keys as clients read them (RFC 7517, RFC 7518 section 6.2, RFC 8037 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// The bytes of a coordinate of P-256.
const COORDINATE: usize = 32;

/// A public key for checking signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    kid: String,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
}

impl Jwk {
    /// From an uncompressed point: a byte that says so, then x, then y.
    pub(crate) fn p256(key_id: &str, point: &[u8]) -> Self {
        let coordinates = point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len().min(COORDINATE));
        Self {
            kty: "EC",
            crv: "P-256",
            x: URL_SAFE_NO_PAD.encode(x),
            y: Some(URL_SAFE_NO_PAD.encode(y)),
            kid: key_id.to_owned(),
            usage: "sig",
            alg: "ES256",
        }
    }

    pub(crate) fn ed25519(key_id: &str, public_key: &[u8]) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            x: URL_SAFE_NO_PAD.encode(public_key),
            y: None,
            kid: key_id.to_owned(),
            usage: "sig",
            alg: "EdDSA",
        }
    }

    /// The key's id (`kid`).
    pub fn key_id(&self) -> &str {
        &self.kid
    }
}

/// The public keys of a deployment, each with an id of its own. It serializes as a JWK set (RFC
/// 7517 section 5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

/// Two keys with one id: clients could not tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another key has the id {0:?}")]
pub struct KeyIdTaken(pub String);

impl JwkSet {
    /// Adds a key, unless it is there already.
    ///
    /// # Errors
    /// When another key has its id. The set stays as it is.
    pub fn add(&mut self, key: Jwk) -> Result<(), KeyIdTaken> {
        match self.keys.iter().find(|it| it.kid == key.kid) {
            Some(known) if *known == key => Ok(()),
            Some(_) => Err(KeyIdTaken(key.kid)),
            None => {
                self.keys.push(key);
                Ok(())
            }
        }
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
