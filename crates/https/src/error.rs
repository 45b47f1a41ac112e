//! The reasons for the lack of an answer.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use crate::guard::Refused;
use crate::look_ups::LookUpError;

type Source = Box<dyn StdError + Send + Sync>;

/// Why a request has no answer.
///
/// The sources tell an operator everything. Some of it must not reach the party that gave the URL:
/// which names exist in this network, which addresses they have, and which ports are open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The guard refuses the host. Nothing was sent.
    #[error("the host is refused")]
    Refused(#[source] Refused),
    /// The client could not connect to the host. Nothing was sent.
    #[error("the host cannot be reached")]
    Unreachable(#[source] ConnectError),
    /// The host broke off before it answered, or does not speak HTTP.
    #[error("the host closed the connection, or does not speak HTTP")]
    Broken(#[source] Source),
    /// The host began an answer of HTTP, which is malformed or was broken off.
    #[error("the host's answer is malformed or incomplete")]
    BadAnswer(#[source] Source),
    /// The host's answer took too long.
    #[error("{phase} did not come within {} ms", .limit.as_millis())]
    TimedOut {
        /// The phase that took too long.
        phase: Phase,
        /// The limit.
        limit: Duration,
    },
    /// The answer's body is larger than the caller takes.
    #[error("the answer's body has more than {0} bytes")]
    TooLarge(usize),
    /// The [gate](crate::Gate) said no. Nothing was sent on this connection.
    #[error("the request is not wanted any more")]
    Withheld,
    /// The request itself is malformed, such as a URL without a host. Nothing was sent.
    #[error("the request cannot be sent")]
    Malformed(#[source] Source),
    /// This process ran out of a resource of its own. The client sent nothing, and the host is not
    /// to blame.
    #[error("this process could not begin the request")]
    Ours(#[source] Source),
}

/// A part of an answer that has a deadline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The status line and the headers.
    Head,
    /// The next bytes of the body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "the answer",
            Self::Body => "the next part of the answer's body",
        })
    }
}

/// The reasons for the lack of a connection to a host.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The look-up of its name failed.
    #[error(transparent)]
    LookUp(LookUpError),
    /// Its name has no address.
    #[error("the host name has no address")]
    NoAddress,
    /// No address of it takes the connection.
    #[error("no address of the host accepts the connection")]
    Tcp(#[source] io::Error),
    /// TLS cannot be agreed on.
    #[error("TLS failed: {0}")]
    Tls(TlsFault, #[source] io::Error),
    /// It took too long.
    #[error("there was no connection within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// A fault of a host's TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate is not valid any more.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// The certificate's issuer is not trusted here.
    UnknownIssuer,
    /// The certificate is bad in another way, which the source names.
    Certificate,
    /// The handshake failed, as the source says: the host broke off, or does not speak TLS.
    Handshake,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::WrongName => "the certificate is for another name",
            Self::UnknownIssuer => "the certificate's issuer is not trusted",
            Self::Certificate => "the certificate cannot be accepted",
            Self::Handshake => "the handshake did not succeed",
        })
    }
}

impl ConnectError {
    pub(crate) fn tls(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let fault = match inner {
            Some(rustls::Error::InvalidCertificate(error)) => match error {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    TlsFault::Expired
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    TlsFault::NotYetValid
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => TlsFault::WrongName,
                CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
                _ => TlsFault::Certificate,
            },
            _ => TlsFault::Handshake,
        };
        Self::Tls(fault, error)
    }
}

/// Whether an error means that this process, or its machine, has no file or memory left.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    const ENOMEM: i32 = 12;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE))
}

impl From<io::Error> for Error {
    /// A failure to connect.
    fn from(error: io::Error) -> Self {
        if is_ours(&error) {
            Self::Ours(error.into())
        } else {
            Self::Unreachable(ConnectError::Tcp(error))
        }
    }
}
