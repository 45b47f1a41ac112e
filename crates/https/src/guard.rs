//! The URLs that may be called. The client checks a name's addresses [when it
//! connects](crate::dial), because they can change until then.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::addresses::{is_local, is_public};

/// The longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// The longest name and the longest label (RFC 1035 section 2.3.4), in bytes.
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;
/// The most patterns of hosts.
const MAX_HOSTS: usize = 256;

/// Names that are not public (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and those that
/// private networks often use. The guard of addresses keeps them out; this list tells a client
/// early.
const LOCAL_NAMES: &[&str] = &[
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "home.arpa",
    "lan",
];

/// The rule that forbids a call of a URL or of its host's address. The text names the rule and no
/// address. The party that gave the URL reads it, and only this network may know a name's
/// addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(Cow<'static, str>);

impl Refused {
    pub(crate) fn new(rule: impl Into<Cow<'static, str>>) -> Self {
        Self(rule.into())
    }
}

/// The rules for URLs and addresses. The default is for the open Internet: HTTPS to public names
/// and addresses.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Whether `http` URLs are called, too.
    pub allow_http: bool,
    /// Whether the client may call addresses of this machine and its networks, and names that are
    /// not public. Those of metadata services never are.
    pub allow_local: bool,
    /// The only hosts that are called, if it is not any. The client still checks their addresses.
    pub allowed_hosts: Option<AllowedHosts>,
    /// The only ports that are called; 80, 443 and those from 1024 if not set.
    pub allowed_ports: Option<Vec<u16>>,
}

/// A URL that has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The URL that is asked for, with the host in lower case.
    pub uri: Uri,
    /// `https://host`, with the port where it is not the scheme's own (RFC 6454 section 6.1).
    pub origin: String,
}

/// The address and port of a connection. Requests with the same target can share a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) is_https: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// The target of a URL.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refused> {
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return refuse("the URL must begin with https:// or http://"),
        };
        let Some(host) = uri.host() else { return refuse("the URL must have a host") };
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { is_https, host: Host::parse(host)?, port })
    }
}

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

/// Host names that are called, when no others are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Exactly(Host),
    /// Any name that ends so: `.example.com`.
    Below(String),
}

/// A malformed list of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowedHostsError {
    /// An entry is not a host.
    #[error(
        "{0:?} is neither a host such as hooks.example.com nor a pattern such as *.example.com"
    )]
    NoHost(String),
    /// The list is empty, or too long to be kept.
    #[error("there must be 1 to {MAX_HOSTS} hosts")]
    Count,
}

impl AllowedHosts {
    /// From a list with commas: `hooks.example.com, *.example.org`. A pattern stands for all names
    /// below, at any depth, and not for the name itself. At most 256.
    ///
    /// # Errors
    /// When an entry is not a host, or the list is empty or too long.
    pub fn parse(list: &str) -> Result<Self, AllowedHostsError> {
        let texts: Vec<&str> = list.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
        if texts.is_empty() || texts.len() > MAX_HOSTS {
            return Err(AllowedHostsError::Count);
        }
        let pattern = |text: &&str| {
            let error = || AllowedHostsError::NoHost((*text).to_owned());
            match text.strip_prefix("*.") {
                Some(name) => match Host::parse(name) {
                    Ok(Host::Name(name)) => Ok(HostPattern::Below(format!(".{name}"))),
                    _ => Err(error()),
                },
                None => Host::parse(text).map(HostPattern::Exactly).map_err(|_| error()),
            }
        };
        Ok(Self(texts.iter().map(pattern).collect::<Result<_, _>>()?))
    }

    fn contain(&self, host: &Host) -> bool {
        self.0.iter().any(|pattern| match (pattern, host) {
            (HostPattern::Exactly(known), host) => known == host,
            (HostPattern::Below(end), Host::Name(name)) => name.ends_with(end.as_str()),
            (HostPattern::Below(_), Host::Address(_)) => false,
        })
    }
}

