//! The public keys of an issuer: fetched when they are needed, kept for a while, and kept on when a
//! fetch fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_https::{Fetch, FetchError};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_signing::{NoKeySet, VerifyingKeys};
use http::Uri;
use serde::Deserialize;
use tracing::{info, warn};

/// The largest document of discovery, and the largest JWK set.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// The least time that keys are kept, for any header of their server.
const SHORTEST: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(1);

/// The time that keys are kept if their server does not say.
const USUAL: Duration = Duration::from_mins(10);

/// How long keys are used beyond that, while no fetch succeeds. A key that its issuer has withdrawn
/// must not be good for ever.
const LAST_USE: Duration = Duration::from_hours(24);

/// How long after one fetch the next may follow: a token can name any key.
const BETWEEN_FETCHES: Duration = Duration::from_mins(1);

/// The same where there are no keys that can be used: none yet, or too old ones.
const BETWEEN_FIRST_FETCHES: Duration = Duration::from_secs(5);

/// Why an issuer's keys are not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("{url} cannot be fetched")]
    Fetch {
        url: String,
        #[source]
        source: FetchError,
    },
    #[error("there is nothing at {0}")]
    Nothing(String),
    #[error("{0} is no document of OpenID discovery")]
    Discovery(String, #[source] serde_json::Error),
    #[error("{0} is of another issuer")]
    OtherIssuer(String),
    #[error("{0} names no https URL of a JWK set")]
    NoUrl(String),
    #[error("{0} cannot be used")]
    Set(String, #[source] NoKeySet),
    #[error("{0} has no key that can check signatures here")]
    NoKey(String),
    #[error("a fetch has failed a moment ago")]
    TriedBefore,
}

/// The keys of one issuer.
pub(crate) struct KeyCache {
    issuer: String,
    /// Their URL, if discovery is not needed.
    url: Option<String>,
    fetch: Arc<dyn Fetch>,
    state: Mutex<State>,
    /// Held by the one that fetches.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<Kept>,
    tried_at: Option<Timestamp>,
}

#[derive(Clone)]
struct Kept {
    keys: Arc<VerifyingKeys>,
    /// Until when they are used without asking.
    until: Timestamp,
}

/// The needed fields of a discovery document.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl State {
    /// Whether another fetch may begin.
    fn may_fetch(&self, now: Timestamp) -> bool {
        let has_keys = self.usable(now).is_some();
        let between = if has_keys { BETWEEN_FETCHES } else { BETWEEN_FIRST_FETCHES };
        self.tried_at.is_none_or(|at| now.saturating_since(at) >= between)
    }

    fn usable(&self, now: Timestamp) -> Option<Arc<VerifyingKeys>> {
        let kept = self.keys.as_ref()?;
        (now < kept.until.saturating_add(LAST_USE)).then(|| kept.keys.clone())
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<VerifyingKeys>> {
        self.keys.as_ref().filter(|kept| now < kept.until).map(|kept| kept.keys.clone())
    }
}

impl KeyCache {
    pub(crate) fn new(issuer: String, url: Option<String>, fetch: Arc<dyn Fetch>) -> Self {
        let fetching = tokio::sync::Mutex::new(());
        Self { issuer, url, fetch, state: Mutex::default(), fetching }
    }

    /// The keys, as new as they have to be. Old ones where they cannot be fetched.
    pub(crate) async fn current(&self, now: Timestamp) -> Result<Arc<VerifyingKeys>, KeysError> {
        if let Some(fresh) = self.state().fresh(now) {
            return Ok(fresh);
        }
        let usable = self.state().usable(now);
        let _fetching = match &usable {
            // Another caller fetches: the present keys are good until then.
            Some(usable) => match self.fetching.try_lock() {
                Ok(lock) => lock,
                Err(_) => return Ok(usable.clone()),
            },
            None => self.fetching.lock().await,
        };
        if let Some(fresh) = self.state().fresh(now) {
            return Ok(fresh);
        }
        if !self.state().may_fetch(now) {
            return usable.ok_or(KeysError::TriedBefore);
        }
        match (self.fetch_all(now).await, usable) {
            (Ok(keys), _) => Ok(keys),
            (Err(_), Some(usable)) => Ok(usable),
            (Err(error), None) => Err(error),
        }
    }

    /// The keys, fetched again for a token whose key is unknown. `None` if it is too soon, or
    /// nothing came of it.
    pub(crate) async fn again(&self, now: Timestamp) -> Option<Arc<VerifyingKeys>> {
        let before = self.state().tried_at;
        let _fetching = self.fetching.lock().await;
        let (tried_at, may_fetch) = {
            let state = self.state();
            (state.tried_at, state.may_fetch(now))
        };
        if tried_at != before {
            // Somebody else has fetched meanwhile.
            return self.state().usable(now);
        }
        if may_fetch { self.fetch_all(now).await.ok() } else { None }
    }

    async fn fetch_all(&self, now: Timestamp) -> Result<Arc<VerifyingKeys>, KeysError> {
        self.state().tried_at = Some(now);
        let (keys, max_age) = self.try_fetch().await.inspect_err(|error| {
            let cause = a2a_lambda_core::engine::chain(error);
            warn!(
                event = "keys_not_fetched",
                issuer = self.issuer,
                cause,
                "the issuer's keys could not be fetched, and the former ones stay in use"
            );
        })?;
        let keys = Arc::new(keys);
        let kept = max_age.unwrap_or(USUAL).clamp(SHORTEST, LONGEST);
        self.state().keys = Some(Kept { keys: keys.clone(), until: now.saturating_add(kept) });
        info!(
            event = "keys_fetched",
            issuer = self.issuer,
            "the authorizer fetched the issuer's keys"
        );
        Ok(keys)
    }

    async fn try_fetch(&self) -> Result<(VerifyingKeys, Option<Duration>), KeysError> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let document = self.document(&url).await?;
        let keys = VerifyingKeys::from_json(&document.body)
            .map_err(|error| KeysError::Set(url.clone(), error))?;
        // An issuer without keys signs nothing: it is more likely that the answer is wrong.
        if keys.is_empty() {
            return Err(KeysError::NoKey(url));
        }
        Ok((keys, document.max_age))
    }

    /// The URL of the issuer's keys, from its own configuration.
    async fn discover(&self) -> Result<String, KeysError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let document = self.document(&url).await?;
        let found: Discovery = serde_json::from_slice(&document.body)
            .map_err(|error| KeysError::Discovery(url.clone(), error))?;
        if found.issuer != self.issuer {
            return Err(KeysError::OtherIssuer(url));
        }
        if is_trusted_url(&found.jwks_uri) {
            Ok(found.jwks_uri)
        } else {
            Err(KeysError::NoUrl(url))
        }
    }

    async fn document(&self, url: &str) -> Result<a2a_lambda_https::Document, KeysError> {
        let fetched = self.fetch.fetch(url, MAX_DOCUMENT_BYTES).await;
        let failed = |source| KeysError::Fetch { url: url.to_owned(), source };
        fetched.map_err(failed)?.ok_or_else(|| KeysError::Nothing(url.to_owned()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the document at a URL can be trusted to be its host's: `https`, or this machine, for
/// tests.
pub(crate) fn is_trusted_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let is_here = matches!(authority.host(), "127.0.0.1" | "localhost" | "[::1]");
    let is_plain = !authority.as_str().contains('@') && !url.contains('#');
    is_plain && (uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && is_here))
}
