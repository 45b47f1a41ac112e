//! The paths and queries of HTTP+JSON (specification 11.3).

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::error::Error;

/// The characters that a path's segment and a query's value keep unencoded (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A method, a path that begins with a slash, and the place of the other parameters.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Whether the request is the body, or else the query.
    pub(crate) has_body: bool,
}

/// The route of a call.
pub(crate) fn route(call: &Call) -> Result<Route, Error> {
    let get = |path: String| Ok(Route { method: Method::GET, path, has_body: false });
    let post = |path: String| Ok(Route { method: Method::POST, path, has_body: true });
    let configs =
        |task: &str| segment(task).map(|task| format!("/tasks/{task}/pushNotificationConfigs"));
    match call {
        Call::SendMessage(_) => post("/message:send".to_owned()),
        Call::SendStreamingMessage(_) => post("/message:stream".to_owned()),
        Call::GetTask(request) => get(format!("/tasks/{}", segment(&request.id)?)),
        Call::ListTasks(_) => get("/tasks".to_owned()),
        Call::CancelTask(request) => post(format!("/tasks/{}:cancel", segment(&request.id)?)),
        Call::SubscribeToTask(request) => {
            let path = format!("/tasks/{}:subscribe", segment(&request.id)?);
            // The path says it all.
            Ok(Route { method: Method::POST, path, has_body: false })
        }
        Call::CreatePushConfig(config) => post(configs(&config.task_id)?),
        Call::ListPushConfigs(request) => get(configs(&request.task_id)?),
        Call::GetPushConfig(request) => {
            get(format!("{}/{}", configs(&request.task_id)?, segment(&request.id)?))
        }
        Call::DeletePushConfig(request) => {
            let path = format!("{}/{}", configs(&request.task_id)?, segment(&request.id)?);
            Ok(Route { method: Method::DELETE, path, has_body: false })
        }
        Call::GetExtendedAgentCard(_) => get("/extendedAgentCard".to_owned()),
    }
}

/// An id or a tenant as a segment of a path.
pub(crate) fn segment(text: &str) -> Result<String, Error> {
    // Proxies take the dots for folders.
    if matches!(text, "" | "." | "..") {
        return Err(Error::Request(format!("{text:?} cannot be in a path")));
    }
    Ok(utf8_percent_encode(text, UNRESERVED).to_string())
}

/// The fields of a request that its path does not say, as a query with its `?` (specification 11.5).
pub(crate) fn query(request: &impl Serialize) -> String {
    let fields = serde_json::to_value(request).unwrap_or_default();
    let fields = fields.as_object().into_iter().flatten();
    let said = |name: &str| matches!(name, "id" | "taskId" | "tenant");
    let pairs = fields.filter(|(name, _)| !said(name)).filter_map(|(name, value)| {
        let value = match value {
            Value::String(text) => utf8_percent_encode(text, UNRESERVED).to_string(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return None,
        };
        Some(format!("{name}={value}"))
    });
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use a2a_lambda_protocol::{GetTaskRequest, ListTasksRequest, TaskState, Timestamp};

    use super::*;

    #[test]
    fn ids_and_queries_are_encoded() {
        for (id, path) in [
            ("t-1_a.b~c", Some("/tasks/t-1_a.b~c")),
            ("a/b:c d?é", Some("/tasks/a%2Fb%3Ac%20d%3F%C3%A9")),
            ("...", Some("/tasks/...")),
            ("..", None),
            (".", None),
            ("", None),
        ] {
            let found = route(&Call::GetTask(GetTaskRequest::of(id))).map(|route| route.path).ok();
            assert_eq!(found.as_deref(), path, "{id:?}");
        }
        let all = ListTasksRequest {
            tenant: "t".to_owned(),
            context_id: "c&d".to_owned(),
            status: TaskState::Working,
            page_size: Some(5),
            history_length: Some(0),
            status_timestamp_after: Some(Timestamp::from_millis(0)),
            include_artifacts: Some(true),
            ..ListTasksRequest::default()
        };
        assert_eq!(
            query(&all),
            "?contextId=c%26d&historyLength=0&includeArtifacts=true&pageSize=5&status=TASK_STATE_WORKING\
             &statusTimestampAfter=1970-01-01T00%3A00%3A00.000Z"
        );
        assert_eq!(query(&GetTaskRequest::of("t")), "");
    }
}
