//! The format of items: a number in each item, and the attributes that the number stands for.
//!
//! The store checks both before it reads an item. A release that changes its items raises the
//! number, even for a new attribute: commits of an earlier release would leave the attribute stale,
//! and its writes of push configs would drop it. `docs/formats.md` has the rule.

use a2a_lambda_core::{Formats, UnknownFormat};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, Malformed};

/// The attribute with the number. An item without it has [`Formats::FIRST`].
pub(crate) const FORMAT: &str = "v";

/// The formats that this release reads. The oldest one stays while its items may exist: a
/// deployment may keep tasks for ever.
pub(crate) const OLDEST: u64 = 1;
pub(crate) const NEWEST: u64 = 4;

/// The format of items whose names have the task's incarnation, and of a head with any attribute of
/// format 2. All others are written in format 1. So an earlier release that is still in use
/// ([`Policy::retention`](a2a_lambda_core::Policy::retention) is `None`) can read a new task.
pub(crate) const WITH_RETENTION: u64 = 2;

/// The format of a head with index entries by its state and by its context.
pub(crate) const BY_STATE: u64 = 3;

/// The format of a head with an open scope, or with attempts.
pub(crate) const WITH_SCOPE: u64 = 4;

/// A kind of item.
pub(crate) struct Kind {
    formats: Formats,
    attributes: &'static [&'static str],
}

impl Kind {
    /// The kind of a task's items that errors call this, with these attributes beside the number.
    pub(crate) const fn new(
        name: &'static str,
        newest: u64,
        attributes: &'static [&'static str],
    ) -> Self {
        Self { formats: Formats::new(name, OLDEST, newest), attributes }
    }

    /// A kind of items outside a task, with formats of its own.
    pub(crate) const fn of(formats: Formats, attributes: &'static [&'static str]) -> Self {
        Self { formats, attributes }
    }

    /// Checks that this release can read every attribute of an item.
    pub(crate) fn check(&self, item: &Item) -> Result<(), Malformed> {
        self.try_check(item).map_err(Malformed::Format)
    }

    fn try_check(&self, item: &Item) -> Result<(), UnknownFormat> {
        let Self { formats, attributes } = self;
        let number = match item.get(FORMAT) {
            None => Some(Formats::FIRST),
            Some(AttributeValue::N(number)) => number.parse().ok(),
            Some(_) => None,
        };
        formats.check(number.ok_or_else(|| formats.not_a_number())?)?;
        // Most comparisons end at the first byte, which spares a call for each.
        let is = |known: &str, name: &str| {
            known.as_bytes().first() == name.as_bytes().first() && known == name
        };
        let is_known = |name: &str| attributes.iter().any(|known| is(known, name));
        match item.keys().find(|name| *name != FORMAT && !is_known(name)) {
            None => Ok(()),
            Some(unknown) => Err(formats.unknown("attribute", unknown)),
        }
    }
}
