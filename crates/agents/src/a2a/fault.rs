//! The faults between this agent and the remote one, and the side that causes each.

use a2a_lambda_client::{Error, Fault as Whose};
use a2a_lambda_core::{Reply, ShowError};
use a2a_lambda_protocol::{ErrorKind, RemoteError};

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// While a message is sent.
    Sending,
    /// At any other time: the request can be repeated.
    Later,
}

/// Why a call of the remote agent has no result, or its task no good one. `Display` is for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The call has no result.
    #[error("the remote agent was asked in vain")]
    Call(#[from] Error),
    /// The remote agent does not know the task that it has made.
    #[error("the remote agent does not know the task any more")]
    Forgotten,
    /// The answer is A2A, and means nothing.
    #[error("the remote agent's answer is not of the contract: {0}")]
    NotContract(String),
    /// The remote task has failed, or was canceled there: this is said to the user.
    #[error("the remote task has ended without a result")]
    Ended(Reply),
    /// The turn was told to stop.
    #[error("the turn ended before the remote agent answered")]
    Stopped,
    /// The output cannot be shown.
    #[error("the remote agent's output cannot be shown")]
    Show(#[from] ShowError),
    /// This process could not make the request.
    #[error("the request cannot be made")]
    Ours(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whether an agent's error may pass.
pub(super) fn may_pass(error: &RemoteError) -> bool {
    matches!(
        error.kind,
        Some(ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::TooManyRequests)
    )
}

impl Fault {
    /// A short name, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Call(error) => match error {
                Error::Unreachable(_) | Error::Forbidden(_) => "unreachable",
                Error::Agent(_) | Error::Http { .. } => "refused",
                Error::NotA2a(_) | Error::NoInterface => "not_the_contract",
                Error::OtherOrigin(_) => "other_origin",
                Error::Signature(_) => "not_trusted",
                Error::Broken(_) | Error::Cut(_) => "cut",
                Error::TooSlow(_) => "too_slow",
                Error::TooLarge(_) => "too_large",
                Error::Request(_) | Error::Ours(_) => "ours",
            },
            Self::Forgotten => "forgotten",
            Self::NotContract(_) => "not_the_contract",
            Self::Ended(_) => "failed",
            Self::Stopped => "stopped",
            Self::Show(_) => "not_shown",
            Self::Ours(_) => "ours",
        }
    }

    /// Whose fault it is, for the log.
    pub(super) fn whose(&self) -> &'static str {
        match self {
            Self::Call(error) => match error.fault() {
                Whose::Caller => "operator",
                Whose::Agent => "agent",
                Whose::Ours => "ours",
            },
            Self::Forgotten | Self::NotContract(_) | Self::Ended(_) | Self::Show(_) => "agent",
            Self::Stopped | Self::Ours(_) => "ours",
        }
    }

    /// Whether another attempt may succeed.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retryable(),
            Self::Show(error) => *error == ShowError::Over,
            Self::Forgotten | Self::NotContract(_) | Self::Ended(_) => false,
            Self::Stopped | Self::Ours(_) => true,
        }
    }

    /// Whether the remote agent itself has answered that it failed. It is not asked as often as one that
    /// is not there.
    pub(super) fn is_its_word(&self) -> bool {
        match self {
            Self::Call(Error::Agent(error)) => error.kind == Some(ErrorKind::Internal),
            Self::Call(Error::Http { status, .. }) => status.as_u16() == 500,
            _ => false,
        }
    }

    /// Whether the remote agent certainly has nothing of the message: it can be sent again.
    pub(super) fn is_not_sent(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retryable() && error.is_certainly_not_applied(),
            Self::Ours(_) => true,
            _ => false,
        }
    }

    /// Whether the remote agent may work on the message, or not.
    pub(super) fn is_unknown(&self) -> bool {
        match self {
            Self::Call(error) => !error.is_certainly_not_applied(),
            Self::Stopped => true,
            _ => false,
        }
    }

    /// The text for the user. It has no address, and no server's words that are not meant for
    /// users.
    pub(super) fn reply(&self) -> Reply {
        match self {
            Self::Ended(reply) => reply.clone(),
            fault => fault.text().into(),
        }
    }

    fn text(&self) -> String {
        let text = match self {
            Self::Call(error) => match error {
                Error::Agent(error) => {
                    let name = match error.kind {
                        Some(kind) => kind.reason().unwrap_or(kind.grpc_status()).to_owned(),
                        None => error.code.to_string(),
                    };
                    return format!("The remote agent refused the request ({name}).");
                }
                Error::Http { status, .. } => {
                    let status = status.as_u16();
                    return format!(
                        "The remote agent's server refused the request (status {status})."
                    );
                }
                Error::Unreachable(_) | Error::Forbidden(_) => {
                    "The remote agent cannot be reached."
                }
                Error::NoInterface => {
                    "The remote agent speaks no version of A2A that is known here."
                }
                Error::OtherOrigin(_) => "The remote agent's card names another server.",
                Error::Signature(_) => "The remote agent's card is not trusted.",
                Error::NotA2a(_) => "The remote agent's answer is malformed.",
                Error::Broken(_) | Error::Cut(_) => {
                    "The remote agent broke off before its answer was complete."
                }
                Error::TooSlow(_) => "The remote agent did not answer in time.",
                Error::TooLarge(_) => "The remote agent's answer is too large.",
                Error::Request(_) | Error::Ours(_) => "The remote agent could not be asked.",
            },
            Self::Forgotten => "The remote agent has forgotten the task.",
            Self::NotContract(_) => "The remote agent's answer is malformed.",
            Self::Ended(_) => "The remote agent failed.",
            Self::Stopped => "The remote agent did not answer in time.",
            Self::Show(_) => "The remote agent's answer is too large.",
            Self::Ours(_) => "The remote agent could not be asked.",
        };
        text.to_owned()
    }
}
