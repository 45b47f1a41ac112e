//! Web pages as callers.

use a2a_lambda_http::Cors;
use a2a_lambda_request::{Config, ResponseMode};
use serde_json::{Value, json};

use crate::support::{Answer, Function, at, event, open, open_doors, sending, with_header};

const PAGE: &str = "https://app.example.com";

/// The configurations in which pages of [`PAGE`] may call, for each way of answering.
fn configs() -> [Config; 2] {
    [ResponseMode::Buffer, ResponseMode::Stream].map(|response_mode| {
        let cors = Cors::parse(PAGE).unwrap();
        Config { cors, response_mode, ..open() }
    })
}

fn from(event: Value, origin: &str) -> Value {
    with_header(event, "origin", origin)
}

/// As a browser asks at a front door, without the page's token.
fn preflight(event: Value, path: &str, origin: &str) -> Value {
    let event = from(at(event, "OPTIONS", path), origin);
    let event = with_header(event, "access-control-request-method", "POST");
    with_header(event, "access-control-request-headers", "a2a-version,content-type")
}

fn allowed(answer: &Answer) -> &Value {
    answer.header("access-control-allow-origin")
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_answered_at_every_path_and_to_anybody() {
    for config in configs() {
        // Nobody is served without a token, and a preflight has none.
        let function = Function::with(Config { identity: Config::default().identity, ..config });
        for event in open_doors() {
            for path in ["/", "/acme", "/message:send", "/acme/tasks/t", "/nothing/here"] {
                let asked = |origin| preflight(event.clone(), path, origin);
                let answer = function.answer(asked(PAGE)).await;
                assert_eq!((answer.status, allowed(&answer)), (204, &json!(PAGE)), "{path}");
                let answer = function.answer(asked("https://evil.example")).await;
                assert_eq!((answer.status, allowed(&answer)), (403, &Value::Null), "{path}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_front_door_s_answers_can_be_read_by_an_allowed_page() {
    for config in configs() {
        let function = Function::with(config);
        for event in open_doors() {
            let send = sending(event.clone(), "hi");
            let stream = at(send.clone(), "POST", "/message:stream");
            let unknown = at(event, "GET", "/tasks/none");
            for (event, status) in [(send, 200), (stream, 200), (unknown, 404)] {
                for (origin, expected) in
                    [(PAGE, json!(PAGE)), ("https://evil.example", Value::Null)]
                {
                    let answer = function.answer(from(event.clone(), origin)).await;
                    assert_eq!((answer.status, allowed(&answer)), (status, &expected));
                    assert_eq!(answer.header("vary"), "origin", "{answer:?}");
                }
            }
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
                assert_eq!(answer.header("vary"), "origin", "{answer:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_variable_there_is_no_cors() {
    let function = Function::new();
    let answer = function.answer(preflight(event!("http-api"), "/", PAGE)).await;
    assert_eq!((answer.status, allowed(&answer)), (405, &Value::Null), "{answer:?}");
    let answer = function.answer(from(sending(event!("http-api"), "hi"), PAGE)).await;
    assert_eq!((answer.status, allowed(&answer)), (200, &Value::Null), "{answer:?}");
    assert_eq!(answer.header("vary"), &Value::Null, "{answer:?}");
}
