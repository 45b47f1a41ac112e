//! The URL of an agent elsewhere, as an item of `AGENT` names it.

use http::Uri;

/// The longest URL, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 2048;

/// A text that is no URL of an agent. Each has the agent's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoUrl {
    #[error("an http or https URL must follow, such as {0}:https://agent.example")]
    Malformed(&'static str),
    #[error("its URL has more than {MAX_URL_BYTES} bytes")]
    TooLong,
    #[error("its URL must have no user: set {}_AGENT_AUTHORIZATION", .0.to_ascii_uppercase())]
    User(&'static str),
    #[error("its URL must have no fragment")]
    Fragment,
    #[cfg(feature = "a2a")]
    #[error("its URL must have no query")]
    Query,
}

/// Reads the URL of the agent of this name: of `http` or `https`, with a host, and with neither a user nor
/// a fragment.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn parse(agent: &'static str, url: &str) -> Result<Uri, NoUrl> {
    if url.len() > MAX_URL_BYTES {
        return Err(NoUrl::TooLong);
    }
    if url.contains('#') {
        return Err(NoUrl::Fragment);
    }
    let uri: Uri = url.parse().map_err(|_| NoUrl::Malformed(agent))?;
    let authority = uri.authority().ok_or(NoUrl::Malformed(agent))?;
    if authority.as_str().contains('@') {
        return Err(NoUrl::User(agent));
    }
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(NoUrl::Malformed(agent));
    }
    Ok(uri)
}
