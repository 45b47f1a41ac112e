//! Cross-origin resource sharing: which web pages may call this service from a browser.
//!
//! CORS does not protect the service: only browsers enforce it. No answer allows credentials such as
//! cookies, so a page can use only a token of its own.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use serde_json::json;

use crate::binding::{PROTOCOL_JSON, json as json_response};

/// The most origins in a list.
const MAX_ORIGINS: usize = 100;

/// The most bytes of a preflight's `Access-Control-Request-Headers` that the answer repeats.
const MAX_ASKED_BYTES: usize = 1_024;

/// The methods of both bindings.
const METHODS: &str = "GET, HEAD, POST, DELETE, OPTIONS";

/// The headers that clients of A2A send. The answer to a preflight adds the headers that it asks
/// for: a card may name any header for an API key.
const HEADERS: &str = "authorization, content-type, a2a-version, a2a-extensions, \
                       x-a2a-extensions, last-event-id, idempotency-key, if-none-match, \
                       if-modified-since, traceparent, tracestate";

/// The headers of answers that a page may read, beside those that it always may.
const EXPOSED: &str =
    "a2a-extensions, x-a2a-extensions, www-authenticate, retry-after, etag, allow";

/// For how many seconds a browser may remember a preflight. Chrome's own limit is two hours.
const MAX_AGE_SECONDS: &str = "7200";

/// The origins whose pages may call this service. By default the list is empty, and no answer has a
/// header of CORS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors(Allowed);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Allowed {
    #[default]
    Nobody,
    Origins(BTreeSet<String>),
    Everybody,
}

/// A malformed list of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// An entry is not an origin.
    #[error("{0:?} is not an origin such as https://app.example.com or http://localhost:5173")]
    Malformed(String),
    /// `*` is listed together with other origins.
    #[error("`*` allows every origin: leave the others out")]
    NotAlone,
    /// The list has too many origins.
    #[error("there are more than {MAX_ORIGINS} origins")]
    TooMany,
}

