//! The rules for callers of this machine's servers: programs, and the web pages that the user has
//! named.
//!
//! A browser lets any web page send requests to `localhost`. A name that its owner points to
//! 127.0.0.1 makes it the page's own site (DNS rebinding). The first is known by `Origin`, the
//! second by `Host`; neither can be set by a page.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use a2a_lambda_http::{Cors, OriginError};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, StatusCode, header};

/// The longest part of a client's header that is repeated in a refusal.
const MAX_SHOWN: usize = 256;

/// The allowed callers.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    cors: Cors,
    hosts: BTreeSet<String>,
}

/// The user has named something that cannot be let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// An origin.
    #[error("--allow-origin: {0}")]
    Origin(#[from] OriginError),
    /// A host.
    #[error("--allow-host: {0:?} is not a host name without a port, such as dev.example.com")]
    Host(String),
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// The reason, for the client.
    pub message: String,
}

impl Gate {
    /// Lets in the pages of these origins, with commas, and requests for these hosts beside those
    /// for the machine's own names.
    ///
    /// # Errors
    /// When one of them is malformed.
    pub fn new(origins: &str, hosts: &[String]) -> Result<Self, GateError> {
        let host = |host: &String| {
            let name = host.parse::<Authority>().ok();
            let name =
                name.as_ref().and_then(own_name).filter(|name| name == &host.to_ascii_lowercase());
            name.ok_or_else(|| GateError::Host(host.clone()))
        };
        let hosts = hosts.iter().map(host).collect::<Result<_, _>>()?;
        Ok(Self { cors: Cors::parse(origins)?, hosts })
    }

    /// The headers that let pages of the allowed origins read answers.
    pub fn cors(&self) -> &Cors {
        &self.cors
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// [`Refusal`] when it is for another host, or comes from a page of another origin.
    pub fn check(&self, parts: &Parts) -> Result<(), Refusal> {
        let by_uri = parts.uri.authority().map(Authority::as_str);
        let by_header = parts.headers.get_all(header::HOST).iter();
        let by_header = by_header.map(|host| host.to_str().unwrap_or("?"));
        for host in by_uri.into_iter().chain(by_header) {
            if !self.is_own(host) {
                return Err(foreign_host(host));
            }
        }
        for origin in parts.headers.get_all(header::ORIGIN) {
            if !self.cors.allows(origin) {
                return Err(foreign_origin(origin));
            }
        }
        Ok(())
    }

    /// Whether a host, with or without a port, is this machine.
    fn is_own(&self, host: &str) -> bool {
        let name = host.parse::<Authority>().ok().as_ref().and_then(own_name);
        name.is_some_and(|name| is_loopback(&name) || self.hosts.contains(&name))
    }
}

/// The name of a host without its port, in small letters and without the dot of the root.
fn own_name(host: &Authority) -> Option<String> {
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty() && !host.as_str().contains('@')).then_some(name)
}

/// Whether a name can only stand for the machine itself: no name server is asked for these.
fn is_loopback(name: &str) -> bool {
    let is_address = |name: &str| name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    name == "localhost" || name.ends_with(".localhost") || name == "[::1]" || is_address(name)
}

fn foreign_host(host: &str) -> Refusal {
    let host: String = host.chars().take(MAX_SHOWN).collect();
    let message = format!("this server is not {host}: --allow-host lets requests for a host in");
    Refusal { status: StatusCode::MISDIRECTED_REQUEST, message }
}

fn foreign_origin(origin: &HeaderValue) -> Refusal {
    let origin: String = origin.to_str().unwrap_or("?").chars().take(MAX_SHOWN).collect();
    let message = format!(
        "web pages of {origin} may not call this server: --allow-origin {origin} lets them in"
    );
    Refusal { status: StatusCode::FORBIDDEN, message }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn gate() -> Gate {
        Gate::new("http://localhost:5173", &["Dev.Example".to_owned()]).unwrap()
    }

    /// The status with which a request is refused; 200 if it is let in.
    fn status(gate: &Gate, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let request = headers
            .iter()
            .fold(Request::post(uri), |request, (name, value)| request.header(*name, *value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        gate.check(&parts).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for (host, expected) in [
            ("localhost:9000", 200),
            ("LOCALHOST", 200),
            ("localhost.:9000", 200),
            ("app.localhost", 200),
            ("127.0.0.1:9000", 200),
            ("127.1.2.3", 200),
            ("[::1]:9000", 200),
            ("dev.example:9000", 200),
            ("evil.example:9000", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421),
            ("evillocalhost", 421),
            ("me@localhost", 421),
            ("0.0.0.0:9000", 421),
            ("192.168.0.1", 421),
            ("[::2]", 421),
            ("", 421),
            ("a b", 421),
        ] {
            assert_eq!(status(&gate(), "/", &[("host", host)]), expected, "{host}");
        }
        assert_eq!(status(&gate(), "/", &[]), 200, "HTTP/1.0 has no host");
        assert_eq!(status(&gate(), "/", &[("host", "localhost"), ("host", "evil.example")]), 421);
        assert_eq!(status(&gate(), "http://evil.example/", &[("host", "localhost")]), 421);
        assert_eq!(status(&Gate::default(), "/", &[("host", "dev.example")]), 421);
    }

    #[test]
    fn foreign_pages_are_refused_with_any_request() {
        for (origin, expected) in [
            ("http://localhost:5173", 200),
            ("http://localhost:9000", 403),
            ("https://localhost:5173", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            for content_type in ["text/plain", "application/json"] {
                let headers = [
                    ("host", "localhost:9000"),
                    ("content-type", content_type),
                    ("origin", origin),
                ];
                assert_eq!(status(&gate(), "/", &headers), expected, "{origin}");
            }
        }
        let both = [("origin", "http://localhost:5173"), ("origin", "https://evil.example")];
        assert_eq!(status(&gate(), "/", &both), 403);
    }

    #[test]
    fn a_malformed_origin_is_named() {
        let host = |host: &str| Gate::new("", &[host.to_owned()]).unwrap_err().to_string();
        for wrong in ["dev.example:80", "http://dev.example", "a b", "", "a@b"] {
            assert!(host(wrong).contains("--allow-host"), "{wrong}");
        }
        let error = Gate::new("dev.example", &[]).unwrap_err();
        assert!(error.to_string().starts_with("--allow-origin: "), "{error}");
    }
}
