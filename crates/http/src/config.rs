//! How the bindings are served.

use std::collections::BTreeMap;
use std::time::Duration;

use a2a_lambda_protocol::{SecurityRequirement, SecurityScheme, Timestamp};
use a2a_lambda_signing::JwkSet;

use crate::card::CardSigner;
use crate::rights::Scopes;

/// How the bindings are served.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The largest body that is taken, in bytes.
    pub max_body_bytes: usize,
    /// How long a stream is silent before it is given a comment, which keeps connections open.
    pub keep_alive: Duration,
    /// How long clients may keep the agent card and the public keys without asking again, in
    /// seconds.
    pub card_max_age_s: u32,
    /// Since when no card is another than before, if that is known: the time of the last deployment
    /// of anything that a card shows, be it the program or its configuration.
    pub card_modified: Option<Timestamp>,
    /// Who signs the agent cards, if anybody does.
    pub card_signer: Option<CardSigner>,
    /// The public keys at `/.well-known/jwks.json`, beside that of the card's signer. Without any
    /// there is nothing at that path.
    pub jwks: JwkSet,
    /// The ways to authenticate that the agent cards name. Where there are none, there is no extended
    /// card either.
    pub security_schemes: BTreeMap<String, SecurityScheme>,
    /// Which of the schemes a client needs: any one of these.
    pub security_requirements: Vec<SecurityRequirement>,
    /// Whether clients of A2A 0.3 are served, too. Without the feature `v0_3` they are not.
    pub v0_3: bool,
    /// The scopes that operations need.
    pub scopes: Scopes,
}

impl HttpConfig {
    /// Whether clients of A2A 0.3 are served: that takes the feature `v0_3`, too.
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
