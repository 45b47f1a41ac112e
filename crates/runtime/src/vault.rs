//! Vaults: secrets sealed by AES-256-GCM, with keys of the configuration, and what every vault shares.
//!
//! A sealed secret is a text: the name of its [form], and parts in base64url without padding, all
//! separated by dots. A later form gets another name, so that a release that does not know it can
//! say so.
//!
//! | form | parts |
//! |---|---|
//! | `l1` | key id (4 bytes), nonce (12), ciphertext, tag (16) |
//! | `k1` | length of the encrypted data key (2 bytes, big-endian), the encrypted data key |
//! |      | nonce (12), ciphertext, tag (16) |
//!
//! A sealed text shows how long the secrets are, and whether two were sealed by the same key.

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Sealed, Vault, VaultError};
use async_trait::async_trait;

use crate::table::PUSH_SECRETS_KEY;
use crate::variables::{ConfigError, Variables};

pub mod cipher;
pub mod form;
mod local;

pub use local::{LocalKeysError, LocalVault};

/// The vault of the keys in `PUSH_SECRETS_KEY`, if it is set: keys separated by whitespace, of which
/// the first seals.
///
/// # Errors
/// When the variable cannot be used. The error does not show its value.
pub fn local_vault(variables: &Variables<'_>) -> Result<Option<LocalVault>, ConfigError> {
    variables.read(&PUSH_SECRETS_KEY, LocalVault::from_base64)
}

/// The vault of a function that has no key: it seals and opens nothing but the absence of secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVault;

#[async_trait]
impl Vault for NoVault {
    fn has_key(&self) -> bool {
        false
    }

    async fn seal(&self, secrets: &PushSecrets, _context: &str) -> Result<Sealed, VaultError> {
        if form::is_empty(secrets) { Ok(Sealed::default()) } else { Err(VaultError::NoKey) }
    }

    async fn open(&self, sealed: &Sealed, _context: &str) -> Result<PushSecrets, VaultError> {
        if sealed.is_empty() { Ok(PushSecrets::default()) } else { Err(VaultError::NoKey) }
    }
}
