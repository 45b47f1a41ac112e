//! The function's variables.

use a2a_lambda_aws::{ConfigError, Variables};
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use request::Context;
use serde_json::json;

use crate::support::{answer, at, event};

const COMPLETE: [(&str, &str); 5] = [
    ("TABLE_NAME", "tasks"),
    ("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/signals"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

/// The context for the complete variables, with one of them replaced or added.
fn context(variable: &str, value: &str) -> Result<Context, ConfigError> {
    let lookup = |name: &str| {
        let known = COMPLETE.iter().find(|(known, _)| *known == name);
        let value = if name == variable { Some(value) } else { known.map(|(_, value)| *value) };
        value.map(str::to_owned)
    };
    request::context(&Variables::new(&lookup))
}

#[test]
fn the_required_variables_are_enough() {
    context("", "").unwrap();
}

#[test]
fn a_required_variable_that_is_not_set_is_named() {
    for (variable, _) in COMPLETE {
        let error = context(variable, "").unwrap_err().to_string();
        let expected = format!("the environment variable {variable} is not set");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    for (variable, values) in [
        ("AGENT", &["nobody", "Echo", " echo"][..]),
        (
            "PUBLIC_URL",
            &["agents.example", "ftp://a.example", "https://", "/", "https://a b", "http://a/?x=y"],
        ),
        ("MAX_BODY_BYTES", &["0", "1023", "6000001", "1MB", "-1", " 2048"]),
        ("CARD_MAX_AGE_SECONDS", &["31536001", "-1", "1h"]),
        ("LEASE_SECONDS", &["5", "901", "x"]),
        ("MAX_ATTEMPTS", &["0", "101"]),
        ("BLOCKING_WAIT_SECONDS", &["901", "1.5"]),
        ("AWS_ENDPOINT_URL", &["localhost:8000"]),
        ("AWS_ENDPOINT_URL_DYNAMODB", &["dynamodb"]),
        ("AWS_ENDPOINT_URL_SQS", &["ftp://sqs"]),
    ] {
        for value in values {
            let error = context(variable, value).unwrap_err();
            let text = chain(&error);
            assert!(text.contains(&format!("variable {variable} ")), "{value}: {text}");
        }
    }
}

#[test]
fn an_unknown_agent_s_error_lists_the_agents() {
    let error = chain(&context("AGENT", "nobody").unwrap_err());
    assert!(error.contains("echo, conformance"), "{error}");
}

#[test]
fn the_bounds_themselves_can_be_used() {
    for (variable, values) in [
        ("MAX_BODY_BYTES", ["1024", "6000000"]),
        ("CARD_MAX_AGE_SECONDS", ["0", "31536000"]),
        ("LEASE_SECONDS", ["6", "900"]),
        ("MAX_ATTEMPTS", ["1", "100"]),
        ("BLOCKING_WAIT_SECONDS", ["0", "900"]),
    ] {
        for value in values {
            context(variable, value).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_set_shows_in_the_card() {
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    let deadline = Timestamp::from_millis(i64::MAX);
    for (variable, value, place, expected) in [
        ("AGENT", "conformance", "/body/name", json!("conformance")),
        ("AGENT", "", "/body/name", json!("echo")),
        (
            "PUBLIC_URL",
            "https://agents.example/a2a/",
            "/body/supportedInterfaces/0/url",
            json!("https://agents.example/a2a"),
        ),
        ("CARD_MAX_AGE_SECONDS", "7", "/event/headers/cache-control", json!("public, max-age=7")),
    ] {
        let context = context(variable, value).unwrap();
        let answer = answer(card.clone(), deadline, &context).await;
        let whole = json!({ "body": answer.body, "event": answer.event });
        assert_eq!(whole.pointer(place), Some(&expected), "{variable}");
    }
}

#[tokio::test]
async fn the_largest_body_can_be_set() {
    let context = context("MAX_BODY_BYTES", "1024").unwrap();
    let mut event = at(event!("http-api"), "POST", "/message:send");
    event["body"] = json!(" ".repeat(1_025));
    let answer = answer(event, Timestamp::from_millis(i64::MAX), &context).await;
    assert_eq!(answer.status, 413, "{answer:?}");
}
