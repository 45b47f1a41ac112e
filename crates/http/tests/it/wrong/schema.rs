//! What the operations take.

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Boolean,
    Enum,
    Time,
    List,
    Object,
}

impl Type {
    /// Values that are not of this type.
    pub(super) fn wrong(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["1", "true", "{}", "[]", "[\"a\"]"],
            Self::Integer => &["\"x\"", "\"\"", "1.5", "true", "{}", "[]", "3000000000", "1e99"],
            Self::Boolean => &["1", "\"yes\"", "\"\"", "{}", "[]"],
            Self::Enum => &["\"COMPLETED\"", "\"\"", "1.5", "true", "{}", "[]", "99"],
            Self::Time => &["\"yesterday\"", "\"2025-13-01T00:00:00Z\"", "1", "true", "{}", "[]"],
            Self::List => &["1", "\"a\"", "true", "{}"],
            Self::Object => &["1", "\"a\"", "true", "[]"],
        }
    }
}

const SEND: &[&str] = &["SendMessage", "SendStreamingMessage"];
const GET: &[&str] = &["GetTask"];
const LIST: &[&str] = &["ListTasks"];
const CANCEL: &[&str] = &["CancelTask"];
const SUBSCRIBE: &[&str] = &["SubscribeToTask"];
const CREATE: &[&str] = &["CreateTaskPushNotificationConfig"];
const WHICH: &[&str] = &["GetTaskPushNotificationConfig", "DeleteTaskPushNotificationConfig"];
const CONFIGS: &[&str] = &["ListTaskPushNotificationConfigs"];
const CARD: &[&str] = &["GetExtendedAgentCard"];

