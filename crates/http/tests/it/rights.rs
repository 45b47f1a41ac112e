//! The rights of known callers: tenants and scopes.

use a2a_lambda_core::Tenant;
use a2a_lambda_http::{Grant, HttpConfig, Principal, Scopes, Tenants};
use a2a_lambda_protocol::ErrorKind;
use http::header;
use serde_json::{Value, json};

use crate::support::{
    BINDINGS, Binding, World, call_request, operations, operations_on, request, send,
};

/// The scope that each operation needs.
fn needed(operation: &str) -> &'static str {
    match operation {
        "SendMessage" | "SendStreamingMessage" => "send",
        "CancelTask" => "cancel",
        operation if operation.contains("PushNotificationConfig") => "push",
        _ => "read",
    }
}

/// A deployment whose operations each need a scope, and the operations' names in 0.3.
fn scoped() -> World {
    let scope = |name: &str| Some(name.to_owned());
    let scopes = Scopes {
        read: scope("read"),
        send: scope("send"),
        cancel: scope("cancel"),
        push: scope("push"),
    };
    World::with_scheme_and(HttpConfig { scopes, ..HttpConfig::default() })
}

fn with_scopes(world: &World, scopes: &[&str]) -> World {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    world.with_grant(Grant { scopes, ..Grant::default() })
}

fn of_tenant(world: &World, tenants: Tenants) -> World {
    world.with_grant(Grant { tenants, ..Grant::default() })
}

