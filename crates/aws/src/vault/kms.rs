//! A vault whose keys belong to KMS: envelope encryption.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Clock, Sealed, Vault, VaultError};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::vault::cipher::Cipher;
use a2a_lambda_runtime::vault::form::{KMS_FORM, LOCAL_FORM, is_empty, not_of_this_form, parts_of};
use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::SdkError;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use self::opened::{Failure, Opened};
use crate::clients::AtFirstUse;

mod opened;

/// How long a data key seals, and how often. This bounds the harm of one leaked key.
const MAX_AGE: Duration = Duration::from_mins(15);
const MAX_SEALINGS: u32 = 10_000;

/// The purpose of a data key. KMS decrypts none for another purpose, logs it, and lets a policy
/// demand it.
const PURPOSE: (&str, &str) = ("purpose", "a2a-lambda-push-secrets");

/// The longest encrypted data key, in bytes, that KMS makes and takes. Those of a symmetric key
/// have fewer than 200.
const MAX_ENCRYPTED_LEN: usize = 6_144;

/// A vault whose secrets are sealed by data keys that only KMS can decrypt.
///
/// The vault makes a data key with the first secrets. The key seals for 15 minutes or 10,000 times
/// within this process. Its encrypted form travels with each sealed text. Of the data keys that
/// were decrypted the last 64 are kept. So KMS is asked once for many configs. The cost: a process
/// that has a data key keeps opening its texts after the KMS key was disabled.
///
/// The function's role must be allowed `kms:GenerateDataKey` and `kms:Decrypt` of the key, which
/// must be a symmetric one for encryption. Their encryption context is
/// `purpose=a2a-lambda-push-secrets`. `Decrypt` does not name the key, so that texts under an
/// earlier key still open. The role says which keys may be used.
pub struct KmsVault {
    client: AtFirstUse<Client>,
    key: String,
    clock: Arc<dyn Clock>,
    sealing: Mutex<Option<Sealing>>,
    opened: Opened,
}

/// The data key that seals at present.
struct Sealing {
    /// When it was first asked for.
    since: Timestamp,
    /// How many sealings have begun with it.
    begun: u32,
    cell: Arc<OnceCell<Result<DataKey, Failure>>>,
}

/// A data key, in the clear, and its use so far.
#[derive(Clone)]
struct DataKey {
    cipher: Arc<Cipher>,
    /// The beginning of the texts that it seals, including the last dot.
    head: Arc<str>,
}

/// An answer of KMS that does not fit the request.
#[derive(Debug, thiserror::Error)]
#[error("KMS answered without a usable data key")]
struct NoDataKey;

impl KmsVault {
    /// Seals with data keys of this KMS key: its id, its ARN or its alias (`alias/...`).
    pub fn new(client: AtFirstUse<Client>, key: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let (sealing, opened) = (Mutex::default(), Opened::default());
        Self { client, key: key.into(), clock, sealing, opened }
    }

    /// The data key to seal with. All who need a new one at a time wait for one request.
    async fn sealing_key(&self) -> Result<DataKey, VaultError> {
        let cell = self.sealing_cell();
        let made = cell.get_or_init(|| self.generate()).await;
        made.clone().map_err(|failure| {
            // The next one asks again.
            let mut sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
            sealing.take_if(|sealing| Arc::ptr_eq(&sealing.cell, &cell));
            failure.into()
        })
    }

    /// The present data key, or the place for the next one.
    fn sealing_cell(&self) -> Arc<OnceCell<Result<DataKey, Failure>>> {
        let now = self.clock.now();
        let mut sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        sealing.take_if(|it| it.begun >= MAX_SEALINGS || now.saturating_since(it.since) >= MAX_AGE);
        let sealing =
            sealing.get_or_insert_with(|| Sealing { since: now, begun: 0, cell: Arc::default() });
        sealing.begun += 1;
        sealing.cell.clone()
    }

    async fn generate(&self) -> Result<DataKey, Failure> {
        let answer = self
            .client
            .generate_data_key()
            .key_id(&self.key)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .send()
            .await
            .map_err(unavailable)?;
        let cipher = cipher(answer.plaintext)?;
        let encrypted = answer.ciphertext_blob.unwrap_or_else(|| Blob::new([])).into_inner();
        let head = head(&encrypted).ok_or_else(|| Failure::unavailable(NoDataKey))?;
        // It also opens, without another request. That it is there already cannot be.
        let _ = self.opened.cell(&encrypted).set(Ok(cipher.clone()));
        Ok(DataKey { cipher, head })
    }

