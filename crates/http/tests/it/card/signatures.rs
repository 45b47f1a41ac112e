//! Signatures of agent cards, checked as a client does: from the document, by RFC 7515 and RFC 8785.

use a2a_lambda_http::{CardSigner, HttpConfig, SigningKeyError};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use super::{bearer, body, get};
use crate::support::World;

pub(super) const KEY_ID: &str = "key-1";
const JWKS_URL: &str = "https://keys.example/jwks.json";

/// A client's knowledge of a signer.
pub(super) struct PublicKey(UnparsedPublicKey<Vec<u8>>);

impl PublicKey {
    fn new(algorithm: &'static dyn VerificationAlgorithm, pair: &impl KeyPair) -> Self {
        Self(UnparsedPublicKey::new(algorithm, pair.public_key().as_ref().to_vec()))
    }

    /// Whether one of the card's signatures is of this content.
    pub(super) fn has_signed(&self, card: &Value, content: &Value) -> bool {
        // The names here are ASCII and there are no numbers: sorted and compact is canonical.
        let payload = URL_SAFE_NO_PAD.encode(content.to_string());
        card["signatures"].as_array().unwrap().iter().any(|it| {
            let input = format!("{}.{payload}", it["protected"].as_str().unwrap());
            let signature = URL_SAFE_NO_PAD.decode(it["signature"].as_str().unwrap()).unwrap();
            self.0.verify(input.as_bytes(), &signature).is_ok()
        })
    }
}

fn pem(pkcs8: &[u8]) -> String {
    let lines: Vec<_> = pkcs8.chunks(48).map(|line| STANDARD.encode(line)).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

fn ed25519_pkcs8() -> Vec<u8> {
    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec()
}

fn p256_pkcs8() -> Vec<u8> {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap().as_ref().to_vec()
}

pub(super) fn ed25519() -> (CardSigner, PublicKey) {
    let pkcs8 = ed25519_pkcs8();
    let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
    let signer = CardSigner::from_pem(&pem(&pkcs8), KEY_ID, Some(JWKS_URL)).unwrap();
    (signer, PublicKey::new(&ED25519, &pair))
}

fn p256() -> (CardSigner, PublicKey) {
    let (pkcs8, random) = (p256_pkcs8(), SystemRandom::new());
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random).unwrap();
    let signer = CardSigner::from_pem(&pem(&pkcs8), KEY_ID, None).unwrap();
    (signer, PublicKey::new(&ECDSA_P256_SHA256_FIXED, &pair))
}

fn world(signer: &CardSigner, config: HttpConfig) -> World {
    World::with_config(HttpConfig { card_signer: Some(signer.clone()), ..config })
}

pub(super) fn unsigned(card: &Value) -> Value {
    let mut card = card.clone();
    card.as_object_mut().unwrap().remove("signatures").unwrap();
    card
}

/// The 1.0 part of the card.
fn current(card: &Value) -> Value {
    let mut card = unsigned(card);
    let members = card.as_object_mut().unwrap();
    for old in [
        "url",
        "preferredTransport",
        "protocolVersion",
        "additionalInterfaces",
        "supportsAuthenticatedExtendedCard",
        "security",
    ] {
        members.remove(old);
    }
    let schemes = members.get_mut("securitySchemes").and_then(Value::as_object_mut);
    for scheme in schemes.into_iter().flatten() {
        scheme.1.as_object_mut().unwrap().retain(|name, _| name.ends_with("SecurityScheme"));
    }
    card
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn a_card_is_signed_as_the_specification_says_and_as_it_is() {
    for (signer, key) in [ed25519(), p256()] {
        let card = body(&get(&world(&signer, HttpConfig::default()), &[]).await);
        assert!(key.has_signed(&card, &current(&card)));
        assert!(key.has_signed(&card, &unsigned(&card)));
        assert_eq!(card["signatures"].as_array().unwrap().len(), 2);

        let changed = crate::support::with(current(&card), "/name", json!("another"));
        assert!(!key.has_signed(&card, &changed));
        let (_, stranger) = ed25519();
        assert!(!stranger.has_signed(&card, &current(&card)));

        // There is but one text where there are no other fields.
        let config = HttpConfig { v0_3: false, ..HttpConfig::default() };
        let card = body(&get(&world(&signer, config), &[]).await);
        assert!(key.has_signed(&card, &unsigned(&card)));
        assert_eq!(card["signatures"].as_array().unwrap().len(), 1);
    }
}

/// The SDKs for Python and JavaScript leave out objects in which nothing is left, such as those of
/// a scheme without scopes.
#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn a_card_is_signed_as_the_sdks_read_it() {
    let (signer, key) = ed25519();
    let card = body(&get(&world(&signer, bearer()), &[]).await);
    let current = current(&card);
    assert_eq!(current["securityRequirements"], json!([{ "schemes": { "bearer": {} } }]));
    assert!(key.has_signed(&card, &current));
    let reduced = crate::support::without(current, "/securityRequirements");
    assert!(key.has_signed(&card, &reduced));
    assert!(key.has_signed(&card, &unsigned(&card)));
    assert_eq!(card["signatures"].as_array().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_header_names_algorithm_and_key() {
    let with_url = json!({ "alg": "EdDSA", "typ": "JOSE", "kid": KEY_ID, "jku": JWKS_URL });
    let without = json!({ "alg": "ES256", "typ": "JOSE", "kid": KEY_ID });
    for ((signer, _), expected) in [(ed25519(), with_url), (p256(), without)] {
        let card = body(&get(&world(&signer, HttpConfig::default()), &[]).await);
        for signature in card["signatures"].as_array().unwrap() {
            let header = signature["protected"].as_str().unwrap();
            let header = URL_SAFE_NO_PAD.decode(header).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&header).unwrap(), expected);
            assert_eq!(signature.as_object().unwrap().len(), 2);
        }
    }
}

