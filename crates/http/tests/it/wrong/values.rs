//! Values of the right type that break a rule: for each, the error and the fields that it names.

use super::expected::{INVALID, NOT_CANCELABLE, NOT_FOUND, UNSUPPORTED};
use super::{Expected, Scene};
use crate::support::{BINDINGS, Binding, named_fields, with, without};

/// The bindings that have such a request at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Both,
    /// HTTP+JSON has the field in the path, where it is another path.
    JsonRpc,
}

use On::{Both, JsonRpc};

/// No value.
const ABSENT: &str = "";

const SEND: &str = "SendMessage SendStreamingMessage";
const IDS: &str = "GetTask CancelTask SubscribeToTask";
const CREATE: &str = "CreateTaskPushNotificationConfig";
const READ: &str = "GetTaskPushNotificationConfig";
const DELETE: &str = "DeleteTaskPushNotificationConfig";
const CONFIGS: &str = "ListTaskPushNotificationConfigs";
const ON_CONFIGS: &str = "CreateTaskPushNotificationConfig GetTaskPushNotificationConfig \
                          ListTaskPushNotificationConfigs DeleteTaskPushNotificationConfig";
const ALL: &str = "SendMessage SendStreamingMessage GetTask ListTasks CancelTask SubscribeToTask \
                   CreateTaskPushNotificationConfig GetTaskPushNotificationConfig \
                   ListTaskPushNotificationConfigs DeleteTaskPushNotificationConfig \
                   GetExtendedAgentCard";
const INLINE: &str = "/configuration/taskPushNotificationConfig";

