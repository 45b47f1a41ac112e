//! A vault.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use a2a_lambda_core::push::PushSecrets;
use a2a_lambda_core::{Formats, Sealed, Vault, VaultError};
use async_trait::async_trait;

/// The fault of a [`TestVault`] that opens no secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VaultFault {
    /// The keeper of the key does not answer.
    Unavailable,
    /// The secrets are damaged.
    Damaged,
    /// The key is missing.
    NoKey,
    /// Another release has sealed them.
    OtherRelease,
    /// They are opened after this time; the next ones at once.
    SlowOnce(Duration),
}

/// A vault that only writes secrets in hexadecimal digits, as a text that fits into a URL.
#[derive(Debug, Default)]
pub struct TestVault {
    fault: Mutex<Option<VaultFault>>,
}

impl TestVault {
    /// From now on, this comes of opening secrets; `None` for the secrets.
    pub fn set_fault(&self, fault: Option<VaultFault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The purpose of a sealed text, and the secrets in it; `None` if no such vault made it.
    pub fn unsealed(text: &str) -> Option<(String, PushSecrets)> {
        let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
        serde_json::from_slice(&bytes.collect::<Option<Vec<u8>>>()?).ok()
    }

    fn fault(&self) -> Option<VaultFault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for TestVault {
    fn has_key(&self) -> bool {
        true
    }

    async fn seal(&self, secrets: &PushSecrets, context: &str) -> Result<Sealed, VaultError> {
        if secrets.is_empty() {
            return Ok(Sealed::default());
        }
        let json = serde_json::to_vec(&(context, secrets)).map_err(|_| VaultError::Damaged)?;
        let mut digits = String::with_capacity(2 * json.len());
        for byte in json {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Ok(Sealed::new(digits))
    }

    async fn open(&self, sealed: &Sealed, context: &str) -> Result<PushSecrets, VaultError> {
        match self.fault() {
            Some(VaultFault::Unavailable) => {
                return Err(VaultError::Unavailable("no answer".into()));
            }
            Some(VaultFault::Damaged) => return Err(VaultError::Damaged),
            Some(VaultFault::NoKey) => return Err(VaultError::NoKey),
            Some(VaultFault::OtherRelease) => {
                Formats::new("envelope", 1, 1).check(99)?;
            }
            Some(VaultFault::SlowOnce(time)) => {
                tokio::time::sleep(time).await;
                self.set_fault(None);
            }
            None => {}
        }
        if sealed.is_empty() {
            return Ok(PushSecrets::default());
        }
        let (sealed_for, secrets) = Self::unsealed(sealed.as_str()).ok_or(VaultError::Damaged)?;
        if sealed_for == context { Ok(secrets) } else { Err(VaultError::Damaged) }
    }
}
