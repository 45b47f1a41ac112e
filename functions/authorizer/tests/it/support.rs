//! An issuer in memory: its keys, its tokens, and its documents.

use std::sync::Arc;

use a2a_lambda_authorizer::{Context, Failure, context_with};
use a2a_lambda_https::Fetch;
use a2a_lambda_https::testing::Web;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::testing::lookup;
use a2a_lambda_runtime::{Reader, Variables};
use a2a_lambda_signing::pem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const DISCOVERY: &str = "https://issuer.example/.well-known/openid-configuration";
pub(crate) const KEYS: &str = "https://keys.example/set";

/// The second of the tests.
pub(crate) const NOW: i64 = 1_800_000_000;

/// An RSA key for tests.
const RSA: &str = include_str!("rsa.pem");

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key of an issuer.
pub(crate) enum Signer {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub(crate) fn rsa() -> Self {
        let der = pem::first(RSA, "PRIVATE KEY").unwrap();
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()))
    }

    pub(crate) fn p256() -> Self {
        let (by, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let der = EcdsaKeyPair::generate_pkcs8(by, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(by, der.as_ref(), &random).unwrap())
    }

    pub(crate) fn p384() -> Self {
        let (by, random) = (&ECDSA_P384_SHA384_FIXED_SIGNING, SystemRandom::new());
        let der = EcdsaKeyPair::generate_pkcs8(by, &random).unwrap();
        Self::P384(EcdsaKeyPair::from_pkcs8(by, der.as_ref(), &random).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap())
    }

    /// The algorithms that it signs with.
    pub(crate) fn algorithms(&self) -> &'static [&'static str] {
        match self {
            Self::Rsa(_) => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            Self::P256(_) => &["ES256"],
            Self::P384(_) => &["ES384"],
            Self::Ed25519(_) => &["EdDSA"],
        }
    }

    pub(crate) fn sign(&self, algorithm: &str, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let by: &dyn ring::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(by, &random, text, &mut signature).unwrap();
                signature
            }
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(&random, text).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
        }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let curve = |crv: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": crv, "x": base64(x), "y": base64(y), "kid": kid })
        };
        match self {
            Self::Rsa(pair) => {
                let key: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "n": base64(key.n), "e": base64(key.e), "kid": kid })
            }
            Self::P256(pair) => curve("P-256", pair.public_key().as_ref()),
            Self::P384(pair) => curve("P-384", pair.public_key().as_ref()),
            Self::Ed25519(pair) => {
                let x = base64(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid })
            }
        }
    }

    /// A token with this header and these claims.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        let algorithm = header["alg"].as_str().unwrap_or_default();
        format!("{signed}.{}", base64(self.sign(algorithm, signed.as_bytes())))
    }
}

pub(crate) fn header(algorithm: &str, kid: &str) -> Value {
    json!({ "alg": algorithm, "kid": kid, "typ": "at+jwt" })
}

pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "agents", "sub": "alice", "exp": NOW + 300, "iat": NOW - 1,
        "scope": "a2a extra" })
}

/// An object with a member set, or taken out by `null`.
pub(crate) fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

/// An issuer with these keys, named by discovery.
pub(crate) fn issuer(keys: &[Value]) -> Arc<Web> {
    let web = Arc::new(Web::default());
    web.serve(DISCOVERY, &json!({ "issuer": ISSUER, "jwks_uri": KEYS }));
    web.serve(KEYS, &json!({ "keys": keys }));
    web
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

/// An authorizer with these variables.
pub(crate) fn authorizer(web: &Arc<Web>, more: &[(&str, &str)]) -> Context {
    let issuers = [("JWT_ISSUERS", "https://issuer.example aud=agents,others")];
    let variables: Vec<_> = issuers.iter().chain(more).copied().collect();
    let fetch: Arc<dyn Fetch> = web.clone();
    context_with(&Variables::new(Reader::Authorizer, &lookup(&variables)), &fetch, None).unwrap()
}

/// The question of an HTTP API.
pub(crate) fn simple(token: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:eu-central-1:123456789012:api/$default/POST/message:send",
        "identitySource": [format!("Bearer {token}")],
        "headers": { "authorization": format!("Bearer {token}") },
        "requestContext": { "http": { "method": "POST" } },
    })
}

pub(crate) const METHOD: &str = "arn:aws:execute-api:eu-central-1:123456789012:api/a2a/GET/tasks/1";

/// The question of a REST API.
pub(crate) fn rest(token: &str) -> Value {
    json!({
        "type": "REQUEST", "methodArn": METHOD, "httpMethod": "GET",
        "headers": { "Authorization": format!("Bearer {token}") },
        "multiValueHeaders": { "Authorization": [format!("Bearer {token}")] },
        "requestContext": { "stage": "a2a" },
    })
}

pub(crate) async fn ask(context: &Context, event: &Value, second: i64) -> Result<Value, Failure> {
    a2a_lambda_authorizer::handle(&to_raw_value(event).unwrap(), at(second), context).await
}

/// The verdict on a token: 200 with the context, 401, 403 or 503.
pub(crate) async fn judged(context: &Context, token: &str, second: i64) -> (u16, Value) {
    let mut answer = match ask(context, &rest(token), second).await {
        Ok(answer) => answer,
        Err(Failure::Unauthorized) => return (401, Value::Null),
        Err(Failure::Unavailable) => return (503, Value::Null),
        Err(other) => panic!("{other}"),
    };
    match answer["policyDocument"]["Statement"][0]["Effect"].as_str() {
        Some("Allow") => (200, answer["context"].take()),
        _ => (403, Value::Null),
    }
}
