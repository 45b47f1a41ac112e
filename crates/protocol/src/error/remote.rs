//! Errors as a client reads them, from a server of any make.

use std::time::Duration;

use serde_json::Value;

use super::{A2aError, ErrorKind, FieldViolation};

/// How much of a message is kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 2_000;
/// How many details and violations are looked at.
const MAX_DETAILS: usize = 32;
/// The name in the `reason` of an `ErrorInfo` is longer in no protocol.
const MAX_REASON_BYTES: usize = 128;

/// An error that a server answered with.
///
/// The texts are the server's own, cut to a bounded length, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// The kind of the error; `None` if its code and reason are none of A2A's.
    pub kind: Option<ErrorKind>,
    /// The code over JSON-RPC, or the HTTP status.
    pub code: i64,
    /// The reason in an `ErrorInfo`; empty if the server gave none.
    pub reason: String,
    /// The error for people, at most 2000 bytes.
    pub message: String,
    /// The wrong fields of the request, at most 32.
    pub violations: Vec<FieldViolation>,
    /// How long the server wants to be left alone, if it says so.
    pub retry_after: Option<Duration>,
}

impl RemoteError {
    /// Reads the `error` member of a JSON-RPC answer, which came under this HTTP status.
    pub fn from_json_rpc(error: &Value, http_status: u16) -> Option<Self> {
        let code = error.get("code")?.as_i64()?;
        let mut read = Self::new(code, error);
        read.add_details(error.get("data"));
        // One code stands for several kinds: the status tells them apart, if it says anything.
        let by_status =
            || kind_of_status(http_status).filter(|kind| kind.json_rpc_code() == -32000);
        read.kind = ErrorKind::of_reason(&read.reason)
            .or_else(|| ErrorKind::of_json_rpc_code(code))
            .or_else(by_status);
        Some(read)
    }

    /// Reads the body of an HTTP+JSON answer with this status: `{"error": …}` in 1.0, the error alone
    /// in 0.3.
    pub fn from_http(body: &Value, http_status: u16) -> Option<Self> {
        let error = body.get("error").unwrap_or(body);
        error.get("message")?.as_str()?;
        let code = error.get("code").and_then(Value::as_i64).unwrap_or(http_status.into());
        let mut read = Self::new(code, error);
        read.add_details(error.get("details"));
        let grpc = error.get("status").and_then(Value::as_str).unwrap_or_default();
        let status =
            if code > 0 { u16::try_from(code).unwrap_or(http_status) } else { http_status };
        read.kind = ErrorKind::of_reason(&read.reason)
            .or_else(|| ErrorKind::of_json_rpc_code(code))
            // Only a task that is not there is NOT_FOUND.
            .or_else(|| (grpc == "NOT_FOUND").then_some(ErrorKind::TaskNotFound))
            .or_else(|| kind_of_status(status));
        Some(read)
    }

    fn new(code: i64, error: &Value) -> Self {
        Self {
            kind: None,
            code,
            reason: String::new(),
            message: text(error.get("message"), MAX_MESSAGE_BYTES),
            violations: Vec::new(),
            retry_after: None,
        }
    }

    fn add_details(&mut self, details: Option<&Value>) {
        let details = details.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for detail in details.iter().take(MAX_DETAILS) {
            if let Some(reason) = detail.get("reason") {
                self.reason = text(Some(reason), MAX_REASON_BYTES);
                let wait = detail.pointer("/metadata/retryAfterSeconds").and_then(Value::as_str);
                self.retry_after = wait.and_then(|it| it.parse().ok()).map(Duration::from_secs);
            }
            let fields = detail.get("fieldViolations").and_then(Value::as_array);
            for field in fields.into_iter().flatten().take(MAX_DETAILS - self.violations.len()) {
                let part = |name| text(field.get(name), MAX_MESSAGE_BYTES);
                self.violations.push(FieldViolation::new(part("field"), part("description")));
            }
        }
    }
}

impl From<RemoteError> for A2aError {
    /// The same error, for a client of one's own. An unknown kind is [`ErrorKind::Internal`].
    fn from(error: RemoteError) -> Self {
        let RemoteError { kind, message, violations, .. } = error;
        Self { violations, ..Self::new(kind.unwrap_or(ErrorKind::Internal), message) }
    }
}

