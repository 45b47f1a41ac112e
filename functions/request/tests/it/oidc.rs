//! The signed-in caller at a load balancer, by the header that it signs.

use std::sync::Arc;

use a2a_lambda_https::testing::Web;
use a2a_lambda_request::{Config, LoadBalancer, ResponseMode};
use a2a_lambda_signing::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Answer, Function, at, event, open, owner, with_header};

const ARN: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/my-alb/50dc6c495c0c9188";
const KID: &str = "12345678-1234-1234-1234-123456789012";
const URL: &str =
    "https://public-keys.auth.elb.us-east-1.amazonaws.com/12345678-1234-1234-1234-123456789012";

/// P-256 keys for tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjCrcxMZH3dOLnJsI
Llh8/APT7gXTnCCXKuvq7MclYs6hRANCAARjfKdfF7QNVN8/AekK7oRzytPxVF49
aVpgoTCn6HgkzkL7/darvrg3u+ysznPJ8o7hpE7KqD2W7pgShh3Cop/k
-----END PRIVATE KEY-----";
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLk9d9H+u69XsXnIw
241AUFdxDyztogBrYQDnlj5nRN+hRANCAAQqF2TEo4ttFwgayOPJMu98GiDmv0/K
AbFlfzq/DIZDvy5D/j0MsiR9xD8NMT+mQtwXHdw5M/bmy0rKk/9MllUK
-----END PRIVATE KEY-----";

/// The second of the tests' clock.
const NOW: i64 = 1_700_000_000;

/// AWS's public keys: this one at each URL.
fn keys_of(private: &str) -> Arc<Web> {
    let web = Arc::new(Web::default());
    web.serve("*", &public_pem(private));
    web
}

fn public_pem(private: &str) -> String {
    let mut der = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").unwrap();
    der.extend(SigningKey::from_pem(private).unwrap().public_key());
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

fn config(keys: &Arc<Web>) -> Config {
    let load_balancer = Some(LoadBalancer::new(ARN, keys.clone()).unwrap());
    Config { load_balancer, ..Config::default() }
}

/// The header of a token, as AWS documents it.
fn header() -> Value {
    json!({ "typ": "JWT", "kid": KID, "alg": "ES256", "iss": "https://issuer.example",
        "client": "client-id", "signer": ARN, "exp": NOW + 120 })
}

fn claims() -> Value {
    json!({ "sub": "alice", "email": "alice@example.com", "exp": NOW + 120,
        "iss": "https://user-info.example" })
}

/// A token, padded as the load balancer pads it.
fn token(header: &Value, claims: &Value) -> String {
    signed(&URL_SAFE.encode(header.to_string()), &URL_SAFE.encode(claims.to_string()), KEY)
}

fn signed(header: &str, claims: &str, key: &str) -> String {
    let signed = format!("{header}.{claims}");
    let signature = SigningKey::from_pem(key).unwrap().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE.encode(signature))
}

fn with_token(token: &str) -> Value {
    with_header(event!("load-balancer-oidc"), "x-amzn-oidc-data", token)
}

#[tokio::test(start_paused = true)]
async fn a_signed_in_caller_owns_tasks_as_at_other_front_doors() {
    let alice = Some("jwt:https://issuer.example#alice");
    let many = {
        let event = event!("load-balancer-multi-value");
        with_header(event, "x-amzn-oidc-data", &token(&header(), &claims()))
    };
    let unpadded = token(&header(), &claims()).replace('=', "");
    assert_ne!(unpadded, token(&header(), &claims()), "a token of this length is padded");
    let (unpadded_header, unpadded_claims) = (
        URL_SAFE_NO_PAD.encode(header().to_string()),
        URL_SAFE_NO_PAD.encode(claims().to_string()),
    );
    let mut as_documented = header();
    as_documented["exp"] = json!((NOW + 120).to_string());
    for event in [
        with_token(&token(&header(), &claims())),
        many,
        with_token(&signed(&unpadded_header, &unpadded_claims, KEY)),
        with_token(&token(&as_documented, &claims())),
    ] {
        for is_open in [false, true] {
            let keys = keys_of(KEY);
            let mut config = config(&keys);
            config.identity.allow_anonymous = is_open;
            assert_eq!(owner(config, event.clone()).await.as_deref(), alice, "{event}");
            assert_eq!(keys.urls(), [URL]);
        }
    }
    let mut by_email = config(&keys_of(KEY));
    by_email.identity.owner_claim = "email".to_owned();
    let found = owner(by_email, with_token(&token(&header(), &claims()))).await;
    assert_eq!(found.as_deref(), Some("jwt:https://issuer.example#alice@example.com"));
}

