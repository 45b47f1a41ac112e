//! The client by which agents elsewhere are called.

use std::sync::{Arc, OnceLock};

use a2a_lambda_https::{Answer, Client, ClientConfig, Error, Request, Transport};
use a2a_lambda_runtime::SystemClock;
use async_trait::async_trait;

/// A client that is made with the first call. It sets up TLS, which would delay each start, also where no
/// agent calls anybody.
#[derive(Default)]
pub(crate) struct AtFirstCall(OnceLock<Client>);

#[async_trait]
impl Transport for AtFirstCall {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let client = if let Some(client) = self.0.get() {
            client
        } else {
            let made = Client::new(ClientConfig::new(Arc::new(SystemClock)));
            let made = made.map_err(|error| Error::Ours(error.into()))?;
            self.0.get_or_init(|| made)
        };
        client.exchange(request).await
    }
}
