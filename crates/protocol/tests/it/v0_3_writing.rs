//! Answers of 1.0 as A2A 0.3 writes them, over JSON-RPC.

use a2a_lambda_protocol::v0_3::*;
use a2a_lambda_protocol::{self as current, TaskState as State, decode};
use serde::Serialize;

type Answer = current::SendMessageResponse;
type Config = current::TaskPushNotificationConfig;

fn write<T: serde::de::DeserializeOwned, U: From<T> + Serialize>(current: &str) -> String {
    let current: T = decode(current.as_bytes()).unwrap();
    serde_json::to_string(&U::from(current)).unwrap()
}

fn event(current: &str) -> String {
    write::<current::StreamResponse, StreamEvent>(current)
}

#[test]
fn task() {
    let task = r#"{"id":"t","contextId":"c",
        "status":{"state":"TASK_STATE_INPUT_REQUIRED","timestamp":"2024-03-15T10:15:00Z",
            "message":{"messageId":"a","role":"ROLE_AGENT","parts":[{"text":"where to?"}]}},
        "artifacts":[{"artifactId":"r","name":"joke","description":"d","extensions":["e"],
            "parts":[{"text":"ha"}],"metadata":{"n":1.0}}],
        "history":[{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hi"}],"taskId":"t"}],
        "metadata":{"k":[1, 2]}}"#;
    let expected = concat!(
        r#"{"kind":"task","id":"t","contextId":"c","status":{"state":"input-required","#,
        r#""message":{"kind":"message","messageId":"a","role":"agent","#,
        r#""parts":[{"kind":"text","text":"where to?"}]},"timestamp":"2024-03-15T10:15:00.000Z"},"#,
        r#""artifacts":[{"artifactId":"r","name":"joke","description":"d","#,
        r#""parts":[{"kind":"text","text":"ha"}],"metadata":{"n":1.0},"extensions":["e"]}],"#,
        r#""history":[{"kind":"message","messageId":"m","taskId":"t","role":"user","#,
        r#""parts":[{"kind":"text","text":"hi"}]}],"metadata":{"k":[1,2]}}"#,
    );
    assert_eq!(write::<current::Task, Task>(task), expected);
    // The answer to `message/send`, and an event, are the task itself.
    assert_eq!(event(&format!(r#"{{"task":{task}}}"#)), expected);
    let answer = format!(r#"{{"task":{task}}}"#);
    assert_eq!(write::<Answer, SendMessageResult>(&answer), expected);
}

#[test]
fn message() {
    let expected = r#"{"kind":"message","messageId":"m","role":"agent","parts":[]}"#;
    let message = r#"{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[]}}"#;
    assert_eq!(event(message), expected);
    assert_eq!(write::<current::SendMessageResponse, SendMessageResult>(message), expected);
    // 0.3 has no other.
    let message = r#"{"message":{"messageId":"m","parts":[]}}"#;
    assert_eq!(event(message), expected);
}

#[test]
fn parts() {
    for (current, expected) in [
        (r#"{"text":"x","metadata":{"a":1}}"#, r#"{"kind":"text","text":"x","metadata":{"a":1}}"#),
        (
            r#"{"raw":"_w","filename":"f","mediaType":"a/b"}"#,
            r#"{"kind":"file","file":{"bytes":"/w==","mimeType":"a/b","name":"f"}}"#,
        ),
        (r#"{"url":"u"}"#, r#"{"kind":"file","file":{"uri":"u"}}"#),
        (r#"{"data":{"b":1,"a":1.50}}"#, r#"{"kind":"data","data":{"b":1,"a":1.50}}"#),
        (
            r#"{"data":"x"}"#,
            r#"{"kind":"data","data":{"value":"x"},"metadata":{"data_part_compat":true}}"#,
        ),
        (
            r#"{"data":null,"metadata":{"\u0061":1.0}}"#,
            concat!(
                r#"{"kind":"data","data":{"value":null},"#,
                r#""metadata":{"\u0061":1.0,"data_part_compat":true}}"#
            ),
        ),
        (
            r#"{"data":7,"metadata":{"data_part_compat":"mine"}}"#,
            r#"{"kind":"data","data":{"value":7},"metadata":{"data_part_compat":true}}"#,
        ),
        // 0.3 has no place for these.
        (r#"{"text":"x","filename":"f","mediaType":"a/b"}"#, r#"{"kind":"text","text":"x"}"#),
        (r#"{"data":{},"filename":"f","mediaType":"a/b"}"#, r#"{"kind":"data","data":{}}"#),
    ] {
        assert_eq!(write::<current::Part, Part>(current), expected);
    }
}

/// Every state has its name, and a stream ends where the task or its turn ends.
#[test]
fn states() {
    for (state, name, is_final) in [
        (State::Unspecified, "unknown", false),
        (State::Submitted, "submitted", false),
        (State::Working, "working", false),
        (State::Completed, "completed", true),
        (State::Failed, "failed", true),
        (State::Canceled, "canceled", true),
        (State::InputRequired, "input-required", true),
        (State::Rejected, "rejected", true),
        (State::AuthRequired, "auth-required", true),
    ] {
        let update = format!(
            r#"{{"statusUpdate":{{"taskId":"t","contextId":"c","status":{{"state":"{state}"}}}}}}"#
        );
        let expected = format!(
            concat!(
                r#"{{"kind":"status-update","taskId":"t","contextId":"c","#,
                r#""status":{{"state":"{}"}},"final":{}}}"#
            ),
            name, is_final
        );
        assert_eq!(event(&update), expected);
    }
}

#[test]
fn artifact_update() {
    let update = r#"{"artifactUpdate":{"taskId":"t","contextId":"c","append":true,
        "artifact":{"artifactId":"a","parts":[{"text":"x"}]},"metadata":{"m":1}}}"#;
    let expected = concat!(
        r#"{"kind":"artifact-update","taskId":"t","contextId":"c","#,
        r#""artifact":{"artifactId":"a","parts":[{"kind":"text","text":"x"}]},"#,
        r#""append":true,"metadata":{"m":1}}"#
    );
    assert_eq!(event(update), expected);
}

#[test]
fn push_config() {
    let config = r#"{"tenant":"x","id":"p","taskId":"t","url":"https://h","token":"s",
        "authentication":{"scheme":"Bearer","credentials":"c"}}"#;
    let expected = concat!(
        r#"{"taskId":"t","pushNotificationConfig":{"id":"p","url":"https://h","token":"s","#,
        r#""authentication":{"schemes":["Bearer"],"credentials":"c"}}}"#
    );
    assert_eq!(write::<Config, TaskPushNotificationConfig>(config), expected);
    let config: TaskPushNotificationConfig = decode(expected.as_bytes()).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("\"s\"") && !shown.contains("\"c\""), "{shown}");
}
