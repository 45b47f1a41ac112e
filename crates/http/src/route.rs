//! Paths and methods (spec sections 5.3 and 11.3).

use std::borrow::Cow;

use a2a_lambda_protocol::Operation;
use http::Method;
use percent_encoding::percent_decode_str;

/// The target of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The JSON-RPC binding, at the base URL, and in 0.3 also at a tenant's URL.
    JsonRpc { tenant: String },
    /// The agent card.
    Card { tenant: String },
    /// An operation of the HTTP+JSON binding.
    Rest(RestCall),
}

/// An operation of the HTTP+JSON binding, with the names in the path. A missing name is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestCall {
    pub(crate) operation: Operation,
    pub(crate) tenant: String,
    pub(crate) task: String,
    pub(crate) config: String,
}

/// The result of the search for a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Target(Target),
    /// The path exists, but only for these methods.
    OtherMethod(&'static str),
    Nothing,
}

/// Finds the target of a request.
pub(crate) fn find(method: &Method, segments: &[&str]) -> Found {
    let [tenant, rest @ ..] = segments else { return json_rpc(method, "") };
    match find_in(method, "", segments) {
        Found::Nothing => find_in(method, tenant, rest),
        found => found,
    }
}

/// The segments of a path, decoded. The base URL has none.
pub(crate) fn segments(path: &str) -> Vec<Cow<'_, str>> {
    if matches!(path, "" | "/") {
        return Vec::new();
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect()
}

pub(crate) fn json_rpc(method: &Method, tenant: &str) -> Found {
    allow(method, "POST", Target::JsonRpc { tenant: tenant.to_owned() })
}

pub(crate) fn find_in(method: &Method, tenant: &str, segments: &[&str]) -> Found {
    let tenant = tenant.to_owned();
    // The second name is that of the first versions. Some clients of 0.3 still request it.
    if let [".well-known", "agent-card.json" | "agent.json"] = segments {
        return allow(method, "GET, HEAD", Target::Card { tenant });
    }
    let (allowed, operation, task, config) = match *segments {
        ["message:send"] => ("POST", Operation::SendMessage, "", ""),
        ["message:stream"] => ("POST", Operation::SendStreamingMessage, "", ""),
        ["extendedAgentCard"] => ("GET", Operation::GetExtendedAgentCard, "", ""),
        ["tasks"] => ("GET", Operation::ListTasks, "", ""),
        ["tasks", task] => match task.rsplit_once(':') {
            Some((task, "cancel")) => ("POST", Operation::CancelTask, task, ""),
            // The proto has GET, the specification's text has POST. Both work.
            Some((task, "subscribe")) => ("GET, POST", Operation::SubscribeToTask, task, ""),
            _ => ("GET", Operation::GetTask, task, ""),
        },
        ["tasks", task, "pushNotificationConfigs"] => match *method {
            Method::POST => ("GET, POST", Operation::CreatePushConfig, task, ""),
            _ => ("GET, POST", Operation::ListPushConfigs, task, ""),
        },
        ["tasks", task, "pushNotificationConfigs", config] => match *method {
            Method::DELETE => ("GET, DELETE", Operation::DeletePushConfig, task, config),
            _ => ("GET, DELETE", Operation::GetPushConfig, task, config),
        },
        _ => return Found::Nothing,
    };
    let (task, config) = (task.to_owned(), config.to_owned());
    allow(method, allowed, Target::Rest(RestCall { operation, tenant, task, config }))
}

fn allow(method: &Method, allowed: &'static str, target: Target) -> Found {
    let is_allowed = allowed.split(", ").any(|allowed| allowed == method.as_str());
    if is_allowed { Found::Target(target) } else { Found::OtherMethod(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(tenant: &str, operation: Operation, task: &str, config: &str) -> Found {
        let (tenant, task, config) = (tenant.into(), task.into(), config.into());
        Found::Target(Target::Rest(RestCall { operation, tenant, task, config }))
    }

    #[test]
    fn routes() {
        let operation = |tenant: &str, operation| rest(tenant, operation, "", "");
        let get_task = |tenant: &str, id: &str| rest(tenant, Operation::GetTask, id, "");
        let subscribe = |id: &str| rest("", Operation::SubscribeToTask, id, "");
        let json_rpc = |tenant: &str| Found::Target(Target::JsonRpc { tenant: tenant.into() });
        let cancel = |tenant: &str, id: &str| rest(tenant, Operation::CancelTask, id, "");
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
            ("POST", "/message:send", operation("", Operation::SendMessage)),
            ("POST", "/message:send/", operation("", Operation::SendMessage)),
            ("POST", "/message%3Asend", operation("", Operation::SendMessage)),
            ("POST", "/acme/message:send", operation("acme", Operation::SendMessage)),
            ("GET", "/message:send", Found::OtherMethod("POST")),
            ("GET", "/acme/message:send", Found::OtherMethod("POST")),
            ("POST", "/message:stream", operation("", Operation::SendStreamingMessage)),
            ("GET", "/tasks", operation("", Operation::ListTasks)),
            ("GET", "/acme/tasks", operation("acme", Operation::ListTasks)),
            ("GET", "/tasks/t1", get_task("", "t1")),
            ("GET", "/tasks/a:b", get_task("", "a:b")),
            ("GET", "/tasks/a%2Fb", get_task("", "a/b")),
            ("GET", "/tasks/tasks", get_task("", "tasks")),
            ("GET", "/acme/tasks/t1", get_task("acme", "t1")),
            ("POST", "/tasks/t1:cancel", cancel("", "t1")),
            ("POST", "/acme/tasks/a:b:cancel", cancel("acme", "a:b")),
            ("GET", "/tasks/t1:cancel", Found::OtherMethod("POST")),
            ("GET", "/tasks/t1:subscribe", subscribe("t1")),
            ("POST", "/tasks/t1:subscribe", subscribe("t1")),
            (
                "POST",
                "/tasks/t1/pushNotificationConfigs",
                rest("", Operation::CreatePushConfig, "t1", ""),
            ),
            (
                "DELETE",
                "/acme/tasks/t1/pushNotificationConfigs/c",
                rest("acme", Operation::DeletePushConfig, "t1", "c"),
            ),
            ("GET", "/extendedAgentCard", operation("", Operation::GetExtendedAgentCard)),
            ("GET", "/nothing", Found::Nothing),
            ("POST", "/message:sent", Found::Nothing),
            ("GET", "/a/nothing", Found::Nothing),
            ("POST", "/a/b/message:send", Found::Nothing),
            ("GET", "//", Found::Nothing),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let segments = segments(path);
            let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
            assert_eq!(find(&method, &segments), found, "{method} {path}");
        }
    }
}
