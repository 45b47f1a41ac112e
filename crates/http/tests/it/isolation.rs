//! Owners and tenants do not see each other.

use a2a_lambda_protocol::ErrorKind;
use http::Response;
use serde_json::{Value, json};

use crate::support::{Answer, BINDINGS, Binding, World, call_request, follow_up, send, with};

#[tokio::test(start_paused = true)]
async fn a_foreign_task_is_answered_byte_for_byte_as_one_that_does_not_exist() {
    let world = World::new();
    let id = world.task_id("tck-input-required").await;
    let stranger = world.as_visitor("bob");
    let missing = "x".repeat(id.len());
    for binding in BINDINGS {
        for operation in ["GetTask", "CancelTask", "SendMessage"] {
            let params = |id: &str| match operation {
                "SendMessage" => follow_up(id, "tck-complete-task"),
                _ => json!({ "id": id }),
            };
            let ask =
                |id: &str| stranger.request(call_request(binding, operation, params(id), &[]));
            let (foreign, unknown) = (ask(&id).await, ask(&missing).await);
            let text = |response: &Response<bytes::Bytes>| {
                String::from_utf8(response.body().to_vec()).unwrap()
            };
            assert!(text(&foreign).contains("TASK_NOT_FOUND"), "{operation}: {foreign:?}");
            assert_eq!(text(&foreign).replace(&id, &missing), text(&unknown), "{operation}");
            assert_eq!(foreign.status(), unknown.status());
            assert_eq!(foreign.headers(), unknown.headers());
        }
        let listed = stranger.call(binding, "ListTasks", json!({})).await.ok();
        assert_eq!((&listed["totalSize"], &listed["tasks"]), (&json!(0), &json!([])));
    }
    let task = world.call(Binding::Rest, "GetTask", json!({ "id": id })).await.ok();
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "no stranger changed it");
}

#[tokio::test(start_paused = true)]
async fn tenants_do_not_see_each_other_s_tasks() {
    for binding in BINDINGS {
        let world = World::new();
        let params = with(send("hello"), "/tenant", json!("acme"));
        let result = world.call(binding, "SendMessage", params).await.ok();
        let id = result["task"]["id"].as_str().unwrap();
        for tenant in ["", "other"] {
            let params = json!({ "id": id, "tenant": tenant });
            let answer = world.call(binding, "GetTask", params).await;
            answer.refused_as(ErrorKind::TaskNotFound, tenant);
            let listed = world.call(binding, "ListTasks", json!({ "tenant": tenant })).await.ok();
            assert_eq!(listed["totalSize"], 0, "{tenant}");
        }
        let params = json!({ "id": id, "tenant": "acme" });
        world.call(binding, "GetTask", params).await.ok();
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
    let response = world.http("POST", "/echo/message:send", &send("say this").to_string()).await;
    let by_path = Answer::of(Binding::Rest, &Value::Null, &response).ok();
    assert!(by_path["task"]["artifacts"].is_array(), "{by_path}");
    let response = world.http("POST", "/echo/message:send", &params.to_string()).await;
    Answer::of(Binding::Rest, &Value::Null, &response).ok();
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
async fn two_tenants_in_one_request_are_refused() {
    let world = World::new();
    let elsewhere = r#"{"tenant":"acme"}"#;
    let message = with(send("hi"), "/tenant", json!("acme")).to_string();
    for (method, target, body) in [
        ("POST", "/echo/message:send", message.as_str()),
        ("GET", "/echo/tasks?tenant=acme", ""),
        ("GET", "/echo/tasks/t?tenant=acme", ""),
        ("POST", "/echo/tasks/t:cancel", elsewhere),
    ] {
        let response = world.http(method, target, body).await;
        let answer = Answer::of(Binding::Rest, &Value::Null, &response);
        answer.names_fields(ErrorKind::InvalidParams, &["tenant"], target);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_tenant_can_have_is_refused() {
    let (long, longer) = ("t".repeat(65), "t".repeat(257));
    for binding in BINDINGS {
        for name in ["a b", "a#b", "ä", "a/b", long.as_str(), longer.as_str()] {
            for (operation, params) in [
                ("SendMessage", with(send("hi"), "/tenant", json!(name))),
                ("GetTask", json!({ "id": "t", "tenant": name })),
                ("ListTasks", json!({ "tenant": name })),
                ("CancelTask", json!({ "id": "t", "tenant": name })),
            ] {
                let answer = World::new().call(binding, operation, params).await;
                answer.names_fields(ErrorKind::InvalidParams, &["tenant"], operation);
            }
        }
    }
}
