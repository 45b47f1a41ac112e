//! Whose certificates are trusted.

use std::fmt;
use std::sync::Arc;

use a2a_lambda_signing::pem;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// Root certificates, such as those of an organization's own authority.
#[derive(Clone)]
pub struct ExtraRoots(RootCertStore);

/// A text that has no root certificates.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExtraRootsError {
    /// The text has no certificates, or a damaged one.
    #[error("there is no PEM with certificates (\"BEGIN CERTIFICATE\") in it, or it is damaged")]
    NoPem,
    /// One of the certificates cannot be used.
    #[error("a certificate cannot be used")]
    NoRoot(#[source] rustls::Error),
}

impl ExtraRoots {
    /// The certificates in this PEM, at least one.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be used.
    pub fn from_pem(text: &str) -> Result<Self, ExtraRootsError> {
        let certificates = pem::all(text, "CERTIFICATE").ok_or(ExtraRootsError::NoPem)?;
        if certificates.is_empty() {
            return Err(ExtraRootsError::NoPem);
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(CertificateDer::from(certificate)).map_err(ExtraRootsError::NoRoot)?;
        }
        Ok(Self(roots))
    }
}

/// Whose certificates a client trusts.
#[derive(Debug, Clone)]
pub enum Roots {
    /// Mozilla's, and these.
    Public(ExtraRoots),
    /// These and no others.
    Only(ExtraRoots),
}

impl Roots {
    /// The set-up of TLS: 1.2 and 1.3. Mozilla's roots are compiled in, where loading a system's takes
    /// a cold start tens of milliseconds, and images for functions may have none.
    pub(crate) fn tls(self) -> Result<ClientConfig, rustls::Error> {
        let roots = match self {
            Self::Public(ExtraRoots(mut roots)) => {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                roots
            }
            Self::Only(ExtraRoots(roots)) => roots,
        };
        Ok(ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

impl Default for ExtraRoots {
    fn default() -> Self {
        Self(RootCertStore::empty())
    }
}

impl fmt::Debug for ExtraRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtraRoots").field("count", &self.0.len()).finish()
    }
}