impl Guard {
    /// Checks a URL. The check and the dialer use one parser, so that they cannot read a URL
    /// differently.
    ///
    /// # Errors
    /// When the client must not call the URL. The party that gave the URL may read the text.
    pub fn check(&self, url: &str) -> Result<Destination, Refused> {
        if url.len() > MAX_URL_BYTES {
            return refuse(format!("the URL must have at most {MAX_URL_BYTES} bytes"));
        }
        // Other parsers drop some of these, or read them as others: a URL has none of them.
        let is_of_url = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
        if !url.bytes().all(is_of_url) {
            return refuse("the URL must be of visible ASCII: others are to be percent-encoded");
        }
        if url.contains('#') {
            return refuse("the URL must have no fragment");
        }
        let Ok(uri) = url.parse::<Uri>() else {
            return refuse("this is no URL");
        };
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::HTTPS,
            Some("http") if self.allow_http => Scheme::HTTP,
            _ if self.allow_http => return refuse("the URL must begin with https:// or http://"),
            _ => return refuse("the URL must begin with https://"),
        };
        let Some(authority) = uri.authority() else {
            return refuse("the URL must have a host");
        };
        if authority.as_str().contains('@') {
            return refuse("the URL must have no user and no password");
        }
        let (host, port) = split(authority.as_str())?;
        let host = Host::parse(host)?;
        self.check_host(&host)?;
        let own_port = if scheme == Scheme::HTTPS { 443 } else { 80 };
        self.check_port(port.unwrap_or(own_port))?;
        let authority = match port.filter(|port| *port != own_port) {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let origin = format!("{scheme}://{authority}");
        let path = uri.path_and_query().cloned();
        let uri = rebuild(scheme, &authority, path.unwrap_or(PathAndQuery::from_static("/")));
        let uri = uri.map_err(|_| Refused::new("this is no URL"))?;
        Ok(Destination { uri, origin })
    }

    /// Checks the address and port of a connection, for any URL.
    pub(crate) fn check_target(&self, target: &Target) -> Result<(), Refused> {
        if !target.is_https && !self.allow_http {
            return refuse("the URL must begin with https://");
        }
        self.check_host(&target.host)?;
        self.check_port(target.port)
    }

    fn check_host(&self, host: &Host) -> Result<(), Refused> {
        if self.allowed_hosts.as_ref().is_some_and(|allowed| !allowed.contain(host)) {
            return refuse("the URL's host is none of those that are allowed here");
        }
        match host {
            Host::Address(address) => self.check_address(*address),
            Host::Name(_) if self.allow_local => Ok(()),
            Host::Name(name) if !name.contains('.') => {
                refuse("the URL's host must be a full name, with a dot in it")
            }
            Host::Name(name) => {
                let is_below = |local: &&str| {
                    name.strip_suffix(*local).is_some_and(|rest| rest.ends_with('.'))
                };
                if LOCAL_NAMES.iter().any(is_below) {
                    return refuse("the URL's host must be a public name");
                }
                Ok(())
            }
        }
    }

    fn check_port(&self, port: u16) -> Result<(), Refused> {
        let allowed = match &self.allowed_ports {
            Some(ports) => ports.contains(&port),
            None => matches!(port, 80 | 443 | 1024..),
        };
        if allowed { Ok(()) } else { refuse("the URL's port is not allowed") }
    }

    /// Whether an address may be connected to.
    pub(crate) fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        if is_public(address) || self.allow_local && is_local(address) {
            return Ok(());
        }
        refuse("the URL's host has an address that is not public")
    }
}

impl Host {
    /// Reads the host of a URL. Of the many ways to write an address of IPv4 there is one: four
    /// decimal numbers.
    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let address = address.parse::<Ipv6Addr>();
            let no_address = |_| Refused::new("the URL's host is no address of IPv6");
            return address.map(IpAddr::from).map(Self::Address).map_err(no_address);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return refuse(format!("the URL's host must have 1 to {MAX_NAME_BYTES} bytes"));
        }
        let mut labels = text.split('.');
        // With a dot at the end, too: certificates and lists of hosts know such names without it.
        if !labels.clone().all(is_label) {
            return refuse("the URL's host is no name as the DNS has them");
        }
        // Many parsers read a name that ends in a number as an address (WHATWG URL section 3.5),
        // and no top-level domain begins with a digit.
        if labels
            .next_back()
            .is_some_and(|last| last.starts_with(|first: char| first.is_ascii_digit()))
        {
            return refuse("the URL's host must be a name, or four decimal numbers");
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Letters, digits, `-` and the `_` that some names have, which are not at its ends.
fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The host and the port of an authority without user.
fn split(authority: &str) -> Result<(&str, Option<u16>), Refused> {
    // The colons of an address of IPv6 are before the bracket.
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some((before, port)) = authority[end..].split_once(':') else {
        return Ok((authority, None));
    };
    let host = &authority[..end + before.len()];
    let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|it| it.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(port) if is_number && port > 0 => Ok((host, Some(port))),
        _ => refuse("the URL's port must be a number from 1 to 65535"),
    }
}

fn rebuild(scheme: Scheme, authority: &str, path: PathAndQuery) -> Result<Uri, http::Error> {
    let authority: Authority = authority.parse()?;
    Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build()
}

fn refuse<T>(rule: impl Into<Cow<'static, str>>) -> Result<T, Refused> {
    Err(Refused::new(rule))
}
