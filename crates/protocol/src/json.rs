//! User data: JSON that is kept as its text.

mod compact;

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

pub use compact::MAX_DEPTH;

/// Any JSON value (`google.protobuf.Value`), kept as its text.
///
/// Nothing is rewritten: big integers, the spelling of floats, the order of keys and escapes come
/// back as they came in. Only insignificant whitespace is dropped, so that a value fits on one line
/// of an event stream and takes no room in storage.
///
/// Every later reader can read the content: strings have no lone surrogates, a double can hold the
/// magnitude of each number, and there are at most [`MAX_DEPTH`] levels. Equality is that of the
/// texts: `1.0` is not `1`.
///
/// Reads and writes itself through `serde_json` only.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

plain_value!(Json, Struct);

impl Json {
    /// Takes the text of one JSON value.
    ///
    /// # Errors
    /// If it is not JSON, or not safe for a later reader (see the type).
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The JSON of a value.
    ///
    /// # Errors
    /// If the value does not serialize, or to something that is not safe for a later reader.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Self::checked(serde_json::value::to_raw_value(value)?)
    }

    /// The text, without insignificant whitespace.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads the value into a type.
    ///
    /// # Errors
    /// If the value does not have the type's shape.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    fn checked(raw: Box<RawValue>) -> Result<Self, serde_json::Error> {
        match compact::compact(raw.get()).map_err(serde_json::Error::custom)? {
            None => Ok(Self(raw)),
            Some(text) => Ok(Self(RawValue::from_string(text)?)),
        }
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.as_str())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::checked(Box::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A JSON object (`google.protobuf.Struct`), kept as its text: a [`Json`] that begins with `{`.
#[derive(Clone, PartialEq, Eq)]
pub struct Struct(Json);

impl Struct {
    /// Takes the text of one JSON object.
    ///
    /// # Errors
    /// As [`Json::parse`], and if it is not an object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The JSON object of a value.
    ///
    /// # Errors
    /// As [`Json::from_value`], and if it is not an object.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Json::from_value(value)?.try_into()
    }

    /// The text, without insignificant whitespace.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Reads the object into a type.
    ///
    /// # Errors
    /// If the object does not have the type's shape.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.0.to()
    }
}

impl TryFrom<Json> for Struct {
    type Error = serde_json::Error;

    fn try_from(json: Json) -> Result<Self, serde_json::Error> {
        // The text is valid JSON without leading whitespace: its first byte is its kind.
        if json.as_str().starts_with('{') {
            Ok(Self(json))
        } else {
            Err(serde_json::Error::custom("must be an object"))
        }
    }
}

impl From<Struct> for Json {
    fn from(object: Struct) -> Self {
        object.0
    }
}

impl fmt::Debug for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Struct({})", self.as_str())
    }
}

impl fmt::Display for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Struct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Struct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}
