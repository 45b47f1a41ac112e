//! Reads and writes single attributes.

use std::collections::HashMap;
use std::fmt::Display;

use a2a_lambda_core::UnknownFormat;
use aws_sdk_dynamodb::types::AttributeValue;

/// An item in the SDK's form.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A fault of a stored item.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("attribute {0:?} is missing or of another type")]
    Attribute(&'static str),
    #[error("attribute {name:?} cannot be read")]
    Value {
        name: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("phase {0:?} is not known")]
    Phase(String),
    #[error("log entry {0} is missing")]
    Gap(u64),
    #[error(transparent)]
    Format(UnknownFormat),
}

pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(value: impl Display + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn get_string<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Malformed> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(Malformed::Attribute(name)),
    }
}

pub(crate) fn find_string<'a>(
    item: &'a Item,
    name: &'static str,
) -> Result<Option<&'a str>, Malformed> {
    item.contains_key(name).then(|| get_string(item, name)).transpose()
}

pub(crate) fn get_number<T>(item: &Item, name: &'static str) -> Result<T, Malformed>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match item.get(name) {
        Some(AttributeValue::N(text)) => text.parse().map_err(|e| value(name, e)),
        _ => Err(Malformed::Attribute(name)),
    }
}

pub(crate) fn find_number<T>(item: &Item, name: &'static str) -> Result<Option<T>, Malformed>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    item.contains_key(name).then(|| get_number(item, name)).transpose()
}

/// A flag is true if its attribute exists.
pub(crate) fn get_flag(item: &Item, name: &str) -> bool {
    matches!(item.get(name), Some(AttributeValue::Bool(true)))
}

pub(crate) fn value(
    name: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Malformed {
    Malformed::Value { name, source: source.into() }
}
