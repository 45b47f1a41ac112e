//! Errors as the bindings write them.

use std::error::Error;

use a2a_lambda_protocol::{A2aError, ErrorKind, FieldViolation};
use serde_json::{json, to_value};

/// The tables of specification 5.4 and 9.5, and our own rows.
#[test]
fn codes() {
    use ErrorKind as K;
    #[rustfmt::skip]
    let table = [
        (K::JsonParse, -32700, 400, "INVALID_ARGUMENT", None),
        (K::InvalidRequest, -32600, 400, "INVALID_ARGUMENT", None),
        (K::MethodNotFound, -32601, 404, "UNIMPLEMENTED", None),
        (K::InvalidParams, -32602, 400, "INVALID_ARGUMENT", None),
        (K::PayloadTooLarge, -32602, 413, "INVALID_ARGUMENT", None),
        (K::EncodingNotSupported, -32600, 415, "INVALID_ARGUMENT", None),
        (K::Unauthenticated, -32000, 401, "UNAUTHENTICATED", None),
        (K::PermissionDenied, -32000, 403, "PERMISSION_DENIED", None),
        (K::TooManyRequests, -32000, 429, "RESOURCE_EXHAUSTED", None),
        (K::Internal, -32603, 500, "INTERNAL", None),
        (K::Unavailable, -32603, 503, "UNAVAILABLE", None),
        (K::TaskNotFound, -32001, 404, "NOT_FOUND", Some("TASK_NOT_FOUND")),
        (K::TaskNotCancelable, -32002, 400, "FAILED_PRECONDITION", Some("TASK_NOT_CANCELABLE")),
        (K::PushNotificationNotSupported, -32003, 400, "FAILED_PRECONDITION", Some("PUSH_NOTIFICATION_NOT_SUPPORTED")),
        (K::UnsupportedOperation, -32004, 400, "FAILED_PRECONDITION", Some("UNSUPPORTED_OPERATION")),
        (K::ContentTypeNotSupported, -32005, 400, "INVALID_ARGUMENT", Some("CONTENT_TYPE_NOT_SUPPORTED")),
        (K::InvalidAgentResponse, -32006, 500, "INTERNAL", Some("INVALID_AGENT_RESPONSE")),
        (K::ExtendedAgentCardNotConfigured, -32007, 400, "FAILED_PRECONDITION", Some("EXTENDED_AGENT_CARD_NOT_CONFIGURED")),
        (K::ExtensionSupportRequired, -32008, 400, "FAILED_PRECONDITION", Some("EXTENSION_SUPPORT_REQUIRED")),
        (K::VersionNotSupported, -32009, 400, "FAILED_PRECONDITION", Some("VERSION_NOT_SUPPORTED")),
    ];
    assert_eq!(table.map(|row| row.0), K::ALL);
    for (kind, code, http, grpc, reason) in table {
        let error = A2aError::new(kind, "x");
        assert_eq!(error.json_rpc_code(), code, "{kind:?}");
        assert_eq!(error.http_status(), http, "{kind:?}");
        assert_eq!(error.grpc_status(), grpc, "{kind:?}");
        assert_eq!(error.reason(), reason, "{kind:?}");
    }
}

#[test]
fn an_a2a_error_has_error_info_on_both_bindings() {
    let error = A2aError::task_not_found("task-123");
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "TASK_NOT_FOUND",
        "domain": "a2a-protocol.org",
        "metadata": {"taskId": "task-123"},
    });
    assert_eq!(
        to_value(error.to_json_rpc()).unwrap(),
        json!({"code": -32001, "message": "task not found", "data": [info]}),
    );
    assert_eq!(
        to_value(error.to_status()).unwrap(),
        json!({"error": {
            "code": 404, "status": "NOT_FOUND", "message": "task not found", "details": [info],
        }}),
    );
    let bare = A2aError::unsupported("no");
    assert_eq!(
        to_value(bare.to_json_rpc()).unwrap()["data"],
        json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "UNSUPPORTED_OPERATION",
            "domain": "a2a-protocol.org",
        }]),
    );
}

#[test]
fn violations_are_a_bad_request_on_both_bindings() {
    let error = A2aError::invalid_field("message.parts", "must have at least one part");
    let bad_request = json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
            {"field": "message.parts", "description": "must have at least one part"},
        ],
    });
    let message = "invalid parameters: message.parts must have at least one part";
    assert_eq!(
        to_value(error.to_json_rpc()).unwrap(),
        json!({"code": -32602, "message": message, "data": [bad_request]}),
    );
    // HTTP has no code of its own for it, and the official SDKs know it by this reason.
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "INVALID_PARAMS",
        "domain": "a2a-protocol.org",
    });
    assert_eq!(
        to_value(error.to_status()).unwrap(),
        json!({"error": {
            "code": 400,
            "status": "INVALID_ARGUMENT",
            "message": message,
            "details": [info, bad_request],
        }}),
    );
    // An A2A error may have both.
    let mut error = A2aError::new(ErrorKind::ContentTypeNotSupported, "no");
    error.violations.push(FieldViolation::new("message.parts[0].mediaType", "is not supported"));
    assert_eq!(error.to_json_rpc().data.len(), 2);
}

#[test]
fn without_details_there_is_no_empty_list() {
    let error = A2aError::new(ErrorKind::Unauthenticated, "who are you?");
    assert_eq!(
        to_value(error.to_json_rpc()).unwrap(),
        json!({"code": -32000, "message": "who are you?"}),
    );
    assert_eq!(
        to_value(error.to_status()).unwrap(),
        json!({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "who are you?"}}),
    );
}

#[test]
fn http_has_reasons_for_json_rpc_s_own_codes() {
    for (kind, reason) in [
        (ErrorKind::JsonParse, "INVALID_REQUEST"),
        (ErrorKind::InvalidRequest, "INVALID_REQUEST"),
        (ErrorKind::EncodingNotSupported, "INVALID_REQUEST"),
        (ErrorKind::InvalidParams, "INVALID_PARAMS"),
        (ErrorKind::PayloadTooLarge, "INVALID_PARAMS"),
        (ErrorKind::MethodNotFound, "METHOD_NOT_FOUND"),
        (ErrorKind::Internal, "INTERNAL_ERROR"),
        (ErrorKind::Unavailable, "INTERNAL_ERROR"),
    ] {
        let error = A2aError::new(kind, "no");
        assert_eq!(to_value(error.to_status()).unwrap()["error"]["details"][0]["reason"], reason);
        assert!(error.to_json_rpc().data.is_empty(), "{kind:?}");
    }
}

#[test]
fn the_source_is_for_the_log_only() {
    for error in [A2aError::internal("table is on fire"), A2aError::unavailable("table is on fire")]
    {
        assert_eq!(error.source().unwrap().to_string(), "table is on fire");
        assert!(!error.to_string().contains("fire"));
        assert!(!to_value(error.to_json_rpc()).unwrap().to_string().contains("fire"));
        assert!(!to_value(error.to_status()).unwrap().to_string().contains("fire"));
    }
}
