#![doc = include_str!("../README.md")]
//!
//! The other way round: the public keys of others, which check the tokens of callers. One verifier
//! serves all that is signed for us: tokens of issuers and the words of load balancers.
//!
//! A private key is never shown: not by `Debug`, not in errors.

mod canonical;
mod claims;
mod jwk;
mod jws;
pub mod pem;
mod verify;

use std::fmt;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};

pub use canonical::{canonical, canonical_without_empty};
pub use claims::scopes;
pub use jwk::{Jwk, JwkSet, KeyIdTaken};
pub use jws::{Jws, NotAJws, Padding};
pub use verify::{Algorithm, MAX_KEYS, NoKeySet, PublicKey, VerifyingKey, VerifyingKeys};

/// A private key that signs. Clones share it.
#[derive(Clone)]
pub struct SigningKey(Arc<Key>);

enum Key {
    Es256 { pair: EcdsaKeyPair, random: SystemRandom },
    EdDsa(Ed25519KeyPair),
}

/// A malformed signing key. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// It is malformed, or of another kind, such as SEC 1 ("BEGIN EC PRIVATE KEY").
    #[error("it has no PEM with a PKCS#8 private key (\"BEGIN PRIVATE KEY\")")]
    NotPkcs8,
    /// It is a private key, but not one for the algorithms that are known here.
    #[error("the key is neither of P-256 nor of Ed25519, or it is damaged")]
    NotSupported,
}

/// Nothing was signed: the system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signing failed")]
pub struct SignError;

impl SigningKey {
    /// The private key in this PEM of PKCS#8. It signs with ES256 if it is of P-256, with `EdDSA`
    /// if it is of Ed25519.
    ///
    /// # Errors
    /// When the text is not a valid key.
    pub fn from_pem(pem: &str) -> Result<Self, SigningKeyError> {
        let pkcs8 = pem::first(pem, "PRIVATE KEY").ok_or(SigningKeyError::NotPkcs8)?;
        let key = Key::from_pkcs8(&pkcs8).ok_or(SigningKeyError::NotSupported)?;
        Ok(Self(Arc::new(key)))
    }

    /// The name of the algorithm in a JOSE header: `ES256` or `EdDSA`.
    pub fn algorithm(&self) -> &'static str {
        match *self.0 {
            Key::Es256 { .. } => "ES256",
            Key::EdDsa(_) => "EdDSA",
        }
    }

    /// The signature of these bytes in the form of JWS (RFC 7518 section 3.4, RFC 8037 section
    /// 3.1): 64 bytes in either algorithm.
    ///
    /// # Errors
    /// When the system has no randomness, which ES256 needs.
    pub fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignError> {
        match &*self.0 {
            Key::Es256 { pair, random } => {
                let signature = pair.sign(random, input).map_err(|_| SignError)?;
                Ok(signature.as_ref().to_vec())
            }
            Key::EdDsa(pair) => Ok(pair.sign(input).as_ref().to_vec()),
        }
    }

    /// The public key: of P-256 the uncompressed point (65 bytes), of Ed25519 its 32 bytes.
    pub fn public_key(&self) -> &[u8] {
        match &*self.0 {
            Key::Es256 { pair, .. } => pair.public_key().as_ref(),
            Key::EdDsa(pair) => pair.public_key().as_ref(),
        }
    }

    /// The public key as a JWK with this id.
    pub fn public_jwk(&self, key_id: &str) -> Jwk {
        match &*self.0 {
            Key::Es256 { pair, .. } => Jwk::p256(key_id, pair.public_key().as_ref()),
            Key::EdDsa(pair) => Jwk::ed25519(key_id, pair.public_key().as_ref()),
        }
    }

    /// Whether signing the same twice gives the same.
    pub fn is_deterministic(&self) -> bool {
        matches!(*self.0, Key::EdDsa(_))
    }
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
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
