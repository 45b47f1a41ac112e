//! The caller, and other facts about a request that are not in the request.

use a2a_lambda_core::Owner;
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};

use crate::rights::Grant;

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The caller is unknown. They may read only the public agent card.
    Nobody,
    /// The service has no authentication: every caller is this one owner.
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

    /// Refuses callers that the front door has not authenticated.
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

/// The facts about a request that are not in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The caller, as the front door has established it.
    pub principal: Principal,
    /// The caller's rights.
    pub grant: Grant,
    /// The URL at which clients reach this service, without a trailing slash, for the agent card.
    pub base_url: String,
    /// The latest time at which the answer must leave.
    pub answer_by: Option<Timestamp>,
}
