//! The tokens that are taken.

use serde_json::{Value, json};

use crate::support::{
    DISCOVERY, ISSUER, KEYS, NOW, Signer, authorizer, base64, claims, header, issuer, judged, with,
};

#[tokio::test]
async fn every_algorithm_of_a_key_s_type_is_taken_and_no_other() {
    let signers = [Signer::rsa(), Signer::p256(), Signer::p384(), Signer::ed25519()];
    let keys: Vec<_> = signers.iter().enumerate().map(|(n, it)| it.jwk(&n.to_string())).collect();
    let context = authorizer(&issuer(&keys), &[]);
    for (n, signer) in signers.iter().enumerate() {
        for other in ["RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA", "HS256", "none", ""] {
            let token = signer.token(&header(other, &n.to_string()), &claims());
            let expected = if signer.algorithms().contains(&other) { 200 } else { 401 };
            assert_eq!(judged(&context, &token, NOW).await.0, expected, "{n} {other}");
        }
        for algorithm in signer.algorithms() {
            for kid in [json!(n.to_string()), Value::Null] {
                let header = with(header(algorithm, ""), "kid", kid);
                let token = signer.token(&header, &claims());
                assert_eq!(judged(&context, &token, NOW).await.0, 200, "{header}");
            }
        }
    }
}

#[tokio::test]
async fn times_and_audiences_and_issuers_must_be_right() {
    let signer = Signer::ed25519();
    let context = authorizer(&issuer(&[signer.jwk("k")]), &[]);
    for (name, value, expected) in [
        ("exp", json!(NOW - 59), 200),
        ("exp", json!(NOW - 60), 401),
        ("exp", json!(f64::from(i32::MAX) + 0.5), 200),
        ("exp", json!(1e300), 200),
        ("exp", json!(-1), 401),
        ("exp", json!((NOW + 300).to_string()), 401),
        ("exp", Value::Null, 401),
        ("exp", json!(true), 401),
        ("nbf", json!(NOW + 60), 200),
        ("nbf", json!(NOW + 61), 401),
        ("nbf", json!("soon"), 401),
        ("nbf", Value::Null, 200),
        ("iat", json!(NOW + 61), 401),
        ("iat", json!([]), 401),
        ("aud", json!("others"), 200),
        ("aud", json!(["x", "agents"]), 200),
        ("aud", json!(["x", "agents", 7]), 401),
        ("aud", json!("Agents"), 401),
        ("aud", json!("agents,others"), 401),
        ("aud", json!([]), 401),
        ("aud", json!({ "agents": true }), 401),
        ("aud", Value::Null, 401),
        ("iss", json!("https://issuer.example/"), 401),
        ("iss", json!("https://other.example"), 401),
        ("iss", json!([ISSUER]), 401),
        ("iss", Value::Null, 401),
        // It is the caller's, but has no owner.
        ("sub", json!(""), 403),
        ("sub", json!(7), 403),
        ("sub", Value::Null, 403),
    ] {
        let token = signer.token(&header("EdDSA", "k"), &with(claims(), name, value.clone()));
        assert_eq!(judged(&context, &token, NOW).await.0, expected, "{name} {value}");
    }
}

