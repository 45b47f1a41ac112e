//! The `Idempotency-Key` header.

use a2a_lambda_protocol::ErrorKind;
use serde_json::json;

use crate::support::{BINDINGS, Binding, World, request, send};

const KEY: &[(&str, &str)] = &[("Idempotency-Key", "k1")];

#[tokio::test(start_paused = true)]
async fn the_same_message_under_the_same_key_is_accepted_once() {
    let world = World::new();
    let mut ids = Vec::new();
    // The binding does not count: it is the same request.
    for binding in BINDINGS {
        let result = world.call_with(binding, "SendMessage", send("hello"), KEY).await.ok();
        ids.push(result["task"]["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let listed = world.call(Binding::Rest, "ListTasks", json!({})).await.ok();
    assert_eq!(listed["totalSize"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_one_is_refused() {
    let too_long = "k".repeat(1_000);
    for binding in BINDINGS {
        let headers = [("Idempotency-Key", too_long.as_str())];
        let answer = World::new().call_with(binding, "SendMessage", send("hi"), &headers).await;
        answer.names_fields(ErrorKind::InvalidParams, &["Idempotency-Key"], "too long");
    }
    let body = send("hi").to_string().into();
    let binary = request("POST", "/message:send", body, &[("Idempotency-Key", "schlüssel")]);
    let response = World::new().request(binary).await;
    assert_eq!(response.status(), 400, "{response:?}");
}
