//! The settings of the bindings.

use std::collections::BTreeMap;
use std::time::Duration;

use a2a_lambda_protocol::{SecurityRequirement, SecurityScheme, Timestamp};
use a2a_lambda_signing::JwkSet;

use crate::card::CardSigner;
use crate::rights::Scopes;

/// The settings of the bindings.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The largest accepted body, in bytes.
    pub max_body_bytes: usize,
    /// After how much silence a stream gets a comment, which keeps the connection open.
    pub keep_alive: Duration,
    /// How long clients may keep the agent card and the public keys without asking again, in
    /// seconds.
    pub card_max_age_s: u32,
    /// `Last-Modified` of the cards: the time of the last deployment that changed the program or
    /// the configuration behind them. `None` if unknown.
    pub card_modified: Option<Timestamp>,
    /// The signer of the agent cards; `None` if they are not signed.
    pub card_signer: Option<CardSigner>,
    /// The public keys at `/.well-known/jwks.json`, in addition to that of the card's signer.
    /// Without any key, that path does not exist.
    pub jwks: JwkSet,
    /// The ways to authenticate that the agent cards name. Without any there is no extended card
    /// either.
    pub security_schemes: BTreeMap<String, SecurityScheme>,
    /// The schemes that a client needs: one of these is enough.
    pub security_requirements: Vec<SecurityRequirement>,
    /// Whether to serve clients of A2A 0.3, too. This needs the feature `v0_3`.
    pub v0_3: bool,
    /// The scopes that operations need.
    pub scopes: Scopes,
}

impl HttpConfig {
    /// Whether clients of A2A 0.3 are served, which also needs the feature `v0_3`.
    pub(crate) fn serves_v0_3(&self) -> bool {
        cfg!(feature = "v0_3") && self.v0_3
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            keep_alive: Duration::from_secs(15),
            card_max_age_s: 300,
            card_modified: None,
            card_signer: None,
            jwks: JwkSet::default(),
            security_schemes: BTreeMap::new(),
            security_requirements: Vec::new(),
            v0_3: true,
            scopes: Scopes::default(),
        }
    }
}
