//! The interfaces of an agent: a URL, and the binding and the version spoken there.

use a2a_lambda_protocol::{AgentCard, AgentInterface};
use http::Uri;

use crate::error::Error;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// A binding of A2A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// JSON-RPC 2.0.
    JsonRpc,
    /// HTTP+JSON.
    HttpJson,
}

impl Binding {
    /// Its name in a card.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonRpc => "JSONRPC",
            Self::HttpJson => "HTTP+JSON",
        }
    }
}

/// A version of A2A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.0.
    V1_0,
    /// 0.3. Without the feature `v0_3` no interface has it.
    V0_3,
}

impl Version {
    /// Major and minor, as the header `A2A-Version` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V0_3 => "0.3",
        }
    }
}

/// An interface of an agent that is spoken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Where: an `http` or `https` URL.
    pub url: Uri,
    /// The binding.
    pub binding: Binding,
    /// The version.
    pub version: Version,
    /// The tenant that each request names; empty for none.
    pub tenant: String,
}

/// The interface of a card that the client chooses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preference {
    /// The only binding that is taken, if it is not any.
    pub binding: Option<Binding>,
    /// The only version that is taken, if it is not any.
    pub version: Option<Version>,
}

impl Interface {
    /// The interface of a card that fits: the newest version first, and of that the one that the agent
    /// prefers. At most the first 64 of the card are looked at.
    ///
    /// # Errors
    /// [`Error::NoInterface`] if none fits; [`Error::NotA2a`] if its URL cannot be used.
    pub fn choose(card: &AgentCard, preference: Preference) -> Result<Self, Error> {
        let spoken = |interface: &AgentInterface| {
            let binding = match interface.protocol_binding.as_str() {
                "JSONRPC" => Binding::JsonRpc,
                "HTTP+JSON" => Binding::HttpJson,
                _ => return None,
            };
            let mut numbers = interface.protocol_version.split('.');
            let version = match (numbers.next(), numbers.next()) {
                (Some("1"), _) => Version::V1_0,
                (Some("0"), Some("3")) if cfg!(feature = "v0_3") => Version::V0_3,
                _ => return None,
            };
            let fits = preference.binding.is_none_or(|only| only == binding)
                && preference.version.is_none_or(|only| only == version);
            fits.then(|| (interface.clone(), binding, version))
        };
        let all: Vec<_> = card.supported_interfaces.iter().take(64).filter_map(spoken).collect();
        let newest = all.iter().find(|it| it.2 == Version::V1_0).or(all.first());
        let (interface, binding, version) = newest.cloned().ok_or(Error::NoInterface)?;
        let url = parse_url(&interface.url)
            .map_err(|rule| Error::NotA2a(format!("the URL of an interface in the card {rule}")))?;
        Ok(Self { url, binding, version, tenant: interface.tenant })
    }
}

/// Reads a URL that requests can be sent to, or says which rule it breaks.
pub(crate) fn parse_url(url: &str) -> Result<Uri, &'static str> {
    if url.len() > MAX_URL_BYTES {
        return Err("is too long");
    }
    let url: Uri = url.parse().map_err(|_| "is malformed")?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("must begin with https:// or http://");
    }
    match url.authority() {
        None => Err("must have a host"),
        // A password there would come into logs.
        Some(authority) if authority.as_str().contains('@') => {
            Err("must have no user and no password")
        }
        Some(_) => Ok(url),
    }
}

/// The origin of a URL: scheme, host and port. Credentials belong to an origin.
pub(crate) fn origin(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let own_port = if scheme == "https" { 443 } else { 80 };
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    format!("{scheme}://{host}:{}", url.port_u16().unwrap_or(own_port))
}