/// Their tokens for access name the client, and no audience.
#[tokio::test]
async fn tokens_of_cognito_are_for_their_client() {
    let signer = Signer::ed25519();
    let context = authorizer(&issuer(&[signer.jwk("k")]), &[]);
    let mut token = claims();
    token.as_object_mut().unwrap().remove("aud");
    for (token_use, client, expected) in
        [("access", "agents", 200), ("access", "other", 401), ("id", "agents", 401)]
    {
        let token =
            with(with(token.clone(), "token_use", json!(token_use)), "client_id", json!(client));
        let token = signer.token(&header("EdDSA", "k"), &token);
        assert_eq!(judged(&context, &token, NOW).await.0, expected, "{token_use} {client}");
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let (signer, other) = (Signer::p256(), Signer::p256());
    let web =
        issuer(&[signer.jwk("k"), json!({ "kty": "oct", "k": base64("secret"), "kid": "s" })]);
    let context = authorizer(&web, &[]);
    let good = signer.token(&header("ES256", "k"), &claims());
    assert_eq!(judged(&context, &good, NOW).await.0, 200);
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let mallory = base64(with(claims(), "sub", json!("mallory")).to_string());
    let twice = base64(r#"{"alg":"ES256","kid":"k","kid":"k"}"#);
    let header_with = |name: &str, value: Value| {
        signer.token(&with(header("ES256", "k"), name, value), &claims())
    };
    for token in [
        other.token(&header("ES256", "k"), &claims()),
        format!("{head}.{mallory}.{signature}"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}.{body}.{}", base64([0; 64])),
        format!("{head}.{body}.{signature}="),
        format!("{}.{body}.", base64(header("none", "k").to_string())),
        format!("{}.{body}.{}", base64(header("HS256", "s").to_string()), base64([1; 32])),
        format!("{twice}.{body}.{signature}"),
        header_with("crit", json!(["exp"])),
        header_with("crit", json!([])),
        header_with("crit", Value::Null),
        header_with("typ", json!("logout+jwt")),
        header_with("typ", json!(7)),
        header_with("alg", json!(["ES256"])),
        header_with("kid", json!(7)),
        signer.token(&json!([]), &claims()),
        signer.token(&header("ES256", "k"), &json!([])),
        signer.token(&header("ES256", "k"), &json!("x")),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{head}.{}.{signature}", "x".repeat(100_000)),
        format!("{}.{body}.{signature}", base64("[".repeat(4_000))),
    ] {
        assert_eq!(judged(&context, &token, NOW).await.0, 401, "{token}");
    }
}

/// A header can name keys of its own, by value, by URL or by a path. Nobody looks there.
#[tokio::test]
async fn keys_come_from_the_issuer_for_any_header() {
    let (signer, mallory) = (Signer::p256(), Signer::p256());
    let web = issuer(&[signer.jwk("k")]);
    web.serve("https://mallory.example/keys", &json!({ "keys": [mallory.jwk("k")] }));
    for (name, value) in [
        ("jwk", mallory.jwk("k")),
        ("jku", json!("https://mallory.example/keys")),
        ("x5u", json!("https://mallory.example/keys")),
        ("kid", json!("../../mallory")),
        ("kid", json!("https://mallory.example/keys")),
        ("kid", json!("k\u{0}")),
        ("kid", json!("' UNION SELECT 'k")),
    ] {
        let context = authorizer(&web, &[]);
        let token = mallory.token(&with(header("ES256", "k"), name, value), &claims());
        assert_eq!(judged(&context, &token, NOW).await.0, 401, "{name}");
    }
    assert_eq!(web.fetched("https://mallory.example/keys"), 0);
    let known = web.fetched(DISCOVERY) + web.fetched(KEYS);
    assert!(known <= 28, "at most twice for each token: {known}");
}

/// Keys of a set that are not for signatures verify no token.
#[tokio::test]
async fn keys_that_are_not_for_signatures_check_none() {
    let signer = Signer::p256();
    for (name, value, expected) in [
        ("use", json!("sig"), 200),
        ("use", json!("enc"), 401),
        ("key_ops", json!(["verify"]), 200),
        ("key_ops", json!(["encrypt"]), 401),
        ("alg", json!("ES256"), 200),
        ("alg", json!("ECDH-ES"), 401),
        ("alg", json!("ES384"), 401),
        ("crv", json!("secp256k1"), 401),
        ("x", json!("AAAA"), 401),
        ("kid", json!(7), 401),
    ] {
        let set = [with(signer.jwk("k"), name, value.clone()), Signer::ed25519().jwk("other")];
        let context = authorizer(&issuer(&set), &[]);
        let token = signer.token(&header("ES256", "k"), &claims());
        assert_eq!(judged(&context, &token, NOW).await.0, expected, "{name} {value}");
    }
    // A modulus of 1,024 bits, and a malformed exponent.
    let rsa = Signer::rsa();
    for (name, value) in [("n", base64([0xff; 128])), ("e", String::new()), ("e", base64([1; 9]))] {
        let set = [with(rsa.jwk("k"), name, json!(value)), signer.jwk("other")];
        let context = authorizer(&issuer(&set), &[]);
        let token = rsa.token(&header("RS256", "k"), &claims());
        assert_eq!(judged(&context, &token, NOW).await.0, 401, "{name}");
    }
}

#[tokio::test]
async fn scopes_and_tenants_are_asked_for_where_that_is_configured() {
    let signer = Signer::ed25519();
    let web = issuer(&[signer.jwk("k")]);
    let token = |name: &str, value: Value| {
        signer.token(&header("EdDSA", "k"), &with(claims(), name, value))
    };
    let context = authorizer(&web, &[("REQUIRED_SCOPES", "a2a write")]);
    for (scope, expected) in [
        (json!("write a2a"), 200),
        (json!("a2a"), 403),
        (json!("a2awrite"), 403),
        (json!(["a2a", "write"]), 200),
        (Value::Null, 403),
    ] {
        assert_eq!(
            judged(&context, &token("scope", scope.clone()), NOW).await.0,
            expected,
            "{scope}"
        );
    }
    let context = authorizer(&web, &[("TENANT_CLAIM", "org")]);
    for (org, expected) in
        [(json!("acme"), 200), (json!(""), 403), (json!(["acme"]), 403), (Value::Null, 403)]
    {
        let (status, told) = judged(&context, &token("org", org.clone()), NOW).await;
        assert_eq!(status, expected, "{org}");
        assert_eq!(told["tenant"].as_str(), org.as_str().filter(|_| expected == 200));
    }
    let (_, told) = judged(&authorizer(&web, &[]), &token("tenant", json!("acme")), NOW).await;
    assert_eq!(told.get("tenant"), None, "nothing is passed on that nobody asked for");
}
