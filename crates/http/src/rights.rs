//! A known caller's rights: its tenants, and the scopes that operations need.

use std::collections::BTreeSet;

use a2a_lambda_core::Tenant;
use a2a_lambda_protocol::{A2aError, ErrorKind};

/// The name of the missing scope in an error's metadata. The HTTP challenge names it.
pub(crate) const SCOPE: &str = "scope";

/// The kinds of rights that operations need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// To read tasks and the extended card, and to follow tasks.
    Read,
    /// To send messages.
    Send,
    /// To cancel tasks.
    Cancel,
    /// To use push configs, including one that comes with a message.
    Push,
}

/// The scopes that operations need. An operation without a scope is open to every caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// To read and follow tasks, and to read the extended card.
    pub read: Option<String>,
    /// To send messages.
    pub send: Option<String>,
    /// To cancel tasks.
    pub cancel: Option<String>,
    /// To create, read, list and delete push configs.
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
    /// All served tenants.
    #[default]
    All,
    /// This one. It is the default if the caller names none.
    One(Tenant),
    /// None: the caller has no tenant, but needs one.
    None,
}

impl Scopes {
    /// Refuses a caller that lacks the scope of an operation.
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
    /// The name of the tenant of a request that names this one, or none. It does not check first
    /// whether the tenant exists, so the answer does not reveal that.
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
