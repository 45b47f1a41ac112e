//! The format of items: a number in each of them, and the attributes that it stands for.
//!
//! Both are checked before an item is read. A release that changes what it writes raises the number,
//! also for an attribute that is only added: commits of an earlier release would leave the attribute
//! stale, and its writes of push configs would drop it. `docs/formats.md` has the rule.

use a2a_lambda_core::{Formats, UnknownFormat};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{Item, Malformed};

/// The attribute with the number. An item without it has [`Formats::FIRST`].
pub(crate) const FORMAT: &str = "v";

/// The format that items are written in.
pub(crate) const WRITES: u64 = 1;

/// The formats that are read. The oldest one stays for as long as there may be items of it, and
/// nothing removes the items of a task.
pub(crate) const OLDEST: u64 = 1;
pub(crate) const NEWEST: u64 = 1;

/// A kind of item.
pub(crate) struct Kind {
    formats: Formats,
    attributes: &'static [&'static str],
}

impl Kind {
    /// Items that errors call this, and that have these attributes beside the number.
    pub(crate) const fn new(name: &'static str, attributes: &'static [&'static str]) -> Self {
        Self { formats: Formats::new(name, OLDEST, NEWEST), attributes }
    }

    /// Items with formats of their own: they are no part of a task.
    pub(crate) const fn of(formats: Formats, attributes: &'static [&'static str]) -> Self {
        Self { formats, attributes }
    }

    /// Checks that this release reads all of an item.
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
        match item.keys().find(|name| *name != FORMAT && !attributes.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(formats.unknown("attribute", unknown)),
        }
    }
}
