//! A section of a message or artifact.

use serde::de::{Deserializer, Error};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Serialize, Serializer};

use super::data::{self, AsObject};
use crate::bytes::{self, Base64};
use crate::json::Struct;
use crate::part::PartContent;
use crate::wire;

/// A part: `{"kind":"text","text":…}`, `{"kind":"file","file":{…}}` or `{"kind":"data","data":{…}}`.
///
/// Without a `kind`, its fields tell which part it is, as in the official SDKs.
#[derive(Debug, Clone, PartialEq)]
pub struct Part(pub crate::Part);

impl From<crate::Part> for Part {
    fn from(current: crate::Part) -> Self {
        Self(current)
    }
}

impl From<Part> for crate::Part {
    fn from(part: Part) -> Self {
        part.0
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        let mut marked = None;
        let file = |name, content| FileRef { name, content, part: &self.0 };
        match &self.0.content {
            PartContent::Text(text) => {
                object.serialize_entry("kind", TEXT)?;
                object.serialize_entry("text", text)?;
            }
            PartContent::Raw(bytes) => {
                object.serialize_entry("kind", FILE)?;
                object.serialize_entry("file", &file("bytes", &bytes::text(bytes)))?;
            }
            PartContent::Url(url) => {
                object.serialize_entry("kind", FILE)?;
                object.serialize_entry("file", &file("uri", url))?;
            }
            PartContent::Data(data) => {
                object.serialize_entry("kind", DATA)?;
                object.serialize_entry("data", &AsObject(data))?;
                marked = data::mark(data, self.0.metadata.as_ref()).map_err(S::Error::custom)?;
            }
        }
        if let Some(metadata) = marked.as_ref().or(self.0.metadata.as_ref()) {
            object.serialize_entry("metadata", metadata)?;
        }
        object.end()
    }
}

/// The file of a part, with its content as the member of this name.
pub(super) struct FileRef<'a> {
    pub(super) name: &'static str,
    pub(super) content: &'a str,
    pub(super) part: &'a crate::Part,
}

impl Serialize for FileRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry(self.name, self.content)?;
        if !self.part.media_type.is_empty() {
            object.serialize_entry("mimeType", &self.part.media_type)?;
        }
        if !self.part.filename.is_empty() {
            object.serialize_entry("name", &self.part.filename)?;
        }
        object.end()
    }
}

const TEXT: &str = "text";
const FILE: &str = "file";
const DATA: &str = "data";

message! {
    /// A part as it is written.
    #[derive(Default)]
    #[allow(unreachable_pub)] // `message!` makes public structs.
    pub struct PartFields {
        #[json("kind")]
        pub kind: Option<String>,
        #[json("text")]
        pub text: Option<String>,
        #[json("file")]
        pub file: Option<FileFields>,
        #[json("data")]
        pub data: Option<Struct>,
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PartFields { kind, text, file, data, metadata } =
            PartFields::deserialize(deserializer)?;
        let (found, part) = match (text, file, data) {
            (Some(text), None, None) => (TEXT, crate::Part { metadata, ..crate::Part::text(text) }),
            (None, Some(file), None) => {
                let file = file
                    .part()
                    .ok_or_else(|| wire::not_exactly_one(&["file.bytes", "file.uri"]))?;
                (FILE, crate::Part { metadata, ..file })
            }
            (None, None, Some(data)) => {
                let (data, metadata) = data::unmark(data, metadata).map_err(D::Error::custom)?;
                (DATA, crate::Part { metadata, ..crate::Part::data(data) })
            }
            _ => return Err(wire::not_exactly_one(&[TEXT, FILE, DATA])),
        };
        match kind.as_deref() {
            None => {}
            Some(kind) if kind == found => {}
            Some(TEXT | FILE | DATA) => {
                return Err(D::Error::custom(format_args!("has {found}, which is not its kind")));
            }
            Some(_) => return Err(D::Error::custom("must have a kind: text, file or data")),
        }
        Ok(Self(part))
    }
}

message! {
    /// A file as it is written.
    #[derive(Default)]
    #[allow(unreachable_pub)]
    pub struct FileFields {
        #[json("bytes")]
        pub bytes: Option<Base64>,
        #[json("uri")]
        pub uri: Option<String>,
        #[json("mimeType")]
        pub mime_type: String,
        #[json("name")]
        pub name: String,
    }
}

impl FileFields {
    /// A part with the file, if it has bytes or else a URI.
    fn part(self) -> Option<crate::Part> {
        let part = match (self.bytes, self.uri) {
            (Some(Base64(bytes)), None) => crate::Part::raw(bytes),
            (None, Some(uri)) => crate::Part::url(uri),
            _ => return None,
        };
        Some(part.with_media_type(self.mime_type).with_filename(self.name))
    }
}
