//! The token of a callback: which record it answers, sealed by the vault.

use serde::{Deserialize, Serialize};

use super::record::{RecordKey, ScopeKey};
use crate::ids::{Incarnation, TaskId, TaskKey, Tenant};
use crate::push::{PushSecrets, Sealed, Secret, Vault, VaultError};

/// The purpose that tokens are sealed for. A sealed secret of a push config does not open as a
/// token.
const FOR_TOKENS: &str = "callback token";

/// The purpose that tokens in records are sealed for. A reader of the store cannot answer with
/// them.
const FOR_RECORDS: &str = "callback record";

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 4 * 1_024;

/// The record that a callback's token answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) scope: ScopeKey,
    pub(crate) key: RecordKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenJson {
    #[serde(rename = "t", default, skip_serializing_if = "String::is_empty")]
    tenant: String,
    #[serde(rename = "i")]
    task: String,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    incarnation: Option<String>,
    #[serde(rename = "s")]
    scope: u32,
    #[serde(rename = "k")]
    key: String,
}

impl Token {
    /// The token's text, for a URL: letters, digits, `-`, `_` and `.`.
    pub(super) async fn seal(&self, vault: &dyn Vault) -> Result<Secret, VaultError> {
        let json = TokenJson {
            tenant: self.scope.task.tenant.as_str().to_owned(),
            task: self.scope.task.task.as_str().to_owned(),
            incarnation: self.scope.incarnation.as_ref().map(|of| of.as_str().to_owned()),
            scope: self.scope.number,
            key: self.key.as_str().to_owned(),
        };
        // Serialization of this type cannot fail; an empty text would open as no token.
        let json = serde_json::to_string(&json).unwrap_or_default();
        let secrets = PushSecrets { token: Secret::new(json), credentials: Secret::default() };
        let sealed = vault.seal(&secrets, FOR_TOKENS).await?;
        Ok(Secret::new(sealed.as_str()))
    }

    /// Opens a token; [`VaultError::Damaged`] if it is none.
    pub(crate) async fn open(text: &str, vault: &dyn Vault) -> Result<Self, VaultError> {
        if text.is_empty() || text.len() > MAX_TOKEN_BYTES {
            return Err(VaultError::Damaged);
        }
        let secrets = vault.open(&Sealed::new(text), FOR_TOKENS).await?;
        let json: TokenJson =
            serde_json::from_str(secrets.token.reveal()).map_err(|_| VaultError::Damaged)?;
        let damaged = |_| VaultError::Damaged;
        let tenant = if json.tenant.is_empty() {
            Tenant::default()
        } else {
            Tenant::parse(&json.tenant).map_err(damaged)?
        };
        let task = TaskId::parse(&json.task).map_err(damaged)?;
        let incarnation = match json.incarnation {
            None => None,
            Some(text) => Some(Incarnation::parse(&text).ok_or(VaultError::Damaged)?),
        };
        let scope = ScopeKey { task: TaskKey { tenant, task }, incarnation, number: json.scope };
        Ok(Self { scope, key: RecordKey::parse(&json.key).ok_or(VaultError::Damaged)? })
    }
}

/// A token as its record keeps it.
pub(super) async fn conceal(vault: &dyn Vault, token: &Secret) -> Result<Sealed, VaultError> {
    let secrets = PushSecrets { token: token.clone(), credentials: Secret::default() };
    vault.seal(&secrets, FOR_RECORDS).await
}

/// The token that a record keeps.
pub(super) async fn reveal(vault: &dyn Vault, sealed: &Sealed) -> Result<Secret, VaultError> {
    Ok(vault.open(sealed, FOR_RECORDS).await?.token)
}
