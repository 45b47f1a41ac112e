//! Small documents at URLs that an operator has named: public keys, and what says where these are.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::timeout;

use crate::client::{Client, ClientConfig, Limits, Open, Repeat, Request};
use crate::error::Error;
use crate::pool::WallClock;

/// The most time for one document, with its body.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A document, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The contents.
    pub body: Bytes,
    /// How long it may be kept, if its server says so.
    pub max_age: Option<Duration>,
}

/// Fetches documents.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The document at a URL, of at most `most` bytes; `None` if the URL has none.
    ///
    /// # Errors
    /// When it is not known whether there is one.
    async fn fetch(&self, url: &str, most: usize) -> Result<Option<Document>, FetchError>;
}

/// The client could not find out whether a URL has a document.
#[derive(Debug, thiserror::Error)]
#[error("no answer had the document")]
pub struct FetchError(#[source] Box<dyn StdError + Send + Sync>);

impl FetchError {
    /// The error with this cause.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Fetches documents by the [`Client`], without a guard: an operator has named the hosts. It follows
/// no redirect. The client is made for the first document.
pub struct Fetcher {
    wall: Arc<dyn WallClock>,
    client: OnceLock<Client>,
    timeout: Duration,
}

impl Fetcher {
    /// A fetcher; by the clock it notices that the machine stood still.
    pub fn new(wall: Arc<dyn WallClock>) -> Self {
        Self { wall, client: OnceLock::new(), timeout: TIMEOUT }
    }

    fn client(&self) -> Result<Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = Client::new(ClientConfig::new(self.wall.clone())).map_err(FetchError::new)?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    async fn get(&self, url: &str, most: usize) -> Result<Option<Document>, FetchError> {
        let request = Request {
            method: Method::GET,
            uri: url.parse().map_err(|error: http::uri::InvalidUri| FetchError::new(error))?,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat: Repeat::Safe,
            limits: Limits::within(self.timeout),
        };
        let response = self.client()?.send(&request, &Open).await.map_err(FetchError::new)?;
        match response.status {
            StatusCode::OK => {}
            // S3, for example, answers 403 for a missing object.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(FetchError::new(format!("the answer is {status}"))),
        }
        let max_age = max_age(&response.headers);
        let body = response.body.all(most).await;
        let body = body.map_err(|error: Error| FetchError::new(error))?;
        Ok(Some(Document { body, max_age }))
    }
}

#[async_trait]
impl Fetch for Fetcher {
    async fn fetch(&self, url: &str, most: usize) -> Result<Option<Document>, FetchError> {
        // Over all: a body that comes byte by byte would never be late by itself.
        match timeout(self.timeout, self.get(url, most)).await {
            Ok(got) => got,
            Err(_) => Err(FetchError::new(format!("it took longer than {:?}", self.timeout))),
        }
    }
}

/// The seconds that `Cache-Control` gives (RFC 9111 section 5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    let mut directives = directives.map(|directive| directive.trim().to_ascii_lowercase());
    let seconds = directives.find_map(|it| it.strip_prefix("max-age=")?.parse::<u32>().ok())?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Fetches from a server that gives this answer once, and none after that; piece by piece, if
    /// there are several pieces.
    async fn fetched(pieces: &[&str]) -> Result<Option<Document>, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pieces: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
        let never_ends = pieces.len() != 1 || pieces[0].is_empty();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let mut fetcher = Fetcher::new(Arc::new(|| 0));
        if never_ends {
            fetcher.timeout = Duration::from_millis(50);
        }
        fetcher.fetch(&format!("http://{address}/k"), 4096).await
    }

    #[tokio::test]
    async fn a_document_is_there_or_not_or_it_is_not_known() {
        let document = |max_age| Some(Document { body: "PEM".into(), max_age });
        for (headers, max_age) in [
            ("", None),
            ("cache-control: public, Max-Age=60, must-revalidate\r\n", Some(60)),
            ("cache-control: no-store\r\n", None),
            ("cache-control: max-age=soon\r\n", None),
        ] {
            let answer = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 3\r\n\r\nPEM");
            let found = fetched(&[&answer]).await.unwrap();
            assert_eq!(found, document(max_age.map(Duration::from_secs)), "{headers}");
        }
        for none in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert_eq!(fetched(&[none]).await.unwrap(), None, "{none}");
        }
        let large = format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(5_000));
        for unknown in [
            &["HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n"][..],
            &["HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"],
            &[&large],
            // It hangs before the answer, or amid the body.
            &[""],
            &["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", "P", "E"],
        ] {
            fetched(unknown).await.unwrap_err();
        }
    }
}
