//! The settings of pushes.

use std::time::Duration;

use a2a_lambda_https::{AllowedHosts, ExtraRoots};

use crate::jwt::JwtSigner;
use crate::signatures::SigningKeys;

/// The settings of pushes, and the URLs that they may go to. The defaults are for the open
/// Internet: HTTPS to public addresses, unsigned.
#[derive(Debug)]
pub struct WebhookConfig {
    /// Whether `http` URLs are pushed to, too. Everybody on the way reads these pushes, and can
    /// change them.
    pub allow_http: bool,
    /// Whether the client may push to addresses of this machine and its networks (loopback,
    /// private, unique local), and to names that are not public. Those of metadata services never
    /// are. For the local cloud, and for receivers in a deployment's own network; with
    /// `allowed_hosts` then.
    pub allow_local: bool,
    /// The only hosts that are pushed to, if it is not any. The client still checks their
    /// addresses.
    pub allowed_hosts: Option<AllowedHosts>,
    /// The only ports that are pushed to; 80, 443 and those from 1024 if not set. Those below are of
    /// services that speak no HTTP, some of which can be made to do things by it.
    pub allowed_ports: Option<Vec<u16>>,
    /// Whether a receiver must answer a challenge before its URL is admitted. The challenge is a
    /// GET of the URL with a fresh `validationToken` in its query. The answer must be 2xx with that
    /// token.
    pub challenge: bool,
    /// How long the answer to the challenge may take.
    pub challenge_timeout: Duration,
    /// The keys that sign every push, if there are any.
    pub signing_keys: SigningKeys,
    /// Makes tokens for receivers that have given no credentials of their own.
    pub jwt: Option<JwtSigner>,
    /// The `User-Agent`: visible ASCII and spaces.
    pub user_agent: String,
    /// Certificates that are trusted beside Mozilla's.
    pub extra_roots: ExtraRoots,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            allow_http: false,
            allow_local: false,
            allowed_hosts: None,
            allowed_ports: None,
            challenge: false,
            challenge_timeout: Duration::from_secs(5),
            signing_keys: SigningKeys::default(),
            jwt: None,
            user_agent: concat!("a2a-lambda/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots: ExtraRoots::default(),
        }
    }
}
