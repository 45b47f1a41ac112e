//! A request and its answer. Their carrier is the [`Client`], or a double in a test.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::time::timeout;

use crate::client::{Body, Client, Open, Request};
use crate::error::{Error, Phase};

/// The bytes of a body, as they come. Dropping it ends the exchange.
#[async_trait]
pub trait Chunks: Send {
    /// The next bytes; `None` when the body has ended. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the body is broken off, or its next bytes do not come in time.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error>;
}

#[async_trait]
impl Chunks for Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Body::chunk(self).await
    }
}

#[async_trait]
impl<C: Chunks + ?Sized> Chunks for Box<C> {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        (**self).chunk().await
    }
}

/// An answer, of which the head has come.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it comes.
    pub body: Box<dyn Chunks>,
}

impl Answer {
    /// The whole body, if it is not larger than `most` bytes and comes within a time.
    ///
    /// # Errors
    /// As [`Chunks::chunk`], [`Error::TooLarge`], and [`Error::TimedOut`].
    pub async fn whole(mut self, most: usize, limit: Duration) -> Result<Bytes, Error> {
        let read = async {
            let mut all = BytesMut::new();
            while let Some(chunk) = self.body.chunk().await? {
                if all.len() + chunk.len() > most {
                    return Err(Error::TooLarge(most));
                }
                all.extend_from_slice(&chunk);
            }
            Ok(all.freeze())
        };
        let late = || Error::TimedOut { phase: Phase::Body, limit };
        timeout(limit, read).await.unwrap_or_else(|_| Err(late()))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Carries requests to their hosts.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When no answer comes.
    async fn exchange(&self, request: &Request) -> Result<Answer, Error>;
}

#[async_trait]
impl Transport for Client {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let response = self.send(request, &Open).await?;
        let (status, headers) = (response.status, response.headers);
        Ok(Answer { status, headers, body: Box::new(response.body) })
    }
}
