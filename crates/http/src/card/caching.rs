//! The caching of cards by clients (spec section 8.6, RFC 9110 section 13). Headers tell clients how
//! long to keep a copy, and whether it is current.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use a2a_lambda_protocol::Timestamp;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use ring::digest;

use super::CardSigner;
use crate::binding::without_copies;

/// How many bytes of the hash a tag has.
const TAG_BYTES: usize = 16;

/// The validators of a card: they change with its content.
///
/// The tag depends on the card's content, so it is always right. The time exists only if the
/// deployment sets it. A program knows only the times of its build and its start, and a card can
/// change without either, by its configuration. With such a time, a client without a tag would take
/// its outdated copy for current.
pub(super) struct Validators {
    tag: String,
    modified: Option<SystemTime>,
}

impl Validators {
    /// For the document without its signatures.
    ///
    /// ES256 signatures differ each time, and all of them are valid. They do not depend on the
    /// content, so the tag is a weak one. The key counts: a client whose card was signed by the
    /// previous key needs the new card.
    pub(super) fn new(
        unsigned: &[u8],
        signer: Option<&CardSigner>,
        modified: Option<Timestamp>,
    ) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(unsigned);
        let mut weak = false;
        if let Some(signer) = signer {
            hash.update(signer.protected().as_bytes());
            hash.update(signer.public_key());
            weak = !signer.is_deterministic();
        }
        let mut tag = if weak { "W/\"" } else { "\"" }.to_owned();
        for byte in &hash.finish().as_ref()[..TAG_BYTES] {
            // Writing to a string cannot fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Self { tag, modified: modified.map(whole_seconds) }
    }

    /// Whether the client's copy is current (RFC 9110 section 13.2.2). The tag decides if the
    /// client sent one, otherwise the time. Without a known time, no copy is current by time
    /// (section 13.1.3).
    pub(super) fn hold(&self, parts: &Parts) -> bool {
        if parts.headers.contains_key(header::IF_NONE_MATCH) {
            let lines = parts.headers.get_all(header::IF_NONE_MATCH).iter();
            let tags = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
            return tags
                .map(str::trim)
                .any(|sent| sent == "*" || opaque(sent) == opaque(&self.tag));
        }
        let since = parts.headers.get(header::IF_MODIFIED_SINCE).and_then(|at| at.to_str().ok());
        let since = since.and_then(|at| httpdate::parse_http_date(without_copies(at)).ok());
        matches!((since, self.modified), (Some(since), Some(modified)) if modified <= since)
    }

    /// Adds the validators, and how long the client may keep the card without asking.
    pub(super) fn add_headers(&self, response: &mut Response<Bytes>, max_age_s: u32) {
        set(response, header::CACHE_CONTROL, &format!("public, max-age={max_age_s}"));
        set(response, header::ETAG, &self.tag);
        if let Some(modified) = self.modified {
            set(response, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
    }
}

/// The answer that the client's copy is current.
pub(super) fn not_modified() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// A tag without its mark of weakness, which this comparison ignores (RFC 9110 section 13.1.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn whole_seconds(at: Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.as_millis() / 1_000).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(seconds)
}
