//! The query of an event that has it in pieces.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The characters to encode: all that have a meaning in a query (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values. A name may have an array of values, and then it is here several times.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The query of parameters that were decoded.
    pub(super) fn encoded(&self) -> String {
        self.join(|text| utf8_percent_encode(text, RESERVED).to_string())
    }

    /// The query of parameters that were not decoded.
    pub(super) fn joined(&self) -> String {
        self.join(str::to_owned)
    }

    fn join(&self, form: fn(&str) -> String) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", form(name), form(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameters by their names")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Parameters, M::Error> {
        let mut parameters = Parameters::default();
        while let Some(name) = members.next_key::<String>()? {
            let values = match members.next_value()? {
                Value::Array(values) => values,
                value => vec![value],
            };
            for value in values {
                // A parameter is always a text.
                if let Value::String(value) = value {
                    parameters.0.push((name.clone(), value));
                }
            }
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Parameters {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_decoded_file_is_encoded_again() {
        for (json, query) in [
            ("{}", ""),
            (r#"{"b":["1","2"],"a":"3","c":[]}"#, "b=1&b=2&a=3"),
            (r#"{"a&b":"c=d"}"#, "a%26b=c%3Dd"),
            (r#"{"t":"2025-01-01T00:00:00+02:00"}"#, "t=2025-01-01T00%3A00%3A00%2B02%3A00"),
            (r#"{"x":"ä 100%20?#/"}"#, "x=%C3%A4%20100%2520%3F%23%2F"),
            (r#"{"flag":"","n":7,"o":{},"l":[null,"x"]}"#, "flag=&l=x"),
        ] {
            assert_eq!(read(json).encoded(), query, "{json}");
        }
    }

    #[test]
    fn an_undecoded_file_stays_unchanged() {
        let read = read(r#"{"t":["00%3A00%2B02","a+b"],"x%26":"%20"}"#);
        assert_eq!(read.joined(), "t=00%3A00%2B02&t=a+b&x%26=%20");
    }
}
