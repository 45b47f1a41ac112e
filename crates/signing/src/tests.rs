use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;

/// An Ed25519 key for tests: 32 times the letter A.
const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
-----END PRIVATE KEY-----";

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

fn p256() -> SigningKey {
    let random = SystemRandom::new();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    SigningKey::from_pem(&pem(der.as_ref())).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn a_signature_verifies_under_the_jwk() {
    let key = SigningKey::from_pem(ED25519_PEM).unwrap();
    let jwk = serde_json::to_value(key.public_jwk("one")).unwrap();
    let x = jwk["x"].as_str().unwrap();
    let expected = json!({
        "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "one", "use": "sig", "alg": "EdDSA"
    });
    assert_eq!(jwk, expected);
    let signature = key.sign(b"text").unwrap();
    UnparsedPublicKey::new(&ED25519, bytes(&jwk["x"])).verify(b"text", &signature).unwrap();
    assert_eq!(key.public_key(), bytes(&jwk["x"]));
    assert!(key.is_deterministic());

    let key = p256();
    let jwk = serde_json::to_value(key.public_jwk("two")).unwrap();
    let (x, y) = (bytes(&jwk["x"]), bytes(&jwk["y"]));
    assert_eq!((x.len(), y.len()), (32, 32));
    let point = [vec![4], x, y].concat();
    assert_eq!(key.public_key(), point);
    let signature = key.sign(b"text").unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    public.verify(b"text", &signature).unwrap();
    public.verify(b"texts", &signature).unwrap_err();
    assert_eq!(
        (&jwk["kty"], &jwk["crv"], &jwk["alg"]),
        (&"EC".into(), &"P-256".into(), &"ES256".into())
    );
    assert!(!key.is_deterministic());
}

#[test]
fn line_breaks_may_be_lost() {
    for changed in [ED25519_PEM.replace('\n', " "), ED25519_PEM.replace('\n', "\\n")] {
        let key = SigningKey::from_pem(&changed).unwrap();
        assert_eq!(key.algorithm(), "EdDSA");
    }
    let two = format!("first\n{ED25519_PEM}\nsecond\n{ED25519_PEM}\n");
    assert_eq!(pem::all(&two, "PRIVATE KEY").unwrap().len(), 2);
    assert_eq!(pem::all(&two, "CERTIFICATE"), Some(Vec::new()));
    assert_eq!(pem::all(&two[..two.len() - 9], "PRIVATE KEY"), None);
}

#[test]
fn a_malformed_key_is_refused_and_not_shown() {
    let sec1 = ED25519_PEM.replace("PRIVATE", "EC PRIVATE");
    for (text, expected) in [
        ("", SigningKeyError::NotPkcs8),
        ("hush", SigningKeyError::NotPkcs8),
        (sec1.as_str(), SigningKeyError::NotPkcs8),
        (&pem(b"hush"), SigningKeyError::NotSupported),
    ] {
        assert_eq!(SigningKey::from_pem(text).unwrap_err(), expected, "{text}");
    }
    let shown = format!("{:?}", SigningKey::from_pem(ED25519_PEM).unwrap());
    assert_eq!(shown, "SigningKey { algorithm: \"EdDSA\", .. }");
}

#[test]
fn a_set_has_each_id_once() {
    let key = p256();
    let mut set = JwkSet::default();
    assert!(set.is_empty());
    set.add(key.public_jwk("k")).unwrap();
    set.add(key.public_jwk("k")).unwrap();
    let taken = set.add(p256().public_jwk("k")).unwrap_err();
    assert_eq!(taken, KeyIdTaken("k".to_owned()));
    set.add(key.public_jwk("l")).unwrap();
    let value = serde_json::to_value(&set).unwrap();
    let ids: Vec<_> = value["keys"].as_array().unwrap().iter().map(|it| &it["kid"]).collect();
    assert_eq!(ids, ["k", "l"]);
}
