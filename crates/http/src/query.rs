//! The fields of an HTTP+JSON request: a query, and a body that may be absent.

use bytes::Bytes;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The most query parameters that are read.
const MAX_QUERY_PAIRS: usize = 64;

/// The query's parameters, decoded. Replacement characters stand for bytes that are not UTF-8.
pub(crate) fn query_pairs(parts: &Parts) -> Vec<(String, String)> {
    let query = parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MAX_QUERY_PAIRS);
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The query's parameters as a JSON object (spec section 11.5), so that the same reader reads them.
/// Numbers and enums come as text, which ProtoJSON accepts. Only booleans need a conversion.
///
/// A repeated parameter is repeated in the JSON. The reader refuses it if it is a field, and skips
/// it otherwise.
pub(crate) fn query_object(parts: &Parts) -> String {
    let members = query_pairs(parts).into_iter().map(|(name, value)| {
        let value = match (name.as_str(), value.as_str()) {
            ("includeArtifacts" | "include_artifacts", "true") => Value::Bool(true),
            ("includeArtifacts" | "include_artifacts", "false") => Value::Bool(false),
            _ => Value::String(value),
        };
        format!("{}:{value}", Value::String(name))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A body that may be absent, because the path says everything.
pub(crate) fn or_empty(body: &Bytes) -> &[u8] {
    if body.trim_ascii().is_empty() { b"{}" } else { body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let request = http::Request::get("/?a=1%202+3&b&=x&c=%C3%A4&&d=%ff");
        let parts = request.body(()).unwrap().into_parts().0;
        let pairs = query_pairs(&parts);
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a", "1 2 3"), ("b", ""), ("", "x"), ("c", "ä"), ("d", "\u{fffd}")]);
    }
}
