//! The context of our own authorizer, and the trusted fields of other ones.

use a2a_lambda_http::Scopes;
use a2a_lambda_request::{Config, Identity};
use serde_json::{Value, json};

use crate::support::{Function, at, by, event, jwt, lambda, owner, sending};

/// The second of the tests' clock.
const NOW: i64 = 1_700_000_000;

/// The context of our authorizer in the events of both kinds of API Gateway.
fn told(context: &Value) -> [Value; 2] {
    let mut members = context.clone();
    members["principalId"] = json!("alice");
    members["integrationLatency"] = json!(7);
    [by(event!("http-api"), &lambda(context.clone())), by(event!("rest-api"), &members)]
}

fn caller() -> Value {
    json!({ "a2aLambda": "jwt", "owner": "alice", "sub": "s-1", "iss": "https://issuer.example",
        "scope": "read send", "exp": (NOW + 60).to_string() })
}

fn with(mut context: Value, name: &str, value: Value) -> Value {
    context[name] = value;
    context
}

fn tenant_by(claim: &str) -> Config {
    let identity = Identity { tenant_claim: Some(claim.to_owned()), ..Identity::default() };
    Config { identity, ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn a_token_has_the_same_owner_as_at_every_other_door() {
    let key = json!({ "a2aLambda": "key", "owner": "alice", "sub": "0123456789abcdef" });
    for (context, expected) in [
        (caller(), "jwt:https://issuer.example#alice"),
        (key, "key:alice"),
        // Another issuer's alice is another owner.
        (with(caller(), "iss", json!("https://o.example")), "jwt:https://o.example#alice"),
    ] {
        for event in told(&context) {
            assert_eq!(owner(Config::default(), event).await.as_deref(), Some(expected));
        }
    }
    // For any OWNER_CLAIM: the authorizer has read it.
    let identity = Identity { owner_claim: "email".to_owned(), ..Identity::default() };
    for event in told(&caller()) {
        let config = Config { identity: identity.clone(), ..Config::default() };
        let expected = Some("jwt:https://issuer.example#alice");
        assert_eq!(owner(config, event).await.as_deref(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_or_expired_token_names_no_caller() {
    for context in [
        with(caller(), "exp", json!(NOW.to_string())),
        with(caller(), "exp", json!("soon")),
        with(caller(), "owner", json!("")),
        with(caller(), "owner", Value::Null),
        with(caller(), "iss", Value::Null),
        with(caller(), "a2aLambda", json!("other")),
        with(caller(), "a2aLambda", json!(true)),
        json!({ "a2aLambda": "jwt", "sub": "alice" }),
    ] {
        for event in told(&context) {
            for allow_anonymous in [false, true] {
                let identity = Identity { allow_anonymous, ..Identity::default() };
                let config = Config { identity, ..Config::default() };
                assert_eq!(owner(config, event.clone()).await, None, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_s_tenant_is_the_only_one() {
    let of_acme = with(caller(), "tenant", json!("acme"));
    let native = |claims: Value| vec![by(event!("http-api"), &jwt(claims))];
    let custom = |context: Value| vec![by(event!("http-api"), &lambda(context))];
    for (config, events, status) in [
        // Our authorizer's context is always trusted.
        (Config::default(), Vec::from(told(&of_acme)), 403),
        (tenant_by("org"), Vec::from(told(&of_acme)), 403),
        (tenant_by("org"), Vec::from(told(&caller())), 403),
        (tenant_by("org"), native(json!({ "sub": "alice", "org": "acme" })), 403),
        (tenant_by("org"), native(json!({ "sub": "alice", "org": "other" })), 200),
        (tenant_by("org"), native(json!({ "sub": "alice", "org": "a/b" })), 403),
        (tenant_by("org"), native(json!({ "sub": "alice" })), 403),
        (tenant_by("org"), custom(json!({ "sub": "alice", "org": "other" })), 200),
        (tenant_by("org"), custom(json!({ "sub": "alice" })), 403),
        // They have none, and should have one.
        (tenant_by("org"), vec![event!("rest-api-iam"), event!("http-api-iam")], 403),
        (Config::default(), native(json!({ "sub": "alice", "org": "acme" })), 200),
        (Config::default(), Vec::from(told(&caller())), 200),
    ] {
        for event in events {
            let function = Function::with(config.clone());
            let answer = function.answer(at(event.clone(), "GET", "/other/tasks")).await;
            assert_eq!(answer.status, status, "{event} {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_are_read_as_each_front_door_has_them() {
    let scopes = Scopes { send: Some("send".to_owned()), ..Scopes::default() };
    let mut config = Config::default();
    config.http.scopes = scopes;
    let cognito = |scope: Value| {
        let mut event = event!("rest-api-cognito");
        event["requestContext"]["authorizer"]["claims"]["scope"] = scope;
        event
    };
    let native = |claims: Value| by(event!("http-api"), &jwt(claims));
    let mut cases = vec![
        (cognito(json!("x send")), 200),
        (cognito(json!("sender")), 403),
        (cognito(Value::Null), 403),
        (native(json!({ "sub": "a", "scope": "x send" })), 200),
        // As an HTTP API writes a list.
        (native(json!({ "sub": "a", "scp": "[send x]" })), 200),
        (native(json!({ "sub": "a", "scp": "[x]" })), 403),
        (event!("rest-api-iam"), 403),
        (event!("http-api-iam"), 403),
        (event!("http-api"), 401),
    ];
    cases.extend(told(&caller()).map(|event| (event, 200)));
    cases.extend(told(&with(caller(), "scope", json!("read"))).map(|event| (event, 403)));
    for (event, expected) in cases {
        let answer = Function::with(config.clone()).answer(sending(event.clone(), "hi")).await;
        assert_eq!(answer.status, expected, "{event}");
    }
}
