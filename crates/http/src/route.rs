//! Paths and methods (spec sections 5.3 and 11.3).

use http::Method;
use percent_encoding::percent_decode_str;

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The JSON-RPC binding, at the base URL.
    JsonRpc,
    /// The agent card.
    Card { tenant: String },
    /// An operation of the HTTP+JSON binding.
    Rest(RestCall),
}

/// An operation of the HTTP+JSON binding, with what the path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestCall {
    /// The tenant in the path; empty if there is none.
    pub(crate) tenant: String,
    /// The operation.
    pub(crate) operation: RestOperation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RestOperation {
    SendMessage,
    SendStreamingMessage,
    GetTask { id: String },
    ListTasks,
    CancelTask { id: String },
    SubscribeToTask,
    PushNotificationConfig,
    GetExtendedAgentCard,
}

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Target(Target),
    /// Something, but for these methods only.
    OtherMethod(&'static str),
    Nothing,
}

/// Finds what a request is for.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return allow(method, &[Method::POST], "POST", Target::JsonRpc);
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (find_in(method, "", &segments), segments.split_first()) {
        (Found::Nothing, Some((tenant, rest))) => find_in(method, tenant, rest),
        (found, _) => found,
    }
}

fn find_in(method: &Method, tenant: &str, segments: &[&str]) -> Found {
    let tenant = tenant.to_owned();
    if segments == [".well-known", "agent-card.json"] {
        return allow(method, &[Method::GET, Method::HEAD], "GET, HEAD", Target::Card { tenant });
    }
    let (methods, allowed, operation): (&[Method], _, _) = match segments {
        ["message:send"] => (&[Method::POST], "POST", RestOperation::SendMessage),
        ["message:stream"] => (&[Method::POST], "POST", RestOperation::SendStreamingMessage),
        ["extendedAgentCard"] => (&[Method::GET], "GET", RestOperation::GetExtendedAgentCard),
        ["tasks"] => (&[Method::GET], "GET", RestOperation::ListTasks),
        ["tasks", task] => match task.rsplit_once(':') {
            Some((id, "cancel")) => {
                (&[Method::POST], "POST", RestOperation::CancelTask { id: id.to_owned() })
            }
            Some((_, "subscribe")) => {
                // GET in the proto, POST in the text: both.
                (&[Method::GET, Method::POST], "GET, POST", RestOperation::SubscribeToTask)
            }
            _ => (&[Method::GET], "GET", RestOperation::GetTask { id: (*task).to_owned() }),
        },
        ["tasks", _, "pushNotificationConfigs"] => {
            let methods = &[Method::GET, Method::POST];
            (methods, "GET, POST", RestOperation::PushNotificationConfig)
        }
        ["tasks", _, "pushNotificationConfigs", _] => {
            let methods = &[Method::GET, Method::DELETE];
            (methods, "GET, DELETE", RestOperation::PushNotificationConfig)
        }
        _ => return Found::Nothing,
    };
    allow(method, methods, allowed, Target::Rest(RestCall { tenant, operation }))
}

fn allow(method: &Method, methods: &[Method], allowed: &'static str, target: Target) -> Found {
    if methods.contains(method) { Found::Target(target) } else { Found::OtherMethod(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(tenant: &str, operation: RestOperation) -> Found {
        Found::Target(Target::Rest(RestCall { tenant: tenant.into(), operation }))
    }

    #[test]
    fn routes() {
        let get_task = |id: &str| RestOperation::GetTask { id: id.into() };
        let cancel = |id: &str| RestOperation::CancelTask { id: id.into() };
        let card = |tenant: &str| Found::Target(Target::Card { tenant: tenant.into() });
        for (method, path, found) in [
            ("POST", "/", Found::Target(Target::JsonRpc)),
            ("POST", "", Found::Target(Target::JsonRpc)),
            ("GET", "/", Found::OtherMethod("POST")),
            ("GET", "/.well-known/agent-card.json", card("")),
            ("HEAD", "/.well-known/agent-card.json", card("")),
            ("GET", "/acme/.well-known/agent-card.json", card("acme")),
            ("POST", "/message:send", rest("", RestOperation::SendMessage)),
            ("POST", "/message:send/", rest("", RestOperation::SendMessage)),
            ("POST", "/message%3Asend", rest("", RestOperation::SendMessage)),
            ("POST", "/acme/message:send", rest("acme", RestOperation::SendMessage)),
            ("GET", "/message:send", Found::OtherMethod("POST")),
            ("GET", "/acme/message:send", Found::OtherMethod("POST")),
            ("POST", "/message:stream", rest("", RestOperation::SendStreamingMessage)),
            ("GET", "/tasks", rest("", RestOperation::ListTasks)),
            ("GET", "/acme/tasks", rest("acme", RestOperation::ListTasks)),
            ("GET", "/tasks/t1", rest("", get_task("t1"))),
            ("GET", "/tasks/a:b", rest("", get_task("a:b"))),
            ("GET", "/tasks/a%2Fb", rest("", get_task("a/b"))),
            ("GET", "/tasks/tasks", rest("", get_task("tasks"))),
            ("GET", "/acme/tasks/t1", rest("acme", get_task("t1"))),
            ("POST", "/tasks/t1:cancel", rest("", cancel("t1"))),
            ("POST", "/acme/tasks/a:b:cancel", rest("acme", cancel("a:b"))),
            ("GET", "/tasks/t1:cancel", Found::OtherMethod("POST")),
            ("GET", "/tasks/t1:subscribe", rest("", RestOperation::SubscribeToTask)),
            ("POST", "/tasks/t1:subscribe", rest("", RestOperation::SubscribeToTask)),
            (
                "POST",
                "/tasks/t1/pushNotificationConfigs",
                rest("", RestOperation::PushNotificationConfig),
            ),
            (
                "DELETE",
                "/acme/tasks/t1/pushNotificationConfigs/c",
                rest("acme", RestOperation::PushNotificationConfig),
            ),
            ("GET", "/extendedAgentCard", rest("", RestOperation::GetExtendedAgentCard)),
            ("GET", "/nothing", Found::Nothing),
            ("POST", "/a/b/message:send", Found::Nothing),
            ("GET", "//", Found::Nothing),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(find(&method, path), found, "{method} {path}");
        }
    }
}
