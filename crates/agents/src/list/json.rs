//! JSON as it is written, and its objects field by field.
//!
//! The errors of serde show values, of which some are secrets, and names of Rust. These errors name
//! the place of a fault, and show no value.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The longest name of a field that an error shows, in bytes.
const MAX_NAME: usize = 64;

/// A value of JSON. An object keeps a field that is there twice.
pub(super) enum Json {
    Null,
    Flag,
    /// `None` if it is negative, or not whole.
    Number(Option<u64>),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A value that cannot be used. `at` is its place, such as `agents[1].card.name`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub(super) struct Refused {
    pub(super) at: String,
    pub(super) what: String,
}

/// What a reader makes of a value at a place.
pub(super) type Read<T> = Result<T, Refused>;

/// The fields of an object that are not read yet.
pub(super) struct Fields {
    at: String,
    fields: BTreeMap<String, Json>,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Flag)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(Some(number)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number(None))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

/// A value that cannot be used, and why.
pub(super) fn refused<T>(at: impl Into<String>, what: impl Into<String>) -> Read<T> {
    Err(Refused { at: at.into(), what: what.into() })
}

/// The place of a field of an object.
pub(super) fn field_at(at: &str, name: &str) -> String {
    let dot = if at.is_empty() { "" } else { "." };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_plain) {
        return format!("{at}{dot}{name}");
    }
    format!("{at}{dot}{:?}", name.chars().take(MAX_NAME).collect::<String>())
}

/// The fields of an object, each of which is there once.
pub(super) fn object(at: &str, value: Json) -> Read<BTreeMap<String, Json>> {
    let Json::Object(written) = value else { return refused(at, "it must be an object") };
    let mut fields = BTreeMap::new();
    for (name, value) in written {
        if fields.contains_key(&name) {
            return refused(field_at(at, &name), "it is there twice");
        }
        fields.insert(name, value);
    }
    Ok(fields)
}

pub(super) fn text(at: &str, value: Json) -> Read<String> {
    match value {
        Json::Text(text) => Ok(text),
        _ => refused(at, "it must be a text"),
    }
}

/// A reader of whole numbers within bounds.
pub(super) fn number(bounds: RangeInclusive<u64>) -> impl FnOnce(&str, Json) -> Read<u64> {
    move |at, value| match value {
        Json::Number(Some(number)) if bounds.contains(&number) => Ok(number),
        _ => {
            let (least, most) = (bounds.start(), bounds.end());
            refused(at, format!("it must be a whole number from {least} to {most}"))
        }
    }
}

/// A list, each entry of which is read by `read`.
pub(super) fn each<T>(at: &str, value: Json, read: impl Fn(&str, Json) -> Read<T>) -> Read<Vec<T>> {
    let Json::List(entries) = value else { return refused(at, "it must be a list") };
    let entries = entries.into_iter().enumerate();
    entries.map(|(number, entry)| read(&format!("{at}[{number}]"), entry)).collect()
}

pub(super) fn texts(at: &str, value: Json) -> Read<Vec<String>> {
    each(at, value, text)
}

impl Fields {
    /// The fields of an object that has no others than these.
    pub(super) fn of(at: &str, value: Json, known: &[&str]) -> Read<Self> {
        let fields = object(at, value)?;
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self { at: at.to_owned(), fields }),
            Some(unknown) => {
                let known = known.join(", ");
                refused(
                    field_at(at, unknown),
                    format!("there is no such field; there are: {known}"),
                )
            }
        }
    }

    /// A field, if it is there. `null` counts as left out.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str, Json) -> Read<T>,
    ) -> Read<Option<T>> {
        match self.fields.remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => read(&field_at(&self.at, name), value).map(Some),
        }
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str, Json) -> Read<T>,
    ) -> Read<T> {
        match self.optional(name, read)? {
            Some(value) => Ok(value),
            None => refused(field_at(&self.at, name), "it is missing"),
        }
    }
}
