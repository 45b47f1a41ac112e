//! Web pages as callers.

use a2a_lambda_http::Cors;
use a2a_lambda_request::{Config, ResponseMode};
use serde_json::{Value, json};

use crate::support::{Answer, Function, at, event, open, sending};

const PAGE: &str = "https://app.example.com";

/// The configurations in which pages of [`PAGE`] may call, for each way of answering.
fn configs() -> [Config; 2] {
    [ResponseMode::Buffer, ResponseMode::Stream].map(|response_mode| {
        let cors = Cors::parse(PAGE).unwrap();
        Config { cors, response_mode, ..open() }
    })
}

fn from(mut event: Value, origin: &str) -> Value {
    event["headers"]["origin"] = json!(origin);
    event
}

/// As a browser asks, without the page's token.
fn preflight(path: &str, origin: &str) -> Value {
    let mut event = from(at(event!("http-api"), "OPTIONS", path), origin);
    event["headers"]["access-control-request-method"] = json!("POST");
    event["headers"]["access-control-request-headers"] = json!("a2a-version,content-type");
    event
}

fn allowed(answer: &Answer) -> &Value {
    &answer.event["headers"]["access-control-allow-origin"]
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_answered_at_every_path_and_to_anybody() {
    for config in configs() {
        // Nobody is served without a token, and a preflight has none.
        let function = Function::with(Config { identity: Config::default().identity, ..config });
        for path in ["/", "/acme", "/message:send", "/acme/tasks/t", "/nothing/here"] {
            let answer = function.answer(preflight(path, PAGE)).await;
            assert_eq!((answer.status, allowed(&answer)), (204, &json!(PAGE)), "{path}");
            let answer = function.answer(preflight(path, "https://evil.example")).await;
            assert_eq!((answer.status, allowed(&answer)), (403, &Value::Null), "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_can_be_read_by_an_allowed_page_and_by_no_other() {
    for config in configs() {
        let function = Function::with(config.clone());
        let closed = Function::with(Config { identity: Config::default().identity, ..config });
        let mut not_base64 = event!("http-api-base64");
        not_base64["body"] = json!("*");
        let unreadable = at(event!("http-api"), "GET", &format!("/{}", "x".repeat(70_000)));
        let mut rpc = at(event!("http-api"), "POST", "/");
        rpc["body"] = json!("{");
        let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
        let stream = at(sending(event!("http-api"), "hi"), "POST", "/message:stream");
        let send = sending(event!("http-api"), "hi");
        for (function, event, status) in [
            (&function, send.clone(), 200),
            (&function, stream, 200),
            (&function, card, 200),
            (&function, rpc, 200),
            (&function, at(event!("http-api"), "GET", "/tasks/none"), 404),
            (&function, not_base64, 400),
            (&function, unreadable, 400),
            (&closed, send, 401),
        ] {
            for (origin, expected) in [(PAGE, json!(PAGE)), ("https://evil.example", Value::Null)] {
                let answer = function.answer(from(event.clone(), origin)).await;
                assert_eq!((answer.status, allowed(&answer)), (status, &expected), "{answer:?}");
                assert_eq!(answer.event["headers"]["vary"], "origin", "{answer:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_variable_there_is_no_cors() {
    let function = Function::new();
    let answer = function.answer(preflight("/", PAGE)).await;
    assert_eq!((answer.status, allowed(&answer)), (405, &Value::Null), "{answer:?}");
    let answer = function.answer(from(sending(event!("http-api"), "hi"), PAGE)).await;
    assert_eq!((answer.status, allowed(&answer)), (200, &Value::Null), "{answer:?}");
    assert_eq!(answer.event["headers"]["vary"], Value::Null, "{answer:?}");
}
