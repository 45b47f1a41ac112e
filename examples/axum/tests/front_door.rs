//! The server over the table and the queue of the local cloud, which runs the agents.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::collections::BTreeMap;

use a2a_lambda::http::{Owner, bindings_from};
use a2a_lambda_example_axum::{Callers, agents, app};
use a2a_lambda_local::cloud::{Cloud, Options};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The server. Executors run as long as the test.
async fn started() -> Router {
    let options = Options { aws_port: Some(0), ..Options::default() };
    let cloud = Cloud::start(&options, "127.0.0.1:1".to_owned(), &agents).await.unwrap();
    let variables: BTreeMap<_, _> = cloud.operator_variables().unwrap().into_iter().collect();
    let lookup = |name: &str| variables.get(name).cloned();
    let bindings = bindings_from(&lookup, agents).await.unwrap();
    tokio::spawn(async move { cloud.run().await });
    let owners = [("a-token", "alice"), ("b-token", "bob")];
    let owners = owners.map(|(token, owner)| (token.to_owned(), Owner::parse(owner).unwrap()));
    app(bindings, Callers { public_url: "https://a2a.example".to_owned(), owners: owners.into() })
}

/// A request of version 1.0, and its answer.
async fn ask(
    app: &Router,
    (method, path): (Method, &str),
    token: &str,
    body: impl Into<Body>,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path).header("A2A-Version", "1.0");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn message() -> String {
    let parts = json!([{ "text": "never lose a task" }]);
    json!({ "message": { "messageId": "m1", "role": "ROLE_USER", "parts": parts } }).to_string()
}

const SEND: (Method, &str) = (Method::POST, "/message:send");

#[tokio::test(flavor = "multi_thread")]
async fn axum_serves_the_bindings_and_the_executor_runs_the_agent() {
    let app = started().await;
    let (status, card) =
        ask(&app, (Method::GET, "/.well-known/agent-card.json"), "", Body::empty()).await;
    let card: Value = serde_json::from_str(&card).unwrap();
    assert_eq!((status, &card["name"]), (StatusCode::OK, &json!("echo")), "{card}");
    assert_eq!(card["supportedInterfaces"][0]["url"], "https://a2a.example", "{card}");
    let health = ask(&app, (Method::GET, "/healthz"), "", Body::empty()).await;
    assert_eq!(health, (StatusCode::OK, "ok".to_owned()));

    let (status, sent) = ask(&app, SEND, "a-token", message()).await;
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let task = &sent["task"];
    assert_eq!(
        (status, &task["status"]["state"]),
        (StatusCode::OK, &json!("TASK_STATE_COMPLETED")),
        "{sent}"
    );
    assert_eq!(task["artifacts"][0]["parts"][0]["text"], "never lose a task", "{sent}");

    // A task belongs to its owner, and an unknown caller owns none.
    let path = format!("/tasks/{}", task["id"].as_str().unwrap());
    for (token, expected) in [
        ("a-token", StatusCode::OK),
        ("b-token", StatusCode::NOT_FOUND),
        ("wrong", StatusCode::UNAUTHORIZED),
        ("", StatusCode::UNAUTHORIZED),
    ] {
        let (status, body) = ask(&app, (Method::GET, &path), token, Body::empty()).await;
        assert_eq!(status, expected, "{token:?}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axum_streams_the_events() {
    let app = started().await;
    let (status, events) = ask(&app, (Method::POST, "/message:stream"), "a-token", message()).await;
    assert_eq!(status, StatusCode::OK, "{events}");
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let shown: Vec<Value> = data
        .map(|data| serde_json::from_str::<Value>(data).unwrap())
        .filter_map(|event| event.pointer("/statusUpdate/status/state").cloned())
        .collect();
    assert_eq!(shown, ["TASK_STATE_WORKING", "TASK_STATE_COMPLETED"], "{events}");
}
