//! Vaults: secrets sealed by AES-256-GCM, with keys of the configuration or of KMS.
//!
//! What is sealed is a text: the name of its form, and parts in base64url without padding, all
//! separated by dots.
//!
//! | form | parts |
//! |---|---|
//! | `l1` | key id (4 bytes), nonce (12), ciphertext, tag (16) |
//! | `k1` | length of the encrypted data key (2 bytes, big-endian), the encrypted data key |
//! |      | nonce (12), ciphertext, tag (16) |
//!
//! A sealed text shows how long the secrets are, and whether two were sealed by the same key.

use std::sync::Arc;

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Clock, Sealed, Vault, VaultError};
use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clients::kms_client;
use crate::config::{ConfigError, Variables};
use crate::environment::AwsEnvironment;

mod cipher;
mod kms;
mod local;

pub use kms::KmsVault;
pub use local::{LocalKeysError, LocalVault};

/// The forms of sealed texts.
const LOCAL_FORM: &str = "l1";
const KMS_FORM: &str = "k1";

/// The vault of a function.
///
/// | variable | |
/// |---|---|
/// | `PUSH_KMS_KEY` | the id, the ARN or the alias of a KMS key: a [`KmsVault`] |
/// | `PUSH_SECRETS_KEY` | keys for a [`LocalVault`], separated by whitespace: the first one seals |
///
/// If both are set KMS seals and both open, so that a function can be moved from one to the other.
/// If neither is set it is [`NoVault`]. Nothing is requested of KMS before the first secrets come.
///
/// # Errors
/// When a variable cannot be used. The error does not show its value.
pub fn vault(
    variables: &Variables<'_>,
    aws: &AwsEnvironment,
    http: &SharedHttpClient,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Vault>, ConfigError> {
    let local = local_vault(variables)?;
    let kms =
        kms_key(variables)?.map(|key| KmsVault::new(kms_client(aws, http.clone()), key, clock));
    Ok(match (kms, local) {
        (Some(kms), Some(local)) => Arc::new(KmsAndLocal { kms, local }),
        (Some(kms), None) => Arc::new(kms),
        (None, Some(local)) => Arc::new(local),
        (None, None) => Arc::new(NoVault),
    })
}

fn local_vault(variables: &Variables<'_>) -> Result<Option<LocalVault>, ConfigError> {
    let what = "one key or several separated by whitespace, each of them 32 random bytes in base64 \
                (make one by: openssl rand -base64 32)";
    variables.read("PUSH_SECRETS_KEY", what, |keys| keys.map(LocalVault::from_base64).transpose())
}

fn kms_key(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let variable = "PUSH_KMS_KEY";
    let key = variables.optional(variable);
    if key.as_deref().is_none_or(names_a_key) {
        return Ok(key);
    }
    let what = "the id of a KMS key, its ARN, or an alias, which begins with alias/".to_owned();
    Err(ConfigError::Invalid { variable, what, source: None })
}

/// Better refused at the start than by KMS, when the first secrets come. An alias without its
/// prefix is the common mistake.
fn names_a_key(key: &str) -> bool {
    let named = ["arn:", "alias/", "mrk-"].iter().any(|prefix| key.starts_with(prefix))
        || uuid::Uuid::try_parse(key).is_ok();
    named && key.len() <= 2_048 && key.bytes().all(|byte| byte.is_ascii_graphic())
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
        if is_empty(secrets) { Ok(Sealed::default()) } else { Err(VaultError::NoKey) }
    }

    async fn open(&self, sealed: &Sealed, _context: &str) -> Result<PushSecrets, VaultError> {
        if sealed.is_empty() { Ok(PushSecrets::default()) } else { Err(VaultError::NoKey) }
    }
}

/// KMS seals, both open: a function is being moved from one to the other.
#[derive(Debug)]
struct KmsAndLocal {
    kms: KmsVault,
    local: LocalVault,
}

#[async_trait]
impl Vault for KmsAndLocal {
    fn has_key(&self) -> bool {
        true
    }

    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError> {
        self.kms.seal(secrets, context).await
    }

    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError> {
        if parts_of(LOCAL_FORM, sealed).is_some() {
            self.local.open(sealed, context).await
        } else {
            self.kms.open(sealed, context).await
        }
    }
}

/// Whether there is nothing to keep secret.
fn is_empty(secrets: &PushSecrets) -> bool {
    secrets.token.is_empty() && secrets.credentials.is_empty()
}

/// What follows the name of the form, if the text is of that form.
fn parts_of<'a>(form: &str, sealed: &'a Sealed) -> Option<&'a str> {
    sealed.as_str().strip_prefix(form)?.strip_prefix('.')
}

/// Why a text is not opened that is not of this vault's form. If it is of `other` the key is only
/// missing here: that is another task for an operator than damage is.
fn not_of_this_form(other: &str, sealed: &Sealed) -> VaultError {
    if parts_of(other, sealed).is_some() { VaultError::NoKey } else { VaultError::Damaged }
}

#[cfg(test)]
mod tests;
