//! The function's configuration.

use std::fmt;
use std::sync::Arc;

use a2a_lambda_aws::api_keys;
use a2a_lambda_core::ApiKeys;
use a2a_lambda_https::Fetch;
use a2a_lambda_runtime::table::{
    API_KEYS, AUTHORIZER_HEADER, JWT_ISSUERS, OWNER_CLAIM, REQUIRED_SCOPES, TENANT_CLAIM,
};
use a2a_lambda_runtime::{ConfigError, Variables, fetcher};
use http::{HeaderName, header};

use crate::jwt::{Issuer, Rules};
use crate::keys::{KeyCache, is_trusted_url};

/// The most issuers. Each is a document to fetch.
const MAX_ISSUERS: usize = 16;

/// The header of an API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The handler's context: made once, at cold start.
#[derive(Clone)]
pub struct Context(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) keys: Option<Arc<dyn ApiKeys>>,
    pub(crate) rules: Rules,
    /// The headers that may have credentials.
    pub(crate) headers: Vec<HeaderName>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.0.issuers.iter().map(|issuer| &issuer.url).collect();
        f.debug_struct("Context").field("issuers", &issuers).finish_non_exhaustive()
    }
}

/// Why `JWT_ISSUERS` is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IssuersError {
    #[error("{0:?} is no https URL without a query")]
    Url(String),
    #[error("{0:?} stands before the first issuer")]
    NoIssuer(String),
    #[error("the issuer {0:?} is there twice")]
    Twice(String),
    #[error("the issuer {0:?} has no audience: add aud= and its name for this service")]
    NoAudience(String),
    #[error("{0:?} is given twice for one issuer")]
    Repeated(&'static str),
    #[error("there are more than {MAX_ISSUERS} issuers")]
    TooMany,
}

/// An issuer as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) url: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) jwks_url: Option<String>,
}

/// The context of the function, from its variables.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let keys = variables.flag(&API_KEYS)?.then(|| api_keys(variables)).transpose()?;
    context_with(variables, &fetcher(), keys)
}

/// As [`context`], with another way to fetch documents and other API keys.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context_with(
    variables: &Variables<'_>,
    fetch: &Arc<dyn Fetch>,
    keys: Option<Arc<dyn ApiKeys>>,
) -> Result<Context, ConfigError> {
    let issuers = variables.read(&JWT_ISSUERS, issuers)?.unwrap_or_default();
    if issuers.is_empty() && keys.is_none() {
        let what = "set, or API_KEYS true: nobody could call".to_owned();
        let variable = JWT_ISSUERS.about.name;
        return Err(ConfigError::Invalid { variable, what, source: None });
    }
    let issuer = |Written { url, audiences, jwks_url }: Written| Issuer {
        keys: KeyCache::new(url.clone(), jwks_url, fetch.clone()),
        url,
        audiences,
    };
    let scopes = variables.text(&REQUIRED_SCOPES)?.unwrap_or_default();
    let rules = Rules {
        owner_claim: variables.required(&OWNER_CLAIM)?,
        tenant_claim: variables.text(&TENANT_CLAIM)?,
        required_scopes: scopes.split_whitespace().map(str::to_owned).collect(),
    };
    let headers = match variables.required(&AUTHORIZER_HEADER)?.as_str() {
        "any" => vec![header::AUTHORIZATION, API_KEY],
        name => vec![
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|error| ConfigError::because(&AUTHORIZER_HEADER, error))?,
        ],
    };
    let issuers = issuers.into_iter().map(issuer).collect();
    Ok(Context(Arc::new(Inner { issuers, keys, rules, headers })))
}

/// Reads `https://issuer.example aud=a,b jwks=https://issuer.example/keys https://...`.
pub(crate) fn issuers(text: &str) -> Result<Vec<Written>, IssuersError> {
    let mut issuers: Vec<Written> = Vec::new();
    for word in text.split_whitespace() {
        let last = issuers.last_mut().ok_or_else(|| IssuersError::NoIssuer(word.to_owned()));
        if let Some(names) = word.strip_prefix("aud=") {
            let names = names.split(',').filter(|name| !name.is_empty());
            last?.audiences.extend(names.map(str::to_owned));
        } else if let Some(url) = word.strip_prefix("jwks=") {
            if !is_trusted_url(url) {
                return Err(IssuersError::Url(url.to_owned()));
            }
            if last?.jwks_url.replace(url.to_owned()).is_some() {
                return Err(IssuersError::Repeated("jwks="));
            }
        } else if !is_trusted_url(word) || word.contains('?') {
            return Err(IssuersError::Url(word.to_owned()));
        } else if issuers.iter().any(|known| known.url == word) {
            return Err(IssuersError::Twice(word.to_owned()));
        } else {
            let url = word.to_owned();
            issuers.push(Written { url, audiences: Vec::new(), jwks_url: None });
        }
    }
    if let Some(issuer) = issuers.iter().find(|issuer| issuer.audiences.is_empty()) {
        return Err(IssuersError::NoAudience(issuer.url.clone()));
    }
    if issuers.len() > MAX_ISSUERS { Err(IssuersError::TooMany) } else { Ok(issuers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(url: &str, audiences: &[&str], jwks_url: Option<&str>) -> Written {
        let audiences = audiences.iter().map(|name| (*name).to_owned()).collect();
        Written { url: url.to_owned(), audiences, jwks_url: jwks_url.map(str::to_owned) }
    }

    #[test]
    fn issuers_are_written_with_their_audiences_and_keys() {
        let text = "https://a.example/x aud=api://default,two\n http://127.0.0.1:9/ \
            aud=three jwks=https://keys.example/set?v=1 aud=four";
        let expected = vec![
            written("https://a.example/x", &["api://default", "two"], None),
            written(
                "http://127.0.0.1:9/",
                &["three", "four"],
                Some("https://keys.example/set?v=1"),
            ),
        ];
        assert_eq!(issuers(text), Ok(expected));
    }

    #[test]
    fn a_malformed_issuer_is_named() {
        let url = |text: &str| IssuersError::Url(text.to_owned());
        let many: Vec<_> = (0..17).map(|n| format!("https://{n}.example aud=a")).collect();
        for (text, expected) in [
            ("http://a.example aud=x", url("http://a.example")),
            ("https://a.example?x aud=x", url("https://a.example?x")),
            ("https://u@a.example aud=x", url("https://u@a.example")),
            ("a.example aud=x", url("a.example")),
            ("https://a.example#f aud=x", url("https://a.example#f")),
            ("https://a.example aud=x jwks=http://a.example/keys", url("http://a.example/keys")),
            ("https://a.example aud=x audience=y", url("audience=y")),
            ("aud=x https://a.example", IssuersError::NoIssuer("aud=x".to_owned())),
            ("https://a.example", IssuersError::NoAudience("https://a.example".to_owned())),
            ("https://a.example aud=", IssuersError::NoAudience("https://a.example".to_owned())),
            (
                "https://a.example aud=x https://a.example aud=y",
                IssuersError::Twice("https://a.example".to_owned()),
            ),
            (
                "https://a.example aud=x jwks=https://b.example jwks=https://c.example",
                IssuersError::Repeated("jwks="),
            ),
            (&many.join(" "), IssuersError::TooMany),
        ] {
            assert_eq!(issuers(text), Err(expected), "{text}");
        }
    }
}
