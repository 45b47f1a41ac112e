//! Requests to agents that AWS guards: they are signed by the function's own credentials.

use std::sync::Arc;

use a2a_lambda_core::Clock;
use a2a_lambda_https::{Answer, Error, Request, Signer, Transport};
use async_trait::async_trait;

/// Signs the requests that another transport carries.
pub(crate) struct Signed {
    transport: Arc<dyn Transport>,
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl Signed {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        signer: Signer,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { transport, signer, clock }
    }
}

#[async_trait]
impl Transport for Signed {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let mut request = request.clone();
        let signed = self.signer.sign(&mut request, self.clock.now().as_millis());
        signed.map_err(|error| Error::Malformed(error.into()))?;
        self.transport.exchange(&request).await
    }
}

/// The service and the region of a host of AWS whose requests can be signed.
pub(crate) fn service_of(host: &str) -> Option<(&'static str, &str)> {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let labels: Vec<&str> = host.split('.').collect();
    match labels[..] {
        [_, "lambda-url", region, "on", "aws"] => Some(("lambda", region)),
        [_, "execute-api", region, "amazonaws", "com"] => Some(("execute-api", region)),
        ["bedrock-agentcore", region, "amazonaws", "com"] => Some(("bedrock-agentcore", region)),
        ["bedrock-runtime", region, "amazonaws", "com"] => Some(("bedrock", region)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
