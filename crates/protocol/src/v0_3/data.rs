//! Data that is not an object, in an object: 0.3 has data objects only.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::json::{Json, Struct};

/// The mark that the official SDKs put into a part's metadata when 0.3 needs the data in an object.
const MARK: &str = r#""data_part_compat""#;
const MARKED: &str = r#""data_part_compat":true"#;
/// The object's one member.
const VALUE: &str = "value";

/// Writes data as an object.
pub(super) struct AsObject<'a>(pub(super) &'a Json);

impl Serialize for AsObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_object(self.0) {
            return self.0.serialize(serializer);
        }
        let mut object = serializer.serialize_map(Some(1))?;
        object.serialize_entry(VALUE, self.0)?;
        object.end()
    }
}

/// The metadata of a part with this data: the part's own, and the mark if the data is not an object.
pub(super) fn mark(
    data: &Json,
    metadata: Option<&Struct>,
) -> Result<Option<Struct>, serde_json::Error> {
    if is_object(data) {
        return Ok(metadata.cloned());
    }
    let mut members = match metadata {
        Some(metadata) => unmarked(&Members::of(metadata)?),
        None => Vec::new(),
    };
    members.push(MARKED.to_owned());
    object(&members).map(Some)
}

/// The data and the metadata of a part as they were before [`AsObject`] and [`mark`].
pub(super) fn unmark(
    data: Struct,
    metadata: Option<Struct>,
) -> Result<(Json, Option<Struct>), serde_json::Error> {
    let Some(given) = &metadata else { return Ok((data.into(), None)) };
    let members = Members::of(given)?;
    let marked = members.0.iter().any(|(key, value)| key.get() == MARK && value.get() == "true");
    if !marked {
        return Ok((data.into(), metadata));
    }
    let value = match Members::of(&data)?.0.as_slice() {
        [(key, value)] if key.get() == r#""value""# => Json::parse(value.get())?,
        // Marked by someone who means something else by it.
        _ => return Ok((data.into(), metadata)),
    };
    let rest = unmarked(&members);
    Ok((value, if rest.is_empty() { None } else { Some(object(&rest)?) }))
}

fn is_object(data: &Json) -> bool {
    // The text is valid JSON without leading whitespace: its first byte is its kind.
    data.as_str().starts_with('{')
}

fn unmarked(members: &Members<'_>) -> Vec<String> {
    let others = members.0.iter().filter(|(key, _)| key.get() != MARK);
    others.map(|(key, value)| format!("{key}:{value}")).collect()
}

fn object(members: &[String]) -> Result<Struct, serde_json::Error> {
    Struct::parse(&format!("{{{}}}", members.join(",")))
}

/// The members of an object as they are written, keys and all.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'a> Members<'a> {
    fn of(object: &'a Struct) -> Result<Self, serde_json::Error> {
        serde_json::from_str(object.as_str())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
