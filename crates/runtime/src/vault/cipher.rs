//! AES-256-GCM over the secrets of one push config.

use a2a_lambda_core::VaultError;
use a2a_lambda_core::push::PushSecrets;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// The length of a key, in bytes.
pub const KEY_LEN: usize = 32;

/// The first byte of the authenticated data. It changes when their encoding does, so that no
/// version reads the data of another.
const VERSION: u8 = 1;

/// Why nothing could be encrypted.
#[derive(Debug, thiserror::Error)]
enum NotEncrypted {
    #[error("the system gave no random bytes")]
    Random,
    #[error("the secrets were not encrypted")]
    Encryption,
    /// The source is left out: it might show the secret.
    #[error("the secrets cannot be written as JSON")]
    Json,
}

/// A key that encrypts and decrypts. It has no `Debug`, so that nothing can show it.
///
/// Nonces are random: a key must not encrypt more often than 2³² times, or two of them may be the
/// same.
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// A key of [`KEY_LEN`] bytes; `None` for any other number.
    pub fn new(key: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// `head`, a fresh nonce, the secrets encrypted for `context`, and their tag.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn encrypt(
        &self,
        head: &[u8],
        secrets: &PushSecrets,
        context: &str,
    ) -> Result<Vec<u8>, VaultError> {
        self.try_encrypt(head, secrets, context)
            .map_err(|error| VaultError::Unavailable(error.into()))
    }

    fn try_encrypt(
        &self,
        head: &[u8],
        secrets: &PushSecrets,
        context: &str,
    ) -> Result<Vec<u8>, NotEncrypted> {
        let mut text = serde_json::to_vec(secrets).map_err(|_| NotEncrypted::Json)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| NotEncrypted::Random)?;
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::from(authenticated(context)), &mut text)
            .map_err(|_| NotEncrypted::Encryption)?;
        Ok([head, &nonce, &text].concat())
    }

    /// The secrets, if this key encrypted them for `context`. `sealed` is the nonce and the
    /// ciphertext.
    pub fn decrypt(&self, sealed: &[u8], context: &str) -> Option<PushSecrets> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut text = text.to_vec();
        let text =
            self.0.open_in_place(nonce, Aad::from(authenticated(context)), &mut text).ok()?;
        serde_json::from_slice(text).ok()
    }
}

fn authenticated(context: &str) -> Vec<u8> {
    [&[VERSION], context.as_bytes()].concat()
}
