//! The headers of an event, within bounds. Each name has one value, or an array of them.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The most headers of a request. A map of more than 24,576 names panics; front doors allow some
/// hundred at most.
const MAX_HEADERS: usize = 1_000;

/// The most bytes of names and values. API Gateway takes 10 KB.
const MAX_HEADER_BYTES: usize = 128 * 1024;

/// Headers by their names. Payload 2.0 joins the values of one name with commas; `multiValueHeaders`
/// has them in an array.
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
            let values = match members.next_value()? {
                Value::Array(values) => values,
                value => vec![value],
            };
            let header = HeaderName::try_from(&name).ok();
            for value in values {
                // A malformed header is left out, as a server does.
                let Value::String(value) = value else { continue };
                bytes += name.len() + value.len();
                headers.cut = headers.map.len() >= MAX_HEADERS || bytes > MAX_HEADER_BYTES;
                if headers.cut {
                    break;
                }
                if let Some(header) = &header
                    && let Ok(value) = HeaderValue::try_from(value)
                {
                    headers.map.append(header.clone(), value);
                }
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
        let copies = |count| -> Headers {
            serde_json::from_value(serde_json::json!({ "x": vec![""; count] })).unwrap()
        };
        assert_eq!((copies(MAX_HEADERS).map.len(), copies(MAX_HEADERS).cut), (MAX_HEADERS, false));
        assert!(copies(MAX_HEADERS + 1).cut);
    }

    #[test]
    fn a_malformed_header_is_left_out() {
        let headers: Headers = serde_json::from_str(
            r#"{"A":"b","n":null,"x y":["z"],"c":"\n","ä":"ö","e":["ö",7,null],"a":["c",["d"]]}"#,
        )
        .unwrap();
        let all: Vec<_> = headers.map.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let expected: [(&str, &[u8]); 3] = [("a", b"b"), ("a", b"c"), ("e", "ö".as_bytes())];
        assert_eq!(all, expected);
    }
}
