//! The signed-in caller at an Application Load Balancer. It says so in `x-amzn-oidc-data`, a JWT
//! that it signs with ES256. A client can send this header, too, and a listener rule without
//! sign-in passes it on. So it counts only if it is signed, unexpired, and by the load balancer
//! that `ALB_ARN` names.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use a2a_lambda_https::{Fetch, FetchError};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_signing::{Algorithm, Jws, Padding, PublicKey, pem};
use serde::Deserialize;
use serde_json::Value;

/// The longest token. The claims in one have at most 11 KB.
const MAX_TOKEN_BYTES: usize = 32 * 1024;

/// The largest public key. One of P-256 has some 180 bytes.
const MAX_KEY_BYTES: usize = 4 * 1024;

/// The most keys that are kept. A load balancer changes its key rarely.
const MAX_KEYS: usize = 16;

/// A load balancer whose header is trusted. Clones share the keys that were fetched.
#[derive(Clone)]
pub struct LoadBalancer {
    arn: String,
    /// The URL of its public keys, with a slash at the end.
    keys_url: String,
    fetch: Arc<dyn Fetch>,
    keys: Arc<Mutex<Vec<Key>>>,
}

/// A public key of P-256.
#[derive(Clone)]
struct Key {
    id: String,
    key: PublicKey,
}

/// A text is not the ARN of an Application Load Balancer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// It has another form.
    #[error("{0:?} has another form")]
    Malformed(String),
    /// AWS documents no place of its public keys.
    #[error("in the partition {0:?} load balancers do not say who has signed in")]
    Partition(String),
}

/// A token that is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is not the load balancer's, or no longer.
    #[error("{0}")]
    Refused(&'static str),
    /// Whether it is, is not known.
    #[error("the load balancer's public key could not be fetched")]
    Unknown(#[source] FetchError),
}

use TokenError::Refused;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    signer: String,
    iss: String,
    client: String,
    exp: Value,
}

impl LoadBalancer {
    /// The load balancer of this ARN, and the client that fetches its keys.
    ///
    /// # Errors
    /// When it is not the ARN of an Application Load Balancer.
    pub fn new(arn: &str, fetch: Arc<dyn Fetch>) -> Result<Self, ArnError> {
        let keys_url = keys_url(arn)?;
        Ok(Self { arn: arn.to_owned(), keys_url, fetch, keys: Arc::default() })
    }

    /// The claims of the user who has signed in, with the issuer that the load balancer names.
    pub(crate) async fn claims(&self, token: &str, now: Timestamp) -> Result<Value, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused("it is too long"));
        }
        let token = Jws::parse(token, Padding::Any).map_err(|_| Refused("it is not a JWT"))?;
        let other = |_| Refused("it is not a JWT of a load balancer");
        let header: Header = token.header().map_err(other)?;
        let mut claims: serde_json::Map<String, Value> = token.payload().map_err(other)?;
        self.check(&header, now)?;
        let Key { key, .. } = self.key(&header.kid).await?;
        if !token.is_signed_by(&key, Algorithm::Es256) {
            return Err(Refused("its signature is wrong"));
        }
        // The claims are those of the identity provider's user info. The load balancer knows the
        // caller.
        claims.insert("iss".to_owned(), Value::String(header.iss));
        Ok(Value::Object(claims))
    }

    /// Checks without a key come first, so that a malformed header causes no fetch of keys.
    fn check(&self, header: &Header, now: Timestamp) -> Result<(), TokenError> {
        if header.alg != "ES256" {
            return Err(Refused("it is not signed with ES256"));
        }
        if header.signer != self.arn {
            return Err(Refused("it is not signed by the load balancer of ALB_ARN"));
        }
        if header.iss.is_empty() || header.client.is_empty() {
            return Err(Refused("it names no issuer or no client"));
        }
        // AWS has a number there, and documents a text.
        let expires = match &header.exp {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        let expires = expires.ok_or(Refused("it has no time at which it expires"))?;
        if now.as_millis() >= expires.saturating_mul(1_000) {
            return Err(Refused("it has expired"));
        }
        // It becomes a part of a URL.
        if !is_uuid(&header.kid) {
            return Err(Refused("the id of its key is no UUID"));
        }
        Ok(())
    }

    async fn key(&self, kid: &str) -> Result<Key, TokenError> {
        if let Some(key) = self.known().iter().find(|key| key.id == kid) {
            return Ok(key.clone());
        }
        let fetched = self.fetch.fetch(&format!("{}{kid}", self.keys_url), MAX_KEY_BYTES).await;
        let pem = fetched.map_err(TokenError::Unknown)?.ok_or(Refused("there is no such key"))?;
        let pem = std::str::from_utf8(&pem.body).unwrap_or_default();
        let der = pem::first(pem, "PUBLIC KEY").unwrap_or_default();
        let key = PublicKey::p256_from_der(&der).ok_or(Refused("its key is not of P-256"))?;
        let key = Key { id: kid.to_owned(), key };
        let mut known = self.known();
        if known.len() >= MAX_KEYS {
            known.remove(0);
        }
        known.push(key.clone());
        Ok(key)
    }

    fn known(&self) -> MutexGuard<'_, Vec<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LoadBalancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadBalancer").field("arn", &self.arn).finish_non_exhaustive()
    }
}

fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// The URL at which AWS has the public keys of the load balancers of a region.
fn keys_url(arn: &str) -> Result<String, ArnError> {
    let malformed = || ArnError::Malformed(arn.to_owned());
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "elasticloadbalancing", region, account, resource] = parts[..] else {
        return Err(malformed());
    };
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let name = resource.strip_prefix("loadbalancer/app/").and_then(|it| it.split_once('/'));
    if !is_name(region)
        || account.len() != 12
        || !account.bytes().all(|b| b.is_ascii_digit())
        || !name.is_some_and(|(name, id)| is_name(name) && is_name(id))
    {
        return Err(malformed());
    }
    match partition {
        "aws" => Ok(format!("https://public-keys.auth.elb.{region}.amazonaws.com/")),
        "aws-us-gov" => {
            Ok(format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}/"))
        }
        other => Err(ArnError::Partition(other.to_owned())),
    }
}

#[cfg(test)]
mod tests;
