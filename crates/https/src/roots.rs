//! Whose certificates are trusted.

use std::fmt;
use std::sync::Arc;

use a2a_lambda_signing::pem;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::{ClientConfig, RootCertStore};
use webpki_roots::TLS_SERVER_ROOTS;

/// Root certificates, such as those of an organization's own authority.
#[derive(Clone)]
pub struct ExtraRoots(RootCertStore);

/// A text that has no root certificates.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExtraRootsError {
    /// The text has no certificates, or a damaged one.
    #[error("it has no PEM with certificates (\"BEGIN CERTIFICATE\"), or is damaged")]
    NoPem,
    /// One of the certificates cannot be used.
    #[error("a certificate cannot be used")]
    NoRoot(#[source] rustls::Error),
}

impl ExtraRoots {
    /// The certificates in this PEM, at least one.
    ///
    /// # Errors
    /// When the text has no certificate, or a malformed one.
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
    /// Those of Mozilla's that are Amazon's: the chain of each endpoint of AWS ends in one of them.
    Amazon,
}

/// The ends of the names of Amazon's roots. See <https://www.amazontrust.com/repository/>.
const AMAZON: [&[u8]; 5] = [
    b"Amazon Root CA 1",
    b"Amazon Root CA 2",
    b"Amazon Root CA 3",
    b"Amazon Root CA 4",
    b"Starfield Services Root Certificate Authority - G2",
];

fn is_amazons(root: &TrustAnchor<'_>) -> bool {
    AMAZON.iter().any(|name| root.subject.ends_with(name))
}

impl Roots {
    /// The set-up of TLS: 1.2 and 1.3. Mozilla's roots are compiled in, where loading a system's takes
    /// a cold start tens of milliseconds, and images for functions may have none.
    pub(crate) fn tls(self) -> Result<ClientConfig, rustls::Error> {
        let roots = match self {
            Self::Public(ExtraRoots(mut roots)) => {
                roots.extend(TLS_SERVER_ROOTS.iter().cloned());
                roots
            }
            Self::Amazon => {
                let amazons = TLS_SERVER_ROOTS.iter().filter(|root| is_amazons(root));
                amazons.cloned().collect()
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_amazons_roots_is_there_once() {
        for name in AMAZON {
            let count = TLS_SERVER_ROOTS.iter().filter(|root| root.subject.ends_with(name)).count();
            assert_eq!(count, 1, "{}", name.escape_ascii());
        }
        let amazons: Vec<_> = TLS_SERVER_ROOTS.iter().filter(|root| is_amazons(root)).collect();
        assert_eq!(amazons.len(), AMAZON.len());
        assert!(amazons.iter().all(|root| root.name_constraints.is_none()));
    }
}
