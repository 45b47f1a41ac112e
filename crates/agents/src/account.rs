//! The account that the functions run in: its credentials, and where AWS's services are.

use a2a_lambda_https::Signer;
use a2a_lambda_runtime::table::{
    AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_BEDROCK_AGENTCORE,
    AWS_ENDPOINT_URL_LAMBDA, AWS_REGION, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, Text,
};
use a2a_lambda_runtime::{ConfigError, Variables};

/// A service of AWS that agents are called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    AgentCore,
    #[cfg_attr(not(feature = "lambda"), expect(dead_code))]
    Lambda,
}

impl Service {
    /// Its name in signatures, and in the names of its hosts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AgentCore => "bedrock-agentcore",
            Self::Lambda => "lambda",
        }
    }

    fn own_endpoint(self) -> &'static Text {
        match self {
            Self::AgentCore => &AWS_ENDPOINT_URL_BEDROCK_AGENTCORE,
            Self::Lambda => &AWS_ENDPOINT_URL_LAMBDA,
        }
    }
}

/// Credentials and a region, as Lambda gives them to a function. `Debug` is left out: there are secrets
/// in it.
#[derive(Clone)]
pub(crate) struct Account {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
    /// The endpoint of each service, if that is not AWS's.
    agent_core: Option<String>,
    lambda: Option<String>,
}

impl Account {
    /// As the variables say.
    pub(crate) fn from_variables(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        let endpoint = |service: Service| {
            let own = variables.text(service.own_endpoint())?;
            let url = if own.is_some() { own } else { variables.text(&AWS_ENDPOINT_URL)? };
            let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
            match url {
                Some(url) if !is_url(&url) => Err(ConfigError::invalid(service.own_endpoint())),
                url => Ok(url),
            }
        };
        Ok(Self {
            access_key_id: variables.required(&AWS_ACCESS_KEY_ID)?,
            secret_access_key: variables.required(&AWS_SECRET_ACCESS_KEY)?,
            session_token: variables.text(&AWS_SESSION_TOKEN)?,
            region: variables.required(&AWS_REGION)?,
            agent_core: endpoint(Service::AgentCore)?,
            lambda: endpoint(Service::Lambda)?,
        })
    }

    /// The region that the functions run in.
    #[cfg_attr(not(feature = "lambda"), expect(dead_code))]
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Signs requests to a service in a region.
    pub(crate) fn signer(&self, service: &str, region: &str) -> Signer {
        let Self { access_key_id, secret_access_key, session_token, .. } = self.clone();
        Signer::with_keys(access_key_id, secret_access_key, session_token, region, service)
    }

    /// Where a service of a region is, without a slash at the end.
    pub(crate) fn endpoint(&self, service: Service, region: &str) -> String {
        let own = match service {
            Service::AgentCore => self.agent_core.as_deref(),
            Service::Lambda => self.lambda.as_deref(),
        };
        if let Some(url) = own {
            return url.trim_end_matches('/').to_owned();
        }
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://{}.{region}.amazonaws.com{suffix}", service.name())
    }
}
