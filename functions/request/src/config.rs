//! The function's configuration.

mod card;
mod security;

use std::time::Duration;

use a2a_lambda_aws::engine;
use a2a_lambda_http::{Cors, HttpConfig};
use a2a_lambda_runtime::{ConfigError, Variables};
use http::Uri;

use crate::Context;
use crate::identity::Identity;
use crate::path::{Base, Place};

pub use card::{CARD_VARIABLES, card};

const AGENT: &str = "names of agents, such as `echo` or `tenant=echo,other=conformance`";

const ORIGINS: &str = "origins with commas, such as `https://app.example.com`, or `*`";

/// How requests are served. See [`context`] for the variables.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The URL at which clients reach the service, without a trailing slash, where that is not the
    /// one that the request came in at.
    pub public_url: Option<String>,
    /// What the front door leaves of the URL's path in front of ours, without a slash at its end.
    /// `None` for the path of the public URL.
    pub base_path: Option<String>,
    /// How the front door takes answers.
    pub response_mode: ResponseMode,
    /// How callers are told apart.
    pub identity: Identity,
    /// Which web pages may call.
    pub cors: Cors,
    /// How the bindings are served.
    pub http: HttpConfig,
}

/// How the front door takes answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// Whole, as an HTTP API does, and a Function URL with `InvokeMode: BUFFERED`. A stream of
    /// events is collected until it ends, or shortly before the invocation does.
    #[default]
    Buffer,
    /// As a stream: a Function URL with `InvokeMode: RESPONSE_STREAM`.
    Stream,
}

/// `RESPONSE_MODE` has another value.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is neither")]
struct UnknownMode(String);

impl ResponseMode {
    fn parse(text: Option<&str>) -> Result<Self, UnknownMode> {
        match text {
            None | Some("buffer") => Ok(Self::Buffer),
            Some("stream") => Ok(Self::Stream),
            Some(text) => Err(UnknownMode(text.to_owned())),
        }
    }
}

impl Config {
    /// What of a path is not ours.
    pub(crate) fn base(&self) -> Base<'_> {
        if let Some(path) = &self.base_path {
            return Base { path, host: None };
        }
        let url = self.public_url.as_deref().unwrap_or_default();
        let behind = url.split_once("://").map_or("", |(_, behind)| behind);
        let (host, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
        Base { path, host: Some(host).filter(|host| !host.is_empty()) }
    }

    /// The URL that the agent card gives.
    pub(crate) fn base_url(&self, place: &Place) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let host = place.domain.as_deref().unwrap_or("localhost");
        let base = self.base_path.as_deref().unwrap_or_default();
        format!("https://{host}{}{base}", place.stage_path())
    }
}

