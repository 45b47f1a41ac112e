//! An agent's card: fetched, cached, checked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_https::{Limits as RequestLimits, Request, Transport, WallClock};
#[cfg(feature = "v0_3")]
use a2a_lambda_protocol::v0_3;
use a2a_lambda_protocol::{AgentCard, decode};
use a2a_lambda_signing::VerifyingKeys;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use crate::bounds::Limits;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::interface::parse_url;
use crate::receive::{by_status, not_json};
use crate::signature;

/// The path of a card, behind an agent's URL (specification 8.2).
const WELL_KNOWN: &str = "/.well-known/agent-card.json";
/// How many cards are kept.
const MAX_CARDS: usize = 64;
/// The longest that a card is used without asking again.
const MAX_AGE: Duration = Duration::from_hours(24);
/// The longest tag that is kept, in bytes.
const MAX_TAG_BYTES: usize = 1024;

/// Cards that were fetched, at most 64. A card is used for as long as its server says, and asked for by
/// its tag afterwards. One cache is for one set of credentials.
pub struct CardCache {
    wall: Arc<dyn WallClock>,
    cards: Mutex<BTreeMap<String, Cached>>,
}

#[derive(Clone)]
struct Cached {
    document: Bytes,
    tag: Option<HeaderValue>,
    fetched_ms: i64,
    /// For how long it is used without asking.
    max_age: Duration,
}

impl CardCache {
    /// An empty cache, which measures age by this clock.
    pub fn new(wall: Arc<dyn WallClock>) -> Self {
        Self { wall, cards: Mutex::default() }
    }

    fn get(&self, url: &str) -> Option<Cached> {
        self.lock().get(url).cloned()
    }

    fn put(&self, url: &str, card: Cached) {
        let mut cards = self.lock();
        if cards.len() >= MAX_CARDS && !cards.contains_key(url) {
            let oldest = cards.iter().min_by_key(|(_, card)| card.fetched_ms);
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                cards.remove(&oldest);
            }
        }
        cards.insert(url.to_owned(), card);
    }

    fn is_fresh(&self, card: &Cached) -> bool {
        let age = self.wall.now_ms().saturating_sub(card.fetched_ms);
        // The clock may have stepped back.
        u64::try_from(age).is_ok_and(|age| Duration::from_millis(age) < card.max_age)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Cached>> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CardCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardCache").field("cards", &self.lock().len()).finish_non_exhaustive()
    }
}

/// Fetches the card of the agent at a URL, to which `/.well-known/agent-card.json` is added unless it
/// has a `/.well-known/` in it. With keys, the card must have a signature by one of them; the check is made each
/// time, of a cached card, too.
///
/// # Errors
/// When there is no card, or one that cannot be read or is not trusted.
pub async fn fetch_card(
    transport: &dyn Transport,
    url: &str,
    credentials: &Credentials,
    keys: Option<&VerifyingKeys>,
    limits: &Limits,
    cache: &CardCache,
) -> Result<AgentCard, Error> {
    let url = card_url(url)?;
    let document = document(transport, &url, credentials, limits, cache).await?;
    let (card, is_current) = read(&document)?;
    if let Some(keys) = keys {
        let value = serde_json::from_slice(&document)
            .map_err(|_| Error::NotA2a("the card is not JSON".to_owned()))?;
        signature::check(&card, &value, is_current, keys)?;
    }
    Ok(card)
}

/// The URL of the card of the agent at a URL.
pub(crate) fn card_url(url: &str) -> Result<Uri, Error> {
    let bad = |rule| Error::Request(format!("the agent's URL {rule}"));
    let parsed = parse_url(url).map_err(bad)?;
    if parsed.path().contains("/.well-known/") {
        return Ok(parsed);
    }
    if parsed.query().is_some() {
        return Err(bad("must have no query"));
    }
    parse_url(&format!("{}{WELL_KNOWN}", url.trim_end_matches('/'))).map_err(bad)
}

async fn document(
    transport: &dyn Transport,
    url: &Uri,
    credentials: &Credentials,
    limits: &Limits,
    cache: &CardCache,
) -> Result<Bytes, Error> {
    let key = url.to_string();
    let cached = cache.get(&key);
    if let Some(card) = cached.as_ref().filter(|card| cache.is_fresh(card)) {
        return Ok(card.document.clone());
    }
    let limit = RequestLimits { connect: limits.connect, ..RequestLimits::within(limits.answer) };
    let mut request = Request::new(Method::GET, url.clone(), limit).repeatable();
    request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(tag) = cached.as_ref().and_then(|card| card.tag.clone()) {
        request.headers.insert(header::IF_NONE_MATCH, tag);
    }
    credentials.add_to(&mut request.headers);
    let fetched_ms = cache.wall.now_ms();
    let answer = transport.exchange(&request).await?;
    let (max_age, tag) = (max_age(&answer.headers), tag(&answer.headers));
    let card = match (answer.status, cached) {
        (StatusCode::OK, _) => {
            let document = answer.whole(limits.card_bytes, limits.answer).await?;
            Cached { document, tag, fetched_ms, max_age }
        }
        (StatusCode::NOT_MODIFIED, Some(card)) => Cached { fetched_ms, max_age, ..card },
        (status, _) => return Err(by_status(status, None)),
    };
    let document = card.document.clone();
    // A card that cannot be read is not kept.
    read(&document)?;
    cache.put(&key, card);
    Ok(document)
}

/// Reads a card. False if it was read by the fields of 0.3.
fn read(document: &Bytes) -> Result<(AgentCard, bool), Error> {
    let text = std::str::from_utf8(document).map_err(|error| {
        Error::NotA2a(format!("the card is not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Err(not_json(text, ""));
    }
    #[cfg(feature = "v0_3")]
    if is_old(text) {
        let card = v0_3::read_card(document).map_err(Error::shape)?;
        return Ok((card, false));
    }
    let card: AgentCard = decode(document).map_err(Error::shape)?;
    if card.supported_interfaces.is_empty() {
        return Err(Error::NotA2a("the card names no interface".to_owned()));
    }
    Ok((card, true))
}

/// Whether a card is of an agent that knows 0.3 only.
#[cfg(feature = "v0_3")]
fn is_old(text: &str) -> bool {
    let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    document.get("url").is_some() && document.get("supportedInterfaces").is_none()
}

/// How long the card may be used without asking (RFC 9111 section 5.2.2.1); not at all if its server
/// does not say so.
fn max_age(headers: &HeaderMap) -> Duration {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|it| it.to_str().ok());
    let directives =
        lines.flat_map(|line| line.split(',')).map(|it| it.trim().to_ascii_lowercase());
    let mut age = Duration::ZERO;
    for directive in directives {
        if matches!(directive.as_str(), "no-store" | "no-cache") {
            return Duration::ZERO;
        }
        if let Some(Ok(seconds)) = directive.strip_prefix("max-age=").map(str::parse) {
            age = Duration::from_secs(seconds).min(MAX_AGE);
        }
    }
    age
}

fn tag(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::ETAG).filter(|tag| tag.len() <= MAX_TAG_BYTES).cloned()
}
