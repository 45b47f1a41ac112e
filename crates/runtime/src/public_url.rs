//! Where clients reach the service.

use http::Uri;

use crate::table::PUBLIC_URL;
use crate::variables::{ConfigError, Variables};

/// The URL of `PUBLIC_URL`, without a slash at its end, if it is set.
///
/// # Errors
/// When it is no URL that paths can be put behind.
pub fn public_url(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(url) = variables.text(&PUBLIC_URL)? else { return Ok(None) };
    let url = url.trim_end_matches('/').to_owned();
    let is_base =
        |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    if url.parse().is_ok_and(is_base) {
        Ok(Some(url))
    } else {
        Err(ConfigError::invalid(&PUBLIC_URL))
    }
}