/// Signatures of ES256 are others each time, but who has one card has them all.
#[tokio::test(start_paused = true)]
async fn the_tag_outlives_a_signature_but_not_a_key() {
    for ((signer, _), weak) in [(ed25519(), false), (p256(), true)] {
        let one = get(&world(&signer, HttpConfig::default()), &[]).await;
        let other = get(&world(&signer, HttpConfig::default()), &[]).await;
        assert_eq!(one.headers(), other.headers());
        let tag = one.headers()[header::ETAG].to_str().unwrap();
        assert_eq!(tag.starts_with("W/"), weak);
        // A tag that is not weak promises the same bytes.
        assert_eq!(one.body() != other.body(), weak);

        let again = get(&world(&signer, HttpConfig::default()), &[("If-None-Match", tag)]).await;
        assert_eq!(again.status(), 304);
        assert_eq!(again.headers()["content-type"], "application/json");
        assert!(again.body().is_empty());

        let unsigned = get(&World::new(), &[("If-None-Match", tag)]).await;
        assert_eq!(unsigned.status(), 200);
        for (successor, _) in [ed25519(), p256()] {
            let headers = [("If-None-Match", tag)];
            let new = get(&world(&successor, HttpConfig::default()), &headers).await;
            assert_eq!(new.status(), 200);
        }
    }
}

#[test]
fn keys_come_in_the_forms_of_tools_and_of_variables() {
    let ed25519 = ed25519_pkcs8();
    // As OpenSSL writes it: without the public key.
    let mut short = vec![0x30, 0x2e, 0x02, 0x01, 0x00];
    short.extend_from_slice(&[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]);
    short.extend_from_slice(&[7; 32]);
    for pkcs8 in [ed25519, short, p256_pkcs8()] {
        let pem = pem(&pkcs8);
        let with_text = format!("a comment\r\n{}", pem.replace('\n', "\r\n"));
        for text in [&pem, &with_text, &pem.replace('\n', " "), &pem.replace('\n', "\\n")] {
            CardSigner::from_pem(text, KEY_ID, None).unwrap();
        }
    }
}

#[test]
fn an_unusable_key_is_refused() {
    let good = pem(&ed25519_pkcs8());
    let of_p384 = {
        let algorithm = &ring::signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap()
    };
    for (text, expected) in [
        (String::new(), SigningKeyError::NotPkcs8),
        (good.replace("PRIVATE KEY", "EC PRIVATE KEY"), SigningKeyError::NotPkcs8),
        (good.replace("PRIVATE KEY", "PUBLIC KEY"), SigningKeyError::NotPkcs8),
        (good.replace("-----END", "-----AND"), SigningKeyError::NotPkcs8),
        (
            good.replace("BEGIN PRIVATE KEY-----", "BEGIN PRIVATE KEY-----?"),
            SigningKeyError::NotPkcs8,
        ),
        (pem(&[]), SigningKeyError::NotSupported),
        (pem(&ed25519_pkcs8()[..40]), SigningKeyError::NotSupported),
        (pem(of_p384.as_ref()), SigningKeyError::NotSupported),
    ] {
        assert_eq!(CardSigner::from_pem(&text, KEY_ID, None).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn the_key_is_not_shown() {
    let pkcs8 = ed25519_pkcs8();
    let signer = CardSigner::from_pem(&pem(&pkcs8), KEY_ID, None).unwrap();
    let config = HttpConfig { card_signer: Some(signer), ..HttpConfig::default() };
    let shown = format!("{config:?}");
    let expected = "CardSigner { algorithm: \"EdDSA\", key_id: \"key-1\", .. }";
    assert!(shown.contains(expected), "{shown}");
}
