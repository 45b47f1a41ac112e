//! How the public keys of load balancers are fetched.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_https::{Client, ClientConfig, Error, Limits, Open, Repeat, Request, WallClock};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// How long one takes at the most.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The largest. A key of P-256 has some 180 bytes.
const MAX_KEY_BYTES: usize = 4 * 1024;

/// Fetches public keys.
#[async_trait]
pub trait FetchKey: Send + Sync {
    /// The PEM at a URL; `None` if there is none.
    ///
    /// # Errors
    /// When it is not known whether there is one.
    async fn fetch(&self, url: &str) -> Result<Option<String>, KeyError>;
}

/// A key could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("there was no answer that has a key")]
pub struct KeyError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl KeyError {
    /// The error with this cause.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Fetches keys by HTTPS. The client is made for the first one.
pub struct HttpsKeys {
    clock: Arc<dyn Clock>,
    client: OnceLock<Client>,
    timeout: Duration,
}

impl HttpsKeys {
    /// A way to fetch keys; by the clock it notices that the machine stood still.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, client: OnceLock::new(), timeout: TIMEOUT }
    }

    fn client(&self) -> Result<Client, KeyError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let config = ClientConfig::new(Arc::new(Wall(self.clock.clone())));
        let client = Client::new(config).map_err(KeyError::new)?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

struct Wall(Arc<dyn Clock>);

impl WallClock for Wall {
    fn now_ms(&self) -> i64 {
        self.0.now().as_millis()
    }
}

#[async_trait]
impl FetchKey for HttpsKeys {
    async fn fetch(&self, url: &str) -> Result<Option<String>, KeyError> {
        let request = Request {
            method: Method::GET,
            uri: url.parse().map_err(|error: http::uri::InvalidUri| KeyError::new(error))?,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat: Repeat::Safe,
            limits: Limits::within(self.timeout),
        };
        let response = self.client()?.send(&request, &Open).await.map_err(KeyError::new)?;
        match response.status {
            StatusCode::OK => {}
            // AWS keeps them in S3, which forbids what is not there.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(KeyError::new(format!("the answer is {status}"))),
        }
        let body = response.body.all(MAX_KEY_BYTES).await;
        let body = body.map_err(|error: Error| KeyError::new(error))?;
        String::from_utf8(body.into()).map(Some).map_err(KeyError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use a2a_lambda_runtime::SystemClock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Fetches from a server that gives this answer once, and none after that.
    async fn fetched(answer: &'static str) -> Result<Option<String>, KeyError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        });
        let mut keys = HttpsKeys::new(Arc::new(SystemClock));
        if answer.is_empty() {
            keys.timeout = Duration::from_millis(50);
        }
        keys.fetch(&format!("http://{address}/k")).await
    }

    #[tokio::test]
    async fn a_key_is_there_or_not_or_it_is_not_known() {
        let key = fetched("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nPEM").await.unwrap();
        assert_eq!(key.as_deref(), Some("PEM"));
        for none in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert_eq!(fetched(none).await.unwrap(), None, "{none}");
        }
        for unknown in [
            "HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\u{ff}",
            "",
        ] {
            if unknown.contains("5000") {
                let large = format!("{unknown}{}", "x".repeat(5_000)).leak();
                fetched(large).await.unwrap_err();
            } else {
                fetched(unknown).await.unwrap_err();
            }
        }
    }
}
