//! The size of a value in JSON.

use std::io::{self, Write};

use serde::Serialize;

/// The size of a value, in bytes of JSON. The JSON itself is not kept.
///
/// 0 if the value has no JSON. The values of this crate all have one.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).map_or(0, |()| counter.0)
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_as_large_as_its_json() {
        for value in [json!(null), json!("é\n\u{1}"), json!({"a": [1.5, true, {}], "b": "c"})] {
            assert_eq!(json_bytes(&value), value.to_string().len(), "{value}");
        }
    }

    #[test]
    fn what_has_no_json_has_no_size() {
        let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(json_bytes(&keys), 0);
    }
}