fn tenant(name: &str) -> Tenants {
    Tenants::One(Tenant::parse(name).unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_operation_needs_its_scope_in_both_bindings() {
    let world = scoped();
    let all = ["read", "send", "cancel", "push"];
    let id = with_scopes(&world, &all).task_id("tck-input-required").await;
    for (operation, params) in operations_on(&id) {
        let scope = needed(operation);
        let others: Vec<_> = all.into_iter().filter(|it| *it != scope).collect();
        for binding in BINDINGS {
            let caller = with_scopes(&world, &others);
            let request = call_request(binding, operation, params.clone(), &[]);
            let response = caller.request(request).await;
            assert_eq!(response.status(), 403, "{binding:?} {operation}");
            let told = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], told.as_str());
            let answer = caller.call(binding, operation, params.clone()).await;
            let error = answer.refused_as(ErrorKind::PermissionDenied, operation);
            assert_eq!(error["message"], format!("this needs the scope {scope}"), "{operation}");
        }
    }
    // Nothing was done, and the scope alone is enough.
    let page = with_scopes(&world, &["read"]).call(Binding::Rest, "ListTasks", json!({})).await;
    assert_eq!(page.ok()["totalSize"], 1);
    for (operation, params) in operations() {
        for binding in BINDINGS {
            let caller = with_scopes(&world, &[needed(operation)]);
            let response = caller.open(call_request(binding, operation, params.clone(), &[])).await;
            assert_ne!(response.status(), 403, "{binding:?} {operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_config_that_comes_with_a_message_needs_the_scope_of_push_configs() {
    let world = scoped();
    let mut message = send("tck-input-required");
    message["configuration"]["taskPushNotificationConfig"] = json!({ "url": "https://c.example" });
    for binding in BINDINGS {
        for operation in ["SendMessage", "SendStreamingMessage"] {
            let caller = with_scopes(&world, &["send", "read"]);
            let answer = caller.call(binding, operation, message.clone()).await;
            let error = answer.refused_as(ErrorKind::PermissionDenied, operation);
            assert_eq!(error["message"], "this needs the scope push");
            let page = caller.call(Binding::Rest, "ListTasks", json!({})).await.ok();
            assert_eq!(page["totalSize"], 0, "no task was made");
        }
    }
    let both = with_scopes(&world, &["send", "push"]);
    both.call(Binding::Rest, "SendMessage", message).await.ok();
}

/// The same in 0.3, by both of its bindings. A stream is refused by the status, which clients look at
/// first.
#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn clients_of_0_3_need_the_same_scopes() {
    let world = scoped();
    let old = [("A2A-Version", "0.3")];
    let message = json!({ "message": { "kind": "message", "messageId": "m", "role": "user",
        "parts": [{ "kind": "text", "text": "hi" }] } });
    let task = json!({ "id": "t" });
    for (method, params, scope) in [
        ("message/send", &message, "send"),
        ("message/stream", &message, "send"),
        ("tasks/get", &task, "read"),
        ("tasks/cancel", &task, "cancel"),
        ("tasks/resubscribe", &task, "read"),
        ("tasks/pushNotificationConfig/get", &task, "push"),
        ("tasks/pushNotificationConfig/list", &task, "push"),
        ("agent/getAuthenticatedExtendedCard", &json!({}), "read"),
    ] {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = with_scopes(&world, &[])
            .request(request("POST", "/", call.to_string().into(), &old))
            .await;
        assert_eq!(response.status(), 403, "{method}");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["error"]["message"], format!("this needs the scope {scope}"), "{method}");
        assert_eq!(body["id"], 1, "{method}");
    }
    for (method, path, scope) in [
        ("GET", "/v1/tasks/t", "read"),
        ("POST", "/v1/tasks/t:cancel", "cancel"),
        ("GET", "/v1/tasks/t/pushNotificationConfigs", "push"),
        ("GET", "/v1/card", "read"),
    ] {
        let response =
            with_scopes(&world, &[]).request(request(method, path, "".into(), &old)).await;
        assert_eq!(response.status(), 403, "{method} {path}");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["message"], format!("this needs the scope {scope}"), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_a_tenant_has_that_tenant_alone() {
    let world = World::with_scheme();
    let of_echo = of_tenant(&world, tenant("echo"));
    // Its own is meant where it names none, so the task is found under either name.
    let sent = of_echo.call(Binding::Rest, "SendMessage", send("hi")).await.ok();
    let id = sent["task"]["id"].as_str().unwrap();
    for name in ["", "echo"] {
        let params = json!({ "id": id, "tenant": name });
        let found = of_echo.call(Binding::JsonRpc, "GetTask", params.clone()).await.ok();
        assert_eq!(found["id"], id);
        // Of the default tenant it is not.
        let all = world.call(Binding::JsonRpc, "GetTask", params).await;
        assert_eq!(all.is_ok(), name == "echo");
    }
    // Others are refused, served or not: the answer does not reveal which tenants exist.
    for other in ["strict", "nobody-s", "a/b"] {
        for (operation, mut params) in operations_on(id) {
            params["tenant"] = json!(other);
            let answer = of_echo.call(Binding::JsonRpc, operation, params).await;
            answer.refused_as(ErrorKind::PermissionDenied, &format!("{operation} {other}"));
        }
    }
    let response = of_echo.http("GET", &format!("/strict/tasks/{id}"), "").await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers().get(header::WWW_AUTHENTICATE), None);
    let response = of_echo.http("GET", &format!("/echo/tasks/{id}"), "").await;
    assert_eq!(response.status(), 200);
    // The public card is for everybody.
    let card = of_echo.http("GET", "/strict/.well-known/agent-card.json", "").await;
    assert_eq!(card.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_no_tenant_has_none() {
    let nobodys = of_tenant(&World::with_scheme(), Tenants::None);
    for (operation, params) in operations() {
        for binding in BINDINGS {
            let answer = nobodys.call(binding, operation, params.clone()).await;
            answer.refused_as(ErrorKind::PermissionDenied, operation);
        }
    }
}

/// An unknown caller learns that first.
#[tokio::test(start_paused = true)]
async fn an_unknown_caller_is_challenged_before_its_rights_are_checked() {
    let nobody = scoped().as_principal(Principal::Nobody);
    for (operation, params) in operations() {
        let answer = nobody.call(Binding::Rest, operation, params).await;
        answer.refused_as(ErrorKind::Unauthenticated, operation);
    }
}
