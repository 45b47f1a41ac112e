//! Paths and methods (spec sections 5.3 and 11.3).

use http::Method;
use percent_encoding::percent_decode_str;

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The JSON-RPC binding, at the base URL; in 0.3 also at a tenant's.
    JsonRpc { tenant: String },
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
    SubscribeToTask { id: String },
    CreatePushConfig { task: String },
    ListPushConfigs { task: String },
    GetPushConfig { task: String, id: String },
    DeletePushConfig { task: String, id: String },
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
    if matches!(path, "" | "/") {
        return json_rpc(method, "");
    }
    let segments = segments(path);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (find_in(method, "", &segments), segments.as_slice()) {
        (Found::Nothing, [tenant, rest @ ..]) => find_in(method, tenant, rest),
        (found, _) => found,
    }
}

/// The segments of a path, decoded.
pub(crate) fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let decoded = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
    path.split('/').map(decoded).collect()
}

pub(crate) fn json_rpc(method: &Method, tenant: &str) -> Found {
    allow(method, &[Method::POST], "POST", Target::JsonRpc { tenant: tenant.to_owned() })
}

pub(crate) fn find_in(method: &Method, tenant: &str, segments: &[&str]) -> Found {
    let tenant = tenant.to_owned();
    // The second name is that of the first versions, which some clients of 0.3 still ask for.
    if let [".well-known", "agent-card.json" | "agent.json"] = segments {
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
            Some((id, "subscribe")) => {
                // GET in the proto, POST in the text: both.
                let operation = RestOperation::SubscribeToTask { id: id.to_owned() };
                (&[Method::GET, Method::POST], "GET, POST", operation)
            }
            _ => (&[Method::GET], "GET", RestOperation::GetTask { id: (*task).to_owned() }),
        },
        ["tasks", task, "pushNotificationConfigs"] => {
            let task = (*task).to_owned();
            let operation = match *method {
                Method::POST => RestOperation::CreatePushConfig { task },
                _ => RestOperation::ListPushConfigs { task },
            };
            (&[Method::GET, Method::POST], "GET, POST", operation)
        }
        ["tasks", task, "pushNotificationConfigs", id] => {
            let (task, id) = ((*task).to_owned(), (*id).to_owned());
            let operation = match *method {
                Method::DELETE => RestOperation::DeletePushConfig { task, id },
                _ => RestOperation::GetPushConfig { task, id },
            };
            (&[Method::GET, Method::DELETE], "GET, DELETE", operation)
        }
        _ => return Found::Nothing,
    };
    allow(method, methods, allowed, Target::Rest(RestCall { tenant, operation }))
}

pub(crate) fn allow(
    method: &Method,
    methods: &[Method],
    allowed: &'static str,
    target: Target,
) -> Found {
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
        let subscribe = |id: &str| RestOperation::SubscribeToTask { id: id.into() };
        let json_rpc = |tenant: &str| Found::Target(Target::JsonRpc { tenant: tenant.into() });
        let cancel = |id: &str| RestOperation::CancelTask { id: id.into() };
        let card = |tenant: &str| Found::Target(Target::Card { tenant: tenant.into() });
        for (method, path, found) in [
            ("POST", "/", json_rpc("")),
            ("POST", "", json_rpc("")),
            ("POST", "/acme", Found::Nothing),
            ("POST", "//", Found::Nothing),
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
            ("GET", "/tasks/t1:subscribe", rest("", subscribe("t1"))),
            ("POST", "/tasks/t1:subscribe", rest("", subscribe("t1"))),
            (
                "POST",
                "/tasks/t1/pushNotificationConfigs",
                rest("", RestOperation::CreatePushConfig { task: "t1".into() }),
            ),
            (
                "DELETE",
                "/acme/tasks/t1/pushNotificationConfigs/c",
                rest("acme", RestOperation::DeletePushConfig { task: "t1".into(), id: "c".into() }),
            ),
            ("GET", "/extendedAgentCard", rest("", RestOperation::GetExtendedAgentCard)),
            ("GET", "/nothing", Found::Nothing),
            ("POST", "/message:sent", Found::Nothing),
            ("GET", "/a/nothing", Found::Nothing),
            ("POST", "/a/b/message:send", Found::Nothing),
            ("GET", "//", Found::Nothing),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(find(&method, path), found, "{method} {path}");
        }
    }
}
