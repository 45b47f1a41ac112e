//! The faults between this process and an agent, and the side that causes each.

use std::error::Error as StdError;
use std::time::Duration;

use a2a_lambda_core::ShowError;
use a2a_lambda_https::{Error, EventsError};

type Source = Box<dyn StdError + Send + Sync>;

/// Exceptions of Python, errors of JavaScript, and those of servers of models, that another attempt
/// meets again.
const FOR_GOOD: [&str; 18] = [
    "AssertionError",
    "AttributeError",
    "BadRequestError",
    "KeyError",
    "NotFoundError",
    "NotImplementedError",
    "PermissionError",
    "RangeError",
    "TypeError",
    "ValidationError",
    "ValueError",
    "authentication_error",
    "context_length_exceeded",
    "insufficient_quota",
    "invalid_request_error",
    "model_not_found",
    "not_found_error",
    "permission_error",
];

/// Why a call of an agent has no result. `Display` is for the log: it may show the agent's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The agent got nothing of the request.
    #[error("the agent cannot be reached")]
    Unreachable(#[source] Source),
    /// This process could not send the request.
    #[error("the request cannot be sent")]
    Ours(#[source] Source),
    /// The agent's server refused the request.
    #[error("the agent's server answered with the status {status}{}", said(.body))]
    Refused {
        /// The status.
        status: u16,
        /// The first bytes of the body.
        body: String,
    },
    /// The agent said that it failed.
    #[error("the agent failed{}: {message}", in_brackets(.kind))]
    Failed {
        /// The class of its exception; empty if unknown.
        kind: String,
        /// The agent's message.
        message: String,
    },
    /// The agent said that it failed, in words for its user.
    #[error("the agent failed: {0}")]
    Told(String),
    /// The answer is none of the contract's.
    #[error("the agent's answer is not of the contract at byte {at}: {what}")]
    NotContract {
        /// The place in the body, from 0.
        at: usize,
        /// The mistake there.
        what: String,
    },
    /// The answer has more than is taken.
    #[error("the agent's answer is too large: {0}")]
    TooLarge(String),
    /// The agent was silent, or did not end.
    #[error("{what} took more than {} s", .limit.as_secs())]
    TooSlow {
        /// The name of the slow part.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The agent's server broke off before the answer's end.
    #[error("the agent broke off after {at} bytes of its answer")]
    Cut {
        /// How many bytes of the body had come.
        at: usize,
        /// Why, if that is known.
        #[source]
        source: Option<Source>,
    },
    /// The turn was told to stop.
    #[error("the turn ended before the agent did")]
    Stopped,
    /// The output could not be shown.
    #[error("the agent's output cannot be shown")]
    Show(#[from] ShowError),
}

fn said(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(": {body}") }
}

fn in_brackets(kind: &str) -> String {
    if kind.is_empty() { String::new() } else { format!(" ({kind})") }
}

impl Fault {
    /// The fault that a carrier has found, if it is one.
    fn carried(error: Error) -> Result<Self, Error> {
        match error {
            Error::Broken(source) => match source.downcast() {
                Ok(fault) => Ok(*fault),
                Err(source) => Err(Error::Broken(source)),
            },
            error => Err(error),
        }
    }

    /// A fault before the head of an answer.
    pub(crate) fn before_head(error: Error) -> Self {
        let error = match Self::carried(error) {
            Ok(fault) => return fault,
            Err(error) => error,
        };
        match error {
            Error::Refused(_) | Error::Unreachable(_) | Error::Withheld => {
                Self::Unreachable(error.into())
            }
            Error::Malformed(_) | Error::Ours(_) => Self::Ours(error.into()),
            Error::TimedOut { limit, .. } => {
                Self::TooSlow { what: "the begin of the answer", limit }
            }
            Error::TooLarge(most) => Self::TooLarge(format!("it has more than {most} bytes")),
            Error::Broken(_) | Error::BadAnswer(_) => {
                Self::Cut { at: 0, source: Some(error.into()) }
            }
        }
    }

    /// A fault of a body of which so many bytes were read.
    pub(crate) fn in_body(error: Error, at: usize) -> Self {
        let error = match Self::carried(error) {
            Ok(fault) => return fault,
            Err(error) => error,
        };
        match error {
            Error::TimedOut { limit, .. } => {
                Self::TooSlow { what: "the next part of the answer", limit }
            }
            Error::TooLarge(most) => Self::TooLarge(format!("it has more than {most} bytes")),
            error => Self::Cut { at, source: Some(error.into()) },
        }
    }

    /// A fault of a stream of which so many bytes were read. It may take `limit` as a whole.
    pub(crate) fn in_stream(error: EventsError, at: usize, limit: Duration) -> Self {
        match error {
            EventsError::Body(error) => Self::in_body(error, at),
            EventsError::Cut => Self::Cut { at, source: None },
            EventsError::EventTooLarge(_) | EventsError::StreamTooLarge(_) => {
                Self::TooLarge(error.to_string())
            }
            EventsError::Late => Self::TooSlow { what: "the answer", limit },
            EventsError::NotUtf8(at) => {
                Self::NotContract { at, what: "it is not UTF-8".to_owned() }
            }
        }
    }

    /// A short name, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Ours(_) => "ours",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } | Self::Told(_) => "failed",
            Self::NotContract { .. } => "not_the_contract",
            Self::TooLarge(_) => "too_large",
            Self::TooSlow { .. } => "too_slow",
            Self::Cut { .. } => "cut",
            Self::Stopped => "stopped",
            Self::Show(_) => "not_shown",
        }
    }

    /// Whose fault it is, for the log.
    pub(crate) fn whose(&self) -> &'static str {
        match self {
            Self::Ours(_) | Self::Stopped => "ours",
            // The URL or the credentials are wrong.
            Self::Refused { status: 401 | 403 | 404, .. } => "operator",
            _ => "agent",
        }
    }

    /// Whether another attempt may succeed.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 408 | 424 | 425 | 429 | 500..),
            Self::Failed { kind, .. } => {
                // `pydantic_core.ValidationError` is one, too.
                let class = kind.rsplit('.').next().unwrap_or_default();
                !FOR_GOOD.contains(&class)
            }
            Self::Told(_) | Self::NotContract { .. } | Self::TooLarge(_) => false,
            Self::Show(error) => *error == ShowError::Over,
            Self::Unreachable(_)
            | Self::Ours(_)
            | Self::TooSlow { .. }
            | Self::Cut { .. }
            | Self::Stopped => true,
        }
    }

    /// Whether the agent got nothing of the request: it may be sent again, in any case.
    pub(crate) fn is_not_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Ours(_))
    }

    /// Whether the agent may have done its work to the end, or none of it.
    pub(crate) fn is_unknown(&self) -> bool {
        match self {
            Self::TooSlow { .. } | Self::Cut { .. } | Self::Stopped => true,
            // A gateway answers with a 5xx for an agent behind it. `AgentCore` answers with 424.
            Self::Refused { status, .. } => *status >= 500 || *status == 424,
            _ => false,
        }
    }

    /// The text for the agent's user. It has no address, and only words that the agent meant for
    /// users.
    pub(crate) fn user_text(&self) -> String {
        match self {
            Self::Unreachable(_) => "The agent cannot be reached.".to_owned(),
            Self::Ours(_) => "The agent could not be asked.".to_owned(),
            Self::Refused { status, .. } => {
                format!("The agent's server refused the request (status {status}).")
            }
            Self::Failed { kind, .. } if is_name(kind) => format!("The agent failed ({kind})."),
            Self::Failed { .. } => "The agent failed.".to_owned(),
            Self::Told(reason) => reason.clone(),
            Self::NotContract { .. } => "The agent's answer is malformed.".to_owned(),
            Self::TooLarge(_) | Self::Show(_) => "The agent's answer is too large.".to_owned(),
            Self::TooSlow { .. } => "The agent did not answer in time.".to_owned(),
            Self::Cut { .. } => "The agent broke off before its answer was complete.".to_owned(),
            Self::Stopped => "The agent did not end in time.".to_owned(),
        }
    }
}

/// Whether a text is the name of a class, and no other words.
fn is_name(kind: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=64).contains(&kind.len()) && kind.bytes().all(is_word)
}
