//! What both bindings share: service parameters, and answers.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::{A2aError, ErrorKind};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::Serialize;

/// The media type of HTTP+JSON (spec section 11.1).
pub(crate) const PROTOCOL_JSON: &str = "application/a2a+json";

/// The media type of JSON-RPC (spec section 9.1).
pub(crate) const PLAIN_JSON: &str = "application/json";

/// The version of A2A that is served, major and minor (spec section 3.6).
pub(crate) const VERSION: &str = "1.0";

const VERSION_HEADER: &str = "a2a-version";
const IDEMPOTENCY_HEADER: &str = "idempotency-key";

/// The most query parameters that are looked at.
const MAX_QUERY_PAIRS: usize = 64;

/// The version of A2A that the client speaks: by header or query parameter, major and minor only,
/// and 0.3 where none is given (spec section 3.6.2).
pub(crate) fn version(parts: &Parts, v0_3: bool) -> Result<ProtocolVersion, A2aError> {
    let from_header = header_text(parts, VERSION_HEADER)?;
    let from_query = || {
        query_pairs(parts).into_iter().find(|(name, _)| name.eq_ignore_ascii_case(VERSION_HEADER))
    };
    let asked = match from_header.map(str::trim).filter(|version| !version.is_empty()) {
        Some(version) => version.to_owned(),
        None => from_query().map(|(_, version)| version).unwrap_or_default(),
    };
    let asked = asked.trim();
    if asked.is_empty() {
        return Ok(ProtocolVersion::V0_3);
    }
    let mut numbers = asked.split('.');
    let major_minor = (numbers.next(), numbers.next());
    let has_patch_at_most = numbers.next().is_none_or(is_number) && numbers.next().is_none();
    match major_minor {
        (Some("1"), Some("0")) if has_patch_at_most => Ok(ProtocolVersion::V1_0),
        (Some("0"), Some("3")) if has_patch_at_most => Ok(ProtocolVersion::V0_3),
        _ => Err(not_supported(&format!("A2A version {asked} is not supported"), v0_3)),
    }
}

/// Refuses what belongs to a version that is not spoken here. `v0_3` says whether 0.3 is.
pub(crate) fn not_supported(text: &str, v0_3: bool) -> A2aError {
    let supported = if v0_3 { format!("{VERSION}, 0.3") } else { VERSION.to_owned() };
    A2aError::new(ErrorKind::VersionNotSupported, format!("{text}; send A2A-Version: {VERSION}"))
        .with_metadata("supportedVersions", supported)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The idempotency key, if one was sent.
pub(crate) fn idempotency_key(parts: &Parts) -> Result<Option<String>, A2aError> {
    Ok(header_text(parts, IDEMPOTENCY_HEADER)?.map(str::to_owned))
}

pub(crate) fn header_text<'a>(parts: &'a Parts, name: &str) -> Result<Option<&'a str>, A2aError> {
    Ok(header_texts(parts, name)?.first().copied())
}

/// All values of a header.
pub(crate) fn header_texts<'a>(parts: &'a Parts, name: &str) -> Result<Vec<&'a str>, A2aError> {
    let lines = parts.headers.get_all(name).iter().map(HeaderValue::to_str);
    let lines: Result<_, _> = lines.collect();
    lines.map_err(|_| A2aError::invalid_field(name, "must be printable ASCII"))
}

/// The query's parameters, decoded. What is not UTF-8 is replaced.
pub(crate) fn query_pairs(parts: &Parts) -> Vec<(String, String)> {
    let query = parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MAX_QUERY_PAIRS);
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// An answer of JSON.
pub(crate) fn json(
    status: u16,
    media_type: &'static str,
    body: &impl Serialize,
) -> Response<Bytes> {
    // Serialization of these types cannot fail; an empty body would be the client's parse error.
    let body = Bytes::from(serde_json::to_vec(body).unwrap_or_default());
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An error as HTTP+JSON has it (spec section 11.6).
pub(crate) fn error_response(error: &A2aError) -> Response<Bytes> {
    challenge(json(error.http_status(), PROTOCOL_JSON, &error.to_status()), error)
}

/// Makes an answer to an unauthenticated caller one that HTTP knows as such, in both bindings (spec
/// section 7.4, RFC 9110 section 15.5.2).
pub(crate) fn challenge(mut response: Response<Bytes>, error: &A2aError) -> Response<Bytes> {
    if error.kind == ErrorKind::Unauthenticated {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Logs what is our fault, with its causes, which the client does not see.
pub(crate) fn log_error(operation: &str, error: &A2aError) {
    let cause = chain(error);
    match error.kind {
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::InvalidAgentResponse => {
            tracing::error!(operation, code = error.json_rpc_code(), cause, "request failed");
        }
        // What a client got wrong may quote what it sent: its kind is enough.
        kind => tracing::info!(operation, code = error.json_rpc_code(), ?kind, "request refused"),
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

    #[test]
    fn queries_are_decoded() {
        let pairs = query_pairs(&parts("/?a=1%202+3&b&=x&c=%C3%A4&&d=%ff", None));
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a", "1 2 3"), ("b", ""), ("", "x"), ("c", "ä"), ("d", "\u{fffd}")]);
    }
}
