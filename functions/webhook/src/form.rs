//! Forms and queries (`application/x-www-form-urlencoded`).

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The longest challenge that is answered, in bytes.
const MAX_CHALLENGE_BYTES: usize = 1_024;

/// The fields of a form, in their order.
fn fields(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// The object that a form is: a text for each name, or a list where a name is repeated.
pub(crate) fn object(text: &str) -> Value {
    let mut object = Map::new();
    for (name, value) in fields(text) {
        let value = Value::String(value);
        match object.get_mut(&name) {
            None => {
                object.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Value::Object(object)
}

/// The text that a receiver of pushes is asked to give back, if a query asks that.
pub(crate) fn challenge(query: &str) -> Option<String> {
    let found = fields(query).find(|(name, _)| name == "validationToken")?.1;
    (!found.is_empty() && found.len() <= MAX_CHALLENGE_BYTES).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_is_an_object_of_texts() {
        for (text, expected) in [
            ("decision=approve&comment=", json!({ "decision": "approve", "comment": "" })),
            ("a=1&a=2&a=3&b", json!({ "a": ["1", "2", "3"], "b": "" })),
            ("x=a+b%20c%26%3D&&=y", json!({ "x": "a b c&=", "": "y" })),
            ("%C3%A4=%ff%", json!({ "ä": "\u{fffd}%" })),
            ("", json!({})),
        ] {
            assert_eq!(object(text), expected, "{text}");
        }
    }

    #[test]
    fn a_challenge_is_bounded() {
        assert_eq!(challenge("b=c&validationToken=to%20ken%261").as_deref(), Some("to ken&1"));
        let long = format!("validationToken={}", "x".repeat(MAX_CHALLENGE_BYTES + 1));
        for query in ["", "validationToken=", "validationtoken=x", &long] {
            assert_eq!(challenge(query), None);
        }
    }
}
