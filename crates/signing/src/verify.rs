//! Public keys, and the signatures that they check (RFC 7515, RFC 7517, RFC 7518, RFC 8037).
//!
//! The algorithm is of the key, never of the token alone: a key checks signatures of its own type
//! only. `none` and HMAC are not accepted, so a public key cannot serve as a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

/// The bytes before the point in the DER of a public key of P-256 (RFC 5480).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The first byte of a point that is not compressed.
const UNCOMPRESSED: u8 = 4;

/// The smallest and the largest modulus, in bytes. Smaller ones are not safe.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// The most keys of a set that are looked at.
pub const MAX_KEYS: usize = 64;

/// A signature algorithm, by its name in a JOSE header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA of P-256 with SHA-256.
    Es256,
    /// ECDSA of P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, with its name.
    pub const ALL: [(&'static str, Self); 10] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
        // The name of RFC 9864.
        ("Ed25519", Self::EdDsa),
    ];

    /// The algorithm of this name; `None` for any other, `none` and HMAC among them.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }
}

/// A public key. It checks the signatures of its own type only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA: modulus and exponent, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// P-256: the uncompressed point.
    P256(Vec<u8>),
    /// P-384: the uncompressed point.
    P384(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// The key of P-256 in the DER of a `SubjectPublicKeyInfo`.
    pub fn p256_from_der(der: &[u8]) -> Option<Self> {
        der.strip_prefix(&P256_PREFIX).map(|point| Self::P256(point.to_vec()))
    }

    /// Whether this is a signature of this text by this key. False for an algorithm of another
    /// type of key, too.
    pub fn verifies(&self, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
        let simple = |by: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(by, key).verify(text, signature).is_ok()
        };
        let rsa = |by: &'static RsaParameters, n: &[u8], e: &[u8]| {
            RsaPublicKeyComponents { n, e }.verify(by, text, signature).is_ok()
        };
        match (self, algorithm) {
            (Self::Rsa { n, e }, Algorithm::Rs256) => rsa(&RSA_PKCS1_2048_8192_SHA256, n, e),
            (Self::Rsa { n, e }, Algorithm::Rs384) => rsa(&RSA_PKCS1_2048_8192_SHA384, n, e),
            (Self::Rsa { n, e }, Algorithm::Rs512) => rsa(&RSA_PKCS1_2048_8192_SHA512, n, e),
            (Self::Rsa { n, e }, Algorithm::Ps256) => rsa(&RSA_PSS_2048_8192_SHA256, n, e),
            (Self::Rsa { n, e }, Algorithm::Ps384) => rsa(&RSA_PSS_2048_8192_SHA384, n, e),
            (Self::Rsa { n, e }, Algorithm::Ps512) => rsa(&RSA_PSS_2048_8192_SHA512, n, e),
            (Self::P256(point), Algorithm::Es256) => simple(&ECDSA_P256_SHA256_FIXED, point),
            (Self::P384(point), Algorithm::Es384) => simple(&ECDSA_P384_SHA384_FIXED, point),
            (Self::Ed25519(key), Algorithm::EdDsa) => simple(&ED25519, key),
            _ => false,
        }
    }
}

/// A public key of a JWK set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    id: Option<String>,
    /// The only algorithm that the key is for, if the set says so.
    algorithm: Option<Algorithm>,
    key: PublicKey,
}

/// The public keys of an issuer, as its JWK set has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyingKeys(Vec<VerifyingKey>);

/// A text that is not a JWK set.
#[derive(Debug, thiserror::Error)]
#[error("it is not a JWK set")]
pub struct NoKeySet(#[source] serde_json::Error);

impl VerifyingKeys {
    /// Reads a JWK set. A key that is not for checking signatures, or that cannot be used here, is
    /// skipped (RFC 7517 section 5).
    ///
    /// # Errors
    /// When the text is not a JWK set.
    pub fn from_json(json: &[u8]) -> Result<Self, NoKeySet> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(NoKeySet)?;
        Ok(Self(set.keys.iter().filter_map(VerifyingKey::from_jwk).take(MAX_KEYS).collect()))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that may have signed a token with this header: those of this id, or all if the token
    /// names none. A key without an id may have signed any.
    pub fn of<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a PublicKey> {
        let fits = move |key: &&VerifyingKey| {
            let is_named = match (id, &key.id) {
                (Some(id), Some(own)) => id == own,
                _ => true,
            };
            is_named && key.algorithm.is_none_or(|only| only == algorithm)
        };
        self.0.iter().filter(fits).map(|key| &key.key)
    }

    /// Whether a key of this id is in it.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

/// The members of a JWK that matter for checking signatures.
#[derive(Deserialize)]
struct Members {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl VerifyingKey {
    fn from_jwk(jwk: &Value) -> Option<Self> {
        let jwk = Members::deserialize(jwk).ok()?;
        let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !is_for_signatures {
            return None;
        }
        // A key for an algorithm that is not known here is for no other.
        let algorithm = match jwk.alg.as_deref() {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => rsa(&jwk)?,
            ("EC", Some("P-256")) => PublicKey::P256(point(&jwk, 32)?),
            ("EC", Some("P-384")) => PublicKey::P384(point(&jwk, 48)?),
            ("OKP", Some("Ed25519")) => PublicKey::Ed25519(coordinate(jwk.x.as_ref(), 32)?),
            _ => return None,
        };
        Some(Self { id: jwk.kid, algorithm, key })
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

fn coordinate(text: Option<&String>, length: usize) -> Option<Vec<u8>> {
    bytes(text).filter(|bytes| bytes.len() == length)
}

fn point(jwk: &Members, length: usize) -> Option<Vec<u8>> {
    let (x, y) = (coordinate(jwk.x.as_ref(), length)?, coordinate(jwk.y.as_ref(), length)?);
    Some([vec![UNCOMPRESSED], x, y].concat())
}

fn rsa(jwk: &Members) -> Option<PublicKey> {
    // Some issuers write a leading zero.
    let number = |text: Option<&String>| {
        let bytes = bytes(text)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..).map(<[u8]>::to_vec)
    };
    let (n, e) = (number(jwk.n.as_ref())?, number(jwk.e.as_ref())?);
    let is_safe = RSA_MODULUS.contains(&n.len()) && !e.is_empty() && e.len() <= 4;
    is_safe.then_some(PublicKey::Rsa { n, e })
}

#[cfg(test)]
mod tests;
