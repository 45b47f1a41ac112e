//! JSON in its canonical form (RFC 8785), and the two texts of an agent card that are signed (A2A
//! specification 8.4.1).

use serde_json::{Map, Value};
use serde_json_canonicalizer::to_vec;

/// A value in its canonical form.
///
/// # Errors
/// When it has a number that a double cannot hold.
pub fn canonical(value: &Value) -> Result<Vec<u8>, serde_json::Error> {
    to_vec(value)
}

/// A value in its canonical form, without empty texts, lists and objects, and without `null`, at any
/// depth: the official SDKs sign a card so. A value of which nothing is left is an empty object.
///
/// # Errors
/// As [`canonical`].
pub fn canonical_without_empty(value: Value) -> Result<Vec<u8>, serde_json::Error> {
    to_vec(&without_empty(value).unwrap_or_else(|| Value::Object(Map::new())))
}

fn without_empty(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then_some(Value::String(text)),
        Value::Array(items) => {
            let left: Vec<_> = items.into_iter().filter_map(without_empty).collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        Value::Object(members) => {
            let left =
                members.into_iter().filter_map(|(name, it)| Some((name, without_empty(it)?)));
            let left: Map<_, _> = left.collect();
            (!left.is_empty()).then_some(Value::Object(left))
        }
        value => Some(value),
    }
}
