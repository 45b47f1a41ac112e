//! 10,000 generated tokens, judged as `jsonwebtoken` judges them.
//!
//! It gets the key that the set has under the token's `kid`, and checks its part: the form, the
//! algorithm, the signature, `exp`, `nbf`, `iss` and `aud`. `tokens.rs` tests the claims that it
//! skips (`crit`, `typ`, `iat`). It asks the machine for the time, so times are not within seconds
//! of a limit.

use std::collections::BTreeMap;

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::Verifier;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, Validation};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Value, json};

use a2a_lambda_core::Clock as _;
use a2a_lambda_runtime::SystemClock;
use a2a_lambda_testing::Random;

use crate::support::{ISSUER, Signer, authorizer, base64, issuer, judged};

const TOKENS: usize = 10_000;

/// `ring`, as `jsonwebtoken` wants it.
struct ByRing(Algorithm, DecodingKey);

impl Verifier<Vec<u8>> for ByRing {
    fn verify(&self, text: &[u8], signed: &Vec<u8>) -> Result<(), signature_error::Error> {
        let simple = |by: &'static dyn signature::VerificationAlgorithm| match self.1.kind() {
            DecodingKeyKind::SecretOrDer(key) => {
                UnparsedPublicKey::new(by, key).verify(text, signed).is_ok()
            }
            DecodingKeyKind::RsaModulusExponent { .. } => false,
        };
        let rsa = |by: &'static signature::RsaParameters| match self.1.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(by, text, signed).is_ok()
            }
            DecodingKeyKind::SecretOrDer(_) => false,
        };
        let is_signed = match self.0 {
            Algorithm::RS256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => simple(&signature::ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => simple(&signature::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDSA => simple(&signature::ED25519),
            _ => false,
        };
        if is_signed { Ok(()) } else { Err(signature_error::Error::new()) }
    }
}

use jsonwebtoken::signature as signature_error;

impl JwtVerifier for ByRing {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(Error::from(ErrorKind::InvalidAlgorithm)),
    verifier_factory: |algorithm, key| Ok(Box::new(ByRing(*algorithm, key.clone()))),
    key_utils: KeyUtils::new_unimplemented(),
};

/// `jsonwebtoken`'s verdict on a token.
fn oracle(token: &str, keys: &BTreeMap<&str, (Value, &[&str])>) -> bool {
    let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
    let Some((jwk, algorithms)) = header.kid.as_deref().and_then(|kid| keys.get(kid)) else {
        return false;
    };
    let jwk = serde_json::from_value(jwk.clone()).unwrap();
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.algorithms =
        algorithms.iter().map(|name| name.parse::<Algorithm>().unwrap()).collect();
    // It treats ECDSA as one family, for any curve.
    if key.family() == AlgorithmFamily::Ec && !validation.algorithms.contains(&header.alg) {
        return false;
    }
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["agents", "others"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

/// A token that is good, or wrong in a place or two.
fn token(dice: &mut Random, signers: &[(&str, Signer)], now: i64) -> String {
    let (kid, signer) = &signers[dice.place(signers.len())];
    let other = &signers[dice.place(signers.len())];
    let mut header = json!({ "kid": kid, "alg": dice.pick(signer.algorithms()), "typ": "JWT" });
    let mut claims = json!({ "iss": ISSUER, "aud": "agents", "sub": "alice", "exp": now + 900 });
    let mut signs = signer;
    for _ in 0..dice.place(3) {
        match dice.place(11) {
            0 => {
                header["alg"] =
                    json!(dice.pick(&["HS256", "none", "RS256", "ES256", "ES512", "EdDSA"]));
            }
            1 => header["kid"] = json!(dice.pick(&[other.0, "x", "../a", ""])),
            2 => signs = &other.1,
            3 => {
                let times = [now - 900, now - 120, now - 1, now, now + 1, now + 900, -1];
                claims["exp"] = json!(dice.pick(&times));
            }
            4 => {
                claims["nbf"] =
                    json!(dice.pick(&[now - 900, now, now + 30, now + 900, now + 9_000]));
            }
            5 => claims["exp"] = dice.pick(&[json!("soon"), json!(1.5e9), json!([]), json!(now)]),
            6 => {
                let audiences =
                    [json!("others"), json!("x"), json!(["x"]), json!(["x", "agents"]), json!([])];
                claims["aud"] = dice.pick(&audiences);
            }
            7 => claims["iss"] = dice.pick(&[json!("https://x.example"), json!(""), json!(7)]),
            8 => {
                let name = dice.pick(&["iss", "aud", "sub", "exp"]);
                claims.as_object_mut().unwrap().remove(name);
            }
            9 => claims["more"] = json!({ "deep": [{ "x": 1.5 }], "text": "äöü\u{0}" }),
            _ => claims["nbf"] = dice.pick(&[json!("x"), json!(1.5), json!(0)]),
        }
    }
    let content = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let algorithm = header["alg"].as_str().unwrap();
    let mut token = format!("{content}.{}", base64(signs.sign(algorithm, content.as_bytes())));
    // Changes to the text by a careless proxy or an attacker.
    match dice.place(12) {
        0 => {
            let at = dice.place(token.len());
            token.replace_range(at..=at, dice.pick(&["A", "B", ".", "-", "=", "/"]));
        }
        1 => token.truncate(dice.place(token.len())),
        2 => token.push_str(dice.pick(&["=", ".", "A", "AA", ".x"])),
        _ => {}
    }
    token
}

#[tokio::test]
async fn ten_thousand_tokens_are_judged_as_another_verifier_judges_them() {
    PROVIDER.install_default().unwrap();
    let signers = [
        ("r", Signer::rsa()),
        ("p", Signer::p256()),
        ("q", Signer::p384()),
        ("e", Signer::ed25519()),
    ];
    let jwks: Vec<_> = signers.iter().map(|(kid, signer)| signer.jwk(kid)).collect();
    let keys = signers.iter().zip(&jwks);
    let keys = keys.map(|((kid, signer), jwk)| (*kid, (jwk.clone(), signer.algorithms())));
    let keys: BTreeMap<_, _> = keys.collect();
    let context = authorizer(&issuer(&jwks), &[]);
    let mut dice = Random::new(0xa2a);
    let mut taken = 0;
    for n in 0..TOKENS {
        let now = SystemClock.now().as_millis() / 1_000;
        let text = token(&mut dice, &signers, now);
        let ours = judged(&context, &text, now).await.0;
        let theirs = oracle(&text, &keys);
        assert_eq!(ours == 200, theirs, "token {n} is {ours} here, and {theirs} there: {text}");
        taken += usize::from(theirs);
    }
    // A judge that accepts or refuses everything is useless.
    assert!((TOKENS / 5..TOKENS * 4 / 5).contains(&taken), "{taken} of {TOKENS} were taken");
}
