//! Rules beyond the shape: all broken ones at once, by path.

use a2a_lambda_protocol::*;

#[track_caller]
fn fields<T: Validate>(request: &T) -> Vec<String> {
    match validate(request) {
        Ok(()) => Vec::new(),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::InvalidParams);
            error.violations.into_iter().map(|v| v.field).collect()
        }
    }
}

fn good_message() -> Message {
    Message::text("m", Role::User, "hi")
}

fn send(message: Message) -> SendMessageRequest {
    SendMessageRequest { message: Some(message), ..Default::default() }
}

#[test]
fn a_good_message_passes() {
    assert_eq!(fields(&send(good_message())), [""; 0]);
    let agent = Message { role: Role::Agent, ..good_message() };
    assert_eq!(fields(&send(agent)), [""; 0]);
}

#[test]
fn every_broken_rule_is_told() {
    assert_eq!(fields(&SendMessageRequest::default()), ["message"]);
    let request = SendMessageRequest {
        tenant: "t".repeat(MAX_ID_BYTES + 1),
        message: Some(Message::default()),
        configuration: Some(SendMessageConfiguration {
            history_length: Some(-1),
            task_push_notification_config: Some(TaskPushNotificationConfig {
                token: "a\nb".into(),
                authentication: Some(AuthenticationInfo::default()),
                ..Default::default()
            }),
            ..Default::default()
        }),
        metadata: None,
    };
    assert_eq!(
        fields(&request),
        [
            "tenant",
            "message.messageId",
            "message.role",
            "message.parts",
            "configuration.historyLength",
            "configuration.taskPushNotificationConfig.url",
            "configuration.taskPushNotificationConfig.token",
            "configuration.taskPushNotificationConfig.authentication.scheme",
        ],
    );
    let error = validate(&request).unwrap_err();
    assert_eq!(
        error.message,
        "invalid parameters: tenant must have at most 256 bytes, has 257; message.messageId is \
         required; message.role is required: ROLE_USER or ROLE_AGENT; and 5 more",
    );
}

#[test]
fn bounds_of_a_message() {
    type Change = fn(&mut Message, usize);
    // The limit, a request with so many items, and the field that the error names for one more.
    let cases: [(usize, Change, &str); 9] = [
        (MAX_PARTS, |m, n| m.parts = vec![Part::text(""); n], "message.parts"),
        (MAX_EXTENSIONS, |m, n| m.extensions = vec!["e".into(); n], "message.extensions"),
        (
            MAX_REFERENCE_TASKS,
            |m, n| m.reference_task_ids = vec!["t".into(); n],
            "message.referenceTaskIds",
        ),
        (MAX_ID_BYTES, |m, n| m.message_id = "x".repeat(n), "message.messageId"),
        (MAX_ID_BYTES, |m, n| m.context_id = "x".repeat(n), "message.contextId"),
        (MAX_ID_BYTES, |m, n| m.task_id = "x".repeat(n), "message.taskId"),
        // Bytes, not characters.
        (MAX_ID_BYTES / 2, |m, n| m.task_id = "é".repeat(n), "message.taskId"),
        (
            MAX_ID_BYTES,
            |m, n| m.reference_task_ids = vec!["x".into(), "x".repeat(n)],
            "message.referenceTaskIds[1]",
        ),
        (MAX_URL_BYTES, |m, n| m.extensions = vec!["x".repeat(n)], "message.extensions[0]"),
    ];
    for (allowed, change, field) in cases {
        let mut message = good_message();
        change(&mut message, allowed);
        assert_eq!(fields(&send(message.clone())), [""; 0], "{field}");
        change(&mut message, allowed + 1);
        assert_eq!(fields(&send(message)), [field]);
    }
}

#[test]
fn tasks() {
    assert_eq!(fields(&GetTaskRequest::default()), ["id"]);
    let get = |history_length| GetTaskRequest { history_length, ..GetTaskRequest::of("t") };
    assert_eq!(fields(&get(Some(0))), [""; 0]);
    assert_eq!(fields(&get(Some(-5))), ["historyLength"]);
    assert_eq!(fields(&CancelTaskRequest::default()), ["id"]);
    assert_eq!(fields(&SubscribeToTaskRequest::default()), ["id"]);
    assert_eq!(fields(&GetExtendedAgentCardRequest::default()), [""; 0]);
    let long = GetExtendedAgentCardRequest { tenant: "t".repeat(257) };
    assert_eq!(fields(&long), ["tenant"]);

    assert_eq!(fields(&ListTasksRequest::default()), [""; 0]);
    for (page_size, ok) in [(0, false), (1, true), (100, true), (101, false), (-1, false)] {
        let request = ListTasksRequest { page_size: Some(page_size), ..Default::default() };
        assert_eq!(validate(&request).is_ok(), ok, "{page_size}");
    }
    // The example of specification 6.5, as far as it is not a wrong shape.
    let request =
        ListTasksRequest { page_size: Some(150), history_length: Some(-5), ..Default::default() };
    let error = validate(&request).unwrap_err();
    assert_eq!(error.violations[0], FieldViolation::new("pageSize", "must be 1 to 100, is 150"));
    assert_eq!(
        error.violations[1],
        FieldViolation::new("historyLength", "must not be negative, is -5")
    );
}

#[test]
fn push_configs() {
    assert_eq!(fields(&TaskPushNotificationConfig::default()), ["taskId", "url"]);
    assert_eq!(fields(&GetTaskPushNotificationConfigRequest::default()), ["taskId", "id"]);
    assert_eq!(fields(&DeleteTaskPushNotificationConfigRequest::default()), ["taskId", "id"]);
    assert_eq!(fields(&ListTaskPushNotificationConfigsRequest::default()), ["taskId"]);
    let negative = ListTaskPushNotificationConfigsRequest {
        page_size: -1,
        ..ListTaskPushNotificationConfigsRequest::of("t")
    };
    assert_eq!(fields(&negative), ["pageSize"]);

    let good = TaskPushNotificationConfig {
        task_id: "t".into(),
        url: "https://example.com".into(),
        token: "a token ~!".into(),
        ..Default::default()
    };
    assert_eq!(fields(&good), [""; 0]);
    for token in ["a\r\nX-Evil: 1", "é", "\t", "\u{7f}"] {
        let config = TaskPushNotificationConfig { token: token.into(), ..good.clone() };
        assert_eq!(fields(&config), ["token"], "{token:?}");
    }
    let config = TaskPushNotificationConfig {
        authentication: Some(AuthenticationInfo {
            scheme: "Bearer".into(),
            credentials: "c".repeat(MAX_HEADER_BYTES + 1),
        }),
        id: "i".repeat(MAX_ID_BYTES + 1),
        task_id: "t".repeat(MAX_ID_BYTES + 1),
        url: "u".repeat(MAX_URL_BYTES + 1),
        ..good
    };
    assert_eq!(fields(&config), ["id", "taskId", "url", "authentication.credentials"]);
}
