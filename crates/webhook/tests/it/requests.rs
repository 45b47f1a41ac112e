//! The requests that receivers get.

use a2a_lambda_core::push::{PushSecrets, Secret};
use a2a_lambda_core::{Always, Push, PushError, Webhook};
use a2a_lambda_signing::SigningKey;
use a2a_lambda_webhook::{JwtSigner, SigningKeys, WebhookConfig};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::support::{Received, Reply, Server, URL, plain, push, serving, with_scheme};

/// The same key and its signature in the libraries of Standard Webhooks.
const KNOWN_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const KNOWN: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// An Ed25519 key for tests: 32 times the letter A.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
-----END PRIVATE KEY-----";

fn hmac_key(letter: u8) -> String {
    format!("whsec_{}", STANDARD.encode([letter; 32]))
}

fn ed25519() -> (String, Ed25519KeyPair) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    (format!("whsk_{}", STANDARD.encode([7; 32])), pair)
}

fn signed_by(keys: &str) -> WebhookConfig {
    WebhookConfig { signing_keys: SigningKeys::parse(keys).unwrap(), ..plain() }
}

fn with_jwt() -> WebhookConfig {
    let key = SigningKey::from_pem(PEM).unwrap();
    WebhookConfig { jwt: Some(JwtSigner::new(key, "k-1", "https://agents.example")), ..plain() }
}

async fn received(push: Push, config: WebhookConfig) -> Received {
    let (server, _, webhook): (Server, _, _) = serving(|_, _| Reply::status(200), config).await;
    webhook.post(push, &Always).await.unwrap();
    server.only()
}

fn content(body: &[u8]) -> Vec<u8> {
    [b"p-1.1000000001.", body].concat()
}

fn signatures(received: &Received) -> Vec<&str> {
    received.header("webhook-signature").map_or(Vec::new(), |it| it.split(' ').collect())
}

fn is_hmac_of(signature: &str, letter: u8, content: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[letter; 32]);
    let Some(signature) = signature.strip_prefix("v1,") else { return false };
    hmac::verify(&key, content, &STANDARD.decode(signature).unwrap()).is_ok()
}

fn is_ed25519_of(signature: &str, content: &[u8]) -> bool {
    let public = UnparsedPublicKey::new(&ED25519, ed25519().1.public_key().as_ref().to_vec());
    let Some(signature) = signature.strip_prefix("v1a,") else { return false };
    public.verify(content, &STANDARD.decode(signature).unwrap()).is_ok()
}

#[tokio::test]
async fn a_push_is_a_post_with_these_headers_and_no_others() {
    let received = received(push(URL), plain()).await;
    let user_agent = concat!("a2a-lambda/", env!("CARGO_PKG_VERSION"));
    let headers = [
        ("content-length", "11"),
        ("content-type", "application/a2a+json"),
        ("host", "hooks.example.com"),
        ("user-agent", user_agent),
        ("webhook-id", "p-1"),
        ("webhook-timestamp", "1000000001"),
    ];
    let expected = Received {
        line: "POST /a?b=c HTTP/1.1".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: br#"{"task":{}}"#.to_vec(),
    };
    assert_eq!(received, expected);
}

#[tokio::test]
async fn a_push_has_the_token_and_credentials_of_its_config() {
    let secrets = PushSecrets { token: Secret::new("to ken"), credentials: Secret::new("c r e d") };
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let full = Push {
        scheme: "Bearer".to_owned(),
        secrets,
        traceparent: Some(traceparent.to_owned()),
        ..push("http://HOOKS.example.com:8080")
    };
    let received = received(full, plain()).await;
    assert_eq!(received.line, "POST / HTTP/1.1");
    for (name, value) in [
        ("host", "hooks.example.com:8080"),
        ("authorization", "Bearer c r e d"),
        ("x-a2a-notification-token", "to ken"),
        ("a2a-notification-token", "to ken"),
        ("traceparent", traceparent),
    ] {
        assert_eq!(received.header(name), Some(value), "{name}");
    }
    assert_eq!(received.headers.len(), 6 + 4);
}

#[tokio::test]
async fn a_scheme_without_credentials_stands_alone() {
    let received = received(with_scheme("Custom", ""), plain()).await;
    assert_eq!(received.header("authorization"), Some("Custom"));
}

#[tokio::test]
async fn each_key_of_the_deployment_signs() {
    let keys = format!("{} {}\n{}", hmac_key(b'a'), ed25519().0, hmac_key(b'b'));
    let received = received(push(URL), signed_by(&keys)).await;
    let signatures = signatures(&received);
    let content = content(&received.body);
    assert_eq!(signatures.len(), 3);
    assert!(is_hmac_of(signatures[0], b'a', &content));
    assert!(is_ed25519_of(signatures[1], &content));
    assert!(is_hmac_of(signatures[2], b'b', &content));
    assert_eq!(received.header("authorization"), None);
}