/// Operations, a field, its value, the error, the fields that the error names.
type Row = (On, &'static str, &'static str, &'static str, Expected, &'static [&'static str]);

#[rustfmt::skip] // A line for each.
const ROWS: &[Row] = &[
    (Both, ALL, "/tenant", r#""a b""#, INVALID, &["tenant"]),
    (Both, ALL, "/tenant", r#""$257""#, INVALID, &["tenant"]),
    (Both, ALL, "/tenant", r#""ä""#, INVALID, &["tenant"]),

    (Both, SEND, "/message", ABSENT, INVALID, &["message"]),
    (Both, SEND, "/message", "{}", INVALID, &["message.messageId", "message.role", "message.parts"]),
    (Both, SEND, "/message/messageId", ABSENT, INVALID, &["message.messageId"]),
    (Both, SEND, "/message/messageId", r#""""#, INVALID, &["message.messageId"]),
    (Both, SEND, "/message/messageId", r#""$257""#, INVALID, &["message.messageId"]),
    (Both, SEND, "/message/contextId", r#""$257""#, INVALID, &["message.contextId"]),
    (Both, SEND, "/message/contextId", r#""another""#, INVALID, &["message.contextId"]),
    (Both, SEND, "/message/taskId", r#""$257""#, INVALID, &["message.taskId"]),
    (Both, SEND, "/message/taskId", r#""unknown""#, NOT_FOUND, &[]),
    (Both, SEND, "/message/taskId", r#""$foreign""#, NOT_FOUND, &[]),
    (Both, SEND, "/message/taskId", r#""$elsewhere""#, NOT_FOUND, &[]),
    (Both, SEND, "/message/role", ABSENT, INVALID, &["message.role"]),
    (Both, SEND, "/message/role", "0", INVALID, &["message.role"]),
    (Both, SEND, "/message/role", "2", INVALID, &["message.role"]),
    (Both, SEND, "/message/role", r#""ROLE_UNSPECIFIED""#, INVALID, &["message.role"]),
    (Both, SEND, "/message/role", r#""ROLE_AGENT""#, INVALID, &["message.role"]),
    (Both, SEND, "/message/parts", ABSENT, INVALID, &["message.parts"]),
    (Both, SEND, "/message/parts", "[]", INVALID, &["message.parts"]),
    (Both, SEND, "/message/parts", r#""$1001 parts""#, INVALID, &["message.parts"]),
    (Both, SEND, "/message/parts", "[{}]", INVALID, &["message.parts[0]"]),
    (Both, SEND, "/message/parts", r#"[{"text":"a"},{"url":"b","text":"c"}]"#, INVALID, &["message.parts[1]"]),
    (Both, SEND, "/message/parts", r#"[{"text":null}]"#, INVALID, &["message.parts[0]"]),
    (Both, SEND, "/message/parts", r#"[{"mediaType":"text/plain"}]"#, INVALID, &["message.parts[0]"]),
    (Both, SEND, "/message/parts", r#"[{"kind":"text"}]"#, INVALID, &["message.parts[0]"]),
    (Both, SEND, "/message/parts", r#"[{"text":"a","data":null}]"#, INVALID, &["message.parts[0]"]),
    (Both, SEND, "/message/parts/1/raw", r#""*""#, INVALID, &["message.parts[1].raw"]),
    (Both, SEND, "/message/parts/0/text", r#""$400k""#, INVALID, &["message"]),
    (Both, SEND, "/message/metadata", r#"{"a":"$400k"}"#, INVALID, &["message"]),
    (Both, SEND, "/metadata", r#"{"a":"$400k"}"#, INVALID, &["metadata"]),
    (Both, SEND, "/message/extensions", r#""$101 strings""#, INVALID, &["message.extensions"]),
    (Both, SEND, "/message/extensions", r#"["a","$2049"]"#, INVALID, &["message.extensions[1]"]),
    (Both, SEND, "/message/referenceTaskIds", r#""$101 strings""#, INVALID, &["message.referenceTaskIds"]),
    (Both, SEND, "/message/referenceTaskIds", r#"["$257"]"#, INVALID, &["message.referenceTaskIds[0]"]),
    (Both, SEND, "/configuration/historyLength", "-1", INVALID, &["configuration.historyLength"]),
    (Both, SEND, "/configuration/historyLength", "-2147483648", INVALID, &["configuration.historyLength"]),
    (Both, SEND, INLINE, "{}", INVALID, &["configuration.taskPushNotificationConfig.url"]),

    (JsonRpc, IDS, "/id", ABSENT, INVALID, &["id"]),
    (JsonRpc, IDS, "/id", r#""""#, INVALID, &["id"]),
    (Both, IDS, "/id", r#""$257""#, INVALID, &["id"]),
    (Both, IDS, "/id", r#""unknown""#, NOT_FOUND, &[]),
    (Both, IDS, "/id", r#""\u0000""#, NOT_FOUND, &[]),
    (Both, IDS, "/id", r#""$foreign""#, NOT_FOUND, &[]),
    (Both, IDS, "/id", r#""$elsewhere""#, NOT_FOUND, &[]),
    (Both, "CancelTask", "/id", r#""$over""#, NOT_CANCELABLE, &[]),
    (Both, "SubscribeToTask", "/id", r#""$over""#, UNSUPPORTED, &[]),
    (Both, "GetTask ListTasks", "/historyLength", "-1", INVALID, &["historyLength"]),
    (Both, "GetTask ListTasks", "/historyLength", r#""-1""#, INVALID, &["historyLength"]),

    (Both, "ListTasks", "/pageSize", "0", INVALID, &["pageSize"]),
    (Both, "ListTasks", "/pageSize", "101", INVALID, &["pageSize"]),
    (Both, "ListTasks", "/pageSize", "-1", INVALID, &["pageSize"]),
    (Both, "ListTasks", "/pageToken", r#""x""#, INVALID, &["pageToken"]),
    (Both, "ListTasks", "/pageToken", r#""$257""#, INVALID, &["pageToken"]),
    (Both, "ListTasks", "/contextId", r#""$257""#, INVALID, &["contextId"]),

    (JsonRpc, ON_CONFIGS, "/taskId", ABSENT, INVALID, &["taskId"]),
    (Both, ON_CONFIGS, "/taskId", r#""""#, INVALID, &["taskId"]),
    (Both, ON_CONFIGS, "/taskId", r#""$257""#, INVALID, &["taskId"]),
    (Both, ON_CONFIGS, "/taskId", r#""unknown""#, NOT_FOUND, &[]),
    (Both, ON_CONFIGS, "/taskId", r#""$foreign""#, NOT_FOUND, &[]),
    (Both, ON_CONFIGS, "/taskId", r#""$elsewhere""#, NOT_FOUND, &[]),
    (Both, READ, "/id", r#""unknown""#, NOT_FOUND, &[]),
    (JsonRpc, READ, "/id", ABSENT, INVALID, &["id"]),
    (JsonRpc, DELETE, "/id", ABSENT, INVALID, &["id"]),
    (Both, READ, "/id", r#""$257""#, INVALID, &["id"]),
    (Both, DELETE, "/id", r#""$257""#, INVALID, &["id"]),
    (Both, CONFIGS, "/pageSize", "-1", INVALID, &["pageSize"]),
    (Both, CONFIGS, "/pageToken", r#""!""#, INVALID, &["pageToken"]),
    (Both, CONFIGS, "/pageToken", r#""x""#, INVALID, &["pageToken"]),
    (Both, CREATE, "/url", ABSENT, INVALID, &["url"]),
];

/// The rules of a config, which hold wherever it comes.
#[rustfmt::skip] // A line for each.
const OF_A_CONFIG: &[(&str, &str, &str)] = &[
    ("/id", r#""$257""#, "id"),
    ("/taskId", r#""$257""#, "taskId"),
    ("/tenant", r#""$257""#, "tenant"),
    ("/url", r#""""#, "url"),
    ("/url", r#""https://c.example/$2049""#, "url"),
    ("/url", r#""client.example""#, "url"),
    ("/token", r#""$8193""#, "token"),
    ("/token", r#""a\r\nb""#, "token"),
    ("/token", r#""ä""#, "token"),
    ("/authentication", "{}", "authentication.scheme"),
    ("/authentication/scheme", ABSENT, "authentication.scheme"),
    ("/authentication/scheme", r#""""#, "authentication.scheme"),
    ("/authentication/scheme", r#""$257""#, "authentication.scheme"),
    ("/authentication/scheme", r#""$65""#, "authentication.scheme"),
    ("/authentication/scheme", r#""Bea\nrer""#, "authentication.scheme"),
    ("/authentication/credentials", r#""$8193""#, "authentication.credentials"),
    ("/authentication/credentials", r#""a\u0000""#, "authentication.credentials"),
];

/// A field, its value, the error, the fields that the error names.
type Case<'a> = (&'a str, &'a str, Expected, &'a [&'a str]);

async fn check(scene: &Scene, binding: Binding, operation: &str, case: Case<'_>) {
    let (place, value, expected, fields) = case;
    let params = scene.params(operation);
    let params = match value {
        ABSENT => without(params, place),
        value => with(params, place, scene.fill(value)),
    };
    let short: String = value.chars().take(60).collect();
    let why = format!("{binding:?} {operation} {place} {short}");
    let error = scene.world.call(binding, operation, params).await.refused(&why);
    expected.check(binding, &error, &why);
    assert_eq!(named_fields(binding, &error), fields, "{why}: {error}");
}

#[tokio::test(start_paused = true)]
async fn each_is_refused_and_nothing_is_done() {
    let scene = Scene::new().await;
    let before = scene.seen().await;
    for (on, operations, place, value, expected, fields) in ROWS {
        for operation in operations.split_whitespace() {
            let case = (*place, *value, *expected, *fields);
            check(&scene, Binding::JsonRpc, operation, case).await;
            if *on == Both {
                check(&scene, Binding::Rest, operation, case).await;
            }
        }
    }
    assert_eq!(scene.seen().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_config_s_rules_hold_wherever_it_comes() {
    let scene = Scene::new().await;
    let before = scene.seen().await;
    for (place, value, field) in OF_A_CONFIG {
        for (operations, parent) in [(SEND, INLINE), (CREATE, "")] {
            if operations == CREATE && matches!(*place, "/taskId" | "/tenant") {
                // There they are the request's own, which are in `ROWS`.
                continue;
            }
            let place = format!("{parent}{place}");
            let field = format!("{parent}/{field}")[1..].replace('/', ".");
            for operation in operations.split_whitespace() {
                for binding in BINDINGS {
                    let case = (place.as_str(), *value, INVALID, &[field.as_str()][..]);
                    check(&scene, binding, operation, case).await;
                }
            }
        }
    }
    assert_eq!(scene.seen().await, before);
}
