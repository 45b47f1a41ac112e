//! The common parts of both bindings: service parameters and answers.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::{A2aError, ErrorKind};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use crate::query::query_pairs;
use crate::rights::SCOPE;

/// The media type of HTTP+JSON (spec section 11.1).
pub(crate) const PROTOCOL_JSON: &str = "application/a2a+json";

/// The media type of JSON-RPC (spec section 9.1).
pub(crate) const PLAIN_JSON: &str = "application/json";

/// The latest supported version of A2A, major and minor (spec section 3.6).
pub(crate) const VERSION: &str = "1.0";

const VERSION_HEADER: &str = "a2a-version";
const IDEMPOTENCY_HEADER: &str = "idempotency-key";

/// How many commas of a text are tried as the end of a copy.
const MAX_COPIED_COMMAS: usize = 16;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The client's version of A2A (spec section 3.6.2), major and minor only. A header or a query
/// parameter gives it, and the default is 0.3. Equal copies count as one.
pub(crate) fn version(parts: &Parts, v0_3: bool) -> Result<ProtocolVersion, A2aError> {
    let query = query_pairs(parts);
    let named = query.iter().filter(|(name, _)| name.eq_ignore_ascii_case(VERSION_HEADER));
    let mut asked: Vec<&str> = listed(header_texts(parts, VERSION_HEADER)?).collect();
    if asked.is_empty() {
        asked = listed(named.map(|(_, version)| version.as_str())).collect();
    }
    let mut versions = asked.into_iter().map(|asked| named_version(asked, v0_3));
    let Some(first) = versions.next() else {
        return Ok(ProtocolVersion::V0_3);
    };
    let first = first?;
    for other in versions {
        if other? != first {
            return Err(not_supported("several A2A versions are asked for", v0_3));
        }
    }
    Ok(first)
}

fn named_version(asked: &str, v0_3: bool) -> Result<ProtocolVersion, A2aError> {
    let mut numbers = asked.split('.');
    let major_minor = (numbers.next(), numbers.next());
    let has_patch_at_most = numbers.next().is_none_or(is_number) && numbers.next().is_none();
    match major_minor {
        (Some("1"), Some("0")) if has_patch_at_most => Ok(ProtocolVersion::V1_0),
        (Some("0"), Some("3")) if has_patch_at_most => Ok(ProtocolVersion::V0_3),
        _ => Err(not_supported(&format!("A2A version {asked} is not supported"), v0_3)),
    }
}

/// The error for an unsupported version. `v0_3`: whether 0.3 is served.
pub(crate) fn not_supported(text: &str, v0_3: bool) -> A2aError {
    let supported = if v0_3 { format!("{VERSION}, 0.3") } else { VERSION.to_owned() };
    A2aError::new(ErrorKind::VersionNotSupported, format!("{text}; send A2A-Version: {VERSION}"))
        .with_metadata("supportedVersions", supported)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The idempotency key, if the client sent one. A key may contain commas, so joined copies are
/// recognized only if they are equal.
pub(crate) fn idempotency_key(parts: &Parts) -> Result<Option<String>, A2aError> {
    let lines = header_texts(parts, IDEMPOTENCY_HEADER)?;
    let mut keys = lines.into_iter().map(without_copies);
    let first = keys.next();
    if keys.any(|key| Some(key) != first) {
        return Err(several("Idempotency-Key"));
    }
    Ok(first.map(str::to_owned))
}

/// The entries of a header that is a list with commas.
pub(crate) fn listed_header<'a>(parts: &'a Parts, name: &str) -> Result<Vec<&'a str>, A2aError> {
    Ok(listed(header_texts(parts, name)?).collect())
}

/// The value of a header that occurs once and has no commas. Proxies and clients repeat headers,
/// and front doors join repeated ones, so equal copies count as one.
pub(crate) fn single<'a>(parts: &'a Parts, name: &str) -> Result<Option<&'a str>, A2aError> {
    let mut values = listed(header_texts(parts, name)?);
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(several(name));
    }
    Ok(first)
}

fn several(name: &str) -> A2aError {
    A2aError::invalid_field(name, "is given several times, and not the same each time")
}

/// The entries of lists with commas. Empty ones are skipped (RFC 9110 section 5.6.1).
fn listed<'a>(lines: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let entries = lines.into_iter().flat_map(|line| line.split(','));
    entries.map(str::trim).filter(|entry| !entry.is_empty())
}

/// Reduces `k,k` to `k`: a text that consists of equal copies with commas between them. Any other
/// text is returned as it is.
pub(crate) fn without_copies(text: &str) -> &str {
    let commas = text.match_indices(',').take(MAX_COPIED_COMMAS).map(|(at, _)| at);
    let first = commas.map(|at| text.split_at(at)).find(|(first, rest)| {
        let mut rest = *rest;
        while let Some(copy) = rest.strip_prefix(',') {
            let Some(left) = copy.trim_start_matches(' ').strip_prefix(*first) else { break };
            rest = left;
        }
        !first.is_empty() && rest.is_empty()
    });
    first.map_or(text, |(first, _)| first)
}

