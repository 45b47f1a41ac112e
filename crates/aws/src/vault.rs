//! The vault of a function: keys of the configuration, of KMS, or both.

use std::sync::Arc;

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Clock, Sealed, Vault, VaultError};
use a2a_lambda_runtime::table::PUSH_KMS_KEY;
use a2a_lambda_runtime::vault::form::{LOCAL_FORM, parts_of};
use a2a_lambda_runtime::vault::{LocalVault, NoVault, local_vault};
use a2a_lambda_runtime::{ConfigError, Variables};
use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::clients::kms_client;
use crate::environment::AwsEnvironment;

mod kms;

pub use kms::KmsVault;

/// The vault of a function: of `PUSH_KMS_KEY`, of `PUSH_SECRETS_KEY`, or of both.
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

fn kms_key(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let key = variables.text(&PUSH_KMS_KEY)?;
    if key.as_deref().is_none_or(names_a_key) {
        return Ok(key);
    }
    Err(ConfigError::invalid(&PUSH_KMS_KEY))
}

/// Better refused at the start than by KMS, when the first secrets come. An alias without its
/// prefix is the common mistake.
fn names_a_key(key: &str) -> bool {
    let named = ["arn:", "alias/", "mrk-"].iter().any(|prefix| key.starts_with(prefix))
        || uuid::Uuid::try_parse(key).is_ok();
    named && key.len() <= 2_048 && key.bytes().all(|byte| byte.is_ascii_graphic())
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

#[cfg(test)]
mod tests;
