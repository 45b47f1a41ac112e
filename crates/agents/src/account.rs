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
    /// As the variables say; or else the variable that is not set. Only agents of AWS need them all.
    pub(crate) fn from_variables(
        variables: &Variables<'_>,
    ) -> Result<Result<Self, &'static Text>, ConfigError> {
        let every = variables.endpoint(&AWS_ENDPOINT_URL)?;
        let own = |variable| Ok(variables.endpoint(variable)?.or_else(|| every.clone()));
        let agent_core = own(&AWS_ENDPOINT_URL_BEDROCK_AGENTCORE)?;
        let lambda = own(&AWS_ENDPOINT_URL_LAMBDA)?;
        let session_token = variables.text(&AWS_SESSION_TOKEN)?;
        let set = |variable| match variables.required(variable) {
            Err(ConfigError::Missing { .. }) => Ok(Err(variable)),
            read => read.map(Ok),
        };
        let region = set(&AWS_REGION)?;
        let access_key_id = set(&AWS_ACCESS_KEY_ID)?;
        let secret = set(&AWS_SECRET_ACCESS_KEY)?;
        Ok(match (region, access_key_id, secret) {
            (Ok(region), Ok(access_key_id), Ok(secret_access_key)) => Ok(Self {
                access_key_id,
                secret_access_key,
                session_token,
                region,
                agent_core,
                lambda,
            }),
            (Err(missing), ..) | (_, Err(missing), _) | (.., Err(missing)) => Err(missing),
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

    /// The URL of a service of a region, without a slash at the end.
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
