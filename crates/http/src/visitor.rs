//! Who calls, and what else is known of a request beside the request.

use a2a_lambda_core::Owner;
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};

use crate::rights::Grant;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// It is not known who calls. There is nothing for them but the public agent card.
    Nobody,
    /// Whoever it is: everybody is this one owner, and no more is known of them.
    Anybody(Owner),
    /// A caller that the front door has authenticated.
    Somebody(Owner),
}

impl Principal {
    /// The owner that the caller's tasks belong to.
    pub(crate) fn owner(&self) -> Result<&Owner, A2aError> {
        match self {
            Self::Nobody => Err(unauthenticated()),
            Self::Anybody(owner) | Self::Somebody(owner) => Ok(owner),
        }
    }

    /// Refuses callers that nobody has authenticated.
    pub(crate) fn authenticated(&self) -> Result<(), A2aError> {
        match self {
            Self::Nobody | Self::Anybody(_) => Err(unauthenticated()),
            Self::Somebody(_) => Ok(()),
        }
    }
}

fn unauthenticated() -> A2aError {
    A2aError::new(ErrorKind::Unauthenticated, "this is for authenticated callers only")
}

/// What is known of a request beside the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Who calls, as the front door has found out.
    pub principal: Principal,
    /// What the caller may do.
    pub grant: Grant,
    /// The URL at which clients reach this service, without a trailing slash, for the agent card.
    pub base_url: String,
    /// When the answer must be on its way at the latest.
    pub answer_by: Option<Timestamp>,
}
