//! A2A 0.3 over HTTP+JSON: requests and answers.

use a2a_lambda_protocol::v0_3::rest::*;
use a2a_lambda_protocol::{
    self as current, A2aError, ErrorKind, TaskState as State, decode, validate,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Page = current::ListTaskPushNotificationConfigsResponse;

fn send(body: &str) -> String {
    let request: SendMessageRequest = decode(body.as_bytes()).unwrap();
    serde_json::to_string(&current::SendMessageRequest::from(request)).unwrap()
}

fn write<T: DeserializeOwned, U: From<T> + Serialize>(current: &str) -> String {
    let current: T = decode(current.as_bytes()).unwrap();
    serde_json::to_string(&U::from(current)).unwrap()
}

#[test]
fn message() {
    // As the official SDK for Python sends it: bytes are base64 of base64.
    let body = r#"{"message": {"messageId": "m", "role": "ROLE_USER", "content": [
        {"text": "hi", "metadata": {"k": 1.0}},
        {"file": {"fileWithBytes": "QVA4PQ==", "mimeType": "image/png", "name": "a.png"}},
        {"file": {"fileWithUri": "https://x/y"}},
        {"data": {"data": {"a": 1.0}}, "metadata": {"k": [1.0]}}]},
        "configuration": {}, "metadata": {"x": 1.0}}"#;
    assert_eq!(
        send(body),
        concat!(
            r#"{"message":{"messageId":"m","role":"ROLE_USER","parts":["#,
            r#"{"text":"hi","metadata":{"k":1.0}},"#,
            r#"{"raw":"AP8=","filename":"a.png","mediaType":"image/png"},"#,
            r#"{"url":"https://x/y"},{"data":{"a":1.0},"metadata":{"k":[1.0]}}]},"#,
            r#""configuration":{"returnImmediately":true},"metadata":{"x":1.0}}"#,
        )
    );
}

/// `ProtoJSON`: the proto's names, numbers of enums, `null`.
#[test]
fn other_spellings() {
    let body = r#"{"request": {"message_id": "m", "context_id": "c", "role": 1, "metadata": null,
        "parts": [{"file": {"file_with_uri": "u", "mime_type": "a/b"}}]}}"#;
    let expected = concat!(
        r#"{"message":{"messageId":"m","contextId":"c","role":"ROLE_USER","#,
        r#""parts":[{"url":"u","mediaType":"a/b"}]}}"#
    );
    assert_eq!(send(body), expected);
}

