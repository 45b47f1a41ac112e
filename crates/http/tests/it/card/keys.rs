//! The public keys of the deployment.

use a2a_lambda_http::{CardSigner, HttpConfig, Principal};
use bytes::Bytes;
use http::header;
use serde_json::json;

use super::body;
use super::signatures::{KEY_ID, ed25519};
use crate::support::{World, request};

const KEYS: &str = "/.well-known/jwks.json";

fn config(signer: CardSigner) -> HttpConfig {
    HttpConfig { card_signer: Some(signer), card_max_age_s: 7, ..HttpConfig::default() }
}

#[tokio::test(start_paused = true)]
async fn they_are_for_everybody_and_can_be_kept() {
    let (signer, _) = ed25519();
    let key = json!(signer.public_jwk());
    assert_eq!(key["kid"], KEY_ID);
    let mut config = config(signer.clone());
    // The card's key is there once, even if other signers use it.
    config.jwks.add(ed25519().0.public_jwk()).unwrap();
    let other = json!(config.jwks)["keys"][0].clone();
    config.jwks = HttpConfig::default().jwks;
    config.jwks.add(signer.public_jwk()).unwrap();
    let world = World::with_config(config).as_principal(Principal::Nobody);

    let response = world.http("GET", KEYS, "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(body(&response), json!({ "keys": [key] }));
    assert_ne!(key, other);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=7");
    let tag = response.headers()[header::ETAG].to_str().unwrap();

    let head = world.http("HEAD", KEYS, "").await;
    assert_eq!((head.status(), head.headers()), (response.status(), response.headers()));
    assert!(head.body().is_empty());
    let same = request("GET", KEYS, Bytes::new(), &[("If-None-Match", tag)]);
    let same = world.request(same).await;
    assert_eq!((same.status().as_u16(), same.body().len()), (304, 0));
    let refused = world.http("POST", KEYS, "{}").await;
    assert_eq!(refused.status(), 405);
    assert_eq!(refused.headers()[header::ALLOW], "GET, HEAD");
}

#[tokio::test(start_paused = true)]
async fn they_are_at_one_path_if_there_are_any() {
    let (signer, _) = ed25519();
    let with = World::with_config(config(signer));
    let without = World::new();
    for version in ["1.0", "0.3"] {
        for (world, path, status) in [
            (&with, KEYS, 200),
            (&with, "/echo/.well-known/jwks.json", 404),
            (&with, "/.well-known/jwks.json/a", 404),
            (&without, KEYS, 404),
        ] {
            let request = request("GET", path, Bytes::new(), &[("A2A-Version", version)]);
            let response = world.request(request).await;
            assert_eq!(response.status(), status, "{version} {path}");
        }
    }
}
