//! The parameter `generation` of `GetTask`, also accepted as `currentGeneration`: a long poll. It
//! belongs to our own extension; other servers skip it as an unknown field.

use a2a_lambda_core::Generation;
use a2a_lambda_protocol::{A2aError, decode};
use serde::Deserialize;
use serde_json::Value;

/// A number, or a number as text, which is the ProtoJSON form of 64 bits.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Newer {
    #[serde(default)]
    generation: Option<Value>,
    #[serde(default, alias = "current_generation")]
    current_generation: Option<Value>,
}

/// The generation that the client knows, from a request's parameters.
pub(crate) fn newer_than(request: &[u8]) -> Result<Option<Generation>, A2aError> {
    let Newer { generation, current_generation } = decode(request)?;
    let generation = read("generation", generation)?;
    let current = read("currentGeneration", current_generation)?;
    match (generation, current) {
        (Some(generation), Some(current)) if generation != current => Err(A2aError::invalid_field(
            "currentGeneration",
            "is another number than `generation`: give one of them",
        )),
        (generation, current) => Ok(generation.or(current)),
    }
}

fn read(name: &str, value: Option<Value>) -> Result<Option<Generation>, A2aError> {
    let Some(value) = value else { return Ok(None) };
    let number = match serde_json::from_value(value) {
        Ok(Number::Number(number)) => Some(number),
        Ok(Number::Text(text)) if text.starts_with('+') => None,
        Ok(Number::Text(text)) => text.parse().ok(),
        Err(_) => None,
    };
    let number = number
        .ok_or_else(|| A2aError::invalid_field(name, "must be a number that is not negative"))?;
    Ok(Some(Generation(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_a_number() {
        for (value, expected) in [
            ("null", Some(None)),
            ("0", Some(Some(0))),
            (r#""12""#, Some(Some(12))),
            ("-1", None),
            (r#""+1""#, None),
            (r#""x""#, None),
            ("1.5", None),
            ("[]", None),
        ] {
            for name in ["generation", "currentGeneration", "current_generation"] {
                let json = format!(r#"{{"{name}":{value}}}"#);
                let found = newer_than(json.as_bytes()).ok();
                assert_eq!(found, expected.map(|number| number.map(Generation)), "{json}");
            }
        }
    }

    #[test]
    fn both_names_say_the_same_or_are_refused() {
        for (json, expected) in [
            ("{}", Some(None)),
            (r#"{"generation":3,"currentGeneration":"3"}"#, Some(Some(3))),
            (r#"{"generation":3,"currentGeneration":null}"#, Some(Some(3))),
            (r#"{"generation":3,"currentGeneration":4}"#, None),
            (r#"{"generation":3,"currentGeneration":"x"}"#, None),
        ] {
            let found = newer_than(json.as_bytes()).ok();
            assert_eq!(found, expected.map(|number| number.map(Generation)), "{json}");
        }
    }
}
