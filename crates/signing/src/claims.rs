//! The claims of a token that issuers write in different ways.

use serde_json::{Map, Value};

/// The scopes in claims: `scope` (RFC 9068), or `scp`, as some issuers have it. Each is a text with
/// spaces or a list. An HTTP API makes a text of a list: `[a b]`.
pub fn scopes(claims: &Map<String, Value>) -> Vec<&str> {
    let claim = ["scope", "scp"].into_iter().filter_map(|name| claims.get(name));
    match claim.into_iter().find(|claim| !claim.is_null()) {
        Some(Value::String(text)) => {
            let list = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            list.unwrap_or(text).split_whitespace().collect()
        }
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).filter(|scope| !scope.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_are_read_in_every_form() {
        for (claims, expected) in [
            (json!({ "scope": "a b  c" }), &["a", "b", "c"][..]),
            (json!({ "scp": ["a", "b", 7, ""] }), &["a", "b"]),
            (json!({ "scp": "a b" }), &["a", "b"]),
            (json!({ "scp": "[a b]" }), &["a", "b"]),
            (json!({ "scope": "a", "scp": ["b"] }), &["a"]),
            (json!({ "scope": null, "scp": ["b"] }), &["b"]),
            (json!({ "scope": 7 }), &[]),
            (json!({}), &[]),
        ] {
            assert_eq!(scopes(claims.as_object().unwrap()), expected, "{claims}");
        }
    }
}