/// The body without a byte order mark, which some editors and platforms put before a text.
pub(crate) fn without_mark(body: &Bytes) -> Bytes {
    if body.starts_with(BYTE_ORDER_MARK) {
        body.slice(BYTE_ORDER_MARK.len()..)
    } else {
        body.clone()
    }
}

/// Refuses a compressed body, and names its coding. As JSON it would only be malformed.
pub(crate) fn check_encoding(parts: &Parts) -> Result<(), A2aError> {
    let mut codings = listed(header_texts(parts, header::CONTENT_ENCODING.as_str())?);
    match codings.find(|coding| !coding.eq_ignore_ascii_case("identity")) {
        None => Ok(()),
        Some(coding) => {
            let text = format!("the body has Content-Encoding {coding}: send it uncompressed");
            Err(A2aError::new(ErrorKind::EncodingNotSupported, text))
        }
    }
}

/// All values of a header.
pub(crate) fn header_texts<'a>(parts: &'a Parts, name: &str) -> Result<Vec<&'a str>, A2aError> {
    let lines = parts.headers.get_all(name).iter().map(HeaderValue::to_str);
    let lines: Result<_, _> = lines.collect();
    lines.map_err(|_| A2aError::invalid_field(name, "must be printable ASCII"))
}

/// A JSON answer.
pub(crate) fn json(
    status: u16,
    media_type: &'static str,
    body: &impl Serialize,
) -> Response<Bytes> {
    // Serialization of these types cannot fail. The client could not parse an empty body.
    let body = Bytes::from(serde_json::to_vec(body).unwrap_or_default());
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// The HTTP+JSON form of an error (spec section 11.6).
pub(crate) fn error_response(error: &A2aError) -> Response<Bytes> {
    challenge(json(error.http_status(), PROTOCOL_JSON, &error.to_status()), error)
}

/// Answers a method that a path does not have.
pub(crate) fn method_not_allowed(method: &Method, allowed: &'static str) -> Response<Bytes> {
    let text = format!("{method} is not possible here; {allowed} is");
    let mut body = A2aError::new(ErrorKind::MethodNotFound, text).to_status();
    body.error.code = 405;
    let mut response = json(405, PROTOCOL_JSON, &body);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Gives an error that concerns HTTP its HTTP status and header, in both bindings. Such errors are:
/// a caller is not authenticated (spec section 7.4, RFC 9110 section 15.5.2), lacks a right
/// (section 15.5.4, RFC 6750 section 3.1) or sends too many requests (RFC 6585 section 4), or a
/// body is compressed (RFC 9110 section 15.5.16); or this side is overloaded, and says for how long
/// (RFC 9110 section 15.6.4).
pub(crate) fn challenge(mut response: Response<Bytes>, error: &A2aError) -> Response<Bytes> {
    let (status, told) = match error.kind {
        ErrorKind::Unauthenticated => {
            let bearer = HeaderValue::from_static("Bearer");
            (StatusCode::UNAUTHORIZED, Some((header::WWW_AUTHENTICATE, bearer)))
        }
        ErrorKind::PermissionDenied => {
            let scope = error.metadata.get(SCOPE);
            let told =
                scope.map(|it| format!("Bearer error=\"insufficient_scope\", scope=\"{it}\""));
            let told = told.and_then(|told| HeaderValue::from_str(&told).ok());
            (StatusCode::FORBIDDEN, told.map(|told| (header::WWW_AUTHENTICATE, told)))
        }
        ErrorKind::TooManyRequests => {
            let seconds = HeaderValue::from(error.retry_after().unwrap_or(1));
            (StatusCode::TOO_MANY_REQUESTS, Some((header::RETRY_AFTER, seconds)))
        }
        ErrorKind::Unavailable => {
            let Some(seconds) = error.retry_after() else { return response };
            let seconds = HeaderValue::from(seconds);
            (StatusCode::SERVICE_UNAVAILABLE, Some((header::RETRY_AFTER, seconds)))
        }
        ErrorKind::EncodingNotSupported => {
            let identity = HeaderValue::from_static("identity");
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, Some((header::ACCEPT_ENCODING, identity)))
        }
        _ => return response,
    };
    *response.status_mut() = status;
    if let Some((name, value)) = told {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Logs an error of this service with its causes. The client does not see them.
pub(crate) fn log_error(operation: &str, error: &A2aError) {
    let cause = chain(error);
    match error.kind {
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::InvalidAgentResponse => {
            tracing::error!(
                event = "request_failed",
                operation,
                code = error.json_rpc_code(),
                cause,
                "the request failed"
            );
        }
        // A client's mistake may quote its content, so the log has only its kind.
        kind => tracing::info!(
            event = "request_refused",
            operation,
            code = error.json_rpc_code(),
            ?kind,
            "the request is refused"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProtocolVersion::{V0_3, V1_0};
    use http::Request;

    fn parts(uri: &str, version: Option<&str>) -> Parts {
        let mut request = Request::builder().uri(uri);
        if let Some(version) = version {
            request = request.header("A2A-Version", version);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn versions_are_major_and_minor() {
        for (uri, header, expected) in [
            ("/", Some("1.0"), Some(V1_0)),
            ("/", Some(" 1.0 "), Some(V1_0)),
            ("/", Some("1.0.7"), Some(V1_0)),
            ("/?A2A-Version=1.0", None, Some(V1_0)),
            ("/?a2a-version=1.0&x=y", None, Some(V1_0)),
            ("/?A2A-Version=1.0", Some(""), Some(V1_0)),
            ("/?A2A-Version=1.0", Some("0.3"), Some(V0_3)),
            // A front door joins repeated headers like this.
            ("/", Some("1.0,1.0"), Some(V1_0)),
            ("/", Some("1.0, 1.0.1,"), Some(V1_0)),
            ("/", Some("0.3,0.3"), Some(V0_3)),
            ("/", Some(","), Some(V0_3)),
            ("/?A2A-Version=1.0&a2a-version=1.0", None, Some(V1_0)),
            ("/?A2A-Version=1.0,1.0", None, Some(V1_0)),
            ("/", Some("1.0,0.3"), None),
            ("/", Some("1.0,2.0"), None),
            ("/?A2A-Version=1.0&A2A-Version=0.3", None, None),
            ("/", None, Some(V0_3)),
            ("/", Some(""), Some(V0_3)),
            ("/", Some("0.3"), Some(V0_3)),
            ("/", Some("0.3.0"), Some(V0_3)),
            ("/", Some("0.2"), None),
            ("/", Some("0"), None),
            ("/", Some("1"), None),
            ("/", Some("1.1"), None),
            ("/", Some("1.0."), None),
            ("/", Some("1.0.x"), None),
            ("/", Some("1.0.0.0"), None),
            ("/", Some("2.0"), None),
            ("/", Some("ä"), None),
        ] {
            let found = version(&parts(uri, header), true);
            assert_eq!(found.as_ref().ok(), expected.as_ref(), "{uri} {header:?}: {found:?}");
        }
        let error = version(&parts("/", Some("9.9")), true).unwrap_err();
        assert_eq!(error.kind, ErrorKind::VersionNotSupported);
    }

    fn with_lines(name: &str, lines: &[&str]) -> Parts {
        let mut request = Request::builder();
        for line in lines {
            request = request.header(name, *line);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn copies_of_a_version_in_lines_of_their_own_are_one() {
        assert_eq!(version(&with_lines("A2A-Version", &["1.0", "1.0"]), true).unwrap(), V1_0);
        let error = version(&with_lines("A2A-Version", &["1.0", "0.3"]), true).unwrap_err();
        assert_eq!(error.kind, ErrorKind::VersionNotSupported);
    }

    #[test]
    fn copies_of_a_header_are_one_if_they_agree() {
        for (lines, expected) in [
            (&["4"][..], Some(Some("4"))),
            (&["4,4"], Some(Some("4"))),
            (&["4", " 4 "], Some(Some("4"))),
            (&[""], Some(None)),
            (&[], Some(None)),
            (&["4,5"], None),
            (&["4", "5"], None),
        ] {
            let parts = with_lines("Last-Event-ID", lines);
            assert_eq!(single(&parts, "last-event-id").ok(), expected, "{lines:?}");
        }
    }

    #[test]
    fn an_idempotency_key_may_have_commas() {
        for (lines, expected) in [
            (&["k"][..], Some(Some("k"))),
            (&["k,k"], Some(Some("k"))),
            (&["k, k,k"], Some(Some("k"))),
            (&["a,b"], Some(Some("a,b"))),
            (&["a,b,a,b"], Some(Some("a,b"))),
            (&["\"a,b\",\"a,b\""], Some(Some("\"a,b\""))),
            (&["a,b,a"], Some(Some("a,b,a"))),
            (&["a,ab"], Some(Some("a,ab"))),
            (&["k", "k"], Some(Some("k"))),
            (&["k,k", "k"], Some(Some("k"))),
            (&["k", "l"], None),
            (&[","], Some(Some(","))),
            (&[""], Some(Some(""))),
            (&[], Some(None)),
        ] {
            let found = idempotency_key(&with_lines("Idempotency-Key", lines)).ok();
            assert_eq!(found, expected.map(|key| key.map(str::to_owned)), "{lines:?}");
        }
    }
}
