//! The one form that we write.

use a2a_lambda_protocol::*;
use serde::Serialize;

#[track_caller]
fn writes<T: Serialize>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
}

#[test]
fn defaults_are_left_out_and_required_fields_are_not() {
    writes(&Task::default(), r#"{"id":"","status":{"state":"TASK_STATE_UNSPECIFIED"}}"#);
    writes(&Message::default(), r#"{"messageId":"","role":"ROLE_UNSPECIFIED","parts":[]}"#);
    writes(&Artifact::default(), r#"{"artifactId":"","parts":[]}"#);
    writes(
        &ListTasksResponse::default(),
        r#"{"tasks":[],"nextPageToken":"","pageSize":0,"totalSize":0}"#,
    );
    writes(&ListTasksRequest::default(), "{}");
    writes(&ListTaskPushNotificationConfigsResponse::default(), "{}");
    writes(&SendMessageRequest::default(), "{}");
}

/// The example of specification 8.4.1.
#[test]
fn presence_in_a_card_is_that_of_the_canonicalization_rules() {
    let card = AgentCard {
        name: "Example Agent".into(),
        capabilities: AgentCapabilities {
            streaming: Some(false),
            push_notifications: Some(false),
            ..Default::default()
        },
        ..Default::default()
    };
    writes(
        &card,
        concat!(
            r#"{"name":"Example Agent","description":"","supportedInterfaces":[],"version":"","#,
            r#""capabilities":{"streaming":false,"pushNotifications":false},"#,
            r#""defaultInputModes":[],"defaultOutputModes":[],"skills":[]}"#
        ),
    );
}

#[test]
fn explicit_presence_is_kept() {
    let request = GetTaskRequest { history_length: Some(0), ..GetTaskRequest::of("t") };
    writes(&request, r#"{"id":"t","historyLength":0}"#);
    let request = ListTasksRequest { include_artifacts: Some(false), ..Default::default() };
    writes(&request, r#"{"includeArtifacts":false}"#);
}

#[test]
fn parts() {
    writes(&Part::text(""), r#"{"text":""}"#);
    writes(&Part::raw([0xfb, 0xff]), r#"{"raw":"+/8="}"#);
    writes(&Part::url("https://a/b"), r#"{"url":"https://a/b"}"#);
    let part = Part {
        metadata: Some(Struct::parse("{}").unwrap()),
        ..Part::data(Json::parse("[1]").unwrap()).with_filename("f").with_media_type("a/b")
    };
    writes(&part, r#"{"data":[1],"metadata":{},"filename":"f","mediaType":"a/b"}"#);
}

#[test]
fn events_and_answers() {
    let event = TaskArtifactUpdateEvent {
        task_id: "t".into(),
        context_id: "c".into(),
        artifact: Artifact::new("a", [Part::text("x")]),
        append: true,
        ..Default::default()
    };
    writes(
        &StreamResponse::ArtifactUpdate(event),
        concat!(
            r#"{"artifactUpdate":{"taskId":"t","contextId":"c","#,
            r#""artifact":{"artifactId":"a","parts":[{"text":"x"}]},"append":true}}"#
        ),
    );
    let status = TaskStatus {
        state: TaskState::InputRequired,
        timestamp: Some(Timestamp::from_millis(1_761_647_400_000)),
        ..Default::default()
    };
    let event = TaskStatusUpdateEvent {
        task_id: "t".into(),
        context_id: "c".into(),
        status,
        metadata: None,
    };
    writes(
        &StreamResponse::StatusUpdate(event),
        concat!(
            r#"{"statusUpdate":{"taskId":"t","contextId":"c","status":"#,
            r#"{"state":"TASK_STATE_INPUT_REQUIRED","timestamp":"2025-10-28T10:30:00.000Z"}}}"#
        ),
    );
    let message = Message::text("m", Role::Agent, "hi");
    let text = r#"{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[{"text":"hi"}]}}"#;
    writes(&SendMessageResponse::Message(message.clone()), text);
    writes(&StreamResponse::Message(message), text);
}

#[test]
fn a_secret_is_not_in_debug() {
    let config = TaskPushNotificationConfig {
        token: "swordfish".into(),
        authentication: Some(AuthenticationInfo {
            scheme: "Bearer".into(),
            credentials: "opensesame".into(),
        }),
        ..Default::default()
    };
    let request = SendMessageRequest {
        configuration: Some(SendMessageConfiguration {
            task_push_notification_config: Some(config.clone()),
            ..Default::default()
        }),
        ..Default::default()
    };
    for debug in [format!("{config:?}"), format!("{request:#?}")] {
        assert!(debug.contains("Bearer") && debug.contains("<secret>"), "{debug}");
        assert!(!debug.contains("swordfish") && !debug.contains("opensesame"), "{debug}");
    }
    // In JSON they are: a push needs them.
    assert!(serde_json::to_string(&config).unwrap().contains("swordfish"));
}
