//! A section of a message or artifact (specification 4.1.6).

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::bytes::{self, Base64};
use crate::json::{Json, Struct};
use crate::wire::{self, Field, Key, Slot};

/// A section of a message or artifact: one content and its description.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The content.
    pub content: PartContent,
    /// Anything else, as the sender likes.
    pub metadata: Option<Struct>,
    /// The file's name, such as `document.pdf`.
    pub filename: String,
    /// The content's MIME type, such as `text/plain`.
    pub media_type: String,
}

/// The content of a [`Part`]: the proto's `oneof content`.
#[derive(Clone, PartialEq)]
pub enum PartContent {
    /// Text.
    Text(String),
    /// Bytes of a file; base64 in JSON.
    Raw(Vec<u8>),
    /// The URL of the file.
    Url(String),
    /// Any JSON value, `null` included.
    Data(Json),
}

impl Part {
    /// A part with text.
    pub fn text(text: impl Into<String>) -> Self {
        PartContent::Text(text.into()).into()
    }

    /// A part with bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        PartContent::Raw(bytes.into()).into()
    }

    /// A part that points to a file.
    pub fn url(url: impl Into<String>) -> Self {
        PartContent::Url(url.into()).into()
    }

    /// A part with JSON.
    pub fn data(data: Json) -> Self {
        PartContent::Data(data).into()
    }

    /// The same part with a MIME type.
    pub fn with_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = media_type.into();
        self
    }

    /// The same part with a file name.
    pub fn with_filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = filename.into();
        self
    }

    /// The text, if the part holds text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            PartContent::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<PartContent> for Part {
    fn from(content: PartContent) -> Self {
        Self { content, metadata: None, filename: String::new(), media_type: String::new() }
    }
}

impl fmt::Debug for PartContent {
    /// `Debug` shows only the number of bytes, because a log must not hold a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Raw(bytes) => write!(f, "Raw({} bytes)", bytes.len()),
            Self::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Self::Data(data) => f.debug_tuple("Data").field(data).finish(),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        // A member of a oneof has presence: it is written even when it is empty.
        match &self.content {
            PartContent::Text(text) => object.serialize_entry("text", text)?,
            PartContent::Raw(bytes) => object.serialize_entry("raw", &bytes::text(bytes))?,
            PartContent::Url(url) => object.serialize_entry("url", url)?,
            PartContent::Data(data) => object.serialize_entry("data", data)?,
        }
        if !self.metadata.is_absent() {
            object.serialize_entry("metadata", &self.metadata)?;
        }
        if !self.filename.is_absent() {
            object.serialize_entry("filename", &self.filename)?;
        }
        if !self.media_type.is_absent() {
            object.serialize_entry("mediaType", &self.media_type)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PartVisitor)
    }
}

#[derive(Clone, Copy)]
enum Name {
    Text,
    Raw,
    Url,
    Data,
    Metadata,
    Filename,
    MediaType,
}

fn name(text: &str) -> Option<Name> {
    Some(match text {
        "text" => Name::Text,
        "raw" => Name::Raw,
        "url" => Name::Url,
        "data" => Name::Data,
        "metadata" => Name::Metadata,
        "filename" => Name::Filename,
        "mediaType" | "media_type" => Name::MediaType,
        _ => return None,
    })
}

/// `message!` does not fit: the `oneof` shares its object with other fields.
struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Part, A::Error> {
        let (mut contents, mut metadata, mut filename, mut media_type) = (None, None, None, None);
        while let Some(name) = object.next_key_seed(Key(name))? {
            let content = match name {
                Some(Name::Text) => optional(&mut object)?.map(PartContent::Text),
                Some(Name::Raw) => {
                    optional::<Base64, _>(&mut object)?.map(|Base64(bytes)| PartContent::Raw(bytes))
                }
                Some(Name::Url) => optional(&mut object)?.map(PartContent::Url),
                // Here `null` is a value: the field is a `google.protobuf.Value`, and ProtoJSON
                // reads a null as its NullValue. a2a-lf 0.4.2 does the same.
                Some(Name::Data) => Some(PartContent::Data(object.next_value()?)),
                Some(Name::Metadata) => {
                    once(&mut metadata, "metadata", &mut object)?;
                    None
                }
                Some(Name::Filename) => {
                    once(&mut filename, "filename", &mut object)?;
                    None
                }
                Some(Name::MediaType) => {
                    once(&mut media_type, "mediaType", &mut object)?;
                    None
                }
                None => {
                    object.next_value::<IgnoredAny>()?;
                    None
                }
            };
            if content.is_some() && contents.is_some() {
                return Err(not_exactly_one());
            }
            contents = contents.or(content);
        }
        Ok(Part {
            content: contents.ok_or_else(not_exactly_one)?,
            metadata: metadata.unwrap_or_default(),
            filename: filename.unwrap_or_default(),
            media_type: media_type.unwrap_or_default(),
        })
    }
}

fn optional<'de, T: wire::Value, A: MapAccess<'de>>(object: &mut A) -> Result<Option<T>, A::Error> {
    Ok(object.next_value::<Slot<Option<T>>>()?.0)
}

fn once<'de, T: Field, A: MapAccess<'de>>(
    field: &mut Option<T>,
    json: &str,
    object: &mut A,
) -> Result<(), A::Error> {
    if field.is_some() {
        return Err(wire::given_twice(json));
    }
    *field = Some(object.next_value::<Slot<T>>()?.0);
    Ok(())
}

fn not_exactly_one<E: Error>() -> E {
    wire::not_exactly_one(&["text", "raw", "url", "data"])
}