#[tokio::test]
async fn the_signature_is_that_of_standard_webhooks() {
    let known = Push {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
        at: a2a_lambda_protocol::Timestamp::from_millis(1_614_265_330_999),
        body: br#"{"test": 2432232314}"#.to_vec(),
        ..push(URL)
    };
    let received = received(known, signed_by(KNOWN_KEY)).await;
    assert_eq!(received.header("webhook-timestamp"), Some("1614265330"));
    assert_eq!(signatures(&received), [KNOWN]);
}

#[tokio::test]
async fn a_config_s_own_keys_take_the_place_of_the_deployment_s_hmac_keys() {
    let own = format!("{} {}", hmac_key(b'o'), hmac_key(b'p'));
    let keys = format!("{} {}", hmac_key(b'a'), ed25519().0);
    for scheme in ["StandardWebhooks", "standardwebhooks", "STANDARDWEBHOOKS"] {
        let config = WebhookConfig { jwt: with_jwt().jwt, ..signed_by(&keys) };
        let received = received(with_scheme(scheme, &own), config).await;
        let signatures = signatures(&received);
        let content = content(&received.body);
        assert_eq!(signatures.len(), 3, "{signatures:?}");
        assert!(is_hmac_of(signatures[0], b'o', &content));
        assert!(is_hmac_of(signatures[1], b'p', &content));
        assert!(is_ed25519_of(signatures[2], &content));
        // They are not sent, nor is anything in their place.
        assert_eq!(received.header("authorization"), None);
        let all = format!("{:?}", received.headers);
        assert!(!all.contains("whsec_"), "{all}");
    }
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn who_has_no_credentials_is_sent_a_token() {
    for (scheme, url, audience) in [
        ("", URL, "http://hooks.example.com"),
        ("Bearer", "http://Hooks.Example.com:80/", "http://hooks.example.com"),
        ("bearer", "http://hooks.example.com:8080/?a=b", "http://hooks.example.com:8080"),
        ("", "http://[2606:4700::0:1111]/", "http://[2606:4700::1111]"),
    ] {
        let push = Push { url: url.to_owned(), ..with_scheme(scheme, "") };
        let received = received(push, with_jwt()).await;
        let token = received.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("{token}")
        };
        assert_eq!(part(header), json!({ "alg": "EdDSA", "typ": "JWT", "kid": "k-1" }));
        let expected = json!({
            "iss": "https://agents.example",
            "aud": audience,
            "iat": 1_000_000_001,
            "exp": 1_000_000_301,
            "jti": "p-1",
            // Of `{"task":{}}`.
            "request_body_sha256": "47a01a2d1352adb8773eee89173e90baa56028ac3db592fca8bec7ae61c2427b",
        });
        assert_eq!(part(claims), expected);
        let keys = json!(with_jwt().jwt.unwrap().jwks());
        let public = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &signature).unwrap();
    }
}

#[tokio::test]
async fn who_has_credentials_is_sent_these() {
    for (scheme, credentials, sent) in
        [("Bearer", "abc", "Bearer abc"), ("Basic", "dTpw", "Basic dTpw"), ("Custom", "", "Custom")]
    {
        let received = received(with_scheme(scheme, credentials), with_jwt()).await;
        assert_eq!(received.header("authorization"), Some(sent));
    }
}

#[tokio::test]
async fn an_invalid_header_value_is_refused_and_not_shown() {
    let hush = "hush\r\nhost: db";
    let token = PushSecrets { token: Secret::new(hush), credentials: Secret::default() };
    for bad in [
        with_scheme("Bearer", hush),
        with_scheme("Be arer", "hush"),
        with_scheme("Bearer\r\n", "hush"),
        with_scheme("Bearer", "hüsh"),
        with_scheme("StandardWebhooks", "hush"),
        with_scheme("StandardWebhooks", ""),
        Push { secrets: token, ..push(URL) },
        Push { id: "a\nb".to_owned(), ..push(URL) },
    ] {
        let (server, network, webhook) = serving(|_, _| Reply::status(200), plain()).await;
        let shown = format!("{bad:?}");
        let error = webhook.post(bad, &Always).await.unwrap_err();
        assert!(matches!(error, PushError::Refused(_)), "{error:?} {shown}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        assert_eq!((network.look_ups(), server.connections()), (0, 0));
    }
}
