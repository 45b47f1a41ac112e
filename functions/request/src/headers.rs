//! The headers of an event, within bounds.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The most headers of a request. A map of more than 24,576 names panics; front doors let through
/// some hundred at the most.
const MAX_HEADERS: usize = 1_000;

/// The most bytes of names and values. API Gateway takes 10 KB.
const MAX_HEADER_BYTES: usize = 128 * 1024;

/// Headers by their names. Copies of one name have come together in one value, with commas.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) map: HeaderMap,
    /// There were more than fit.
    pub(crate) cut: bool,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers by their names")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Headers, M::Error> {
        let mut headers = Headers::default();
        let mut bytes = 0;
        while let Some(name) = members.next_key::<String>()? {
            if headers.cut {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            // What is no header is left out, as a server leaves it out.
            let Value::String(value) = members.next_value()? else { continue };
            bytes += name.len() + value.len();
            headers.cut = headers.map.len() >= MAX_HEADERS || bytes > MAX_HEADER_BYTES;
            if !headers.cut
                && let Ok(name) = HeaderName::try_from(name)
                && let Ok(value) = HeaderValue::try_from(value)
            {
                headers.map.append(name, value);
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(members: impl Iterator<Item = (String, String)>) -> Headers {
        let object: serde_json::Map<_, _> =
            members.map(|(name, value)| (name, Value::String(value))).collect();
        serde_json::from_value(Value::Object(object)).unwrap()
    }

    #[test]
    fn headers_are_bounded() {
        let many = |count| headers((0..count).map(|i| (format!("x-{i}"), String::new())));
        assert_eq!((many(MAX_HEADERS).map.len(), many(MAX_HEADERS).cut), (MAX_HEADERS, false));
        for count in [MAX_HEADERS + 1, 40_000] {
            assert!(many(count).cut, "{count}");
        }
        let one = |bytes| headers(std::iter::once(("x".to_owned(), "y".repeat(bytes))));
        assert!(!one(MAX_HEADER_BYTES - 1).cut);
        assert!(one(MAX_HEADER_BYTES).cut);
    }

    #[test]
    fn what_is_no_header_is_left_out() {
        let headers: Headers = serde_json::from_str(
            r#"{"A":"b","n":null,"x y":"z","c":"\n","ä":"ö","e":"ö","a":"c"}"#,
        )
        .unwrap();
        let all: Vec<_> = headers.map.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let expected: [(&str, &[u8]); 3] = [("a", b"b"), ("a", b"c"), ("e", "ö".as_bytes())];
        assert_eq!(all, expected);
    }
}
