//! Agents in the runtime of Amazon Bedrock `AgentCore`, which are called by `InvokeAgentRuntime`.

use http::uri::InvalidUri;

use crate::url::MAX_URL_BYTES;

/// An agent in the runtime of `AgentCore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hosted {
    arn: String,
    region: String,
    /// The endpoint of the agent, such as `PROD`; `None` for the one that `AgentCore` calls `DEFAULT`.
    qualifier: Option<String>,
}

/// A text that is no agent of `AgentCore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the ARN of an agent runtime must follow, such as \
     agentcore:arn:aws:bedrock-agentcore:eu-central-1:123456789012:runtime/agent-1?qualifier=PROD"
)]
pub(crate) struct NotHosted;

impl Hosted {
    /// From an ARN, and perhaps `?qualifier=` and the name of an endpoint.
    pub(crate) fn parse(text: &str) -> Result<Self, NotHosted> {
        let (arn, qualifier) = match text.split_once("?qualifier=") {
            Some((arn, qualifier)) => (arn, Some(qualifier)),
            None => (text, None),
        };
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, "bedrock-agentcore", region, account, resource] = parts[..] else {
            return Err(NotHosted);
        };
        let is_name = |text: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !text.is_empty() && text.len() <= 128 && text.bytes().all(is_plain)
        };
        let name = resource.strip_prefix("runtime/").ok_or(NotHosted)?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let names = [partition, region, name].into_iter().chain(qualifier);
        if !is_account || !names.clone().all(is_name) || text.len() > MAX_URL_BYTES {
            return Err(NotHosted);
        }
        Ok(Self {
            arn: arn.to_owned(),
            region: region.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }

    /// The region that the agent is in.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The URL at this endpoint of `AgentCore`.
    pub(crate) fn url(&self, endpoint: &str) -> Result<http::Uri, InvalidUri> {
        let arn = self.arn.replace(':', "%3A").replace('/', "%2F");
        let qualifier = self.qualifier.as_deref().map(|of| format!("?qualifier={of}"));
        let url = format!("{endpoint}/runtimes/{arn}/invocations{}", qualifier.unwrap_or_default());
        url.parse()
    }
}