impl Cors {
    /// Allows the origins of a list with commas (`https://app.example.com,http://localhost:5173`),
    /// or every origin by `*`. An empty list allows none.
    ///
    /// # Errors
    /// When an entry is not an origin, or the list is too long.
    pub fn parse(list: &str) -> Result<Self, OriginError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entries: Vec<&str> = entries.take(MAX_ORIGINS + 1).collect();
        match entries.as_slice() {
            [] => Ok(Self(Allowed::Nobody)),
            ["*"] => Ok(Self(Allowed::Everybody)),
            entries if entries.len() > MAX_ORIGINS => Err(OriginError::TooMany),
            entries if entries.contains(&"*") => Err(OriginError::NotAlone),
            entries => {
                let origins = entries.iter().map(|entry| {
                    normal(entry).ok_or_else(|| OriginError::Malformed((*entry).to_owned()))
                });
                Ok(Self(Allowed::Origins(origins.collect::<Result<_, _>>()?)))
            }
        }
    }

    /// Whether pages of an origin, as an `Origin` header names it, may call this service.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.0 {
            Allowed::Nobody => false,
            Allowed::Everybody => true,
            Allowed::Origins(origins) => {
                origin.to_str().is_ok_and(|origin| origins.contains(&origin.to_ascii_lowercase()))
            }
        }
    }

    /// Answers a preflight, which a browser sends before a page's request. `None` if the request is
    /// not a preflight, or no origin is allowed.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Bytes>> {
        let origin = headers.get(header::ORIGIN)?;
        let asks = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if self.0 == Allowed::Nobody || *method != Method::OPTIONS || !asks {
            return None;
        }
        if !self.allows(origin) {
            let message = "the pages of this origin may not call this service";
            let body =
                json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": message}});
            let mut response = json_response(403, PROTOCOL_JSON, &body);
            self.add(Some(origin), response.headers_mut());
            return Some(response);
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let set = response.headers_mut();
        set.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        set.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers_with(asked));
        set.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_SECONDS));
        self.add(Some(origin), set);
        Some(response)
    }

    /// Adds the headers that let a page of `origin` read an answer, even an error or a stream.
    /// `origin` is the request's `Origin` header.
    pub fn add(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let allowed = match &self.0 {
            Allowed::Nobody => return,
            Allowed::Everybody => HeaderValue::from_static("*"),
            Allowed::Origins(_) => {
                // A request without an origin gets this, too: a cache must not give its answer to a
                // page.
                headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
                match origin.filter(|origin| self.allows(origin)) {
                    Some(origin) => origin.clone(),
                    None => return,
                }
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// An origin in the form of browsers; `None` for a malformed one.
fn normal(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    if !is_scheme(scheme) || rest.is_empty() || rest.contains(['/', '?', '#', '@', '*']) {
        return None;
    }
    // An http URL has the same rules for hosts and ports.
    let uri: Uri = format!("http://{rest}/").parse().ok()?;
    let authority = uri.authority()?;
    let host = authority.host();
    let digits = authority.as_str().strip_prefix(host)?;
    let port = match digits.strip_prefix(':') {
        None if digits.is_empty() => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse::<u16>().ok()?),
        _ => return None,
    };
    let default = match scheme {
        scheme if scheme == Scheme::HTTP.as_str() => Some(80),
        scheme if scheme == Scheme::HTTPS.as_str() => Some(443),
        _ => None,
    };
    match port.filter(|port| Some(*port) != default) {
        Some(port) => Some(format!("{scheme}://{host}:{port}")),
        None => Some(format!("{scheme}://{host}")),
    }
}

/// Pages of browser extensions and apps have their own schemes.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// The allowed headers, with those that the page asks for.
fn headers_with(asked: Option<&HeaderValue>) -> HeaderValue {
    let is_names = |text: &&str| {
        text.len() <= MAX_ASKED_BYTES
            && text.split(',').all(|name| HeaderName::try_from(name.trim()).is_ok())
    };
    asked
        .and_then(|asked| asked.to_str().ok())
        .filter(is_names)
        .and_then(|asked| HeaderValue::try_from(format!("{HEADERS}, {asked}")).ok())
        .unwrap_or_else(|| HeaderValue::from_static(HEADERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "https://app.example.com";

    fn preflight(
        cors: &Cors,
        method: &Method,
        sent: &[(HeaderName, &str)],
    ) -> Option<Response<Bytes>> {
        let sent = sent.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        cors.preflight(method, &sent.collect())
    }

    fn asking(origin: &str) -> [(HeaderName, &str); 3] {
        [
            (header::ORIGIN, origin),
            (header::ACCESS_CONTROL_REQUEST_METHOD, "POST"),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, "a2a-version,x-api-key"),
        ]
    }

    #[test]
    fn origins_are_compared_as_browsers_write_them() {
        for (list, origin, is_allowed) in [
            ("https://app.example.com", APP, true),
            ("https://b.example, https://App.Example.com:443", APP, true),
            ("http://localhost:80", "http://localhost", true),
            ("http://localhost:5173", "http://localhost:5173", true),
            ("http://[::1]:5173", "http://[::1]:5173", true),
            ("chrome-extension://abcdef", "chrome-extension://abcdef", true),
            ("*", APP, true),
            ("*", "null", true),
            ("", APP, false),
            (" , ", APP, false),
            (APP, "http://app.example.com", false),
            (APP, "https://app.example.com:8443", false),
            (APP, "https://app.example.com.evil.example", false),
            (APP, "https://evil.example", false),
            (APP, "https://app.example.com,https://app.example.com", false),
            (APP, "null", false),
            (APP, "", false),
        ] {
            let cors = Cors::parse(list).unwrap();
            assert_eq!(cors.allows(&origin.parse().unwrap()), is_allowed, "{list}: {origin}");
        }
        let not_text = HeaderValue::from_bytes(b"https://app.example.com\xff").unwrap();
        assert!(!Cors::parse(APP).unwrap().allows(&not_text));
    }

    #[test]
    fn a_malformed_origin_is_refused() {
        for entry in [
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://*.example.com",
            "https://me@app.example.com",
            "https://app.example.com:",
            "https://app.example.com:+80",
            "https://app.example.com:65536",
            "https://ä.example",
            "https://a b",
            "1https://app.example.com",
            "null",
        ] {
            let error = Cors::parse(&format!("{APP},{entry}")).unwrap_err();
            assert_eq!(error, OriginError::Malformed(entry.to_owned()));
        }
        assert_eq!(Cors::parse(&format!("*,{APP}")), Err(OriginError::NotAlone));
        let many: Vec<_> = (0..=MAX_ORIGINS).map(|i| format!("https://{i}.example")).collect();
        assert_eq!(Cors::parse(&many.join(",")), Err(OriginError::TooMany));
        Cors::parse(&many[1..].join(",")).unwrap();
    }

    #[test]
    fn a_preflight_answer_lists_the_allowed_headers() {
        let cors = Cors::parse(APP).unwrap();
        let response = preflight(&cors, &Method::OPTIONS, &asking(APP)).unwrap();
        assert_eq!(response.status(), 204);
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], APP);
        assert_eq!(headers["access-control-allow-methods"], METHODS);
        assert_eq!(headers["access-control-max-age"], MAX_AGE_SECONDS);
        assert_eq!(headers["vary"], "origin");
        let allowed = headers["access-control-allow-headers"].to_str().unwrap();
        let allowed: Vec<_> = allowed.split(',').map(str::trim).collect();
        for name in [
            "authorization",
            "content-type",
            "a2a-version",
            "a2a-extensions",
            "last-event-id",
            "idempotency-key",
            "traceparent",
            "x-api-key",
        ] {
            assert!(allowed.contains(&name), "{name}: {allowed:?}");
        }
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }

    #[test]
    fn a_foreign_preflight_is_refused_and_others_are_none() {
        let cors = Cors::parse(APP).unwrap();
        let refused = preflight(&cors, &Method::OPTIONS, &asking("https://evil.example")).unwrap();
        assert_eq!(refused.status(), 403);
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
        let asked = asking(APP);
        assert!(preflight(&cors, &Method::POST, &asked).is_none());
        assert!(preflight(&cors, &Method::OPTIONS, &asked[..1]).is_none());
        assert!(preflight(&cors, &Method::OPTIONS, &asked[1..]).is_none());
        assert!(preflight(&Cors::default(), &Method::OPTIONS, &asked).is_none());
    }

    #[test]
    fn no_more_headers_are_repeated_than_are_headers() {
        let long = "x".repeat(MAX_ASKED_BYTES + 1);
        for asked in ["", "a b", "a,,b", "a;b", long.as_str()] {
            let asked = HeaderValue::try_from(asked).unwrap();
            assert_eq!(headers_with(Some(&asked)), HEADERS, "{asked:?}");
        }
        assert_eq!(headers_with(None), HEADERS);
    }

    #[test]
    fn an_answer_is_for_allowed_pages_and_caches_tell_them_apart() {
        let origin = |text: &str| Some(HeaderValue::try_from(text).unwrap());
        for (list, origin, allowed, varies) in [
            (APP, origin(APP), Some(APP), true),
            (APP, origin("https://evil.example"), None, true),
            (APP, None, None, true),
            ("*", origin(APP), Some("*"), false),
            ("", origin(APP), None, false),
        ] {
            let mut headers = HeaderMap::new();
            Cors::parse(list).unwrap().add(origin.as_ref(), &mut headers);
            let found = headers.get("access-control-allow-origin").map(|it| it.to_str().unwrap());
            assert_eq!(found, allowed, "{list}: {origin:?}");
            assert_eq!(headers.contains_key("access-control-expose-headers"), allowed.is_some());
            assert_eq!(headers.contains_key("vary"), varies, "{list}: {origin:?}");
        }
    }
}
