//! Signatures as Standard Webhooks has them (<https://www.standardwebhooks.com>, version 1): of
//! `{id}.{timestamp}.{body}`, by HMAC-SHA256 (`v1`) and by Ed25519 (`v1a`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// The most keys at a time: the present one and the last one, of either kind.
pub const MAX_KEYS: usize = 4;

const HMAC_PREFIX: &str = "whsec_";
const ED25519_PREFIX: &str = "whsk_";
const ED25519_PUBLIC_PREFIX: &str = "whpk_";
/// The specification's bounds for the length of a secret, in bytes.
const HMAC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const SEED_BYTES: usize = 32;

/// The keys that sign pushes. With several, each push has a signature of each, so that receivers can
/// change from one to the next.
///
/// **HMAC keys of a deployment are for deployments whose receivers all belong to one party.** A
/// receiver that can check an HMAC signature can make one, and so forge pushes to all others. Where
/// receivers belong to many, use Ed25519, whose public key forges nothing. Or give each push config
/// its own HMAC key, by the scheme [`StandardWebhooks`](crate::STANDARD_WEBHOOKS).
#[derive(Default)]
pub struct SigningKeys(Vec<Key>);

enum Key {
    Hmac(hmac::Key),
    Ed25519(Ed25519KeyPair),
}

/// A malformed list of keys. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeysError {
    /// The list is empty or too long.
    #[error("there must be 1 to {MAX_KEYS} keys, with spaces between them")]
    Count,
    /// A key begins with something else.
    #[error("a key must begin with {HMAC_PREFIX} or {ED25519_PREFIX}")]
    Kind,
    /// An HMAC key is malformed.
    #[error("a key of HMAC must be {HMAC_PREFIX} and then 24 to 64 bytes in base64")]
    Hmac,
    /// An Ed25519 key is malformed.
    #[error(
        "a key of Ed25519 must be {ED25519_PREFIX} and then its 32 bytes in base64, or 64 with its \
         public key behind"
    )]
    Ed25519,
}

impl SigningKeys {
    /// From a list with white space between keys, at most 4: For HMAC: `whsec_` and base64 of 24 to
    /// 64 bytes. For Ed25519: `whsk_` and base64 of the seed (32 bytes), or of the seed and the
    /// public key (64 bytes).
    ///
    /// # Errors
    /// When a key is not of these, or there are too many, or none.
    pub fn parse(text: &str) -> Result<Self, SigningKeysError> {
        let keys: Vec<&str> = text.split_ascii_whitespace().collect();
        if keys.is_empty() || keys.len() > MAX_KEYS {
            return Err(SigningKeysError::Count);
        }
        Ok(Self(keys.into_iter().map(Key::parse).collect::<Result<_, _>>()?))
    }

    /// As [`parse`](Self::parse), for a receiver's own secrets: HMAC only, as no receiver has the
    /// private key that signs for it.
    pub(crate) fn parse_hmac(text: &str) -> Result<Self, SigningKeysError> {
        let keys = Self::parse(text)?;
        let is_hmac = |key: &Key| matches!(key, Key::Hmac(_));
        if keys.0.iter().all(is_hmac) { Ok(keys) } else { Err(SigningKeysError::Hmac) }
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The public keys of Ed25519, for receivers: `whpk_` and base64 of 32 bytes.
    pub fn public_keys(&self) -> Vec<String> {
        let public = |key: &Key| match key {
            Key::Ed25519(pair) => {
                Some(format!("{ED25519_PUBLIC_PREFIX}{}", STANDARD.encode(pair.public_key())))
            }
            Key::Hmac(_) => None,
        };
        self.0.iter().filter_map(public).collect()
    }

    /// The value of `webhook-signature`; empty if there are no keys. With keys of the receiver's
    /// own, these take the place of the deployment's HMAC keys.
    pub(crate) fn sign(&self, own: Option<&Self>, signed: &[u8]) -> String {
        let common = self.0.iter().filter(|key| own.is_none() || matches!(key, Key::Ed25519(_)));
        let keys = own.into_iter().flat_map(|own| &own.0).chain(common);
        keys.map(|key| key.sign(signed)).collect::<Vec<_>>().join(" ")
    }
}

/// The bytes that a signature covers.
pub(crate) fn signed_content(id: &str, unix_seconds: i64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{unix_seconds}.").into_bytes();
    content.extend_from_slice(body);
    content
}

impl Key {
    fn parse(text: &str) -> Result<Self, SigningKeysError> {
        if let Some(text) = text.strip_prefix(HMAC_PREFIX) {
            let key = STANDARD.decode(text).map_err(|_| SigningKeysError::Hmac)?;
            if !HMAC_BYTES.contains(&key.len()) {
                return Err(SigningKeysError::Hmac);
            }
            return Ok(Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &key)));
        }
        let text = text.strip_prefix(ED25519_PREFIX).ok_or(SigningKeysError::Kind)?;
        let key = STANDARD.decode(text).map_err(|_| SigningKeysError::Ed25519)?;
        let pair = match key.split_at_checked(SEED_BYTES) {
            Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed),
            Some((seed, public)) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => return Err(SigningKeysError::Ed25519),
        };
        pair.map(Self::Ed25519).map_err(|_| SigningKeysError::Ed25519)
    }

    fn sign(&self, content: &[u8]) -> String {
        match self {
            Self::Hmac(key) => format!("v1,{}", STANDARD.encode(hmac::sign(key, content))),
            Self::Ed25519(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(content))),
        }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |key: &Key| match key {
            Key::Hmac(_) => "HMAC",
            Key::Ed25519(_) => "Ed25519",
        };
        f.debug_list().entries(self.0.iter().map(kind)).finish()
    }
}
