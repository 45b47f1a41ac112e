//! The parameters of the operations.

use serde_json::Value;

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
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(_) => Self::Integer,
            Value::Bool(_) => Self::Boolean,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
            Value::String(text) if text.contains("_STATE_") || text.contains("ROLE_") => Self::Enum,
            Value::String(text) if text.ends_with("00Z") => Self::Time,
            _ => Self::Text,
        }
    }

    /// Values that are not of this type.
    pub(super) fn wrong(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["1", "true", "{}", "[]", "[\"a\"]"],
            Self::Integer => &["\"x\"", "\"\"", "1.5", "true", "{}", "[]", "3000000000", "1e99"],
            Self::Boolean => &["1", "\"yes\"", "\"\"", "{}", "[]"],
            Self::Enum => {
                &["\"COMPLETED\"", "\"user\"", "\"9\"", "\"\"", "1.5", "true", "{}", "[]", "99"]
            }
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

/// Every field of these parameters, with its path. Metadata and data are the sender's own.
pub(super) fn fields(params: &Value) -> Vec<(String, Type)> {
    let children: Vec<(String, &Value)> = match params {
        Value::Object(object) => object.iter().map(|(name, of)| (name.clone(), of)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, of)| (i.to_string(), of)).collect()
        }
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (name, value) in children.into_iter().filter(|(name, _)| name != "data") {
        all.push((format!("/{name}"), Type::of(value)));
        if name != "metadata" {
            all.extend(fields(value).into_iter().map(|(path, of)| (format!("/{name}{path}"), of)));
        }
    }
    all
}
