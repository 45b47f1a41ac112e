use serde_json::json;

use super::*;
use crate::{Jws, NotAJws, Padding};

/// RFC 8037 appendix A.4.
const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIb\
                     QR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn keys(keys: &Value) -> VerifyingKeys {
    VerifyingKeys::from_json(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn okp(id: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": id })
}

#[test]
fn the_example_of_the_rfc_is_verified() {
    let keys = keys(&json!([okp("a")]));
    let token = Jws::parse(TOKEN, Padding::None).unwrap();
    let key = keys.of(Some("a"), Algorithm::EdDsa).next().unwrap();
    assert!(token.is_signed_by(key, Algorithm::EdDsa));
    for other in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps512] {
        assert!(!token.is_signed_by(key, other), "{other:?}");
    }
    let changed = TOKEN.replace("RXh", "RXg");
    let changed = Jws::parse(&changed, Padding::None).unwrap();
    assert!(!changed.is_signed_by(key, Algorithm::EdDsa));
}

#[test]
fn keys_are_found_by_their_id() {
    let mut anonymous = okp("");
    anonymous.as_object_mut().unwrap().remove("kid");
    let set = keys(&json!([okp("a"), okp("b"), anonymous, 7, {}, { "kty": "oct", "k": "AAAA" }]));
    for (id, expected) in [(Some("a"), 2), (Some("x"), 1), (None, 3)] {
        assert_eq!(set.of(id, Algorithm::EdDsa).count(), expected, "{id:?}");
    }
    assert!(set.has("a") && !set.has("x") && !set.is_empty());
    let many: Vec<_> = (0..1_000).map(|n| okp(&n.to_string())).collect();
    assert_eq!(keys(&json!(many)).of(None, Algorithm::EdDsa).count(), MAX_KEYS);
    for none in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(VerifyingKeys::from_json(none.as_bytes()).is_err(), "{none}");
    }
}

#[test]
fn a_token_has_three_parts_of_base64() {
    for (text, padding, expected) in [
        ("e30.e30.AA", Padding::None, true),
        ("e30.e30.", Padding::None, true),
        ("e30=.e30=.AA==", Padding::Any, true),
        ("e30.e30.AA", Padding::Any, true),
        ("e30=.e30.AA", Padding::None, false),
        // Bits that stand for nothing.
        ("e30.e30.AB", Padding::None, false),
        ("e30.e30", Padding::None, false),
        ("e30.e30.AA.AA", Padding::None, false),
        ("e30.e+0.AA", Padding::None, false),
        (" e30.e30.AA", Padding::None, false),
        ("", Padding::None, false),
    ] {
        let parsed = Jws::parse(text, padding);
        assert_eq!(parsed.is_ok(), expected, "{text}");
        assert!(expected || parsed.unwrap_err() == NotAJws);
    }
    let token = Jws::parse("W10.bnVsbA.", Padding::None).unwrap();
    assert!(token.header::<Value>().is_err() && token.payload::<Value>().is_err());
}