#[test]
fn bytes_are_read_either_way() {
    for (sent, expected) in [
        ("QVA4PQ==", "AP8="), // twice
        ("AP8=", "AP8="),     // once, as the proto says
        ("/w", "/w=="),
        ("", ""),
    ] {
        let part = format!(r#"{{"file":{{"fileWithBytes":"{sent}"}}}}"#);
        let part: Part = decode(part.as_bytes()).unwrap();
        let current = serde_json::to_string(&current::Part::from(part)).unwrap();
        assert_eq!(current, format!(r#"{{"raw":"{expected}"}}"#));
    }
}

#[test]
fn configuration() {
    for (given, expected) in [
        ("{}", r#"{"returnImmediately":true}"#),
        (r#"{"blocking":false}"#, r#"{"returnImmediately":true}"#),
        (r#"{"blocking":true}"#, "{}"),
        (r#"{"blocking":true,"historyLength":0}"#, "{}"),
        (
            r#"{"blocking":true,"historyLength":2,"acceptedOutputModes":["a/b"],
            "pushNotification":{"url":"u","authentication":{"schemes":["Basic"]}}}"#,
            concat!(
                r#"{"acceptedOutputModes":["a/b"],"taskPushNotificationConfig":{"url":"u","#,
                r#""authentication":{"scheme":"Basic"}},"historyLength":2}"#
            ),
        ),
    ] {
        let read: SendMessageConfiguration = decode(given.as_bytes()).unwrap();
        let current = current::SendMessageConfiguration::from(read);
        assert_eq!(serde_json::to_string(&current).unwrap(), expected);
    }
    // Without any fields, it waits.
    assert_eq!(send("{}"), "{}");
}

#[test]
fn wrong_requests_name_the_field_of_0_3() {
    let part = |part: &str| format!(r#"{{"message":{{"content":[{part}]}}}}"#);
    for (body, field, description) in [
        (part("{}"), "message.content[0]", "must have exactly one of text, file, data"),
        (
            part(r#"{"text":"x","file":{"fileWithUri":"u"}}"#),
            "message.content[0]",
            "must have exactly one of text, file, data",
        ),
        (
            part(r#"{"file":{"fileWithUri":"u","fileWithBytes":""}}"#),
            "message.content[0]",
            "must have exactly one of file.fileWithUri, file.fileWithBytes",
        ),
        (part(r#"{"data":{}}"#), "message.content[0]", "must have data in its data"),
        (part(r#"{"data":{"data":1}}"#), "message.content[0].data.data", "must be an object"),
        (
            r#"{"message":{"content":1}}"#.to_owned(),
            "message.content",
            "must be an array, not a number",
        ),
    ] {
        let error = decode::<SendMessageRequest>(body.as_bytes()).unwrap_err();
        let violation = &error.violations[0];
        assert_eq!(
            (violation.field.as_str(), violation.description.as_str()),
            (field, description)
        );
    }
    let request: SendMessageRequest =
        decode(br#"{"message":{"messageId":"m","role":"ROLE_USER"},"configuration":{"pushNotification":{}}}"#).unwrap();
    let error = validate(&current::SendMessageRequest::from(request)).unwrap_err();
    let error = SendMessageRequest::FIELDS.rename(error);
    let fields: Vec<_> = error.violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["message.content", "configuration.pushNotification.url"]);
}

#[test]
fn push_configs() {
    let config = r#"{"id":"p","url":"u","authentication":{"schemes":["Basic"],"credentials":"c"}}"#;
    let whole = format!(
        r#"{{"parent":"tasks/other","configId":"q","config":{{
        "name":"tasks/t/pushNotificationConfigs/p","pushNotificationConfig":{config}}}}}"#
    );
    let alone = format!(r#"{{"name":"n","pushNotificationConfig":{config}}}"#);
    for body in [whole, alone] {
        let request: CreateTaskPushNotificationConfigRequest = decode(body.as_bytes()).unwrap();
        let current = request.into_current("t").unwrap();
        assert_eq!(
            serde_json::to_string(&current).unwrap(),
            r#"{"id":"p","taskId":"t","url":"u","authentication":{"scheme":"Basic","credentials":"c"}}"#
        );
        let answer = serde_json::to_string(&TaskPushNotificationConfig::from(current)).unwrap();
        let expected = r#"{"name":"tasks/t/pushNotificationConfigs/p","pushNotificationConfig":"#;
        assert_eq!(answer, format!("{expected}{config}}}"));
    }
    let request: CreateTaskPushNotificationConfigRequest =
        decode(br#"{"configId":"q","config":{"pushNotificationConfig":{"url":"u"}}}"#).unwrap();
    assert_eq!(request.into_current("t").unwrap().id, "q");

    let request: CreateTaskPushNotificationConfigRequest = decode(b"{}").unwrap();
    let error = request.into_current("t").unwrap_err();
    assert_eq!(error.violations[0].field, "pushNotificationConfig");

    let page = r#"{"configs":[{"id":"p","taskId":"t","url":"u"}],"nextPageToken":"n"}"#;
    assert_eq!(
        write::<Page, ListTaskPushNotificationConfigResponse>(page),
        concat!(
            r#"{"configs":[{"name":"tasks/t/pushNotificationConfigs/p","#,
            r#""pushNotificationConfig":{"id":"p","url":"u"}}],"nextPageToken":"n"}"#
        )
    );
}

#[test]
fn answers() {
    let message = r#"{"message":{"messageId":"m","role":"ROLE_AGENT","referenceTaskIds":["x"],
        "parts":[{"raw":"AP8="},{"data":[1]}]}}"#;
    let expected = concat!(
        r#"{"message":{"messageId":"m","role":"ROLE_AGENT","content":["#,
        r#"{"file":{"fileWithBytes":"QVA4PQ=="}},"#,
        r#"{"data":{"data":{"value":[1]}},"metadata":{"data_part_compat":true}}]}}"#
    );
    assert_eq!(write::<current::StreamResponse, StreamEvent>(message), expected);
    assert_eq!(write::<current::SendMessageResponse, SendMessageResult>(message), expected);

    let task = r#"{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_CANCELED",
        "message":{"messageId":"m","role":"ROLE_AGENT","parts":[]}},"artifacts":[{"artifactId":"a",
        "parts":[{"text":"x"}]}]}}"#;
    let expected = concat!(
        r#"{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_CANCELLED","#,
        r#""message":{"messageId":"m","role":"ROLE_AGENT"}},"artifacts":[{"artifactId":"a","#,
        r#""parts":[{"text":"x"}]}]}}"#
    );
    assert_eq!(write::<current::StreamResponse, StreamEvent>(task), expected);

    let update = r#"{"artifactUpdate":{"taskId":"t","contextId":"c","lastChunk":true,
        "artifact":{"artifactId":"a","parts":[]}}}"#;
    let expected = concat!(
        r#"{"artifactUpdate":{"taskId":"t","contextId":"c","artifact":{"artifactId":"a"},"#,
        r#""lastChunk":true}}"#
    );
    assert_eq!(write::<current::StreamResponse, StreamEvent>(update), expected);
}

/// All names are as in 1.0, but one.
#[test]
fn states() {
    for state in State::ALL {
        let update = format!(r#"{{"taskId":"t","contextId":"c","status":{{"state":"{state}"}}}}"#);
        let written = write::<current::TaskStatusUpdateEvent, TaskStatusUpdateEvent>(&update);
        let name = state.as_str().replace("CANCELED", "CANCELLED");
        let status = match state {
            State::Unspecified => r#""status":{}"#.to_owned(),
            _ => format!(r#""status":{{"state":"{name}"}}"#),
        };
        assert!(written.contains(&status), "{written}");
        let is_final = state.is_terminal() || state.is_interrupted();
        assert_eq!(written.contains(r#""final":true"#), is_final, "{written}");
    }
}

#[test]
fn errors() {
    for (kind, status) in [
        (ErrorKind::JsonParse, 400),
        (ErrorKind::InvalidRequest, 400),
        (ErrorKind::MethodNotFound, 404),
        (ErrorKind::InvalidParams, 422),
        (ErrorKind::PayloadTooLarge, 413),
        (ErrorKind::EncodingNotSupported, 415),
        (ErrorKind::Unauthenticated, 401),
        (ErrorKind::PermissionDenied, 403),
        (ErrorKind::TooManyRequests, 429),
        (ErrorKind::Internal, 500),
        (ErrorKind::Unavailable, 503),
        (ErrorKind::TaskNotFound, 404),
        (ErrorKind::TaskNotCancelable, 409),
        (ErrorKind::PushNotificationNotSupported, 501),
        (ErrorKind::UnsupportedOperation, 501),
        (ErrorKind::ContentTypeNotSupported, 415),
        (ErrorKind::InvalidAgentResponse, 502),
        (ErrorKind::ExtendedAgentCardNotConfigured, 404),
        (ErrorKind::ExtensionSupportRequired, 400),
        (ErrorKind::VersionNotSupported, 400),
    ] {
        assert_eq!(http_status(kind), status, "{kind:?}");
    }
    let body = serde_json::to_string(&ErrorBody::from(&A2aError::task_not_found("t"))).unwrap();
    assert_eq!(body, r#"{"code":-32001,"message":"task not found"}"#);
}
