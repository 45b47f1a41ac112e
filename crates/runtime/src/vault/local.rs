//! A vault whose keys are in the function's variables.

use std::fmt;

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Sealed, Vault, VaultError};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cipher::{Cipher, KEY_LEN};
use super::form::{KMS_FORM, LOCAL_FORM, is_empty, not_of_this_form, parts_of};

/// How many bytes of a key's digest name it. That two keys have the same name is unlikely, and no
/// harm: both are tried then.
const ID_LEN: usize = 4;
/// Hashed before the key, so that the digest is of no use elsewhere.
const ID_DOMAIN: &[u8] = b"a2a-lambda push secrets key id";

/// A vault with keys of its own.
///
/// The first key seals, and every key opens what it has sealed. A key is replaced by putting the
/// new one before it; it can go when no config is left that was made before.
///
/// A key must not seal more often than 2³² times: nonces are random.
pub struct LocalVault {
    sealing: Key,
    others: Vec<Key>,
}

struct Key {
    id: [u8; ID_LEN],
    cipher: Cipher,
}

/// A malformed list of keys. It does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocalKeysError {
    /// The list is empty.
    #[error("it has no key")]
    Empty,
    /// A key is not base64 of the standard alphabet, with padding.
    #[error("key {position} in it is not base64")]
    NotBase64 {
        /// The key's number, from 1.
        position: usize,
    },
    /// A key is too short or too long.
    #[error("key {position} in it has {length} bytes, not 32")]
    Length {
        /// The key's number, from 1.
        position: usize,
        /// How many bytes it has.
        length: usize,
    },
}

impl LocalVault {
    /// A vault with these keys, each of them 32 bytes in base64, separated by whitespace. They must
    /// be random: `openssl rand -base64 32` makes one.
    ///
    /// # Errors
    /// When the list is empty, or an entry is not a key.
    pub fn from_base64(keys: &str) -> Result<Self, LocalKeysError> {
        let mut keys = keys.split_whitespace().zip(1..).map(|(key, at)| Key::from_base64(key, at));
        let sealing = keys.next().ok_or(LocalKeysError::Empty)??;
        Ok(Self { sealing, others: keys.collect::<Result<_, _>>()? })
    }

    fn decrypt(&self, sealed: &[u8], context: &str) -> Option<PushSecrets> {
        let (id, sealed) = sealed.split_first_chunk::<ID_LEN>()?;
        [&self.sealing]
            .into_iter()
            .chain(&self.others)
            .filter(|key| key.id == *id)
            .find_map(|key| key.cipher.decrypt(sealed, context))
    }
}

impl Key {
    fn from_base64(text: &str, position: usize) -> Result<Self, LocalKeysError> {
        // Without its source, which shows the character that it stumbled over.
        let decoded = STANDARD.decode(text).map_err(|_| LocalKeysError::NotBase64 { position })?;
        let bytes = Zeroizing::new(decoded);
        let length = bytes.len();
        let cipher = Some(&bytes)
            .filter(|_| length == KEY_LEN)
            .and_then(|bytes| Cipher::new(bytes))
            .ok_or(LocalKeysError::Length { position, length })?;
        let mut id = [0; ID_LEN];
        let digest = Sha256::new().chain_update(ID_DOMAIN).chain_update(&*bytes).finalize();
        id.copy_from_slice(&digest[..ID_LEN]);
        Ok(Self { id, cipher })
    }
}

/// Shows nothing of the keys but how many there are.
impl fmt::Debug for LocalVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalVault").field("keys", &(1 + self.others.len())).finish_non_exhaustive()
    }
}

#[async_trait]
impl Vault for LocalVault {
    fn has_key(&self) -> bool {
        true
    }

    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError> {
        if is_empty(secrets) {
            return Ok(Sealed::default());
        }
        let sealed = self.sealing.cipher.encrypt(&self.sealing.id, secrets, context)?;
        Ok(Sealed::new(format!("{LOCAL_FORM}.{}", URL_SAFE_NO_PAD.encode(sealed))))
    }

    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError> {
        if sealed.is_empty() {
            return Ok(PushSecrets::default());
        }
        let Some(part) = parts_of(LOCAL_FORM, sealed) else {
            return Err(not_of_this_form(KMS_FORM, sealed));
        };
        let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| VaultError::Damaged)?;
        self.decrypt(&bytes, context).ok_or(VaultError::Damaged)
    }
}

#[cfg(test)]
mod tests;
