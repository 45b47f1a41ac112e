//! The protocol's errors (specification 3.3.2) and how each binding says them (5.4, 9.5, 11.6).

pub(crate) mod payload;
pub(crate) mod remote;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use serde::Serialize;

/// The `domain` of the `ErrorInfo` of every A2A error (specification 11.6).
pub const ERROR_DOMAIN: &str = "a2a-protocol.org";

/// The key of the waiting time in the metadata.
const RETRY_AFTER: &str = "retryAfterSeconds";

/// How many violations a message spells out; the details hold them all.
const VIOLATIONS_IN_MESSAGE: usize = 3;

/// The kind of an error, as far as a caller branches on it. The bindings derive codes and texts
/// from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The body is not JSON.
    JsonParse,
    /// The JSON is not a request.
    InvalidRequest,
    /// No such method, or over HTTP no such route.
    MethodNotFound,
    /// The request's fields are wrong; see [`A2aError::violations`].
    InvalidParams,
    /// The request is larger than the server takes.
    PayloadTooLarge,
    /// The body is compressed, in a way that the server does not read.
    EncodingNotSupported,
    /// The caller is unknown.
    Unauthenticated,
    /// The caller is known but lacks the right.
    PermissionDenied,
    /// The caller has made too many requests. Made later, the request may be served.
    TooManyRequests,
    /// Something broke on this side.
    Internal,
    /// Something on this side is down for now: trying again may help.
    Unavailable,
    /// The task does not exist, or not for this caller.
    TaskNotFound,
    /// The task is not in a state to be canceled.
    TaskNotCancelable,
    /// The agent does not push.
    PushNotificationNotSupported,
    /// The agent does not do that.
    UnsupportedOperation,
    /// The agent does not take that MIME type.
    ContentTypeNotSupported,
    /// The agent answered something that the protocol does not allow.
    InvalidAgentResponse,
    /// The card declares an extended card, but none is configured.
    ExtendedAgentCardNotConfigured,
    /// The client did not say that it supports an extension the agent requires.
    ExtensionSupportRequired,
    /// The protocol version asked for is not spoken here.
    VersionNotSupported,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::JsonParse,
        Self::InvalidRequest,
        Self::MethodNotFound,
        Self::InvalidParams,
        Self::PayloadTooLarge,
        Self::EncodingNotSupported,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
        Self::TaskNotFound,
        Self::TaskNotCancelable,
        Self::PushNotificationNotSupported,
        Self::UnsupportedOperation,
        Self::ContentTypeNotSupported,
        Self::InvalidAgentResponse,
        Self::ExtendedAgentCardNotConfigured,
        Self::ExtensionSupportRequired,
        Self::VersionNotSupported,
    ];

    /// The code over JSON-RPC (specification 5.4 and 9.5).
    pub const fn json_rpc_code(self) -> i32 {
        self.row().0
    }

    /// The HTTP status over HTTP+JSON (specification 5.4). JSON-RPC errors travel under 200.
    pub const fn http_status(self) -> u16 {
        self.row().1
    }

    /// The name of the `google.rpc.Code` (specification 5.4).
    pub const fn grpc_status(self) -> &'static str {
        self.row().2
    }

    /// The A2A error's name in `UPPER_SNAKE_CASE` (specification 11.6); `None` for errors that are
    /// not A2A's own.
    pub fn reason(self) -> Option<&'static str> {
        Some(self.row().3).filter(|reason| !reason.is_empty())
    }

    /// The reason in an HTTP+JSON answer. A2A errors have their own. For JSON-RPC's own errors it
    /// is the official SDKs' name. HTTP has none for them, and the SDKs tell errors apart by the
    /// reason alone.
    pub fn http_reason(self) -> Option<&'static str> {
        self.reason().or(match self {
            Self::JsonParse | Self::InvalidRequest | Self::EncodingNotSupported => {
                Some("INVALID_REQUEST")
            }
            Self::InvalidParams | Self::PayloadTooLarge => Some("INVALID_PARAMS"),
            Self::MethodNotFound => Some("METHOD_NOT_FOUND"),
            Self::Internal | Self::Unavailable => Some("INTERNAL_ERROR"),
            _ => None,
        })
    }

    /// JSON-RPC code, HTTP status, gRPC status, reason.
    #[rustfmt::skip]
    const fn row(self) -> (i32, u16, &'static str, &'static str) {
        match self {
            Self::JsonParse => (-32700, 400, "INVALID_ARGUMENT", ""),
            Self::InvalidRequest => (-32600, 400, "INVALID_ARGUMENT", ""),
            // Not NOT_FOUND, so that a client can tell a missing route from a missing task.
            Self::MethodNotFound => (-32601, 404, "UNIMPLEMENTED", ""),
            Self::InvalidParams => (-32602, 400, "INVALID_ARGUMENT", ""),
            // Not RESOURCE_EXHAUSTED, which clients retry: the request will never fit.
            Self::PayloadTooLarge => (-32602, 413, "INVALID_ARGUMENT", ""),
            Self::EncodingNotSupported => (-32600, 415, "INVALID_ARGUMENT", ""),
            // The specification leaves the code open; -32000 is JSON-RPC's for servers, just
            // outside A2A's range.
            Self::Unauthenticated => (-32000, 401, "UNAUTHENTICATED", ""),
            Self::PermissionDenied => (-32000, 403, "PERMISSION_DENIED", ""),
            Self::TooManyRequests => (-32000, 429, "RESOURCE_EXHAUSTED", ""),
            Self::Internal => (-32603, 500, "INTERNAL", ""),
            Self::Unavailable => (-32603, 503, "UNAVAILABLE", ""),
            Self::TaskNotFound => (-32001, 404, "NOT_FOUND", "TASK_NOT_FOUND"),
            Self::TaskNotCancelable => (-32002, 400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE"),
            Self::PushNotificationNotSupported => (-32003, 400, "FAILED_PRECONDITION", "PUSH_NOTIFICATION_NOT_SUPPORTED"),
            Self::UnsupportedOperation => (-32004, 400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION"),
            Self::ContentTypeNotSupported => (-32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED"),
            Self::InvalidAgentResponse => (-32006, 500, "INTERNAL", "INVALID_AGENT_RESPONSE"),
            Self::ExtendedAgentCardNotConfigured => (-32007, 400, "FAILED_PRECONDITION", "EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
            Self::ExtensionSupportRequired => (-32008, 400, "FAILED_PRECONDITION", "EXTENSION_SUPPORT_REQUIRED"),
            Self::VersionNotSupported => (-32009, 400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED"),
        }
    }
}

/// A field of a request that breaks a rule (`google.rpc.BadRequest.FieldViolation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldViolation {
    /// The field's camelCase path, such as `message.parts[0].text`; empty for the request as a
    /// whole.
    pub field: String,
    /// The rule, as a phrase that follows the field's name: `is required`.
    pub description: String,
}

impl FieldViolation {
    /// The field at this path breaks this rule.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// An answer that is an error.
///
/// Kind, message, violations and metadata are for the client. The [`source`](Error::source) is not:
/// it is kept so that the chain can be logged where the error is handled, and no payload shows it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct A2aError {
    /// The kind of the error.
    pub kind: ErrorKind,
    /// The same for people. The client sees it.
    pub message: String,
    /// The offending fields.
    pub violations: Vec<FieldViolation>,
    /// Context for `ErrorInfo.metadata`, such as the task's id. Sent with A2A's own errors only:
    /// the others have no `ErrorInfo`.
    pub metadata: BTreeMap<String, String>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl A2aError {
    /// An error with a message for the client.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            violations: Vec::new(),
            metadata: BTreeMap::new(),
            source: None,
        }
    }

    /// One field of the request breaks a rule.
    pub fn invalid_field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldViolation::new(field, description)])
    }

    /// Fields of the request break rules. The message spells out the first few.
    pub fn invalid_fields(violations: Vec<FieldViolation>) -> Self {
        let mut phrases: Vec<String> = violations
            .iter()
            .take(VIOLATIONS_IN_MESSAGE)
            .map(|FieldViolation { field, description }| match field.as_str() {
                "" => description.clone(),
                field => format!("{field} {description}"),
            })
            .collect();
        if let Some(more @ 1..) = violations.len().checked_sub(VIOLATIONS_IN_MESSAGE) {
            phrases.push(format!("and {more} more"));
        }
        let message = format!("invalid parameters: {}", phrases.join("; "));
        Self { violations, ..Self::new(ErrorKind::InvalidParams, message) }
    }

    /// This caller has no task with this id. The id is the one that the caller asked for.
    pub fn task_not_found(id: impl Into<String>) -> Self {
        Self::new(ErrorKind::TaskNotFound, "task not found").with_metadata("taskId", id)
    }

    /// The caller has made too many requests, as the text says, and may try again after this time.
    pub fn too_many_requests(text: &str, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000);
        Self::new(ErrorKind::TooManyRequests, format!("{text}; try again in {seconds} s"))
            .with_metadata(RETRY_AFTER, seconds.to_string())
    }

    /// This side is asked for more than it can carry, as the text says, and the caller may try again
    /// after this time.
    pub fn overloaded(text: &str, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000);
        Self::new(ErrorKind::Unavailable, format!("{text}; try again in {seconds} s"))
            .with_metadata(RETRY_AFTER, seconds.to_string())
    }

    /// After how many seconds the caller may try again, if that is known.
    pub fn retry_after(&self) -> Option<u64> {
        self.metadata.get(RETRY_AFTER)?.parse().ok()
    }

    /// The agent does not support an operation; the message names it.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnsupportedOperation, message)
    }

    /// Something broke on this side. The client learns no more than that.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "internal error").with_source(source)
    }

    /// Something on this side is down for now. The client learns no more than that.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Unavailable, "temporarily unavailable, try again").with_source(source)
    }

    /// The same error with its cause, for the log.
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with one more entry of context for the client.
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// See [`ErrorKind::json_rpc_code`].
    pub const fn json_rpc_code(&self) -> i32 {
        self.kind.json_rpc_code()
    }

    /// See [`ErrorKind::http_status`].
    pub const fn http_status(&self) -> u16 {
        self.kind.http_status()
    }

    /// See [`ErrorKind::grpc_status`].
    pub const fn grpc_status(&self) -> &'static str {
        self.kind.grpc_status()
    }

    /// See [`ErrorKind::reason`].
    pub fn reason(&self) -> Option<&'static str> {
        self.kind.reason()
    }
}
