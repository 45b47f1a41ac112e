//! The function's configuration.

mod card;
mod security;

use std::num::NonZeroU64;
use std::time::Duration;

use a2a_lambda_aws::door::{Base, Place};
use a2a_lambda_http::{Cors, HttpConfig, Scopes};
use a2a_lambda_runtime::table::{
    ALB_ARN, ALLOW_ANONYMOUS, ALLOWED_ORIGINS, BASE_PATH, CANCEL_SCOPE, INLINE, KEEP_ALIVE_SECONDS,
    MAX_BODY_BYTES, MAX_OPEN_STREAMS_PER_OWNER, MAX_OPEN_TASKS_PER_OWNER, OWNER_CLAIM, PUSH_SCOPE,
    READ_SCOPE, REQUESTS_PER_MINUTE_PER_OWNER, RESPONSE_MODE, SEND_SCOPE, TENANT_CLAIM, Text,
};
use a2a_lambda_runtime::{ConfigError, Variables, fetcher, public_url};
use http::Uri;

use crate::answer::ResponseMode;
use crate::identity::Identity;
use crate::oidc::LoadBalancer;

pub use card::card;

/// The settings of the function. See [`context`](crate::context) for the variables.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The URL at which clients reach the service, without a trailing slash, where that is not the
    /// one that the request came in at.
    pub public_url: Option<String>,
    /// The prefix of the URL's path that the front door leaves in front of ours, without a final
    /// slash. `None` for the path of the public URL.
    pub base_path: Option<String>,
    /// The form in which the front door takes answers.
    pub response_mode: ResponseMode,
    /// The rules that tell callers apart.
    pub identity: Identity,
    /// The load balancer that may name callers.
    pub load_balancer: Option<LoadBalancer>,
    /// How many requests an owner may make in a minute. `None` for any number.
    pub requests_per_minute: Option<NonZeroU64>,
    /// How many streams an owner may have open. `None` for any number.
    pub open_streams: Option<NonZeroU64>,
    /// How many tasks an owner may have open. `None` for any number.
    pub open_tasks: Option<NonZeroU64>,
    /// Whether a sender that waits has its agent run in its own invocation.
    pub inline: bool,
    /// The web pages that may call.
    pub cors: Cors,
    /// The settings of the bindings.
    pub http: HttpConfig,
}

impl Config {
    /// The foreign part of a path.
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
        place.url(&self.base())
    }
}

/// The settings of the function, from the variables.
///
/// # Errors
/// When a variable cannot be used.
pub fn config(variables: &Variables<'_>) -> Result<Config, ConfigError> {
    let mut http = HttpConfig {
        max_body_bytes: usize::try_from(variables.number(&MAX_BODY_BYTES)?).unwrap_or(usize::MAX),
        keep_alive: Duration::from_secs(variables.number(&KEEP_ALIVE_SECONDS)?),
        scopes: Scopes {
            read: scope(variables, &READ_SCOPE)?,
            send: scope(variables, &SEND_SCOPE)?,
            cancel: scope(variables, &CANCEL_SCOPE)?,
            push: scope(variables, &PUSH_SCOPE)?,
        },
        ..HttpConfig::default()
    };
    card(variables, &mut http)?;
    Ok(Config {
        public_url: public_url(variables)?,
        base_path: base_path(variables)?,
        response_mode: match variables.choice(&RESPONSE_MODE)? {
            "stream" => ResponseMode::Stream,
            _ => ResponseMode::Buffer,
        },
        identity: Identity {
            owner_claim: variables.required(&OWNER_CLAIM)?,
            tenant_claim: variables.text(&TENANT_CLAIM)?,
            allow_anonymous: variables.flag(&ALLOW_ANONYMOUS)?,
        },
        load_balancer: variables.read(&ALB_ARN, |arn| LoadBalancer::new(arn, fetcher()))?,
        requests_per_minute: NonZeroU64::new(variables.number(&REQUESTS_PER_MINUTE_PER_OWNER)?),
        open_streams: NonZeroU64::new(variables.number(&MAX_OPEN_STREAMS_PER_OWNER)?),
        open_tasks: NonZeroU64::new(variables.number(&MAX_OPEN_TASKS_PER_OWNER)?),
        inline: variables.flag(&INLINE)?,
        cors: variables.read(&ALLOWED_ORIGINS, Cors::parse)?.unwrap_or_default(),
        http,
    })
}

/// A scope (RFC 6749 section 3.3), if the variable is set.
fn scope(
    variables: &Variables<'_>,
    variable: &'static Text,
) -> Result<Option<String>, ConfigError> {
    let scope = variables.text(variable)?;
    let is_of_a_scope = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if scope.as_ref().is_some_and(|scope| !scope.bytes().all(is_of_a_scope)) {
        return Err(ConfigError::invalid(variable));
    }
    Ok(scope)
}

fn base_path(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(path) = variables.text(&BASE_PATH)? else { return Ok(None) };
    let base = path.trim_end_matches('/');
    let is_path = path.starts_with('/') && !base.contains("//") && !base.contains(['?', '#']);
    if is_path { Ok(Some(base.to_owned())) } else { Err(ConfigError::invalid(&BASE_PATH)) }
}

fn is_web(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https"))
}
