//! API keys: for callers that no issuer knows. Operators create them, and the function `authorizer`
//! looks them up.
//!
//! A key is `a2al_`, its id, and 256 random bits. The store has only the key's SHA-256, so that a
//! reader of the store cannot call. A slow digest, as for passwords, would add nothing: an attacker
//! cannot try 2^256 keys, and each request would pay for it. The id is not secret: operators name
//! keys by it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::Tenant;
use crate::store::StoreError;

/// The prefix of every key: it tells keys from tokens, and secret scanners find it.
pub const KEY_PREFIX: &str = "a2al_";

/// The digits of an id.
const ID_DIGITS: usize = 16;

/// The characters of 256 bits in base64.
const SECRET_CHARS: usize = 43;

/// The number of random bytes in a key: its id and its secret.
pub const KEY_BYTES: usize = ID_DIGITS / 2 + 32;

/// The longest owner of a key, in bytes.
pub const MAX_KEY_OWNER_BYTES: usize = 200;

/// The most scopes of a key, and the longest of them in bytes.
pub const MAX_KEY_SCOPES: usize = 32;
const MAX_SCOPE_BYTES: usize = 128;

/// The id of a key: 16 digits of hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Reads an id; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let is_one = text.len() == ID_DIGITS && text.bytes().all(is_digit);
        is_one.then(|| Self(text.to_owned()))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key itself. It is shown once, to the operator who creates it.
pub struct KeySecret {
    id: KeyId,
    text: String,
}

impl KeySecret {
    /// The key that these random bytes make.
    pub fn of(random: &[u8; KEY_BYTES]) -> Self {
        let (id, secret) = random.split_at(ID_DIGITS / 2);
        let id = hex(id);
        let text = format!("{KEY_PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret));
        Self { id: KeyId(id), text }
    }

    /// Reads a key; `None` if the text does not have the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(KEY_PREFIX)?;
        let (id, secret) = rest.split_at_checked(ID_DIGITS)?;
        let secret = secret.strip_prefix('_')?;
        let is_char = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let is_one = secret.len() == SECRET_CHARS && secret.bytes().all(is_char);
        let id = KeyId::parse(id)?;
        is_one.then(|| Self { id, text: text.to_owned() })
    }

    /// The key's id.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The stored digest of the key.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.text))
    }

    /// The key's text.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `Debug` does not show the key.
impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's id.
    pub id: KeyId,
    /// The key's SHA-256.
    pub digest: String,
    /// The owner of the tasks that the caller creates.
    pub owner: String,
    /// The caller's only tenant, if it has one.
    pub tenant: Option<Tenant>,
    /// The caller's rights.
    pub scopes: Vec<String>,
    /// When the key was created.
    pub created_at: Timestamp,
    /// When the key expires; `None` if it never does.
    pub expires_at: Option<Timestamp>,
}

/// Why a key is not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The owner's name is malformed.
    #[error("the owner must be 1 to {MAX_KEY_OWNER_BYTES} printable ASCII characters")]
    Owner,
    /// A scope is malformed.
    #[error(
        "{0:?} is not a scope: it must have at most {MAX_SCOPE_BYTES} printable ASCII characters without spaces"
    )]
    Scope(String),
    /// The key has too many scopes.
    #[error("a key can have at most {MAX_KEY_SCOPES} scopes")]
    TooManyScopes,
}

impl ApiKey {
    /// Checks an operator's input.
    ///
    /// # Errors
    /// When the owner or a scope is malformed.
    pub fn check(&self) -> Result<(), InvalidKey> {
        let is_owner = (1..=MAX_KEY_OWNER_BYTES).contains(&self.owner.len())
            && self.owner.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if !is_owner {
            return Err(InvalidKey::Owner);
        }
        if self.scopes.len() > MAX_KEY_SCOPES {
            return Err(InvalidKey::TooManyScopes);
        }
        let is_scope = |scope: &str| {
            (1..=MAX_SCOPE_BYTES).contains(&scope.len())
                && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        match self.scopes.iter().find(|scope| !is_scope(scope)) {
            Some(wrong) => Err(InvalidKey::Scope(wrong.clone())),
            None => Ok(()),
        }
    }

    /// Whether a received key is this one and has not expired. The comparison takes as long for any
    /// other key.
    pub fn is(&self, secret: &KeySecret, now: Timestamp) -> bool {
        let sent = secret.digest();
        let differences = self.digest.bytes().zip(sent.bytes()).map(|(a, b)| a ^ b);
        let differs = differences.fold(0, |all, difference| all | difference);
        self.digest.len() == sent.len() && differs == 0 && !self.is_over(now)
    }

    /// Whether the key has expired.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| now >= at)
    }
}

