//! A section of a message or artifact.

use std::collections::BTreeMap;

use serde::de::{Deserializer, Error};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Serialize, Serializer};

use crate::bytes::Base64;
use crate::json::Struct;
use crate::part::PartContent;
use crate::v0_3::base64;
use crate::v0_3::data::{self, AsObject};
use crate::v0_3::part::FileRef;
use crate::wire;

/// A part: `{"text":…}`, `{"file":{…}}` or `{"data":{"data":{…}}}`.
///
/// A file's bytes are encoded twice, as the official SDKs do, and read either way. A file that was
/// encoded once and is itself base64 text to the last character is taken for one of theirs.
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
            PartContent::Text(text) => object.serialize_entry("text", text)?,
            PartContent::Raw(bytes) => {
                object.serialize_entry("file", &file("fileWithBytes", &base64::twice(bytes)))?;
            }
            PartContent::Url(url) => object.serialize_entry("file", &file("fileWithUri", url))?,
            PartContent::Data(data) => {
                // The object is one level deeper than in the schema.
                object.serialize_entry("data", &BTreeMap::from([("data", AsObject(data))]))?;
                marked = data::mark(data, self.0.metadata.as_ref()).map_err(S::Error::custom)?;
            }
        }
        if let Some(metadata) = marked.as_ref().or(self.0.metadata.as_ref()) {
            object.serialize_entry("metadata", metadata)?;
        }
        object.end()
    }
}

message! {
    /// A part as it is written.
    #[derive(Default)]
    #[allow(unreachable_pub)] // `message!` makes public structs.
    pub struct PartFields {
        #[json("text")]
        pub text: Option<String>,
        #[json("file")]
        pub file: Option<FileFields>,
        #[json("data")]
        pub data: Option<DataFields>,
        #[json("metadata")]
        pub metadata: Option<Struct>,
    }
}

message! {
    /// Data as it is written.
    #[derive(Default)]
    #[allow(unreachable_pub)]
    pub struct DataFields {
        #[json("data")]
        pub data: Option<Struct>,
    }
}

message! {
    /// A file as it is written.
    #[derive(Default)]
    #[allow(unreachable_pub)]
    pub struct FileFields {
        #[json("fileWithUri")]
        pub file_with_uri: Option<String>,
        #[json("fileWithBytes")]
        pub file_with_bytes: Option<Base64>,
        #[json("mimeType")]
        pub mime_type: String,
        #[json("name")]
        pub name: String,
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PartFields { text, file, data, metadata } = PartFields::deserialize(deserializer)?;
        Ok(Self(match (text, file, data) {
            (Some(text), None, None) => crate::Part { metadata, ..crate::Part::text(text) },
            (None, Some(file), None) => {
                let file = file.part().ok_or_else(|| {
                    wire::not_exactly_one(&["file.fileWithUri", "file.fileWithBytes"])
                })?;
                crate::Part { metadata, ..file }
            }
            (None, None, Some(DataFields { data })) => {
                let data = data.ok_or_else(|| D::Error::custom("must have data in its data"))?;
                let (data, metadata) = data::unmark(data, metadata).map_err(D::Error::custom)?;
                crate::Part { metadata, ..crate::Part::data(data) }
            }
            _ => return Err(wire::not_exactly_one(&["text", "file", "data"])),
        }))
    }
}

impl FileFields {
    /// A part with the file, if it has bytes or else a URI.
    fn part(self) -> Option<crate::Part> {
        let part = match (self.file_with_uri, self.file_with_bytes) {
            (Some(uri), None) => crate::Part::url(uri),
            (None, Some(Base64(bytes))) => crate::Part::raw(base64::unwrapped(bytes)),
            _ => return None,
        };
        Some(part.with_media_type(self.mime_type).with_filename(self.name))
    }
}