#[tokio::test(start_paused = true)]
async fn a_token_without_the_load_balancer_s_signature_names_no_caller() {
    let with = |member: &str, value: Value| {
        let mut header = header();
        header[member] = value;
        token(&header, &claims())
    };
    let good = token(&header(), &claims());
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let mallory = URL_SAFE.encode(json!({ "sub": "mallory" }).to_string());
    let mut none = header();
    none["alg"] = json!("none");
    let none = URL_SAFE.encode(none.to_string());
    let twice = format!("{{\"kid\":\"{KID}\",{}", &header().to_string()[1..]);
    let other_alb = ARN.replace("my-alb", "mallory-s");
    for (token, fetches) in [
        // Another signed it, or other claims than these.
        (signed(head, body, OTHER_KEY), 1),
        (format!("{head}.{mallory}.{signature}"), 1),
        (format!("{head}.{body}."), 1),
        (format!("{head}.{body}.{}", URL_SAFE.encode([0; 64])), 1),
        (format!("{head}.{body}.*"), 0),
        (format!("{head}.{body}.{signature}.{signature}"), 0),
        (format!("{none}.{mallory}."), 0),
        (with("alg", json!("HS256")), 0),
        (with("alg", json!("ES384")), 0),
        // Another load balancer with keys at the same place signed it.
        (with("signer", json!(other_alb)), 0),
        (with("signer", Value::Null), 0),
        // Too long ago.
        (with("exp", json!(NOW)), 0),
        (with("exp", json!(NOW - 1)), 0),
        (with("exp", json!(i64::MIN)), 0),
        (with("exp", json!("soon")), 0),
        (with("exp", Value::Null), 0),
        (with("exp", json!(1.5e300)), 0),
        (with("iss", json!("")), 0),
        (with("iss", Value::Null), 0),
        (with("client", json!("")), 0),
        // The id is a part of a URL.
        (with("kid", json!("../other-bucket/key")), 0),
        (with("kid", json!("12345678-1234-1234-1234-12345678901/")), 0),
        (with("kid", json!("")), 0),
        (signed(&URL_SAFE.encode(twice), body, KEY), 0),
        (token(&json!([]), &claims()), 0),
        (token(&header(), &json!([])), 0),
        (token(&header(), &json!({ "sub": "" })), 1),
        (token(&header(), &json!({ "sub": 7 })), 1),
        (token(&header(), &json!({})), 1),
        (String::new(), 0),
        ("alice".to_owned(), 0),
        ("..".to_owned(), 0),
        ("ä.ö.ü".to_owned(), 0),
        ("x".repeat(40_000), 0),
    ] {
        let keys = keys_of(KEY);
        // An unknown caller is not one of the unidentified ones.
        let config = Config { identity: open().identity, ..config(&keys) };
        assert_eq!(owner(config, with_token(&token)).await, None, "{token}");
        assert_eq!(keys.urls().len(), fetches, "{token}");
    }
    let mut twice = event!("load-balancer-multi-value");
    twice["multiValueHeaders"]["x-amzn-oidc-data"] = json!([good, good]);
    assert_eq!(owner(config(&keys_of(KEY)), twice).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_header_means_nothing_where_no_load_balancer_is_trusted_with_it() {
    let good = token(&header(), &claims());
    // Without `ALB_ARN`.
    assert_eq!(owner(open(), with_token(&good)).await.as_deref(), Some("anonymous"));
    assert_eq!(owner(Config::default(), with_token(&good)).await, None);
    // At other front doors, where any client can send it.
    for (event, expected) in [
        (event!("http-api"), "anonymous"),
        (event!("function-url"), "anonymous"),
        (event!("rest-api"), "anonymous"),
        (event!("rest-api-iam"), "iam:AROAEXAMPLE"),
    ] {
        let keys = keys_of(KEY);
        let config = Config { identity: open().identity, ..config(&keys) };
        let found = owner(config, with_header(event, "x-amzn-oidc-data", &good)).await;
        assert_eq!((found.as_deref(), keys.urls().len()), (Some(expected), 0));
    }
    // A caller without a sign-in is unknown, or the shared owner.
    let keys = keys_of(KEY);
    assert_eq!(owner(config(&keys), event!("load-balancer")).await, None);
    let both = Config { identity: open().identity, ..config(&keys) };
    assert_eq!(owner(both, event!("load-balancer")).await.as_deref(), Some("anonymous"));
}

async fn asked(function: &Function, token: &str) -> Answer {
    function.answer(at(with_token(token), "GET", "/tasks")).await
}

#[tokio::test(start_paused = true)]
async fn a_key_is_fetched_once_and_never_more_of_them_are_kept_than_fit() {
    let keys = keys_of(KEY);
    let function = Function::with(config(&keys));
    let of_key = |n: usize| {
        let mut header = header();
        header["kid"] = json!(format!("12345678-1234-1234-1234-{n:012}"));
        token(&header, &claims())
    };
    for _ in 0..3 {
        assert_eq!(asked(&function, &of_key(0)).await.status, 200);
        assert_eq!(keys.urls().len(), 1);
    }
    for n in 1..=16 {
        assert_eq!(asked(&function, &of_key(n)).await.status, 200);
    }
    assert_eq!(keys.urls().len(), 17);
    assert_eq!(asked(&function, &of_key(16)).await.status, 200);
    assert_eq!(keys.urls().len(), 17);
    // The oldest has made room.
    assert_eq!(asked(&function, &of_key(0)).await.status, 200);
    assert_eq!(keys.urls().len(), 18);
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_of_a_key_does_not_make_the_caller_unknown() {
    let good = token(&header(), &claims());
    let keys = keys_of(KEY);
    let there = keys.get(URL);
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        keys.set("*", Err("no route"));
        let function = Function::with(Config { response_mode, ..config(&keys) });
        let answer = asked(&function, &good).await;
        assert_eq!((answer.status, &answer.body["error"]["status"]), (503, &json!("UNAVAILABLE")));
        assert!(!answer.body.to_string().contains("route"), "{answer:?}");
        // It is asked for again.
        keys.set("*", there.clone());
        assert_eq!(asked(&function, &good).await.status, 200);
    }
    // The page is not a P-256 key, or is missing.
    for there in [None, Some(""), Some("<html>"), Some(KEY)] {
        keys.set("*", Ok(there.map(|text| (text.to_owned(), None))));
        assert_eq!(asked(&Function::with(config(&keys)), &good).await.status, 401, "{there:?}");
    }
}
