//! The owner of a task, by the front door.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Function, at, event, sending};

#[tokio::test(start_paused = true)]
async fn the_owner_is_the_principal_of_the_authorizer() {
    let jwt = |claims| json!({ "jwt": { "claims": claims, "scopes": null } });
    let iam = |user| json!({ "iam": { "userId": user, "cognitoIdentity": null } });
    // As an identity pool gives credentials out: one role and one session name for all users.
    let cognito = |identity| {
        json!({ "iam": {
            "userId": "AROAPOOL:CognitoIdentityCredentials",
            "cognitoIdentity": { "amr": ["authenticated"], "identityId": identity },
        } })
    };
    let lambda = |context| json!({ "lambda": context });
    let long = "x".repeat(300);
    for (authorizer, owner) in [
        (
            event!("http-api-jwt")["requestContext"]["authorizer"].clone(),
            Some("jwt:https://issuer.example#alice"),
        ),
        (event!("http-api-iam")["requestContext"]["authorizer"].clone(), Some("iam:AROAEXAMPLE")),
        (
            event!("http-api-lambda-authorizer")["requestContext"]["authorizer"].clone(),
            Some("lambda-principal:alice"),
        ),
        (
            event!("function-url-iam")["requestContext"]["authorizer"].clone(),
            Some("iam:AIDAEXAMPLE"),
        ),
        (Value::Null, Some("anonymous")),
        (jwt(json!({ "sub": "anonymous" })), Some("jwt:anonymous")),
        (jwt(json!({ "sub": "ä b#c" })), Some("jwt:ä b%23c")),
        (jwt(json!({ "sub": "" })), None),
        (jwt(json!({ "sub": long })), Some("sha256:jwt:ed6e476c63cfa0dd32e5df013e283c03")),
        (jwt(json!({ "iss": "https://other", "sub": "alice" })), Some("jwt:https://other#alice")),
        (jwt(json!({ "client_id": "machine" })), None),
        (jwt(json!({})), None),
        (jwt(Value::Null), None),
        (iam(json!("AROAEXAMPLE:another-session")), Some("iam:AROAEXAMPLE")),
        (iam(json!(":session")), None),
        (iam(json!("")), None),
        (iam(Value::Null), None),
        (json!({ "iam": {} }), None),
        (cognito("eu-west-1:bob"), Some("cognito:eu-west-1:bob")),
        (cognito("eu-west-1:carol"), Some("cognito:eu-west-1:carol")),
        (cognito(""), Some("iam:AROAPOOL")),
        (lambda(json!({ "sub": "alice" })), Some("lambda:alice")),
        (lambda(json!({ "sub": "bob", "principalId": "alice" })), Some("lambda:bob")),
        (lambda(json!({ "sub": "alice", "principalId": "" })), Some("lambda:alice")),
        (lambda(json!({ "principalId": 7 })), Some("lambda-principal-number:7")),
        (lambda(json!({ "principalId": "7" })), Some("lambda-principal:7")),
        (lambda(json!({ "sub": 7 })), Some("lambda-number:7")),
        (lambda(json!({ "sub": "number:7" })), Some("lambda:number:7")),
        // Others are rounded when they are read, and two of them could be one.
        (lambda(json!({ "sub": 18_446_744_073_709_551_616_f64 })), None),
        (lambda(json!({ "sub": 7.5 })), None),
        (jwt(json!({ "iss": "", "sub": "alice" })), Some("jwt:#alice")),
        (jwt(json!({ "iss": 7, "sub": "alice" })), None),
        (jwt(json!({ "sub": 7 })), None),
        (jwt(json!([])), None),
        (json!("jwt"), None),
        (json!({ "jwt": [] }), None),
        (lambda(json!({ "user": "alice" })), None),
        (lambda(json!({})), None),
        (lambda(Value::Null), None),
        (json!({}), None),
    ] {
        let function = Function::new();
        let mut event = sending(event!("http-api"), "hi");
        event["requestContext"]["authorizer"] = authorizer.clone();
        let answer = function.answer(event).await;
        if let Some(owner) = owner {
            assert_eq!(answer.status, 200, "{authorizer}: {answer:?}");
            assert_eq!(function.owner_of(&answer.body["task"]["id"]).await, owner, "{authorizer}");
        } else {
            assert_eq!(answer.status, 401, "{authorizer}: {answer:?}");
            assert_eq!(answer.body["error"]["status"], "UNAUTHENTICATED");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_principals_are_one_owner() {
    let issued =
        |issuer, subject| json!({ "jwt": { "claims": { "iss": issuer, "sub": subject } } });
    let unissued = |subject: &str| json!({ "jwt": { "claims": { "sub": subject } } });
    let lambda = |context| json!({ "lambda": context });
    let pool = |identity: &str| json!({ "iam": { "cognitoIdentity": { "identityId": identity } } });
    let signed = |user: &str| json!({ "iam": { "userId": user } });
    let long = "x".repeat(300);
    let digest = "ed6e476c63cfa0dd32e5df013e283c03";
    let mut owners = BTreeMap::new();
    for principal in [
        issued("https://a", "b#c"),
        issued("https://a#b", "c"),
        issued("https://a%23b", "c"),
        issued("", "https://a#b#c"),
        unissued("https://a#b#c"),
        unissued("https://a%23b#c"),
        lambda(json!({ "sub": long })),
        lambda(json!({ "sub": format!("sha256:{digest}") })),
        lambda(json!({ "sub": format!("sha256:lambda:{digest}") })),
        lambda(json!({ "principalId": long })),
        lambda(json!({ "sub": 5 })),
        lambda(json!({ "sub": "5" })),
        lambda(json!({ "principalId": 5 })),
        lambda(json!({ "principalId": "5" })),
        lambda(json!({ "sub": "https://a#b#c" })),
        signed("5"),
        pool("5"),
        unissued("5"),
        signed(&long),
        pool(&long),
        unissued(&long),
    ] {
        let function = Function::new();
        let mut event = sending(event!("http-api"), "hi");
        event["requestContext"]["authorizer"] = principal.clone();
        let answer = function.answer(event).await;
        let owner = function.owner_of(&answer.body["task"]["id"]).await;
        let other = owners.insert(owner.clone(), principal.clone());
        assert_eq!(other, None, "{owner} is {principal}, too");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_name_by_another_kind_of_authorizer_is_another_owner() {
    let function = Function::new();
    let sent = function.answer(sending(event!("http-api-jwt"), "hi")).await;
    let path = format!("/tasks/{}", sent.body["task"]["id"].as_str().unwrap());
    for (event, status) in [
        (event!("http-api-jwt"), 200),
        (event!("http-api-lambda-authorizer"), 404),
        (event!("http-api-iam"), 404),
        (event!("http-api"), 404),
        (event!("function-url"), 404),
        // The same issuer's user at other front doors.
        (event!("rest-api-cognito"), 200),
        (event!("http-api-payload-1"), 200),
        (event!("rest-api-lambda-authorizer"), 404),
        (event!("rest-api-iam"), 404),
        (event!("rest-api-key"), 404),
        (event!("load-balancer"), 404),
    ] {
        let answer = function.answer(at(event, "GET", &path)).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
