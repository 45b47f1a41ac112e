//! Tenants: where they are named, which there are, and which agents they have.

use std::sync::Arc;

use a2a_lambda_agents::{Conformance, Echo};
use a2a_lambda_core::{Agents, Tenant};
use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{
    Answer, BINDINGS, Binding, World, call_request, operations, operations_on, send, with,
};

/// A deployment that serves these two tenants and no others.
fn closed() -> World {
    let tenant = |name| Tenant::parse(name).unwrap();
    let agents = Agents::closed()
        .with(tenant("echo"), Arc::new(Echo))
        .with(tenant("tck"), Arc::new(Conformance));
    World::with_agents(agents)
}

#[tokio::test(start_paused = true)]
async fn a_closed_set_of_tenants_refuses_all_others() {
    let world = closed();
    for (operation, params) in operations() {
        for tenant in ["", "other", "Echo", "ECHO"] {
            let params = with(params.clone(), "/tenant", json!(tenant));
            for binding in BINDINGS {
                let answer = world.call(binding, operation, params.clone()).await;
                let why = format!("{operation} {tenant}");
                answer.names_fields(ErrorKind::InvalidParams, &["tenant"], &why);
            }
        }
    }
    let card = "/.well-known/agent-card.json";
    for (tenant, status) in [("", 404), ("/other", 404), ("/echo", 200), ("/tck", 200)] {
        let response = world.http("GET", &format!("{tenant}{card}"), "").await;
        assert_eq!(response.status(), status, "{tenant}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_has_its_own_agent() {
    for binding in BINDINGS {
        let params = with(send("say this"), "/tenant", json!("echo"));
        let result = World::new().call(binding, "SendMessage", params).await.ok();
        let parts = json!([{ "text": "say " }, { "text": "this" }]);
        assert_eq!(result["task"]["artifacts"][0]["parts"], parts);
    }
}

#[tokio::test(start_paused = true)]
async fn the_path_s_tenant_is_the_same_as_the_request_s() {
    let world = World::new();
    let params = with(send("say this"), "/tenant", json!("echo"));
    let by_path =
        world.rest("POST", "/echo/message:send", &send("say this").to_string()).await.ok();
    assert!(by_path["task"]["artifacts"].is_array(), "{by_path}");
    world.rest("POST", "/echo/message:send", &params.to_string()).await.ok();
    let id = by_path["task"]["id"].as_str().unwrap();
    for target in [
        format!("/echo/tasks/{id}"),
        format!("/tasks/{id}?tenant=echo"),
        format!("/echo/tasks/{id}?tenant=echo"),
    ] {
        assert_eq!(world.http("GET", &target, "").await.status(), 200, "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_tenant_of_a_closed_set_has_its_agent() {
    for binding in BINDINGS {
        let world = closed();
        let params = with(send("tck-artifact-text"), "/tenant", json!("tck"));
        let sent = world.call(binding, "SendMessage", params).await.ok();
        let parts = &sent["task"]["artifacts"][0]["parts"];
        assert_eq!(*parts, json!([{ "text": "Generated text content" }]));
        let params = with(send("tck-artifact-text"), "/tenant", json!("echo"));
        let sent = world.call(binding, "SendMessage", params).await.ok();
        let parts = &sent["task"]["artifacts"][0]["parts"];
        assert_eq!(*parts, json!([{ "text": "tck-artifact-text" }]));
    }
}

/// The request for an operation of a tenant's, which is named in the path of HTTP+JSON.
async fn call_by_path(world: &World, tenant: &str, operation: &str, params: Value) -> Answer {
    let request = call_request(Binding::Rest, operation, params, &[]);
    let (mut head, body) = request.into_parts();
    head.uri = format!("/{tenant}{}", head.uri).parse().unwrap();
    let response = world.request(http::Request::from_parts(head, body)).await;
    Answer::of(Binding::Rest, &Value::Null, &response)
}

#[tokio::test(start_paused = true)]
async fn two_tenants_in_one_request_are_refused_by_every_operation() {
    let world = World::new();
    for (operation, params) in operations() {
        let params = with(params, "/tenant", json!("acme"));
        let answer = call_by_path(&world, "echo", operation, params).await;
        answer.names_fields(ErrorKind::InvalidParams, &["tenant"], operation);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_tenant_can_have_is_refused_by_every_operation() {
    let world = World::new();
    for (operation, params) in operations() {
        let encoded = call_by_path(&world, "a%20b", operation, params.clone()).await;
        encoded.names_fields(ErrorKind::InvalidParams, &["tenant"], operation);
        let long = "t".repeat(300);
        let dots = call_by_path(&world, "%2e%2E", operation, params.clone()).await;
        dots.names_fields(ErrorKind::InvalidParams, &["tenant"], operation);
        // Nor can one be named as a path of A2A: its own paths could not be told from that.
        for tenant in
            ["a b", "a#b", "a/b", "ä", "\u{0}", ".", "..", "tasks", "v1", ".well-known", &long]
        {
            for binding in BINDINGS {
                let params = with(params.clone(), "/tenant", json!(tenant));
                let answer = world.call(binding, operation, params).await;
                let why = format!("{operation} {tenant:?}");
                answer.names_fields(ErrorKind::InvalidParams, &["tenant"], &why);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_a_tenant_s_can_be_had_by_path_and_by_field() {
    for by_path in [true, false] {
        let world = World::with_scheme();
        let params = with(send("tck-input-required"), "/tenant", json!("acme"));
        let sent = world.call(Binding::Rest, "SendMessage", params).await.ok();
        let id = sent["task"]["id"].as_str().unwrap();
        for (operation, params) in operations_on(id) {
            if operation.contains("Streaming") || operation.starts_with("Subscribe") {
                continue;
            }
            if by_path {
                call_by_path(&world, "acme", operation, params).await.ok();
            } else {
                let params = with(params, "/tenant", json!("acme"));
                // Another binding's calls would find the task canceled by the first.
                world.call(Binding::Rest, operation, params).await.ok();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_s_tenant_is_in_the_path_the_query_or_the_body() {
    let world = World::new();
    let params = with(send("tck-input-required"), "/tenant", json!("acme"));
    let sent = world.call(Binding::Rest, "SendMessage", params).await.ok();
    let id = sent["task"]["id"].as_str().unwrap();
    for (method, target, body, status) in [
        ("GET", format!("/acme/tasks/{id}:subscribe"), "", 200),
        ("POST", format!("/acme/tasks/{id}:subscribe"), "", 200),
        ("GET", format!("/tasks/{id}:subscribe?tenant=acme"), "", 200),
        ("POST", format!("/tasks/{id}:subscribe"), r#"{"tenant":"acme"}"#, 200),
        ("GET", format!("/tasks/{id}:subscribe"), "", 404),
        ("POST", format!("/tasks/{id}:subscribe"), "{}", 404),
        ("GET", format!("/echo/tasks/{id}:subscribe?tenant=acme"), "", 400),
    ] {
        let request = crate::support::request(method, &target, body.into(), &[]);
        assert_eq!(world.open(request).await.status(), status, "{method} {target}");
    }
}
