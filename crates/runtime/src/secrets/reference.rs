//! The reference that a variable may have in place of a secret. The errors say why a secret could
//! not be read.

use std::error::Error;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The most bytes that the name of a secret has.
pub(super) const MAX_NAME: usize = 2_048;

/// The most bytes that the key of an object of S3 has.
pub(super) const MAX_KEY: usize = 1_024;

/// The place of a variable's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// A parameter of Systems Manager.
    Parameter {
        /// Its name or ARN.
        name: String,
    },
    /// A secret of Secrets Manager.
    Secret {
        /// Its name or ARN.
        name: String,
        /// The member of the JSON object that is the value; `None` for the whole text.
        key: Option<String>,
    },
    /// An object of S3. No secret is kept in one.
    Object {
        /// The name of its bucket: 3 to 63 lowercase letters, digits, `.` and `-`.
        bucket: String,
        /// Its key: 1 to 1,024 characters of ASCII without spaces.
        key: String,
    },
}

/// A text begins as a reference does, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// It begins as one to a secret.
    #[error(
        "what begins with `ssm:` or `secretsmanager:` must be a reference, such as `ssm:/path` or \
         `secretsmanager:name#key`"
    )]
    Secret,
    /// It begins as one to an object.
    #[error(
        "what begins with `s3:` must be `s3:BUCKET/KEY`, such as `s3:my-bucket/agents.json`, with the \
         name of a bucket and a key of ASCII without spaces"
    )]
    Object,
}

impl Reference {
    /// The reference that a value is; `None` if it is none.
    ///
    /// # Errors
    /// When it begins as one and is malformed.
    pub fn parse(value: &str) -> Result<Option<Self>, BadReference> {
        let is_name = |name: &str| {
            !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_graphic())
        };
        if let Some(name) = value.strip_prefix("ssm:") {
            let is_full = name.starts_with('/') || name.starts_with("arn:");
            return if is_full && is_name(name) {
                Ok(Some(Self::Parameter { name: name.to_owned() }))
            } else {
                Err(BadReference::Secret)
            };
        }
        let Some(rest) = value.strip_prefix("secretsmanager:") else { return Ok(None) };
        let (name, key) = match rest.split_once('#') {
            Some((name, key)) => (name, Some(key)),
            None => (rest, None),
        };
        if is_name(name) && key.is_none_or(is_name) {
            Ok(Some(Self::Secret { name: name.to_owned(), key: key.map(str::to_owned) }))
        } else {
            Err(BadReference::Secret)
        }
    }

    /// The same, for a value that is no secret: `s3:BUCKET/KEY` is a reference, too.
    ///
    /// # Errors
    /// When it begins as a reference and is malformed.
    pub fn parse_document(value: &str) -> Result<Option<Self>, BadReference> {
        let Some(place) = value.strip_prefix("s3:") else { return Self::parse(value) };
        let is_key = |key: &str| {
            (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
        };
        match place.split_once('/') {
            Some((bucket, key)) if is_bucket(bucket) && is_key(key) => {
                Ok(Some(Self::Object { bucket: bucket.to_owned(), key: key.to_owned() }))
            }
            _ => Err(BadReference::Object),
        }
    }

    /// The variable's value, from the stored text. An empty text is an error: the variable would
    /// count as not set, and its feature would be switched off.
    pub(super) fn value(
        &self,
        stored: Zeroizing<String>,
    ) -> Result<Zeroizing<String>, SecretError> {
        let value = match self {
            Self::Secret { key: Some(key), .. } => member(&stored, key)?,
            _ => stored,
        };
        if value.is_empty() { Err(SecretError::new("it is empty")) } else { Ok(value) }
    }
}

/// Whether S3 takes this name for a bucket. The name is part of a host's.
fn is_bucket(name: &str) -> bool {
    let is_end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && is_end(bytes.first())
        && is_end(bytes.last())
        && !name.contains("..")
}

fn member(stored: &str, key: &str) -> Result<Zeroizing<String>, SecretError> {
    // The parser's error would quote the secret.
    let object: Result<Map<String, Value>, _> = serde_json::from_str(stored);
    let mut object = object.map_err(|_| SecretError::new("the secret is no JSON object"))?;
    match object.remove(key) {
        Some(Value::String(value)) => Ok(Zeroizing::new(value)),
        Some(_) => Err(SecretError::new("that member of the secret is no text")),
        None => Err(SecretError::new("the secret has no such member")),
    }
}

/// A secret could not be read. The text never has any of its value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String, #[source] Option<Box<dyn Error + Send + Sync>>);

impl SecretError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into(), None)
    }

    /// An error with this text and cause.
    pub fn because(
        text: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self(text.into(), Some(source.into()))
    }
}