/// The store of API keys. Every later read sees a written key.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a new key. Returns false, and changes nothing, if a key with its id exists.
    async fn add(&self, key: &ApiKey) -> Result<bool, StoreError>;

    /// Reads a key.
    async fn find(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// All keys, by their ids.
    async fn all(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Removes a key. Returns whether it existed.
    async fn remove(&self, id: &KeyId) -> Result<bool, StoreError>;
}

/// Keys in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryApiKeys(Mutex<BTreeMap<KeyId, ApiKey>>);

impl MemoryApiKeys {
    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeMap<KeyId, ApiKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ApiKeys for MemoryApiKeys {
    async fn add(&self, key: &ApiKey) -> Result<bool, StoreError> {
        let mut keys = self.keys();
        Ok(keys.entry(key.id.clone()).or_insert_with(|| key.clone()) == key)
    }

    async fn find(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.keys().get(id).cloned())
    }

    async fn all(&self) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.keys().values().cloned().collect())
    }

    async fn remove(&self, id: &KeyId) -> Result<bool, StoreError> {
        Ok(self.keys().remove(id).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &KeySecret) -> ApiKey {
        ApiKey {
            id: secret.id().clone(),
            digest: secret.digest(),
            owner: "alice".to_owned(),
            tenant: None,
            scopes: vec!["a2a:read".to_owned()],
            created_at: Timestamp::from_millis(0),
            expires_at: Some(Timestamp::from_millis(10)),
        }
    }

    #[test]
    fn a_key_is_known_by_its_digest_until_it_is_over() {
        let secret = KeySecret::of(&[0xab; KEY_BYTES]);
        let text = secret.expose();
        assert_eq!(text, "a2al_abababababababab_q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s");
        let stored = key(&secret);
        assert!(!format!("{secret:?} {stored:?}").contains("q6ur"));
        let again = KeySecret::parse(text).unwrap();
        let at = Timestamp::from_millis;
        assert!(stored.is(&again, at(9)) && !stored.is(&again, at(10)));
        let mut other = [0xab; KEY_BYTES];
        other[KEY_BYTES - 1] = 0;
        assert!(!stored.is(&KeySecret::of(&other), at(0)));
        let cut = ApiKey { digest: stored.digest[..10].to_owned(), ..stored.clone() };
        assert!(!cut.is(&again, at(0)));
        for wrong in [
            "",
            "a2al_",
            "abababababababab_q6ur",
            &text.replace("a2al_", "A2AL_"),
            &text.replace("abab", "ABAB"),
            &text.replace("b_q", "b.q"),
            &text[..text.len() - 1],
            &format!("{text}A"),
            &text.replace("q6s", "q6="),
            &text.replace("abab", "äb"),
        ] {
            assert!(KeySecret::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_operator_s_input_is_checked() {
        let good = key(&KeySecret::of(&[1; KEY_BYTES]));
        assert_eq!(good.check(), Ok(()));
        let with = |owner: &str, scopes: &[&str]| {
            let scopes = scopes.iter().map(|it| (*it).to_owned()).collect();
            ApiKey { owner: owner.to_owned(), scopes, ..good.clone() }.check()
        };
        assert_eq!(with("", &[]), Err(InvalidKey::Owner));
        assert_eq!(with("al\nice", &[]), Err(InvalidKey::Owner));
        assert_eq!(with(&"a".repeat(201), &[]), Err(InvalidKey::Owner));
        assert_eq!(with("alice", &["a b"]), Err(InvalidKey::Scope("a b".to_owned())));
        assert_eq!(with("alice", &[""]), Err(InvalidKey::Scope(String::new())));
        assert_eq!(with("alice", &["a"; 33]), Err(InvalidKey::TooManyScopes));
    }
}
