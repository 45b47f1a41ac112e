//! The function's variables.

use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_request::Context;
use a2a_lambda_runtime::testing::{KEY, assert_reads_its_variables, required};
use a2a_lambda_runtime::{ConfigError, Reader, Variables};
use futures_util::FutureExt as _;
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::support::{answer, at, event};

/// The context for the complete variables, with one of them replaced or added.
fn context(variable: &str, value: &str) -> Result<Context, ConfigError> {
    context_with(&[(variable, value)])
}

/// The same with several.
fn context_with(variables: &[(&str, &str)]) -> Result<Context, ConfigError> {
    let complete = required(Reader::Request);
    let lookup = |name: &str| {
        let value = variables.iter().find(|(known, _)| *known == name);
        value.map(|(_, value)| (*value).to_owned()).or_else(|| complete.get(name).cloned())
    };
    context_of(&Variables::new(Reader::Request, &lookup))
}

/// As the executable has it.
fn context_of(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let made = async |variables: &Variables<'_>| a2a_lambda_agents::from_variables(variables).await;
    let agents = a2a_lambda_runtime::agents(&made, variables).now_or_never();
    a2a_lambda_request::context(variables, agents.expect("nothing waits")?)
}

#[test]
fn the_function_reads_exactly_its_variables() {
    assert_reads_its_variables(Reader::Request, &context_of);
}

#[test]
fn the_defaults_are_those_of_the_bindings() {
    let nothing = |_: &str| None;
    let config = a2a_lambda_request::config(&Variables::new(Reader::Request, &nothing)).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", a2a_lambda_request::Config::default()));
}

#[test]
fn an_unknown_agent_s_error_lists_the_agents() {
    let error = chain(&context("AGENT", "nobody").unwrap_err());
    assert!(error.contains("echo, conformance"), "{error}");
}

#[tokio::test]
async fn settings_show_in_the_card() {
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
async fn the_served_tenants_can_be_set() {
    let deadline = Timestamp::from_millis(i64::MAX);
    // A forbidden request is refused before the table is read.
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
