//! The URL at which clients reach the service.

use http::Uri;

use crate::table::PUBLIC_URL;
use crate::variables::{ConfigError, Variables};

/// The URL of `PUBLIC_URL`, without a slash at its end, if it is set.
///
/// # Errors
/// When it is not a URL, or paths cannot follow it.
pub fn public_url(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(url) = variables.text(&PUBLIC_URL)? else { return Ok(None) };
    base_url(&url).map_or_else(|| Err(ConfigError::invalid(&PUBLIC_URL)), |url| Ok(Some(url)))
}

/// A URL that paths can follow, without a slash at its end.
pub(crate) fn base_url(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/').to_owned();
    // Readers of the card would see a password, and `Uri` drops a fragment and accepts any port.
    let is_base = |uri: Uri| {
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_host = uri.authority().is_some_and(|authority| {
            let port = authority.as_str().strip_prefix(authority.host());
            port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some())
        });
        is_web && is_host && uri.query().is_none() && !url.contains('#')
    };
    url.parse().is_ok_and(is_base).then_some(url)
}
