//! Why a call has no result.

use std::time::Duration;

use a2a_lambda_https::{self as https, EventsError};
use a2a_lambda_protocol::{A2aError, ErrorKind, RemoteError};
use http::StatusCode;

use crate::signature::SignatureFault;

/// Why a call has no result.
///
/// `Display` may be shown to the party that named the agent: it has no secrets and no addresses. The
/// sources are for a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The agent answered with an error of the protocol.
    #[error("the agent refuses: {0}")]
    Agent(Box<RemoteError>),
    /// The agent's server answered with a status of HTTP, and no error of the protocol.
    #[error("the agent's server answers HTTP {} without an error of A2A", .status.as_u16())]
    Http {
        /// The status.
        status: StatusCode,
        /// How long the server wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// The answer does not have A2A's form for the call. The text names the mistake and its place.
    #[error("the answer is not A2A: {0}")]
    NotA2a(String),
    /// No connection could be made. Nothing was sent.
    #[error("the agent cannot be reached")]
    Unreachable(#[source] https::Error),
    /// The guard of addresses refuses the URL. Nothing was sent.
    #[error("the agent's URL may not be called")]
    Forbidden(#[source] https::Error),
    /// The connection broke before the answer was whole. The call may have been carried out.
    #[error("the connection broke before the answer was whole")]
    Broken(#[source] https::Error),
    /// A stream broke off, and was not resumed.
    #[error("the stream is incomplete")]
    Cut(#[source] Option<EventsError>),
    /// The answer, or a stream's next byte or end, took too long. The call may have been carried out.
    #[error("the agent is too slow: {0}")]
    TooSlow(String),
    /// The answer, an event or a stream is too large.
    #[error("the agent's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The request cannot be sent, as the text says. Nothing was sent.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The card has no interface that is spoken here.
    #[error("the agent has no interface that is spoken here")]
    NoInterface,
    /// The card names an interface at another origin than its own, which the caller has not allowed.
    #[error("the agent's card names another origin, {0}, to which no credentials are sent")]
    OtherOrigin(String),
    /// The card's signature is missing or wrong.
    #[error("the agent's card is not trusted")]
    Signature(#[from] SignatureFault),
    /// This process ran out of a resource of its own. Nothing was sent.
    #[error("this process could not begin the request")]
    Ours(#[source] https::Error),
}

/// Whose fault it is that a call has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller's: the request, the credentials or the URL are wrong.
    Caller,
    /// The agent's, its server's, or that of the way to it.
    Agent,
    /// This process's.
    Ours,
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Agent(error) => match error.kind {
                Some(
                    ErrorKind::Internal
                    | ErrorKind::Unavailable
                    | ErrorKind::InvalidAgentResponse
                    | ErrorKind::ExtendedAgentCardNotConfigured
                    | ErrorKind::TooManyRequests,
                )
                | None => Fault::Agent,
                Some(_) => Fault::Caller,
            },
            Self::Http { status, .. } if status.is_client_error() => Fault::Caller,
            Self::Request(_) | Self::Forbidden(_) | Self::OtherOrigin(_) => Fault::Caller,
            Self::Ours(_) => Fault::Ours,
            Self::Http { .. }
            | Self::NotA2a(_)
            | Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Cut(_)
            | Self::TooSlow(_)
            | Self::TooLarge(_)
            | Self::NoInterface
            | Self::Signature(_) => Fault::Agent,
        }
    }

    /// Whether the same call may succeed later. One that may have been carried out is safe to repeat
    /// only if the agent recognizes a repetition: see
    /// [`is_certainly_not_applied`](Self::is_certainly_not_applied).
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Agent(error) => matches!(
                error.kind,
                Some(ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::TooManyRequests)
            ),
            Self::Http { status, .. } => matches!(status.as_u16(), 408 | 429 | 500 | 502..=504),
            Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Cut(_)
            | Self::TooSlow(_)
            | Self::Ours(_) => true,
            Self::NotA2a(_)
            | Self::Forbidden(_)
            | Self::TooLarge(_)
            | Self::Request(_)
            | Self::NoInterface
            | Self::OtherOrigin(_)
            | Self::Signature(_) => false,
        }
    }

    /// Whether the agent certainly did not carry the call out.
    pub fn is_certainly_not_applied(&self) -> bool {
        match self {
            Self::Agent(error) => !matches!(
                error.kind,
                Some(
                    ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::InvalidAgentResponse
                ) | None
            ),
            Self::Http { status, .. } => {
                status.is_client_error() && *status != StatusCode::REQUEST_TIMEOUT
            }
            Self::Unreachable(_)
            | Self::Forbidden(_)
            | Self::Request(_)
            | Self::NoInterface
            | Self::OtherOrigin(_)
            | Self::Signature(_)
            | Self::Ours(_) => true,
            Self::NotA2a(_)
            | Self::Broken(_)
            | Self::Cut(_)
            | Self::TooSlow(_)
            | Self::TooLarge(_) => false,
        }
    }

    /// How long the agent wants to be left alone, if it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Agent(error) => error.retry_after,
            Self::Http { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The kind of the agent's error, if it is one of A2A's.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Agent(error) => error.kind,
            _ => None,
        }
    }

    /// The answer does not have the shape that A2A says.
    pub(crate) fn shape(error: A2aError) -> Self {
        Self::NotA2a(match error.violations.first() {
            Some(field) if field.field.is_empty() => field.description.clone(),
            Some(field) => format!("{} {}", field.field, field.description),
            None => error.message,
        })
    }
}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        Self::Agent(Box::new(error))
    }
}

impl From<https::Error> for Error {
    fn from(error: https::Error) -> Self {
        match error {
            https::Error::Refused(_) => Self::Forbidden(error),
            https::Error::Unreachable(_) => Self::Unreachable(error),
            https::Error::Broken(_) | https::Error::BadAnswer(_) => Self::Broken(error),
            https::Error::TimedOut { .. } => Self::TooSlow(error.to_string()),
            https::Error::TooLarge(most) => Self::TooLarge(most),
            https::Error::Malformed(_) => Self::Request("its URL or a header is malformed".into()),
            https::Error::Withheld | https::Error::Ours(_) => Self::Ours(error),
        }
    }
}

impl From<EventsError> for Error {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::EventTooLarge(most) | EventsError::StreamTooLarge(most) => {
                Self::TooLarge(most)
            }
            EventsError::NotUtf8(_) => Self::NotA2a(error.to_string()),
            EventsError::Late => Self::TooSlow(error.to_string()),
            EventsError::Body(_) | EventsError::Cut => Self::Cut(Some(error)),
        }
    }
}
