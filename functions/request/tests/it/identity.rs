//! The accepted callers and their names: only the front door's authorizer counts.

use std::sync::Arc;

use a2a_lambda_agents::Conformance;
use a2a_lambda_core::MemoryStore;
use a2a_lambda_protocol::{MutualTlsSecurityScheme, SecurityScheme};
use a2a_lambda_request::{Config, Identity, ResponseMode};
use serde_json::{Value, json};

use crate::support::{
    Function, at, by, calling, event, iam, jwt, lambda, open, open_doors, owner, sending,
    with_header,
};

const CARD: &str = "/.well-known/agent-card.json";

/// A configuration with this claim for owners.
fn named_by(claim: &str) -> Config {
    let identity = Identity { owner_claim: claim.to_owned(), ..Identity::default() };
    Config { identity, ..Config::default() }
}

/// The same for a deployment whose card has security schemes.
fn with_scheme(mut config: Config) -> Config {
    let scheme = SecurityScheme::MutualTls(MutualTlsSecurityScheme::default());
    config.http.security_schemes.insert("mtls".to_owned(), scheme);
    config
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_is_enough_and_no_authorizer_is_not() {
    for (event, expected) in [
        (event!("http-api-jwt"), Some("jwt:https://issuer.example#alice")),
        (event!("http-api-lambda-authorizer"), Some("lambda-principal:alice")),
        (event!("http-api-iam"), Some("iam:AROAEXAMPLE")),
        (event!("function-url-iam"), Some("iam:AIDAEXAMPLE")),
        (event!("http-api-payload-1"), Some("jwt:https://issuer.example#alice")),
        (event!("rest-api-cognito"), Some("jwt:https://issuer.example#alice")),
        (event!("rest-api-lambda-authorizer"), Some("lambda-principal:alice")),
        (event!("rest-api-iam"), Some("iam:AROAEXAMPLE")),
        (event!("http-api"), None),
        (event!("function-url"), None),
        (event!("rest-api"), None),
        (event!("rest-api-mapping"), None),
        // The key of a usage plan names no caller.
        (event!("rest-api-key"), None),
        // As AWS documents payload 1.0 without an authorizer.
        (by(event!("rest-api"), &json!({ "claims": null, "scopes": null })), None),
        (event!("load-balancer"), None),
        (event!("load-balancer-multi-value"), None),
        // No trusted load balancer is set.
        (event!("load-balancer-oidc"), None),
    ] {
        let found = owner(Config::default(), event.clone()).await;
        assert_eq!(found.as_deref(), expected);
        // A known caller keeps their name if everybody is served.
        let found = owner(open(), event).await;
        assert_eq!(found.as_deref(), expected.or(Some("anonymous")));
    }
}

#[tokio::test(start_paused = true)]
async fn the_claim_that_names_the_owner_can_be_another() {
    let claims = json!({ "iss": "https://i", "sub": "alice", "client_id": "c1", "cognito:x": "y" });
    let jwt = json!({ "jwt": { "claims": claims, "scopes": ["a"] } });
    let lambda = json!({ "lambda": { "sub": "alice", "client_id": "c2", "principalId": "p" } });
    for (claim, authorizer, expected) in [
        ("sub", &jwt, Some("jwt:https://i#alice")),
        ("client_id", &jwt, Some("jwt:https://i#c1")),
        ("cognito:x", &jwt, Some("jwt:https://i#y")),
        ("iss", &jwt, Some("jwt:https://i#https://i")),
        // No other claim replaces a missing one, and names are used unchanged.
        ("email", &jwt, None),
        ("Sub", &jwt, None),
        ("principalId", &jwt, None),
        ("sub", &lambda, Some("lambda:alice")),
        ("client_id", &lambda, Some("lambda:c2")),
        ("email", &lambda, Some("lambda-principal:p")),
    ] {
        let found = owner(named_by(claim), by(event!("http-api"), authorizer)).await;
        assert_eq!(found.as_deref(), expected, "{claim} of {authorizer}");
    }
    // IAM has no claims.
    for claim in ["sub", "userArn", "accountId"] {
        let found = owner(named_by(claim), event!("http-api-iam")).await;
        assert_eq!(found.as_deref(), Some("iam:AROAEXAMPLE"), "{claim}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_cannot_be_told_is_refused_and_not_anonymous() {
    for authorizer in [
        jwt(json!({})),
        jwt(Value::Null),
        jwt(json!({ "sub": "" })),
        jwt(json!({ "iss": "https://i" })),
        jwt(json!({ "iss": "https://i", "sub": "" })),
        jwt(json!({ "iss": 7, "sub": "alice" })),
        jwt(json!({ "sub": 7 })),
        jwt(json!({ "username": "alice" })),
        jwt(json!({ "client_id": "machine" })),
        jwt(json!([])),
        json!("jwt"),
        json!({ "jwt": [] }),
        lambda(json!({})),
        lambda(Value::Null),
        lambda(json!({ "user": "alice" })),
        lambda(json!({ "sub": "" })),
        lambda(json!({ "sub": "", "principalId": "alice" })),
        // Numbers that are rounded when they are read: two of them could be one.
        lambda(json!({ "sub": 18_446_744_073_709_551_616_f64 })),
        lambda(json!({ "sub": 7.5 })),
        lambda(json!({ "sub": true })),
        lambda(json!({ "sub": true, "principalId": "alice" })),
        lambda(json!({ "sub": ["alice"] })),
        lambda(json!({ "sub": { "name": "alice" } })),
        lambda(json!({ "principalId": "" })),
        lambda(json!({ "principalId": null })),
        lambda(json!({ "principalId": false })),
        iam(""),
        iam(":session"),
        iam(Value::Null),
        json!({ "iam": {} }),
        json!({ "iam": { "callerId": "AIDA", "accountId": "1", "userArn": "arn:aws:iam::1:x" } }),
        json!({}),
        json!({ "oidc": { "sub": "alice" } }),
    ] {
        for config in [Config::default(), open()] {
            let found = owner(config, by(event!("http-api"), &authorizer)).await;
            assert_eq!(found, None, "{authorizer}");
        }
    }
}

/// The event with all that a client can say of itself.
fn boasting(mut event: Value) -> Value {
    for name in [
        "authorization",
        "cookie",
        "x-amzn-oidc-identity",
        "x-amzn-oidc-data",
        "x-amzn-oidc-accesstoken",
        "x-amzn-request-context",
        "x-amzn-lambda-context",
        "x-amz-security-token",
        "x-amz-user-agent",
        "x-apigateway-event",
        "x-forwarded-user",
        "x-forwarded-email",
        "x-remote-user",
        "x-principal-id",
        "x-user-id",
        "x-owner",
        "owner",
        "sub",
        "requestcontext",
    ] {
        event = with_header(event, name, "mallory");
    }
    // `{"sub":"mallory"}`, unsigned.
    let token = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5In0.";
    event = with_header(event, "authorization", token);
    event["cookies"] = json!(["sub=mallory", "owner=mallory"]);
    event["rawQueryString"] = json!("sub=mallory&owner=mallory&principalId=mallory");
    event["queryStringParameters"] = json!({ "sub": "mallory" });
    event["multiValueQueryStringParameters"] = json!({ "sub": ["mallory"] });
    event["stageVariables"] = json!({ "sub": "mallory" });
    if event["requestContext"]["identity"].is_object() {
        event["requestContext"]["identity"]["apiKey"] = json!("mallory");
        event["requestContext"]["identity"]["apiKeyId"] = json!("mallory");
    }
    event
}

#[tokio::test(start_paused = true)]
async fn a_client_s_own_claims_change_nothing() {
    for event in [
        event!("http-api"),
        event!("function-url"),
        event!("http-api-jwt"),
        event!("http-api-lambda-authorizer"),
        event!("http-api-iam"),
        event!("function-url-iam"),
        event!("rest-api"),
        event!("rest-api-cognito"),
        event!("rest-api-lambda-authorizer"),
        event!("rest-api-iam"),
        event!("rest-api-key"),
        event!("load-balancer"),
        event!("load-balancer-multi-value"),
    ] {
        for config in [Config::default(), open(), named_by("owner"), named_by("principalId")] {
            let plain = owner(config.clone(), event.clone()).await;
            assert_eq!(owner(config, boasting(event.clone())).await, plain, "{event}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn payload_1_names_the_same_callers_as_payload_2() {
    let by_identity = |identity: &Value| {
        let mut event = event!("rest-api");
        let members = event["requestContext"]["identity"].as_object_mut().unwrap();
        members.extend(identity.as_object().unwrap().clone());
        event
    };
    let by_authorizer = |authorizer: Value| by(event!("rest-api"), &authorizer);
    let pool = json!({ "identityId": "eu-west-1:bob" });
    let claims = json!({ "iss": "https://i", "sub": "bob", "email": "b@i" });
    for (one, two) in [
        (by_authorizer(json!({ "claims": claims })), jwt(claims.clone())),
        (by_authorizer(json!({ "claims": claims, "scopes": ["a"] })), jwt(claims.clone())),
        (by_authorizer(json!({ "claims": {} })), jwt(json!({}))),
        (by_identity(&json!({ "user": "AROAROLE:s", "caller": "AROAROLE:s" })), iam("AROAROLE:s")),
        (
            by_identity(&json!({ "user": "AIDAUSER", "userArn": "arn:aws:iam::1:user/u" })),
            iam("AIDAUSER"),
        ),
        (
            by_identity(&json!({ "user": "AROAPOOL:x", "cognitoIdentityId": "eu-west-1:bob" })),
            json!({ "iam": { "userId": "AROAPOOL:x", "cognitoIdentity": pool } }),
        ),
        // Signed, but without a name.
        (by_identity(&json!({ "userArn": "arn:aws:iam::1:user/u" })), json!({ "iam": {} })),
        (by_identity(&json!({ "user": "" })), iam("")),
        (by_authorizer(json!({ "principalId": "p" })), lambda(json!({ "principalId": "p" }))),
        (
            by_authorizer(json!({ "principalId": "p", "sub": "s", "email": "e" })),
            lambda(json!({ "principalId": "p", "sub": "s", "email": "e" })),
        ),
        // A Lambda authorizer's context is not a token's, for any names of its fields.
        (
            by_authorizer(json!({ "principalId": "p", "claims": { "sub": "bob" } })),
            lambda(json!({ "principalId": "p", "claims": { "sub": "bob" } })),
        ),
        (
            by_authorizer(json!({ "principalId": "p", "claims": "{\"sub\":\"bob\"}" })),
            lambda(json!({ "principalId": "p", "claims": "{\"sub\":\"bob\"}" })),
        ),
        (by_authorizer(json!({ "integrationLatency": 5 })), lambda(json!({}))),
        (by_authorizer(json!({})), lambda(json!({}))),
        (by_authorizer(json!("alice")), lambda(json!({}))),
    ] {
        for claim in ["sub", "email"] {
            let config = || Config { identity: named_by(claim).identity, ..open() };
            let found = owner(config(), one.clone()).await;
            let expected = owner(config(), by(event!("http-api"), &two)).await;
            assert_eq!(found, expected, "{claim}: {}", one["requestContext"]);
            assert_ne!(found.as_deref(), Some("anonymous"), "{claim}: {}", one["requestContext"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_bindings_challenge_an_unknown_caller_in_both_modes() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        let function = Function::with(Config { response_mode, ..Config::default() });
        for event in [
            by(event!("function-url"), &json!({})),
            event!("function-url"),
            event!("rest-api-key"),
            event!("load-balancer"),
            event!("load-balancer-multi-value"),
        ] {
            for (method, path) in [
                ("GET", "/tasks"),
                ("GET", "/tasks/t1"),
                ("POST", "/message:send"),
                ("POST", "/message:stream"),
                ("POST", "/tasks/t1:cancel"),
                ("GET", "/tasks/t1:subscribe"),
                ("GET", "/tasks/t1/pushNotificationConfigs"),
            ] {
                let sent = sending(event.clone(), "hi");
                let answer = function.answer(at(sent, method, path)).await;
                answer.is_challenge();
                assert_eq!(answer.header("content-type"), "application/a2a+json");
                assert_eq!(answer.body["error"]["status"], "UNAUTHENTICATED", "{method} {path}");
            }
            let message =
                json!({ "messageId": "m", "role": "ROLE_USER", "parts": [{ "text": "" }] });
            for (method, params) in [
                ("ListTasks", json!({})),
                ("SendMessage", json!({ "message": message })),
                ("SendStreamingMessage", json!({ "message": message })),
                ("SubscribeToTask", json!({ "id": "t1" })),
            ] {
                let answer = function.answer(calling(event.clone(), method, &params)).await;
                answer.is_challenge();
                assert_eq!(answer.header("content-type"), "application/json");
                assert_eq!(answer.body["id"], 7, "{answer:?}");
                assert_eq!(answer.body["error"]["code"], -32_000, "{answer:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn public_pages_need_no_identity() {
    let unknown = by(event!("http-api"), &json!({}));
    for event in open_doors().into_iter().chain([unknown, event!("rest-api-key")]) {
        let function = Function::with(Config::default());
        for (method, path, status) in [
            ("GET", CARD, 200),
            ("HEAD", CARD, 200),
            ("GET", "/acme/.well-known/agent-card.json", 200),
        ] {
            let answer = function.answer(at(event.clone(), method, path)).await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
        let answer = function.answer(at(event, "GET", "/nothing")).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_extended_card_is_for_known_callers() {
    let ask = |event| at(event, "GET", "/extendedAgentCard");
    for (config, event, status) in [
        (Config::default(), event!("http-api"), 401),
        (Config::default(), by(event!("http-api"), &json!({})), 401),
        (Config::default(), boasting(event!("function-url")), 401),
        // The shared owner is not an identified one.
        (open(), event!("http-api"), 401),
        (open(), event!("rest-api-key"), 401),
        (open(), event!("load-balancer"), 401),
        (Config::default(), event!("rest-api-cognito"), 200),
        (Config::default(), event!("rest-api-iam"), 200),
        (open(), event!("http-api-jwt"), 200),
        (Config::default(), event!("http-api-jwt"), 200),
        (Config::default(), event!("http-api-lambda-authorizer"), 200),
        (Config::default(), event!("http-api-iam"), 200),
        (Config::default(), event!("function-url-iam"), 200),
    ] {
        let config = with_scheme(config);
        let function = Function::made_of(Arc::new(MemoryStore::new()), Conformance, config);
        let answer = function.answer(ask(event)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.body.to_string().contains("known-callers"), status == 200);
        if status == 401 {
            answer.is_challenge();
        }
    }
}
