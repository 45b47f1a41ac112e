//! The function's configuration.

use std::sync::Arc;

use a2a_lambda_aws::{ConfigError, Variables, built_at, engine};
use a2a_lambda_core::Agents;
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_http::HttpConfig;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use http::Uri;

use crate::Context;
use crate::event::stage_prefix;

/// How requests are served. See [`context`] for the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The URL at which clients reach the service, without a trailing slash, where that is not the
    /// one that the request came in at.
    pub public_url: Option<String>,
    /// How the bindings are served.
    pub http: HttpConfig,
}

impl Config {
    /// The URL that the agent card gives.
    pub(crate) fn base_url(&self, event: &ApiGatewayV2httpRequest) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let host = event.request_context.domain_name.as_deref().unwrap_or("localhost");
        format!("https://{host}{}", stage_prefix(event))
    }
}

/// The context of the function, from its variables.
///
/// | variable | |
/// |---|---|
/// | `TABLE_NAME` | required: the DynamoDB table of tasks |
/// | `QUEUE_URL` | required: the SQS queue of signals |
/// | `AGENT` | the agent's name; the first one if it is not set |
/// | `PUBLIC_URL` | the URL of the agent card's interfaces; that of the request if it is not set |
/// | `MAX_BODY_BYTES` | the largest body that is taken, 1,024 to 6,000,000; 1 MiB if not set |
/// | `CARD_MAX_AGE_SECONDS` | how long clients may keep the agent card, 0 to 31,536,000; 300 if not set |
/// | `LEASE_SECONDS`, `MAX_ATTEMPTS`, `BLOCKING_WAIT_SECONDS` | see [`policy`](a2a_lambda_aws::policy()) |
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let mut config = Config { public_url: public_url(variables)?, ..Config::default() };
    config.http.card_modified = built_at();
    if let Some(bytes) = variables.number("MAX_BODY_BYTES", 1_024..=6_000_000)? {
        config.http.max_body_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    if let Some(seconds) = variables.number("CARD_MAX_AGE_SECONDS", 0..=31_536_000)? {
        config.http.card_max_age_s = u32::try_from(seconds).unwrap_or(u32::MAX);
    }
    let agent = variables.read("AGENT", "the name of an agent", a2a_lambda_agents::configured)?;
    let engine = engine(variables, |client, table| Arc::new(DynamoDbStore::new(client, table)))?;
    Ok(Context::new(engine, Agents::new(agent), config))
}

fn public_url(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    let Some(url) = variables.optional("PUBLIC_URL") else {
        return Ok(None);
    };
    let url = url.trim_end_matches('/').to_owned();
    // Paths are put behind it, so it can have no query.
    let is_base =
        |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    if !url.parse().is_ok_and(is_base) {
        let what = "an http or https URL without a query".to_owned();
        return Err(ConfigError::Invalid { variable: "PUBLIC_URL", what, source: None });
    }
    Ok(Some(url))
}
