//! The questions of API Gateway, and the answers in its forms.

use a2a_lambda_authorizer::Failure;
use a2a_lambda_aws::Named as _;
use serde_json::{Value, json};

use crate::support::{
    METHOD, NOW, Signer, ask, authorizer, claims, header, issuer, rest, simple, with,
};

#[tokio::test]
async fn each_front_door_is_answered_in_its_form() {
    let signer = Signer::p256();
    let context = authorizer(&issuer(&[signer.jwk("k")]), &[]);
    let token = signer.token(&header("ES256", "k"), &claims());
    let told = json!({ "a2aLambda": "jwt", "iss": "https://issuer.example", "sub": "alice",
        "owner": "alice", "scope": "a2a extra", "exp": (NOW + 360).to_string() });
    let expected = json!({ "isAuthorized": true, "context": told });
    assert_eq!(ask(&context, &simple(&token), NOW).await.unwrap(), expected);
    let token_event = json!({ "type": "TOKEN", "methodArn": METHOD,
        "authorizationToken": format!("Bearer {token}") });
    let payload_1 = with(rest(&token), "version", json!("1.0"));
    for event in [rest(&token), token_event, payload_1] {
        let answer = ask(&context, &event, NOW).await.unwrap();
        let statement = json!({ "Action": "execute-api:Invoke", "Effect": "Allow",
            "Resource": "arn:aws:execute-api:eu-central-1:123456789012:api/a2a/*/*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let expected = json!({ "principalId": "alice", "policyDocument": policy, "context": told });
        assert_eq!(answer, expected, "{event}");
    }
}

/// REST APIs refuse a context of anything but texts, numbers and flags, and pass it on as texts.
#[tokio::test]
async fn the_authorizer_s_context_is_text() {
    let signer = Signer::p256();
    let more = [("TENANT_CLAIM", "org"), ("OWNER_CLAIM", "email")];
    let context = authorizer(&issuer(&[signer.jwk("k")]), &more);
    let claims = with(with(claims(), "org", json!("acme")), "email", json!("a@b.example"));
    let token = signer.token(&header("ES256", "k"), &claims);
    let answer = ask(&context, &simple(&token), NOW).await.unwrap();
    let told = answer["context"].as_object().unwrap();
    assert!(told.values().all(Value::is_string), "{answer}");
    assert_eq!((&told["tenant"], &told["owner"]), (&json!("acme"), &json!("a@b.example")));
    assert_eq!(told["sub"], "alice");
}

#[tokio::test]
async fn unknown_and_forbidden_callers_get_different_answers() {
    let signer = Signer::p256();
    let context = authorizer(&issuer(&[signer.jwk("k")]), &[("REQUIRED_SCOPES", "a2a admin")]);
    let lacking = signer.token(&header("ES256", "k"), &claims());
    let answer = ask(&context, &rest(&lacking), NOW).await.unwrap();
    let statement = &answer["policyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert!(statement["Resource"].as_str().unwrap().ends_with("/a2a/*/*"), "{answer}");
    let refused = json!({ "isAuthorized": false });
    assert_eq!(ask(&context, &simple(&lacking), NOW).await.unwrap(), refused);
    let error = ask(&context, &rest("x.y.z"), NOW).await.unwrap_err();
    // API Gateway knows it by this text.
    assert_eq!((error.name(), error.to_string().as_str()), ("Unauthorized", "Unauthorized"));
    assert_eq!(ask(&context, &simple("x.y.z"), NOW).await.unwrap(), refused);
}

#[tokio::test]
async fn credentials_are_looked_for_in_the_header_that_is_cached_by() {
    let signer = Signer::p256();
    let web = issuer(&[signer.jwk("k")]);
    let token = signer.token(&header("ES256", "k"), &claims());
    let bearer = format!("Bearer {token}");
    for (named, headers, is_taken) in [
        ("authorization", json!({ "Authorization": bearer }), true),
        ("authorization", json!({ "authorization": bearer.replace("Bearer", "bEARER ") }), true),
        ("authorization", json!({ "AUTHORIZATION": [bearer] }), true),
        // API Gateway's form for a token that is alone in a header.
        ("x-token", json!({ "X-Token": token }), true),
        ("any", json!({ "x-api-key": token }), true),
        ("any", json!({ "Authorization": bearer }), true),
        // Another header says who calls: an answer is not kept for that one.
        ("authorization", json!({ "x-api-key": token }), false),
        ("authorization", json!({ "Authorization": "x", "x-api-key": token }), false),
        ("x-token", json!({ "Authorization": bearer }), false),
        ("any", json!({ "Authorization": bearer, "x-api-key": token }), false),
        ("authorization", json!({ "Authorization": [bearer, bearer] }), false),
        ("authorization", json!({ "Authorization": bearer, "authorization": bearer }), false),
        ("authorization", json!({ "Authorization": format!("{bearer},{bearer}") }), false),
        ("authorization", json!({ "Authorization": format!("Basic {token}") }), false),
        ("authorization", json!({ "Authorization": format!("Bearer {token} {token}") }), false),
        ("authorization", json!({ "Authorization": "Bearer " }), false),
        ("authorization", json!({ "Authorization": 7 }), false),
        ("authorization", json!({ "Authorization": [] }), false),
        ("authorization", json!({}), false),
        ("authorization", Value::Null, false),
    ] {
        let context = authorizer(&web, &[("AUTHORIZER_HEADER", named)]);
        for many in ["headers", "multiValueHeaders"] {
            let event = json!({ "type": "REQUEST", "methodArn": METHOD, many: headers });
            let answer = ask(&context, &event, NOW).await;
            assert_eq!(answer.is_ok(), is_taken, "{named} {event}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_event_without_a_question_is_refused_by_name() {
    let context = authorizer(&issuer(&[]), &[]);
    for event in [
        json!({ "Records": [{ "eventSource": "aws:sqs" }] }),
        json!({ "version": "2.0", "requestContext": { "http": {} } }),
        json!({ "methodArn": METHOD, "routeArn": METHOD }),
        json!({}),
        json!([]),
        json!(null),
    ] {
        let error = ask(&context, &event, NOW).await.unwrap_err();
        assert_eq!(error.name(), "UnknownEvent", "{event}");
    }
    let error = ask(&context, &json!({ "methodArn": 7 }), NOW).await.unwrap_err();
    assert!(matches!(error, Failure::Event(_)) && error.name() == "MalformedEvent", "{error}");
}
