//! Tokens that tell receivers who pushes: a JWT (RFC 7519) per push. The deployment's JWK set has
//! the public key, as A2A's page on asynchronous operations describes.

use std::fmt::Write as _;

use a2a_lambda_protocol::Timestamp;
use a2a_lambda_signing::{Jwk, JwkSet, SignError, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::Serialize;

/// How long a token is good, in seconds: for clocks that differ and proxies that wait.
const LIFETIME_S: i64 = 300;

/// Makes the tokens.
#[derive(Debug, Clone)]
pub struct JwtSigner {
    key: SigningKey,
    key_id: String,
    issuer: String,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

/// The claims hold no secret: everybody who handles the request can read them.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    /// Ties the token to its request: who gets hold of it can send but the same body again.
    request_body_sha256: String,
}

impl JwtSigner {
    /// Signs with this key, which receivers find by its id at the issuer's
    /// `/.well-known/jwks.json`. The issuer is the deployment's public URL.
    pub fn new(key: SigningKey, key_id: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self { key, key_id: key_id.into(), issuer: issuer.into() }
    }

    /// The public key.
    pub fn public_jwk(&self) -> Jwk {
        self.key.public_jwk(&self.key_id)
    }

    /// The JWK set with the public key in it.
    pub fn jwks(&self) -> JwkSet {
        let mut keys = JwkSet::default();
        // The first one of a set cannot have another's id.
        let _ = keys.add(self.public_jwk());
        keys
    }

    /// The token of a push with this id to this origin, good for 300 seconds.
    pub(crate) fn token(
        &self,
        id: &str,
        at: Timestamp,
        origin: &str,
        body: &[u8],
    ) -> Result<String, SignError> {
        let iat = unix_seconds(at);
        let header = Header { alg: self.key.algorithm(), typ: "JWT", kid: &self.key_id };
        let claims = Claims {
            iss: &self.issuer,
            aud: origin,
            iat,
            exp: iat + LIFETIME_S,
            jti: id,
            request_body_sha256: hex(digest(&SHA256, body).as_ref()),
        };
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

pub(crate) fn unix_seconds(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1_000)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn part(value: &impl Serialize) -> String {
    // Serialization of texts and numbers cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}
