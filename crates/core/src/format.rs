//! Formats: the number that says how something stored was written.
//!
//! Functions of two releases work on one table and one queue while a release is rolled out or rolled
//! back. A release refuses a format that it does not know, by name and before it writes anything.
//! `docs/formats.md` has the rule and how a format is changed.

use serde::Deserialize;
use serde_json::Value;

/// A stored item has the format of another release, which this release does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} has {found}, and this release reads {reads}")]
pub struct UnknownFormat {
    /// The kind of the stored item.
    pub kind: &'static str,
    /// The unknown format.
    pub found: String,
    /// The formats that this release reads.
    pub reads: String,
}

/// How much of an unknown name an error shows.
const MAX_NAME_BYTES: usize = 40;

/// The formats of one kind that this release reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats {
    kind: &'static str,
    oldest: u64,
    newest: u64,
}

/// The format number of a JSON object.
#[derive(Deserialize)]
struct Numbered {
    v: Option<Value>,
}

impl Formats {
    /// The format of an item without a number.
    pub const FIRST: u64 = 1;

    /// The formats from `oldest` to `newest` of one kind, as errors name it.
    pub const fn new(kind: &'static str, oldest: u64, newest: u64) -> Self {
        Self { kind, oldest, newest }
    }

    /// Checks a number.
    ///
    /// # Errors
    /// When this release does not read that format.
    pub fn check(&self, number: u64) -> Result<(), UnknownFormat> {
        if (self.oldest..=self.newest).contains(&number) {
            return Ok(());
        }
        Err(self.error(format!("format {number}")))
    }

    /// Checks the number `v` of a JSON object. A text that is not an object passes: its reader
    /// refuses it later.
    ///
    /// # Errors
    /// When this release does not read that format, or `v` is not a number.
    pub fn check_json(&self, json: &[u8]) -> Result<(), UnknownFormat> {
        // serde would take an array for the fields of a struct.
        let is_object = json.trim_ascii_start().starts_with(b"{");
        match serde_json::from_slice(json) {
            Ok(_) if !is_object => Ok(()),
            Err(_) => Ok(()),
            Ok(Numbered { v: None }) => self.check(Self::FIRST),
            Ok(Numbered { v: Some(number) }) => match number.as_u64() {
                Some(number) => self.check(number),
                None => Err(self.not_a_number()),
            },
        }
    }

    /// The error for a format that is not a number.
    pub fn not_a_number(&self) -> UnknownFormat {
        self.error("a format that is no number".to_owned())
    }

    /// The error for a part, such as a field, that a known format lacks.
    pub fn unknown(&self, part: &str, name: &str) -> UnknownFormat {
        let shown = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
        self.error(format!("an unknown {part} {shown:?}"))
    }

    fn error(&self, found: String) -> UnknownFormat {
        let Self { kind, oldest, newest } = *self;
        let reads = if oldest == newest {
            format!("format {newest}")
        } else {
            format!("formats {oldest} to {newest}")
        };
        UnknownFormat { kind, found, reads }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THINGS: Formats = Formats::new("thing", 1, 2);

    #[test]
    fn an_unknown_format_is_named() {
        for known in [1, 2] {
            assert_eq!(THINGS.check(known), Ok(()));
        }
        for unknown in [0, 3, u64::MAX] {
            let error = THINGS.check(unknown).unwrap_err().to_string();
            let expected =
                format!("the thing has format {unknown}, and this release reads formats 1 to 2");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_json_object_without_a_number_has_the_first_format() {
        for known in
            ["{}", r#"{"v":1}"#, r#"{"v":2,"x":[]}"#, r#"{"v":null}"#, "", "{", "7", r#"["x"]"#]
        {
            assert_eq!(THINGS.check_json(known.as_bytes()), Ok(()), "{known}");
        }
        for (unknown, found) in [
            (r#"{"v":99,"x":1}"#, "format 99"),
            (r#"{"v":0}"#, "format 0"),
            (r#"{"v":"1"}"#, "a format that is no number"),
            (r#"{"v":-1}"#, "a format that is no number"),
            (r#"{"v":1.5}"#, "a format that is no number"),
            (r#"{"v":{"v":1}}"#, "a format that is no number"),
        ] {
            let error = THINGS.check_json(unknown.as_bytes()).unwrap_err();
            assert_eq!(error.found, found, "{unknown}");
        }
        let long = THINGS.unknown("field", &"ä".repeat(1_000)).found;
        assert_eq!(long, format!("an unknown field {:?}", "ä".repeat(20)));
        let new = Formats::new("thing", 2, 2);
        assert_eq!(new.check_json(b"{}").unwrap_err().found, "format 1");
    }
}
