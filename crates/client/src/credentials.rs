//! The credentials that a client shows to an agent.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers that the client sets itself, or that belong to the connection.
const RESERVED: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::ACCEPT,
    HeaderName::from_static("a2a-version"),
    HeaderName::from_static("last-event-id"),
];

/// The headers that authenticate a client, and other headers of each request. All their values are
/// secrets: `Debug` shows the names.
#[derive(Clone, Default)]
pub struct Credentials(HeaderMap);

/// A header that cannot be sent. It does not show the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// The name is malformed.
    #[error("{0:?} is no name of a header")]
    Name(String),
    /// The client sets this header itself.
    #[error("the client sets the header {0} itself")]
    Reserved(HeaderName),
    /// The value is empty, or has characters that no header may have.
    #[error("the value for the header {0} must be of visible ASCII and spaces")]
    Value(HeaderName),
}

impl Credentials {
    /// No credentials.
    pub fn none() -> Self {
        Self::default()
    }

    /// With a bearer token (RFC 6750).
    ///
    /// # Errors
    /// When the token cannot be in a header.
    pub fn bearer(self, token: &str) -> Result<Self, BadHeader> {
        if token.is_empty() || token.contains(' ') {
            return Err(BadHeader::Value(header::AUTHORIZATION));
        }
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With one more header, such as an API key's. It replaces one of the same name.
    ///
    /// # Errors
    /// When there can be no such header, or the client sets it itself.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, BadHeader> {
        let bad_name = |_| BadHeader::Name(name.to_owned());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(bad_name)?;
        if RESERVED.contains(&name) {
            return Err(BadHeader::Reserved(name));
        }
        let value = HeaderValue::from_str(value).ok();
        let value = value.filter(|it| !it.is_empty() && it.to_str().is_ok());
        let Some(mut value) = value else { return Err(BadHeader::Value(name)) };
        value.set_sensitive(true);
        self.0.insert(name, value);
        Ok(self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds them to a request.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        headers.extend(self.0.clone());
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