/// Parameters with every field.
pub(super) const BASES: &[(&[&str], &str)] = &[
    (
        SEND,
        r#"{
            "tenant": "",
            "message": {
                "messageId": "m1", "contextId": "$context", "taskId": "$open",
                "role": "ROLE_USER", "extensions": ["https://e.example"],
                "referenceTaskIds": ["$over"], "metadata": { "a": 1 },
                "parts": [
                    { "text": "tck-complete-task", "filename": "f", "mediaType": "text/plain",
                      "metadata": { "a": 1 } },
                    { "raw": "aGk=" }, { "url": "https://u.example" }, { "data": { "a_b": 1 } }
                ]
            },
            "configuration": {
                "acceptedOutputModes": ["text/plain"], "historyLength": 3,
                "returnImmediately": false,
                "taskPushNotificationConfig": {
                    "tenant": "", "id": "c2", "taskId": "", "url": "https://client.example",
                    "token": "t", "authentication": { "scheme": "Bearer", "credentials": "c" }
                }
            },
            "metadata": { "a": 1 }
        }"#,
    ),
    (GET, r#"{ "tenant": "", "id": "$open", "historyLength": 3 }"#),
    (
        LIST,
        r#"{
            "tenant": "", "contextId": "$context", "status": "TASK_STATE_INPUT_REQUIRED",
            "pageSize": 5, "pageToken": "", "historyLength": 3,
            "statusTimestampAfter": "2001-01-01T00:00:00Z", "includeArtifacts": true
        }"#,
    ),
    (CANCEL, r#"{ "tenant": "", "id": "$open", "metadata": { "a": 1 } }"#),
    (SUBSCRIBE, r#"{ "tenant": "", "id": "$open" }"#),
    (
        CREATE,
        r#"{
            "tenant": "", "id": "c2", "taskId": "$open", "url": "https://client.example",
            "token": "t", "authentication": { "scheme": "Bearer", "credentials": "c" }
        }"#,
    ),
    (WHICH, r#"{ "tenant": "", "taskId": "$open", "id": "c1" }"#),
    (CONFIGS, r#"{ "tenant": "", "taskId": "$open", "pageSize": 5, "pageToken": "" }"#),
    (CARD, r#"{ "tenant": "" }"#),
];

/// Every field.
#[rustfmt::skip] // A line for each.
pub(super) const FIELDS: &[(&[&str], &str, Type)] = &[
    (SEND, "/tenant", Type::Text),
    (SEND, "/message", Type::Object),
    (SEND, "/message/messageId", Type::Text),
    (SEND, "/message/contextId", Type::Text),
    (SEND, "/message/taskId", Type::Text),
    (SEND, "/message/role", Type::Enum),
    (SEND, "/message/extensions", Type::List),
    (SEND, "/message/extensions/0", Type::Text),
    (SEND, "/message/referenceTaskIds", Type::List),
    (SEND, "/message/referenceTaskIds/0", Type::Text),
    (SEND, "/message/metadata", Type::Object),
    (SEND, "/message/parts", Type::List),
    (SEND, "/message/parts/0", Type::Object),
    (SEND, "/message/parts/0/text", Type::Text),
    (SEND, "/message/parts/0/filename", Type::Text),
    (SEND, "/message/parts/0/mediaType", Type::Text),
    (SEND, "/message/parts/0/metadata", Type::Object),
    (SEND, "/message/parts/1/raw", Type::Text),
    (SEND, "/message/parts/2/url", Type::Text),
    (SEND, "/configuration", Type::Object),
    (SEND, "/configuration/acceptedOutputModes", Type::List),
    (SEND, "/configuration/acceptedOutputModes/0", Type::Text),
    (SEND, "/configuration/historyLength", Type::Integer),
    (SEND, "/configuration/returnImmediately", Type::Boolean),
    (SEND, "/configuration/taskPushNotificationConfig", Type::Object),
    (SEND, "/configuration/taskPushNotificationConfig/tenant", Type::Text),
    (SEND, "/configuration/taskPushNotificationConfig/id", Type::Text),
    (SEND, "/configuration/taskPushNotificationConfig/taskId", Type::Text),
    (SEND, "/configuration/taskPushNotificationConfig/url", Type::Text),
    (SEND, "/configuration/taskPushNotificationConfig/token", Type::Text),
    (SEND, "/configuration/taskPushNotificationConfig/authentication", Type::Object),
    (SEND, "/configuration/taskPushNotificationConfig/authentication/scheme", Type::Text),
    (SEND, "/configuration/taskPushNotificationConfig/authentication/credentials", Type::Text),
    (SEND, "/metadata", Type::Object),
    (GET, "/tenant", Type::Text),
    (GET, "/id", Type::Text),
    (GET, "/historyLength", Type::Integer),
    (LIST, "/tenant", Type::Text),
    (LIST, "/contextId", Type::Text),
    (LIST, "/status", Type::Enum),
    (LIST, "/pageSize", Type::Integer),
    (LIST, "/pageToken", Type::Text),
    (LIST, "/historyLength", Type::Integer),
    (LIST, "/statusTimestampAfter", Type::Time),
    (LIST, "/includeArtifacts", Type::Boolean),
    (CANCEL, "/tenant", Type::Text),
    (CANCEL, "/id", Type::Text),
    (CANCEL, "/metadata", Type::Object),
    (SUBSCRIBE, "/tenant", Type::Text),
    (SUBSCRIBE, "/id", Type::Text),
    (CREATE, "/tenant", Type::Text),
    (CREATE, "/id", Type::Text),
    (CREATE, "/taskId", Type::Text),
    (CREATE, "/url", Type::Text),
    (CREATE, "/token", Type::Text),
    (CREATE, "/authentication", Type::Object),
    (CREATE, "/authentication/scheme", Type::Text),
    (CREATE, "/authentication/credentials", Type::Text),
    (WHICH, "/tenant", Type::Text),
    (WHICH, "/taskId", Type::Text),
    (WHICH, "/id", Type::Text),
    (CONFIGS, "/tenant", Type::Text),
    (CONFIGS, "/taskId", Type::Text),
    (CONFIGS, "/pageSize", Type::Integer),
    (CONFIGS, "/pageToken", Type::Text),
    (CARD, "/tenant", Type::Text),
];
