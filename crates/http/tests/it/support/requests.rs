//! Requests for operations, in the form of either binding.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Binding, send};

/// Every operation, with parameters that are in order, for a task `t` and its config `c`.
pub(crate) fn operations() -> [(&'static str, Value); 11] {
    operations_on("t")
}

/// The same for a task.
pub(crate) fn operations_on(task: &str) -> [(&'static str, Value); 11] {
    let config = json!({ "taskId": task, "id": "c", "url": "https://client.example" });
    [
        ("SendMessage", send("hi")),
        ("SendStreamingMessage", send("hi")),
        ("GetTask", json!({ "id": task })),
        ("ListTasks", json!({})),
        ("CancelTask", json!({ "id": task })),
        ("SubscribeToTask", json!({ "id": task })),
        ("CreateTaskPushNotificationConfig", config),
        ("GetTaskPushNotificationConfig", json!({ "taskId": task, "id": "c" })),
        ("ListTaskPushNotificationConfigs", json!({ "taskId": task })),
        ("DeleteTaskPushNotificationConfig", json!({ "taskId": task, "id": "c" })),
        ("GetExtendedAgentCard", json!({})),
    ]
}

/// A request of version 1.0, unless `headers` say another.
pub(crate) fn request(
    method: &str,
    target: &str,
    body: Bytes,
    headers: &[(&str, &str)],
) -> Request<Bytes> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("a2a-version")) {
        request = request.header("A2A-Version", "1.0");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// The request that sends a message, of which this is the JSON as it is.
pub(crate) fn sending_text(binding: Binding, operation: &str, params: &str) -> Request<Bytes> {
    let (target, body) = match (binding, operation) {
        (Binding::JsonRpc, _) => (
            "/",
            format!(r#"{{"jsonrpc":"2.0","id":"r1","method":"{operation}","params":{params}}}"#),
        ),
        (Binding::Rest, "SendMessage") => ("/message:send", params.to_owned()),
        (Binding::Rest, _) => ("/message:stream", params.to_owned()),
    };
    request("POST", target, body.into(), &[])
}

/// The request for an operation. In HTTP+JSON the ids are in the path, and the rest in the query of
/// a GET, or in the body.
pub(crate) fn call_request(
    binding: Binding,
    operation: &str,
    mut params: Value,
    headers: &[(&str, &str)],
) -> Request<Bytes> {
    if binding == Binding::JsonRpc {
        let call = json!({ "jsonrpc": "2.0", "id": "r1", "method": operation, "params": params });
        return request("POST", "/", call.to_string().into(), headers);
    }
    let mut path = |name: &str| {
        let taken = params.as_object_mut().and_then(|params| params.remove(name));
        let text = taken.and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
        utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
    };
    let (method, target) = match operation {
        "SendMessage" => ("POST", "/message:send".to_owned()),
        "SendStreamingMessage" => ("POST", "/message:stream".to_owned()),
        "GetTask" => ("GET", format!("/tasks/{}", path("id"))),
        "ListTasks" => ("GET", "/tasks".to_owned()),
        "CancelTask" => ("POST", format!("/tasks/{}:cancel", path("id"))),
        "SubscribeToTask" => ("GET", format!("/tasks/{}:subscribe", path("id"))),
        "CreateTaskPushNotificationConfig" => {
            ("POST", format!("/tasks/{}/pushNotificationConfigs", path("taskId")))
        }
        "ListTaskPushNotificationConfigs" => {
            ("GET", format!("/tasks/{}/pushNotificationConfigs", path("taskId")))
        }
        "GetTaskPushNotificationConfig" => {
            let (task, id) = (path("taskId"), path("id"));
            ("GET", format!("/tasks/{task}/pushNotificationConfigs/{id}"))
        }
        "DeleteTaskPushNotificationConfig" => {
            let (task, id) = (path("taskId"), path("id"));
            ("DELETE", format!("/tasks/{task}/pushNotificationConfigs/{id}"))
        }
        "GetExtendedAgentCard" => ("GET", "/extendedAgentCard".to_owned()),
        other => panic!("{other} has no route"),
    };
    if method == "POST" {
        return request(method, &target, params.to_string().into(), headers);
    }
    request(method, &(target + &query(&params)), Bytes::new(), headers)
}

fn query(params: &Value) -> String {
    let mut query = String::new();
    for (name, value) in params.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = utf8_percent_encode(&text, NON_ALPHANUMERIC);
        let divider = if query.is_empty() { '?' } else { '&' };
        write!(query, "{divider}{name}={value}").unwrap();
    }
    query
}