/// The context of the function, from its variables.
///
/// | variable | |
/// |---|---|
/// | `TABLE_NAME` | required: the DynamoDB table of tasks |
/// | `QUEUE_URL` | required: the SQS queue of signals |
/// | `AGENT` | required: the [agents](a2a_lambda_agents::configured): a name, or `tenant=name` pairs |
/// | `RESPONSE_MODE` | [`stream` or `buffer`](ResponseMode), as the front door takes answers; `buffer` if not set |
/// | `OWNER_CLAIM` | the claim that names the owner of tasks; `sub` if not set |
/// | `ALLOW_ANONYMOUS` | `true` serves requests that no authorizer has looked at; `false` if not set |
/// | `ALLOWED_ORIGINS` | the origins whose web pages may call, with commas, or `*` for all; none if not set |
/// | `KEEP_ALIVE_SECONDS` | how long a stream is silent before it is given a comment, 1 to 900; 15 if not set |
/// | `PUBLIC_URL` | the URL of the agent card's interfaces; that of the request if it is not set |
/// | `BASE_PATH` | what the front door leaves of the URL's path in front of ours, such as `/agents`, or `/` for nothing; the path of `PUBLIC_URL` if not set |
/// | `MAX_BODY_BYTES` | the largest body that is taken, 1,024 to 6,000,000; 1 MiB if not set |
/// | `A2A_V0_3` | `false` serves no clients of A2A 0.3; `true` if not set |
/// | `CARD_MAX_AGE_SECONDS` | how long clients may keep the agent card, 0 to 31,536,000; 300 if not set |
/// | `CARD_MODIFIED` | when the last deployment was that may have changed the card, such as `2026-01-31T12:00:00Z`; the card says nothing of it if not set |
/// | `CARD_SECURITY_SCHEMES` | the card's `securitySchemes`, as JSON; none if not set |
/// | `CARD_SECURITY_REQUIREMENTS` | the card's `securityRequirements`, as JSON; none if not set |
/// | `CARD_SIGNING_KEY` | the private key that signs the card, a PEM of PKCS#8, of P-256 or Ed25519; the card is not signed if not set |
/// | `CARD_SIGNING_KEY_ID` | the key's id (`kid`), required with the key |
/// | `CARD_SIGNING_JWKS_URL` | where clients find the public key (`jku`); the card does not say if not set |
/// | `PUSH_JWT_KEY`, `PUSH_JWT_KEY_ID` | the key of the tokens in [pushes](a2a_lambda_runtime::webhook_config()), whose public key is at `/.well-known/jwks.json`, beside that of the card |
/// | `LEASE_SECONDS`, `MAX_ATTEMPTS`, `BLOCKING_WAIT_SECONDS`, `MAX_STREAM_SECONDS`, `DEDUPLICATE_MESSAGES` | see [`policy`](a2a_lambda_runtime::policy()) |
/// | `PUSH_TASK`, `PUSH_ARTIFACTS`, `PUSH_TIMEOUT_SECONDS` | see [`policy`](a2a_lambda_runtime::policy()) |
/// | `PUSH_ALLOW_HTTP` and so on | see [`webhook_config`](a2a_lambda_runtime::webhook_config()) |
/// | `PUSH_KMS_KEY`, `PUSH_SECRETS_KEY` | see [`vault`](a2a_lambda_aws::vault()); without either there are no pushes |
/// | `SCHEDULER_ROLE_ARN`, `QUEUE_ARN`, `SCHEDULE_GROUP` | see [`engine`](a2a_lambda_aws::engine()) |
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let config = config(variables)?;
    let agents = variables.required_as("AGENT", AGENT, a2a_lambda_agents::configured)?;
    let engine = engine(variables)?;
    Ok(Context::new(engine, agents, config))
}

/// How requests are served, from the variables of [`context`] that say so.
///
/// # Errors
/// When a variable cannot be used.
pub fn config(variables: &Variables<'_>) -> Result<Config, ConfigError> {
    let mut config = Config { public_url: public_url(variables)?, ..Config::default() };
    config.base_path = base_path(variables)?;
    card(variables, &mut config.http)?;
    if let Some(bytes) = variables.number("MAX_BODY_BYTES", 1_024..=6_000_000)? {
        config.http.max_body_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    if let Some(seconds) = variables.number("KEEP_ALIVE_SECONDS", 1..=900)? {
        config.http.keep_alive = Duration::from_secs(seconds);
    }
    config.response_mode =
        variables.read("RESPONSE_MODE", "`stream` or `buffer`", ResponseMode::parse)?;
    if let Some(claim) = variables.optional("OWNER_CLAIM") {
        config.identity.owner_claim = claim;
    }
    config.identity.allow_anonymous = variables.flag("ALLOW_ANONYMOUS")?.unwrap_or(false);
    config.cors = variables.read("ALLOWED_ORIGINS", ORIGINS, |list| {
        list.map_or_else(|| Ok(Cors::default()), Cors::parse)
    })?;
    Ok(config)
}

fn public_url(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(url) = variables.optional("PUBLIC_URL") else {
        return Ok(None);
    };
    let url = url.trim_end_matches('/').to_owned();
    // Paths are put behind it, so it can have no query.
    let is_base = |uri: Uri| is_web(&uri) && uri.query().is_none();
    if !url.parse().is_ok_and(is_base) {
        let what = "an http or https URL without a query".to_owned();
        return Err(ConfigError::Invalid { variable: "PUBLIC_URL", what, source: None });
    }
    Ok(Some(url))
}

fn base_path(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(path) = variables.optional("BASE_PATH") else {
        return Ok(None);
    };
    let base = path.trim_end_matches('/');
    let is_path = path.starts_with('/') && !base.contains("//") && !base.contains(['?', '#']);
    if !is_path {
        let what = "a path such as `/agents`, or `/`".to_owned();
        return Err(ConfigError::Invalid { variable: "BASE_PATH", what, source: None });
    }
    Ok(Some(base.to_owned()))
}

fn is_web(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https"))
}
