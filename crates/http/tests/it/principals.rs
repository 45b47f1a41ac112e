//! The callers, and their tasks.

use a2a_lambda_core::Owner;
use a2a_lambda_http::Principal;
use a2a_lambda_protocol::ErrorKind;
use http::header;
use serde_json::json;

use crate::support::{
    Answer, BINDINGS, Binding, World, call_request, operations, operations_on, request,
};

fn anybody() -> Principal {
    Principal::Anybody(Owner::parse("everybody").unwrap())
}

#[tokio::test(start_paused = true)]
async fn every_operation_challenges_an_unknown_caller() {
    let world = World::with_scheme();
    let id = world.task_id("tck-input-required").await;
    let nobody = world.as_principal(Principal::Nobody);
    for (operation, params) in operations().into_iter().chain(operations_on(&id)) {
        for binding in BINDINGS {
            let response = nobody.open(call_request(binding, operation, params.clone(), &[])).await;
            assert_eq!(response.status(), 401, "{binding:?} {operation}");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            let answer = nobody.call(binding, operation, params.clone()).await;
            let error = answer.refused_as(ErrorKind::Unauthenticated, operation);
            assert!(!error.to_string().contains(&id), "{error}");
        }
    }
    let page = world.call(Binding::Rest, "ListTasks", json!({})).await.ok();
    assert_eq!(page["totalSize"], 1, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn only_unknown_callers_are_challenged() {
    for binding in BINDINGS {
        let request = call_request(binding, "GetTask", json!({ "id": "unknown" }), &[]);
        let response = World::new().open(request).await;
        assert_eq!(response.headers().get(header::WWW_AUTHENTICATE), None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_public_card_is_for_all() {
    for principal in [Principal::Nobody, anybody()] {
        let world = World::new().as_principal(principal);
        for tenant in ["", "/echo"] {
            for method in ["GET", "HEAD"] {
                let target = format!("{tenant}/.well-known/agent-card.json");
                let response = world.http(method, &target, "").await;
                assert_eq!(response.status(), 200, "{method} {target}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn anybody_has_everything_but_the_extended_card() {
    let world = World::with_scheme().as_principal(anybody());
    let id = world.task_id("tck-input-required").await;
    for (operation, params) in operations_on(&id) {
        for binding in BINDINGS {
            let response = world.open(call_request(binding, operation, params.clone(), &[])).await;
            let unauthenticated = response.status() == 401;
            assert_eq!(unauthenticated, operation == "GetExtendedAgentCard", "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn known_callers_get_the_extended_card() {
    for binding in BINDINGS {
        let world = World::with_scheme();
        let card = world.call(binding, "GetExtendedAgentCard", json!({})).await.ok();
        let skills = card["skills"].as_array().unwrap();
        assert!(skills.iter().any(|skill| skill["id"] == "known-callers"), "{card}");
        let request = request("GET", "/.well-known/agent-card.json", "".into(), &[]);
        let public = world.request(request).await;
        let public = String::from_utf8(public.body().to_vec()).unwrap();
        assert!(!public.contains("known-callers"), "{public}");
    }
}

#[tokio::test(start_paused = true)]
async fn unidentified_callers_share_one_owner_and_identified_ones_do_not() {
    let world = World::new();
    let id = world.as_principal(anybody()).task_id("tck-input-required").await;
    for binding in BINDINGS {
        let answer = world.call(binding, "GetTask", json!({ "id": id })).await;
        answer.refused_as(ErrorKind::TaskNotFound, "alice is not everybody");
        world.as_principal(anybody()).call(binding, "GetTask", json!({ "id": id })).await.ok();
    }
}

/// The envelope is read first: an answer must be under the request's id.
#[tokio::test(start_paused = true)]
async fn an_unknown_caller_s_answer_has_the_request_s_id() {
    let nobody = World::new().as_principal(Principal::Nobody);
    let call = json!({ "jsonrpc": "2.0", "id": 17, "method": "ListTasks" }).to_string();
    let response = nobody.json_rpc(call).await;
    Answer::of(Binding::JsonRpc, &json!(17), &response)
        .refused_as(ErrorKind::Unauthenticated, "an id");
}