    /// The data key that was encrypted so. All who need it at a time wait for one request.
    async fn opening_key(&self, encrypted: &[u8]) -> Result<Arc<Cipher>, VaultError> {
        let cell = self.opened.cell(encrypted);
        let opened = cell.get_or_init(|| self.decrypt(encrypted)).await;
        opened.clone().map_err(|failure| {
            // The next one asks again.
            self.opened.forget(&cell);
            failure.into()
        })
    }

    async fn decrypt(&self, encrypted: &[u8]) -> Result<Arc<Cipher>, Failure> {
        let answer = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(encrypted))
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .send()
            .await;
        match answer {
            Ok(answer) => cipher(answer.plaintext),
            Err(error) if error.as_service_error().is_some_and(is_damage) => Err(Failure::Damaged),
            Err(error) => Err(unavailable(error)),
        }
    }
}

impl Failure {
    fn unavailable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Arc::new(source))
    }
}

impl From<Failure> for VaultError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(source) => Self::Unavailable(source.into()),
            Failure::Damaged => Self::Damaged,
        }
    }
}

/// KMS's error for a text that it did not encrypt, or encrypted for another purpose.
fn is_damage(error: &DecryptError) -> bool {
    error.is_invalid_ciphertext_exception() || error.is_incorrect_key_exception()
}

/// All else can pass, or an operator can mend it: the key is disabled or gone, the role may not use
/// it. The sealed text is not lost.
fn unavailable<E>(error: SdkError<E>) -> Failure
where
    E: Error + Send + Sync + 'static,
{
    // The SDK's error has the whole answer, and prints it: the data key is in it if the rest could
    // not be read. The error alone is enough.
    Failure::Unavailable(error.into_source().unwrap_or_else(Into::into).into())
}

fn cipher(plaintext: Option<Blob>) -> Result<Arc<Cipher>, Failure> {
    let key = Zeroizing::new(plaintext.unwrap_or_else(|| Blob::new([])).into_inner());
    Cipher::new(&key).map(Arc::new).ok_or_else(|| Failure::unavailable(NoDataKey))
}

/// The beginning of the texts that the data key with this encrypted form has sealed.
fn head(encrypted: &[u8]) -> Option<Arc<str>> {
    if encrypted.is_empty() || encrypted.len() > MAX_ENCRYPTED_LEN {
        return None;
    }
    let length = u16::try_from(encrypted.len()).ok()?.to_be_bytes();
    let part = URL_SAFE_NO_PAD.encode([&length, encrypted].concat());
    Some(format!("{KMS_FORM}.{part}.").into())
}

/// The encrypted data key, and the text that it sealed.
fn split(parts: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (key, sealed) = parts.split_once('.')?;
    let key = URL_SAFE_NO_PAD.decode(key).ok()?;
    let (length, encrypted) = key.split_first_chunk()?;
    let whole = encrypted.len() == usize::from(u16::from_be_bytes(*length));
    // Nothing else is worth a request.
    let possible = whole && !encrypted.is_empty() && encrypted.len() <= MAX_ENCRYPTED_LEN;
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    possible.then(|| (encrypted.to_vec(), sealed))
}

/// Shows which KMS key it is, and no data key.
impl fmt::Debug for KmsVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsVault").field("key", &self.key).finish_non_exhaustive()
    }
}

#[async_trait]
impl Vault for KmsVault {
    fn has_key(&self) -> bool {
        true
    }

    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError> {
        if is_empty(secrets) {
            return Ok(Sealed::default());
        }
        let DataKey { cipher, head } = self.sealing_key().await?;
        let sealed = URL_SAFE_NO_PAD.encode(cipher.encrypt(&[], secrets, context)?);
        Ok(Sealed::new(format!("{head}{sealed}")))
    }

    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError> {
        if sealed.is_empty() {
            return Ok(PushSecrets::default());
        }
        let Some(parts) = parts_of(KMS_FORM, sealed) else {
            return Err(not_of_this_form(LOCAL_FORM, sealed));
        };
        let (encrypted, sealed) = split(parts).ok_or(VaultError::Damaged)?;
        let cipher = self.opening_key(&encrypted).await?;
        cipher.decrypt(&sealed, context).ok_or(VaultError::Damaged)
    }
}

#[cfg(test)]
mod tests;
