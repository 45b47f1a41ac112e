//! Events that other agents push: of A2A 1.0 and of 0.3.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// The meaning of a pushed event for a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The task goes on.
    Progress,
    /// The task has ended, or waits for its user.
    Result,
}

/// The members by which events are known. Everything else is for the agent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    // One of A2A 1.0.
    task: Option<Task>,
    #[serde(alias = "status_update")]
    status_update: Option<Update>,
    #[serde(alias = "artifact_update")]
    artifact_update: Option<Update>,
    message: Option<Message>,
    // One of A2A 0.3, or a task by itself.
    kind: Option<String>,
    id: Option<String>,
    task_id: Option<String>,
    message_id: Option<String>,
    status: Option<Status>,
    artifact: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Task {
    id: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(alias = "task_id")]
    task_id: Option<String>,
    status: Option<Status>,
    artifact: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(alias = "message_id")]
    message_id: Option<String>,
    role: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl Status {
    /// `None` for a state that A2A does not have.
    fn pushed(&self) -> Option<Pushed> {
        let state = self.state.strip_prefix("TASK_STATE_").unwrap_or(&self.state);
        match state.to_ascii_lowercase().replace('_', "-").as_str() {
            "submitted" | "working" | "unknown" | "unspecified" => Some(Pushed::Progress),
            "completed" | "failed" | "canceled" | "rejected" | "input-required"
            | "auth-required" => Some(Pushed::Result),
            _ => None,
        }
    }
}

/// The meaning of a text that is a pushed event; `None` if it is none. A text counts as an event
/// only if it has an event's members: other senders may use the same names.
pub(crate) fn pushed(text: &str) -> Option<Pushed> {
    // `serde` takes an array's items for the members of a struct.
    let body: Body = Some(text)
        .filter(|text| text.trim_ascii_start().starts_with('{'))
        .and_then(|text| serde_json::from_str(text).ok())?;
    let state = |status: &Option<Status>| status.as_ref().and_then(Status::pushed);
    let chunk = |artifact: &Option<IgnoredAny>| artifact.map(|_| Pushed::Progress);
    let one = [
        body.task.is_some(),
        body.status_update.is_some(),
        body.artifact_update.is_some(),
        body.message.is_some(),
    ];
    if one.iter().filter(|is| **is).count() == 1 {
        if let Some(Task { id: Some(_), status }) = &body.task {
            return state(status);
        }
        if let Some(Update { task_id: Some(_), status, .. }) = &body.status_update {
            return state(status);
        }
        if let Some(Update { task_id: Some(_), artifact, .. }) = &body.artifact_update {
            return chunk(artifact);
        }
        if let Some(Message { message_id: Some(_), role: Some(_) }) = &body.message {
            return Some(Pushed::Result);
        }
        return None;
    }
    match body.kind.as_deref() {
        Some("task") | None if body.id.is_some() => state(&body.status),
        Some("status-update") if body.task_id.is_some() => state(&body.status),
        Some("artifact-update") if body.task_id.is_some() => chunk(&body.artifact),
        Some("message") if body.message_id.is_some() => Some(Pushed::Result),
        _ => None,
    }
}

/// An event without its task's contents (history and artifacts), for an event that is too large.
/// The agent asks the other one for them.
pub(crate) fn without_content(text: &str) -> Option<String> {
    let mut event: Map<String, Value> = serde_json::from_str(text).ok()?;
    let strip = |task: &mut Map<String, Value>| {
        task.remove("history");
        task.remove("artifacts");
    };
    match event.get_mut("task") {
        Some(Value::Object(task)) => strip(task),
        _ => strip(&mut event),
    }
    serde_json::to_string(&event).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_progress_until_the_task_ends_or_waits() {
        use Pushed::{Progress, Result};
        for (text, expected) in [
            (
                r#"{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}}"#,
                Some(Progress),
            ),
            (
                r#"{"task":{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"x":1}}"#,
                Some(Result),
            ),
            (
                r#"{"statusUpdate":{"taskId":"t","status":{"state":"TASK_STATE_SUBMITTED"}}}"#,
                Some(Progress),
            ),
            (
                r#"{"statusUpdate":{"taskId":"t","status":{"state":"TASK_STATE_INPUT_REQUIRED"}}}"#,
                Some(Result),
            ),
            (
                r#"{"status_update":{"task_id":"t","status":{"state":"TASK_STATE_AUTH_REQUIRED"}}}"#,
                Some(Result),
            ),
            (r#"{"artifactUpdate":{"taskId":"t","artifact":{"artifactId":"a"}}}"#, Some(Progress)),
            (r#"{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[]}}"#, Some(Result)),
            // A task by itself.
            (r#"{"id":"t","status":{"state":"TASK_STATE_FAILED"}}"#, Some(Result)),
            // A2A 0.3.
            (r#"{"kind":"task","id":"t","status":{"state":"working"}}"#, Some(Progress)),
            (r#"{"kind":"task","id":"t","status":{"state":"input-required"}}"#, Some(Result)),
            (
                r#" {"kind":"status-update","taskId":"t","final":true,"status":{"state":"canceled"}}"#,
                Some(Result),
            ),
            (r#"{"kind":"artifact-update","taskId":"t","artifact":{}}"#, Some(Progress)),
            (r#"{"kind":"message","messageId":"m"}"#, Some(Result)),
            // Others use the same names.
            (r#"{"task":{"id":"t"}}"#, None),
            (r#"{"task":"paint the fence","status":"done"}"#, None),
            (r#"{"id":"t","status":{"state":"shipped"}}"#, None),
            (r#"{"id":7,"status":{"state":"completed"}}"#, None),
            (r#"{"message":"hello"}"#, None),
            (r#"{"message":{"text":"hello"}}"#, None),
            (r#"{"kind":"order","id":"t","status":{"state":"completed"}}"#, None),
            (r#"{"artifactUpdate":{"taskId":"t"}}"#, None),
            (r#"{"task":{"id":"t"},"message":{"messageId":"m","role":"r"}}"#, None),
            ("{}", None),
            ("[]", None),
            ("null", None),
            ("{", None),
        ] {
            assert_eq!(pushed(text), expected, "{text}");
        }
    }

    #[test]
    fn a_large_task_loses_history_and_artifacts() {
        let whole = r#"{"task":{"id":"t","history":[1],"artifacts":[2],"status":{"state":"x"}}}"#;
        let stripped = r#"{"task":{"id":"t","status":{"state":"x"}}}"#;
        assert_eq!(without_content(whole).as_deref(), Some(stripped));
        let whole = r#"{"artifacts":[2],"id":"t","status":{"state":"x"}}"#;
        assert_eq!(without_content(whole).as_deref(), Some(r#"{"id":"t","status":{"state":"x"}}"#));
    }
}
