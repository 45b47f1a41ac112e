//! The vault: secrets are stored sealed, and opened only for their use.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::format::UnknownFormat;

/// A text that is never shown. `Debug` shows only whether there is one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for its user.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is no secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "<none>" } else { "<secret>" })
    }
}

/// The secrets of a push config.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSecrets {
    /// The receiver gets it with each push, and checks by it that the push is meant for it.
    #[serde(rename = "t", default, skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// The credentials after the scheme in the `Authorization` header.
    #[serde(rename = "c", default, skip_serializing_if = "Secret::is_empty")]
    pub credentials: Secret,
}

impl PushSecrets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.token.is_empty() && self.credentials.is_empty()
    }
}

/// Secrets that only a [`Vault`] opens; empty if there are none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Wraps a text that a vault made or a store kept.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there are no secrets.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "<none>" } else { "<sealed>" })
    }
}

/// Why secrets were not sealed or opened. No text here reveals anything about them.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// This process has no key.
    #[error("there is no key to seal secrets with")]
    NoKey,
    /// The key service did not answer, or not in time. A later try may succeed.
    #[error("the key for secrets is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Another key sealed them, or they were sealed for another config, or they are damaged.
    #[error("the secrets cannot be opened: they were sealed by another key, or are damaged")]
    Damaged,
    /// Another release sealed them, in a form that this release does not open.
    #[error(transparent)]
    OtherRelease(#[from] UnknownFormat),
}

/// Seals secrets, so that a reader of the store cannot read them.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Whether there is a key. Without one there are no pushes.
    fn has_key(&self) -> bool;

    /// Seals secrets for a `context`, which is not secret. Sealed secrets that were moved to
    /// another context do not open there.
    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError>;

    /// Opens sealed secrets.
    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let secrets = PushSecrets { token: Secret::new("hush"), credentials: Secret::default() };
        assert_eq!(format!("{secrets:?}"), "PushSecrets { token: <secret>, credentials: <none> }");
    }
}
