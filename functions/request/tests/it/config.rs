//! The function's variables.

use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_request::Context;
use a2a_lambda_runtime::{ConfigError, Variables};
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::support::{answer, at, event};

const COMPLETE: [(&str, &str); 6] = [
    ("AGENT", "echo"),
    ("TABLE_NAME", "tasks"),
    ("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/signals"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

/// The context for the complete variables, with one of them replaced or added.
fn context(variable: &str, value: &str) -> Result<Context, ConfigError> {
    context_with(&[(variable, value)])
}

/// The same with several.
fn context_with(variables: &[(&str, &str)]) -> Result<Context, ConfigError> {
    let lookup = |name: &str| {
        let value = variables.iter().chain(&COMPLETE).find(|(known, _)| *known == name);
        value.map(|(_, value)| (*value).to_owned())
    };
    a2a_lambda_request::context(&Variables::new(&lookup))
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
        ("AGENT", &["nobody", "Echo", "echo,", "echo,echo", "a/b=echo", "a=echo,a=echo"][..]),
        ("RESPONSE_MODE", &["Stream", "buffered", "stream ", "true"]),
        ("ALLOW_ANONYMOUS", &["yes", "1", "True"]),
        (
            "ALLOWED_ORIGINS",
            &["app.example.com", "https://a.example/", "https://*.example", "*,https://a.example"],
        ),
        ("KEEP_ALIVE_SECONDS", &["0", "901", "1.5", "15s"]),
        ("MAX_STREAM_SECONDS", &["0", "901", "-1"]),
        (
            "PUBLIC_URL",
            &["agents.example", "ftp://a.example", "https://", "/", "https://a b", "http://a/?x=y"],
        ),
        ("BASE_PATH", &["agents", "https://a.example/agents", "/a//b", "/a?b"]),
        ("MAX_BODY_BYTES", &["0", "1023", "6000001", "1MB", "-1", " 2048"]),
        ("CARD_MAX_AGE_SECONDS", &["31536001", "-1", "1h"]),
        ("CARD_MODIFIED", &["yesterday", "2026-01-31", "1700000000"]),
        ("A2A_V0_3", &["yes", "1", "True"]),
        ("CARD_SECURITY_SCHEMES", &["{", "[]", r#"{"b":{"type":"http","scheme":"Bearer"}}"#]),
        ("CARD_SECURITY_REQUIREMENTS", &["{}", r#"[{"b":[]}]"#, r#"[{"schemes":{"b":{}}}]"#]),
        // Nothing is signed without a key.
        ("CARD_SIGNING_KEY_ID", &["k"]),
        ("CARD_SIGNING_JWKS_URL", &["https://keys.example/jwks.json", "keys.example"]),
        ("PUSH_JWT_KEY", &["hush"]),
        ("PUSH_JWT_KEY_ID", &["k"]),
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
        ("KEEP_ALIVE_SECONDS", ["1", "900"]),
        ("MAX_STREAM_SECONDS", ["1", "900"]),
        ("RESPONSE_MODE", ["buffer", "stream"]),
        ("ALLOW_ANONYMOUS", ["false", "true"]),
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
        (
            "PUBLIC_URL",
            "https://agents.example/a2a/",
            "/body/supportedInterfaces/0/url",
            json!("https://agents.example/a2a"),
        ),
        ("CARD_MAX_AGE_SECONDS", "7", "/event/headers/cache-control", json!("public, max-age=7")),
        (
            "CARD_MODIFIED",
            "2026-01-31T12:00:00.5Z",
            "/event/headers/last-modified",
            json!("Sat, 31 Jan 2026 12:00:00 GMT"),
        ),
        ("A2A_V0_3", "", "/body/protocolVersion", json!("0.3.0")),
        (
            "CARD_SECURITY_SCHEMES",
            r#"{"m":{"mtlsSecurityScheme":{"description":"d"}}}"#,
            "/body/securitySchemes/m/mtlsSecurityScheme/description",
            json!("d"),
        ),
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

/// An Ed25519 key that is nobody's: 32 times the letter A.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
-----END PRIVATE KEY-----";

#[tokio::test]
async fn a_key_signs_the_card() {
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    let key = [("CARD_SIGNING_KEY", KEY), ("CARD_SIGNING_KEY_ID", "k")];
    let context = context_with(&key).unwrap();
    let answer = answer(card, Timestamp::from_millis(i64::MAX), &context).await;
    assert_eq!(answer.body["signatures"].as_array().unwrap().len(), 2, "{answer:?}");
    let shown = format!("{context:?}");
    assert!(shown.contains("CardSigner") && !shown.contains("MC4CAQAw"), "{shown}");
}

#[test]
fn a_key_needs_an_id_and_is_not_shown() {
    let error = context("CARD_SIGNING_KEY", KEY).unwrap_err().to_string();
    assert!(error.contains("variable CARD_SIGNING_KEY_ID is not set"), "{error}");
    for broken in [&KEY[30..], &KEY.replace("MC4", "MD4")] {
        let key = [("CARD_SIGNING_KEY", broken), ("CARD_SIGNING_KEY_ID", "k")];
        let error = context_with(&key).unwrap_err();
        let text = format!("{} {error:?}", chain(&error));
        assert!(text.contains("variable CARD_SIGNING_KEY must be a private key"), "{text}");
        assert!(!text.contains("QUFB"), "{text}");
    }
}

#[tokio::test]
async fn requirements_are_of_the_schemes_that_there_are() {
    let variables = [
        ("CARD_SECURITY_SCHEMES", r#"{"b":{"httpAuthSecurityScheme":{"scheme":"Bearer"}}}"#),
        ("CARD_SECURITY_REQUIREMENTS", r#"[{"schemes":{"b":{"list":["read"]}}}]"#),
        ("A2A_V0_3", "false"),
    ];
    let context = context_with(&variables).unwrap();
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    let card = answer(card, Timestamp::from_millis(i64::MAX), &context).await.body;
    let scheme = json!({ "b": { "httpAuthSecurityScheme": { "scheme": "Bearer" } } });
    assert_eq!(card["securitySchemes"], scheme);
    assert_eq!(card["securityRequirements"], json!([{"schemes": {"b": {"list": ["read"]}}}]));
    assert_eq!(card["supportedInterfaces"].as_array().unwrap().len(), 2);
    assert!(card.get("protocolVersion").is_none());
}

#[tokio::test]
async fn the_front_door_s_way_to_take_answers_can_be_set() {
    let deadline = Timestamp::from_millis(i64::MAX);
    for (mode, is_streamed) in [("", false), ("buffer", false), ("stream", true)] {
        let context = context("RESPONSE_MODE", mode).unwrap();
        let event = to_raw_value(&event!("http-api")).unwrap();
        let answer = a2a_lambda_request::handle(&event, deadline, &context).await.unwrap();
        assert_eq!(
            matches!(answer, a2a_lambda_request::Answer::Streamed(..)),
            is_streamed,
            "{mode}"
        );
    }
}

#[tokio::test]
async fn who_is_served_can_be_set() {
    let deadline = Timestamp::from_millis(i64::MAX);
    // It is refused for what it asks before the table is looked at, if it is not for who asks.
    let mut nobody = event!("http-api");
    nobody["rawQueryString"] = json!("pageSize=0");
    let mut client = nobody.clone();
    client["requestContext"]["authorizer"] = json!({ "jwt": { "claims": { "client": "c" } } });
    for (variable, value, event, status) in [
        ("", "", &nobody, 401),
        ("ALLOW_ANONYMOUS", "false", &nobody, 401),
        ("ALLOW_ANONYMOUS", "true", &nobody, 400),
        ("ALLOW_ANONYMOUS", "true", &client, 401),
        ("OWNER_CLAIM", "", &client, 401),
        ("OWNER_CLAIM", "client", &client, 400),
        ("OWNER_CLAIM", "client", &nobody, 401),
    ] {
        let context = context(variable, value).unwrap();
        let answer = answer(event.clone(), deadline, &context).await;
        assert_eq!(answer.status, status, "{variable}={value} {answer:?}");
    }
}

#[tokio::test]
async fn the_public_keys_are_for_everybody() {
    let at = || at(event!("http-api"), "GET", "/.well-known/jwks.json");
    let deadline = Timestamp::from_millis(i64::MAX);
    let nothing = answer(at(), deadline, &context("", "").unwrap()).await;
    assert_eq!(nothing.status, 404, "{nothing:?}");
    let card = [("CARD_SIGNING_KEY", KEY), ("CARD_SIGNING_KEY_ID", "card")];
    let issuer = ("PUBLIC_URL", "https://agents.example");
    let push = [("PUSH_JWT_KEY", KEY), ("PUSH_JWT_KEY_ID", "push"), issuer];
    let both = [&push[..], &card].concat();
    let same = [&card[..], &[("PUSH_JWT_KEY", KEY), ("PUSH_JWT_KEY_ID", "card"), issuer]].concat();
    for (variables, ids) in [
        (&card[..], &["card"][..]),
        (&push, &["push"]),
        (&both, &["push", "card"]),
        (&same, &["card"]),
    ] {
        let answer = answer(at(), deadline, &context_with(variables).unwrap()).await;
        let keys = answer.body["keys"].as_array().unwrap();
        assert_eq!(keys.iter().map(|key| &key["kid"]).collect::<Vec<_>>(), ids, "{answer:?}");
        assert!(keys.iter().all(|key| key["crv"] == "Ed25519" && key.get("d").is_none()));
    }
}

#[test]
fn two_keys_cannot_have_one_id() {
    let other = KEY.replace("EFBQUFB", "EJBQUFB");
    let error = context_with(&[
        ("CARD_SIGNING_KEY", KEY),
        ("CARD_SIGNING_KEY_ID", "k"),
        ("PUSH_JWT_KEY", &other),
        ("PUSH_JWT_KEY_ID", "k"),
    ])
    .unwrap_err();
    assert!(error.to_string().contains("variable PUSH_JWT_KEY_ID must be another"), "{error}");
}
