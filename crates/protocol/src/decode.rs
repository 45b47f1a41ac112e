//! From bytes to a type, or to an error that its sender can act on.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::error::{A2aError, ErrorKind};

/// Fields whose keys the sender chooses: a path keeps such keys as they are.
const MAP_FIELDS: [&str; 3] = ["securitySchemes", "schemes", "scopes"];

/// How long a description gets, in bytes. Some repeat a piece of the input.
const MAX_DESCRIPTION_BYTES: usize = 500;

/// Reads one JSON document.
///
/// # Errors
/// [`ErrorKind::JsonParse`] if the text is not one JSON document in UTF-8.
/// [`ErrorKind::InvalidParams`] with one violation, which names the field, if it does not have the
/// type's shape.
pub fn decode<T: DeserializeOwned>(text: &[u8]) -> Result<T, A2aError> {
    // All of it, at once: serde_json does not look at the encoding of strings that it skips.
    let text = std::str::from_utf8(text).map_err(|error| {
        A2aError::new(ErrorKind::JsonParse, "malformed JSON: not UTF-8").with_source(error)
    })?;
    decode_str(text)
}

/// Reads the `params` of a JSON-RPC request, cut out of it before. As [`decode`].
///
/// # Errors
/// As [`decode`].
pub fn decode_params<T: DeserializeOwned>(params: &RawValue) -> Result<T, A2aError> {
    decode_str(params.get())
}

fn decode_str<T: DeserializeOwned>(text: &str) -> Result<T, A2aError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let error = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => return deserializer.end().map(|()| value).map_err(malformed),
        Err(error) => error,
    };
    // The reading stopped at the first thing it could not use. Whether the text is JSON at all
    // decides between the two answers, and not `classify()`: that calls half a surrogate pair a
    // syntax error.
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Err(wrong_shape(error)),
        Err(later) if error.inner().classify() == Category::Data => Err(malformed(later)),
        Err(_) => Err(malformed(error.into_inner())),
    }
}

fn malformed(error: serde_json::Error) -> A2aError {
    A2aError::new(ErrorKind::JsonParse, format!("malformed JSON: {error}")).with_source(error)
}

fn wrong_shape(error: serde_path_to_error::Error<serde_json::Error>) -> A2aError {
    let field = camel_case_path(error.path());
    let error = error.into_inner();
    A2aError::invalid_field(field, describe(&error)).with_source(error)
}

/// The path in the names that clients know, in camelCase.
fn camel_case_path(path: &Path) -> String {
    let mut out = String::new();
    let mut own_key = false;
    for segment in path {
        match segment {
            Segment::Seq { .. } => out.push_str(&segment.to_string()),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                let name = if own_key { key.clone() } else { camel_case(key) };
                own_key = !own_key && MAP_FIELDS.contains(&name.as_str());
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&name);
            }
            Segment::Unknown => {}
        }
    }
    out
}

/// `ProtoJSON`'s rule: an underscore goes and the next letter is a capital.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut capital = false;
    for c in name.chars() {
        if c == '_' {
            capital = true;
        } else if capital {
            out.push(c.to_ascii_uppercase());
            capital = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// `serde`'s words for an unexpected value, and JSON's.
const FOUND: [(&str, &str); 8] = [
    ("null", "null"),
    ("boolean", "a boolean"),
    ("integer", "a number"),
    ("floating point", "a number"),
    ("number", "a number"),
    ("string", "a string"),
    ("sequence", "an array"),
    ("map", "an object"),
];

/// The error in the words of JSON, without the position, and without repeating the value: that may
/// be long, and a secret.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&position).unwrap_or(&text);
    if let Some(described) = expected_and_found(text) {
        return described;
    }
    let mut text = match error.classify() {
        Category::Data => text.to_owned(),
        // Well-formed JSON that has no meaning: half a surrogate pair, a number out of any range.
        Category::Syntax | Category::Eof | Category::Io => format!("is not readable: {text}"),
    };
    text.truncate(text.floor_char_boundary(MAX_DESCRIPTION_BYTES));
    text
}

/// Rewords `invalid type: map, expected a string`, the one form in which `serde` reports a wrong
/// type.
fn expected_and_found(text: &str) -> Option<String> {
    let (kind, rest) = text.split_once(": ")?;
    // The last one: the value before it may contain any text, but our expectations do not contain
    // these words.
    let (found, mut expected) = rest.rsplit_once(", expected ")?;
    if expected == "a sequence" {
        expected = "an array";
    } else if expected == "a map" {
        expected = "an object";
    }
    match kind {
        "invalid type" => {
            let (_, found) = FOUND.iter().find(|(prefix, _)| found.starts_with(prefix))?;
            Some(format!("must be {expected}, not {found}"))
        }
        "invalid value" => Some(format!("must be {expected}")),
        _ => None,
    }
}
