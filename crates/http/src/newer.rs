//! The parameter `generation` of `GetTask`: a long poll. An extension of ours, which other servers
//! skip as a field that they do not know.

use a2a_lambda_core::Position;
use a2a_lambda_protocol::{A2aError, decode};
use serde::Deserialize;

/// A number, or a number as text, as ProtoJSON has it for 64 bits.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

#[derive(Debug, Deserialize)]
struct Newer {
    #[serde(default)]
    generation: Option<serde_json::Value>,
}

/// The generation that the client has, out of a request's parameters.
pub(crate) fn newer_than(request: &[u8]) -> Result<Option<Position>, A2aError> {
    let Newer { generation } = decode(request)?;
    let Some(generation) = generation else {
        return Ok(None);
    };
    let number = match serde_json::from_value(generation) {
        Ok(Number::Number(number)) => Some(number),
        Ok(Number::Text(text)) if text.starts_with('+') => None,
        Ok(Number::Text(text)) => text.parse().ok(),
        Err(_) => None,
    };
    let number = number.ok_or_else(|| {
        A2aError::invalid_field("generation", "must be a number that is not negative")
    })?;
    Ok(Some(Position(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_a_number() {
        for (json, expected) in [
            ("{}", Some(None)),
            (r#"{"generation":null}"#, Some(None)),
            (r#"{"generation":0}"#, Some(Some(0))),
            (r#"{"generation":"12"}"#, Some(Some(12))),
            (r#"{"generation":-1}"#, None),
            (r#"{"generation":"x"}"#, None),
            (r#"{"generation":1.5}"#, None),
            (r#"{"generation":[]}"#, None),
        ] {
            let found = newer_than(json.as_bytes()).ok();
            assert_eq!(found, expected.map(|number| number.map(Position)), "{json}");
        }
    }
}
