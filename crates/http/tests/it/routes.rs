//! Paths and methods of HTTP+JSON.

use http::header;

use crate::support::{Answer, Binding, World, check_error_form, request, send};

#[tokio::test(start_paused = true)]
async fn routes_may_have_a_tenant_and_a_final_slash() {
    let world = World::new();
    let message = send("tck-input-required").to_string();
    for prefix in ["", "/acme", "/a.b_c-1", "/%61cme"] {
        for end in ["", "/"] {
            let target = format!("{prefix}/message:send{end}");
            let sent = world.rest("POST", &target, &message).await.ok();
            let id = sent["task"]["id"].as_str().unwrap();
            for (method, target) in [
                ("GET", format!("{prefix}/tasks/{id}{end}")),
                ("GET", format!("{prefix}/tasks{end}")),
                ("POST", format!("{prefix}/tasks/{id}:cancel{end}")),
                ("GET", format!("{prefix}/.well-known/agent-card.json{end}")),
            ] {
                let response = world.http(method, &target, "").await;
                assert_eq!(response.status(), 200, "{method} {target}: {response:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn paths_are_percent_decoded_once() {
    let (world, id) = World::with_task("tck-input-required").await;
    let encoded = id.replace('i', "%69").replace('-', "%2d");
    assert_ne!(encoded, id);
    let twice = encoded.replace('%', "%25");
    for (method, target, status) in [
        ("GET", format!("/tasks/{encoded}"), 200),
        ("GET", format!("/%74asks/{id}"), 200),
        ("GET", format!("/tasks/{twice}"), 404),
        ("POST", format!("/tasks/{encoded}%3Acancel"), 200),
        ("POST", "/message%3asend".to_owned(), 400),
        // A slash that is encoded divides nothing.
        ("GET", format!("/tasks%2F{id}"), 404),
        ("GET", "/tasks/%ff%fe".to_owned(), 404),
        ("GET", "/tasks/%zz%".to_owned(), 404),
        ("GET", "/tasks/%00".to_owned(), 404),
    ] {
        let response = world.http(method, &target, "").await;
        assert_eq!(response.status(), status, "{method} {target}: {response:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn paths_that_lead_nowhere_are_a_google_rpc_status() {
    for (method, target) in [
        ("GET", "/nothing"),
        ("POST", "/rpc"),
        ("POST", "/acme"),
        ("POST", "/a/b/message:send"),
        ("GET", "/tasks/t/more"),
        ("GET", "/tasks/t/pushNotificationConfigs/c/more"),
        ("POST", "/message:unknown"),
        ("POST", "/Message:Send"),
        ("GET", "/.well-known/agent"),
        ("GET", "/../tasks/t/x"),
    ] {
        let response = World::new().http(method, target, "{}").await;
        assert_eq!(response.status(), 404, "{method} {target}");
        check_error_form(Binding::Rest, &response);
        assert_eq!(response.headers().get(header::ALLOW), None, "{method} {target}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_a_path_does_not_have_is_answered_with_those_it_has() {
    for (target, has) in [
        ("/", "POST"),
        ("/message:send", "POST"),
        ("/message:stream", "POST"),
        ("/tasks", "GET"),
        ("/tasks/t", "GET"),
        ("/tasks/t:cancel", "POST"),
        ("/tasks/t:subscribe", "GET, POST"),
        ("/tasks/t/pushNotificationConfigs", "GET, POST"),
        ("/tasks/t/pushNotificationConfigs/c", "GET, DELETE"),
        ("/extendedAgentCard", "GET"),
        ("/.well-known/agent-card.json", "GET, HEAD"),
    ] {
        for tenant in ["", "/acme"] {
            // JSON-RPC has its tenants in the parameters.
            let target = if target == "/" { target.into() } else { format!("{tenant}{target}") };
            let had: Vec<_> = has.split(", ").collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
                if had.contains(&method) {
                    continue;
                }
                let response = World::new().http(method, &target, "{}").await;
                assert_eq!(response.status(), 405, "{method} {target}");
                assert_eq!(response.headers()[header::ALLOW], has, "{method} {target}");
                check_error_form(Binding::Rest, &response);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn json_rpc_is_at_the_url_with_and_without_a_slash() {
    let call = r#"{"jsonrpc":"2.0","id":"r1","method":"ListTasks"}"#;
    for target in ["/", "https://agents.example", "https://agents.example/", "/?x=y"] {
        let response = World::new().request(request("POST", target, call.into(), &[])).await;
        Answer::of(Binding::JsonRpc, &"r1".into(), &response).ok();
    }
}