impl ErrorKind {
    /// The kind of this code over JSON-RPC. -32000 stands for several, and so for none.
    pub fn of_json_rpc_code(code: i64) -> Option<Self> {
        // The first kind with a code is its usual meaning.
        let mut known = Self::ALL.into_iter().filter(|kind| kind.json_rpc_code() != -32000);
        known.find(|kind| i64::from(kind.json_rpc_code()) == code)
    }

    /// The kind of this reason.
    pub fn of_reason(reason: &str) -> Option<Self> {
        let named = |it: &Self| it.http_reason() == Some(reason);
        match reason {
            "INVALID_REQUEST" => Some(Self::InvalidRequest),
            "INTERNAL_ERROR" => Some(Self::Internal),
            _ => Self::ALL.into_iter().find(named),
        }
    }
}

/// The kind of an error of which only the HTTP status is known, by both versions' tables.
fn kind_of_status(status: u16) -> Option<ErrorKind> {
    Some(match status {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::TaskNotFound,
        409 => ErrorKind::TaskNotCancelable,
        413 => ErrorKind::PayloadTooLarge,
        415 => ErrorKind::ContentTypeNotSupported,
        429 => ErrorKind::TooManyRequests,
        400 | 422 => ErrorKind::InvalidParams,
        500 => ErrorKind::Internal,
        501 => ErrorKind::UnsupportedOperation,
        502 => ErrorKind::InvalidAgentResponse,
        503 | 504 => ErrorKind::Unavailable,
        _ => return None,
    })
}

fn text(value: Option<&Value>, most: usize) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let text = &text[..text.floor_char_boundary(most)];
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_comes_back_from_both_bindings() {
        for kind in ErrorKind::ALL {
            let error = A2aError::new(kind, "why").with_metadata("a", "b");
            let rpc = serde_json::to_value(error.to_json_rpc()).unwrap();
            let read = RemoteError::from_json_rpc(&rpc, kind.http_status()).unwrap();
            // Some are another's twin over JSON-RPC, or over HTTP.
            let twin = match kind {
                ErrorKind::PayloadTooLarge => ErrorKind::InvalidParams,
                ErrorKind::EncodingNotSupported => ErrorKind::InvalidRequest,
                ErrorKind::Unavailable => ErrorKind::Internal,
                kind => kind,
            };
            assert_eq!((read.kind, read.message.as_str()), (Some(twin), "why"), "{kind:?}");
            let body = serde_json::to_value(error.to_status()).unwrap();
            let read = RemoteError::from_http(&body, kind.http_status()).unwrap();
            let twin = if kind == ErrorKind::JsonParse { ErrorKind::InvalidRequest } else { twin };
            assert_eq!((read.kind, read.message.as_str()), (Some(twin), "why"), "{kind:?}");
        }
    }

    #[test]
    fn what_a_server_says_is_bounded_and_read_leniently() {
        let error = json!({"code": -32602, "message": "a\u{1b}[31mb", "data": [
            {"fieldViolations": [{"field": "id", "description": "is bad"}, {}]},
            {"reason": "X", "metadata": {"retryAfterSeconds": "3"}}, 7,
        ]});
        let read = RemoteError::from_json_rpc(&error, 200).unwrap();
        assert_eq!(read.message, "a [31mb");
        assert_eq!(read.violations[0], FieldViolation::new("id", "is bad"));
        assert_eq!((read.reason.as_str(), read.retry_after), ("X", Some(Duration::from_secs(3))));
        assert_eq!(read.kind, Some(ErrorKind::InvalidParams));
        let long = json!({"code": 1, "message": "é".repeat(5_000), "data": "text"});
        let read = RemoteError::from_json_rpc(&long, 200).unwrap();
        assert_eq!((read.message.len(), read.kind), (2_000, None));
        for (body, status, kind) in [
            (json!({"message": "no"}), 404, Some(ErrorKind::TaskNotFound)),
            (json!({"message": "no", "code": -32002}), 409, Some(ErrorKind::TaskNotCancelable)),
            (json!({"message": "no"}), 418, None),
        ] {
            assert_eq!(RemoteError::from_http(&body, status).unwrap().kind, kind, "{body}");
        }
        for body in [json!({}), json!([]), json!("x"), json!({"message": 1})] {
            assert_eq!(RemoteError::from_http(&body, 404), None, "{body}");
            assert_eq!(RemoteError::from_json_rpc(&body, 404), None, "{body}");
        }
    }
}
