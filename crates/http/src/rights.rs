//! A known caller's rights: its tenants, and the scopes that operations need.

use std::collections::BTreeSet;

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::{A2aError, ErrorKind};

/// The metadata of an error in which a scope is missing: HTTP names it in its challenge.
pub(crate) const SCOPE: &str = "scope";

/// The kinds of operations for scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Reading tasks and the extended card, and following tasks.
    Read,
    /// Sending messages.
    Send,
    /// Canceling tasks.
    Cancel,
    /// Push configs, also one that comes with a message.
    Push,
}

/// The scopes that operations need. Without a scope, every caller may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// To read and follow tasks, and to read the extended card.
    pub read: Option<String>,
    /// To send messages.
    pub send: Option<String>,
    /// To cancel tasks.
    pub cancel: Option<String>,
    /// To make, read, list and delete push configs.
    pub push: Option<String>,
}

/// A caller's rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The tenants that the caller may name.
    pub tenants: Tenants,
    /// The caller's scopes.
    pub scopes: BTreeSet<String>,
}

/// The tenants that a caller may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tenants {
    /// All that are served.
    #[default]
    All,
    /// This one. It is meant where the caller names none.
    One(Tenant),
    /// None: the caller should have had one.
    None,
}

impl Scopes {
    /// Refuses a caller who lacks the scope that an operation needs.
    pub(crate) fn check(&self, right: Right, grant: &Grant) -> Result<(), A2aError> {
        let needed = match right {
            Right::Read => &self.read,
            Right::Send => &self.send,
            Right::Cancel => &self.cancel,
            Right::Push => &self.push,
        };
        match needed {
            Some(scope) if !grant.scopes.contains(scope) => {
                let text = format!("this needs the scope {scope}");
                let error = A2aError::new(ErrorKind::PermissionDenied, text);
                Err(error.with_metadata(SCOPE, scope.clone()))
            }
            _ => Ok(()),
        }
    }
}

impl Tenants {
    /// The name of the tenant that a request of this caller is for, which names this one, or none.
    /// The tenant's existence is not checked before, so the answer does not reveal it.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> Result<&'a str, A2aError> {
        let refused = |text: &str| Err(A2aError::new(ErrorKind::PermissionDenied, text));
        match self {
            Self::All => Ok(name),
            Self::One(own) if name.is_empty() || name == own.as_str() => Ok(own.as_str()),
            Self::One(_) => refused("the caller is of another tenant"),
            Self::None => refused("the caller is of no tenant"),
        }
    }
}
