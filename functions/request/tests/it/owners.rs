//! The owner of a task, by the front door.

use std::collections::BTreeMap;

use a2a_lambda_request::Config;
use serde_json::{Value, json};

use crate::support::{Function, at, by, event, iam, jwt, lambda, open, owner, sending};

#[tokio::test(start_paused = true)]
async fn the_owner_is_the_principal_of_the_authorizer() {
    // As an identity pool gives credentials out: one role and one session name for all users.
    let cognito = |identity| {
        json!({ "iam": {
            "userId": "AROAPOOL:CognitoIdentityCredentials",
            "cognitoIdentity": { "amr": ["authenticated"], "identityId": identity },
        } })
    };
    let long = "x".repeat(300);
    for (authorizer, expected) in [
        (Value::Null, "anonymous"),
        (jwt(json!({ "sub": "anonymous" })), "jwt:anonymous"),
        (jwt(json!({ "sub": "ä b#c" })), "jwt:ä b%23c"),
        (jwt(json!({ "sub": long })), "sha256:jwt:ed6e476c63cfa0dd32e5df013e283c03"),
        (jwt(json!({ "iss": "https://other", "sub": "alice" })), "jwt:https://other#alice"),
        (jwt(json!({ "iss": "", "sub": "alice" })), "jwt:#alice"),
        (cognito("eu-west-1:bob"), "cognito:eu-west-1:bob"),
        (cognito("eu-west-1:carol"), "cognito:eu-west-1:carol"),
        (cognito(""), "iam:AROAPOOL"),
        (lambda(json!({ "sub": "alice" })), "lambda:alice"),
        (lambda(json!({ "sub": "bob", "principalId": "alice" })), "lambda:bob"),
        (lambda(json!({ "sub": "alice", "principalId": "" })), "lambda:alice"),
        (lambda(json!({ "principalId": 7 })), "lambda-principal-number:7"),
        (lambda(json!({ "principalId": "7" })), "lambda-principal:7"),
        (lambda(json!({ "sub": 7 })), "lambda-number:7"),
        // A name cannot pass for another kind's.
        (lambda(json!({ "sub": "number:7" })), "lambda:number:7"),
        (lambda(json!({ "sub": "anonymous" })), "lambda:anonymous"),
        (lambda(json!({ "sub": "jwt:https://i#alice" })), "lambda:jwt:https://i%23alice"),
        (lambda(json!({ "sub": "iam:AROAEXAMPLE" })), "lambda:iam:AROAEXAMPLE"),
    ] {
        let found = owner(open(), by(event!("http-api"), &authorizer)).await;
        assert_eq!(found.as_deref(), Some(expected), "{authorizer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_iam_role_is_one_owner_in_every_session_and_federated_users_are_several() {
    for (user, expected) in [
        ("AROAROLE:one", "iam:AROAROLE"),
        ("AROAROLE:two:three", "iam:AROAROLE"),
        ("AROAROLE", "iam:AROAROLE"),
        ("AIDAUSER", "iam:AIDAUSER"),
        ("111122223333", "iam:111122223333"),
        ("111122223333:bob", "iam:111122223333:bob"),
        ("111122223333:carol", "iam:111122223333:carol"),
    ] {
        for event in [event!("http-api"), event!("function-url")] {
            let found = owner(Config::default(), by(event, &iam(user))).await;
            assert_eq!(found.as_deref(), Some(expected), "{user}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_principals_are_one_owner() {
    let issued = |issuer: &str, subject: &str| jwt(json!({ "iss": issuer, "sub": subject }));
    let unissued = |subject: &str| jwt(json!({ "sub": subject }));
    let pool = |identity: &str| json!({ "iam": { "cognitoIdentity": { "identityId": identity } } });
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
        lambda(json!({ "sub": format!("{long}y") })),
        lambda(json!({ "sub": format!("y{long}") })),
        lambda(json!({ "sub": "x".repeat(5_000) })),
        lambda(json!({ "sub": format!("sha256:{digest}") })),
        lambda(json!({ "sub": format!("sha256:lambda:{digest}") })),
        lambda(json!({ "principalId": long })),
        lambda(json!({ "sub": 5 })),
        lambda(json!({ "sub": "5" })),
        lambda(json!({ "principalId": 5 })),
        lambda(json!({ "principalId": "5" })),
        lambda(json!({ "sub": "https://a#b#c" })),
        iam("5"),
        pool("5"),
        unissued("5"),
        iam(long.as_str()),
        pool(&long),
        unissued(&long),
    ] {
        let owner = owner(open(), by(event!("http-api"), &principal)).await.unwrap();
        assert!(owner.len() < 64, "{owner}");
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
