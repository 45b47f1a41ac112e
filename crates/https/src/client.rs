//! Requests and their answers.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use crate::dial::{Dial, Dialer, Network};
use crate::dns::SystemResolver;
use crate::error::{Error, Phase};
use crate::guard::{Guard, Target};
use crate::link::Link;
use crate::look_ups::{LookUps, Resolve};
use crate::pool::{IDLE_LIMIT, Pool, WallClock};
use crate::roots::{ExtraRoots, Roots};

/// The settings of a client.
pub struct ClientConfig {
    /// Checks URLs and addresses; `None` for hosts that an operator names.
    pub guard: Option<Arc<Guard>>,
    /// Whose certificates are trusted.
    pub roots: Roots,
    /// How long an idle connection is kept. [`IDLE_LIMIT`] is right for servers of which nothing is
    /// known.
    pub idle: Duration,
    /// The time of day, by which the client notices that the machine stood still.
    pub wall: Arc<dyn WallClock>,
    /// Looks up names.
    pub resolve: Arc<dyn Resolve>,
    /// Opens connections.
    pub dial: Arc<dyn Dial>,
}

impl ClientConfig {
    /// A client of the machine's network, without a guard.
    pub fn new(wall: Arc<dyn WallClock>) -> Self {
        Self {
            guard: None,
            roots: Roots::Public(ExtraRoots::default()),
            idle: IDLE_LIMIT,
            wall,
            resolve: Arc::new(SystemResolver),
            dial: Arc::new(Network),
        }
    }
}

/// Sends requests. Clones share their connections.
///
/// Making one sets up TLS, in less than a millisecond. It connects at the first request. Idle
/// connections belong to the tokio runtime of the request that made them, and end with it.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    dialer: Dialer,
    pool: Arc<Pool>,
}

/// A request. `Debug` shows no body, and no header that is marked as sensitive.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole URL, with scheme and host.
    pub uri: Uri,
    /// The headers, but for `Host` and `Content-Length`, which the client adds.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// How long each part may take.
    pub limits: Limits,
}

/// Whether a request may arrive twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It may: its effect is that of one, or the receiver recognizes a repetition. It is sent on a
    /// kept connection if there is one. If that fails before a byte of the answer came, the request
    /// is sent once more on a fresh connection.
    Safe,
    /// It must not: it is sent on a fresh connection, once.
    Never,
}

/// How long the parts of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the look-up of the name to the head of the answer.
    pub total: Duration,
    /// The look-up, the connection and its TLS.
    pub connect: Duration,
    /// From the first byte of the request to the head of the answer.
    pub head: Duration,
    /// Between two chunks of the answer's body.
    pub between_chunks: Duration,
}

impl Limits {
    /// Everything up to the head of the answer within one time, and each chunk.
    pub fn within(total: Duration) -> Self {
        Self { total, connect: total, head: total, between_chunks: total }
    }
}

/// Whether a request is still wanted.
///
/// For each connection that it tries, the client asks once: after it has connected, and before it
/// writes the first byte of the request. Nothing that could take time is between the answer and
/// that byte.
#[async_trait]
pub trait Gate: Send + Sync {
    /// False if the request must not be begun.
    async fn is_open(&self) -> bool;
}

/// The gate of a request that is wanted in any case.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

#[async_trait]
impl Gate for Open {
    async fn is_open(&self) -> bool {
        true
    }
}

/// An answer, of which the head has come.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it comes.
    pub body: Body,
}

/// The body of an answer. Dropping one that has not ended closes its connection.
pub struct Body {
    incoming: Incoming,
    /// `None` when the body has ended or failed.
    link: Option<Link>,
    pool: Arc<Pool>,
    between_chunks: Duration,
}

/// Why a request on a link came to nothing.
enum Failed {
    /// On a kept connection that was dead: no byte of an answer came.
    Dead(Error),
    Finally(Error),
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: ClientConfig) -> Result<Self, rustls::Error> {
        let tls = config.roots.tls()?;
        let look_ups = LookUps::new(config.resolve);
        let dialer = Dialer::new(config.guard, look_ups, config.dial, tls);
        Ok(Self(Arc::new(Inner { dialer, pool: Pool::new(config.wall, config.idle) })))
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When no answer comes. [`Error::Withheld`] if the gate said no.
    pub async fn send(&self, request: &Request, gate: &dyn Gate) -> Result<Response, Error> {
        let ends = Instant::now() + request.limits.total;
        let target = Target::of(&request.uri).map_err(Error::Refused)?;
        let Inner { dialer, pool } = &*self.0;
        if request.repeat == Repeat::Safe
            && let Some(link) = pool.take(&target)
        {
            match self.try_on(link, request, gate, ends).await {
                Ok(response) => return Ok(response),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Dead(_)) => pool.close(&target),
            }
        }
        let connected = ends.min(Instant::now() + request.limits.connect);
        let link = dialer.connect(&target, connected).await?;
        self.try_on(link, request, gate, ends).await.map_err(|failed| match failed {
            Failed::Dead(error) | Failed::Finally(error) => error,
        })
    }

    async fn try_on(
        &self,
        mut link: Link,
        request: &Request,
        gate: &dyn Gate,
        ends: Instant,
    ) -> Result<Response, Failed> {
        let head = head(request).map_err(Failed::Finally)?;
        match timeout_at(ends, gate.is_open()).await {
            Ok(true) => {}
            Ok(false) => {
                if link.is_reused {
                    self.0.pool.put(link);
                }
                return Err(Failed::Finally(Error::Withheld));
            }
            Err(_) => {
                let late = "whether the request is still wanted was not known in time";
                return Err(Failed::Finally(Error::Ours(late.into())));
            }
        }
        if link.is_reused && !link.is_usable() {
            let closed = "the host has closed the connection";
            return Err(Failed::Dead(Error::Broken(closed.into())));
        }
        let begun = Instant::now();
        let limit = request.limits.head.min(ends.saturating_duration_since(begun));
        let answer = match timeout(limit, link.exchange(head)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let is_dead = link.is_reused && !link.has_read();
                let error = if link.has_read_http() {
                    Error::BadAnswer(error.into())
                } else {
                    Error::Broken(error.into())
                };
                return Err(if is_dead { Failed::Dead(error) } else { Failed::Finally(error) });
            }
            Err(_) => {
                return Err(Failed::Finally(Error::TimedOut { phase: Phase::Head, limit }));
            }
        };
        let (parts, incoming) = answer.into_parts();
        let body = Body {
            incoming,
            link: Some(link),
            pool: self.0.pool.clone(),
            between_chunks: request.limits.between_chunks,
        };
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }
}

impl Body {
    /// The next chunk; `None` when the body has ended.
    ///
    /// # Errors
    /// When the host breaks off, or the chunk does not come in time. The connection is closed then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let limit = self.between_chunks;
        match timeout(limit, self.next()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => {
                self.link = None;
                Err(Error::Broken(error.into()))
            }
            Err(_) => {
                self.link = None;
                Err(Error::TimedOut { phase: Phase::Body, limit })
            }
        }
    }

    /// The whole rest of the body, if it is not larger than `most` bytes.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and [`Error::TooLarge`].
    pub async fn all(mut self, most: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > most {
                return Err(Error::TooLarge(most));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Reads the rest and drops it, so that the connection can be used again: at most `most` bytes,
    /// for at most `limit`. A connection with more on it is closed.
    pub async fn drop_within(self, most: usize, limit: Duration) {
        // Errors are ignored: the head of the answer has said enough.
        let _ = timeout(limit, self.all(most)).await;
    }

    async fn next(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        let Self { incoming, link, pool, .. } = self;
        std::future::poll_fn(|context| {
            loop {
                // Bytes that were read earlier come first, even if the connection has failed since.
                let mut frame = Pin::new(&mut *incoming).poll_frame(context);
                if frame.is_pending() {
                    let Some(link) = link else { return Poll::Ready(Ok(None)) };
                    link.drive(context);
                    frame = Pin::new(&mut *incoming).poll_frame(context);
                }
                return match frame {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => Poll::Ready(Ok(Some(data))),
                        // Trailers.
                        Err(_) => continue,
                    },
                    Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
                    Poll::Ready(None) => {
                        if let Some(mut link) = link.take()
                            && link.is_ready_again(context)
                        {
                            pool.put(link);
                        }
                        Poll::Ready(Ok(None))
                    }
                };
            }
        })
        .await
    }
}

/// The request as it is written.
fn head(request: &Request) -> Result<http::Request<Full<Bytes>>, Error> {
    let host = request.uri.authority().map(|it| HeaderValue::from_str(it.as_str())).transpose();
    let host = host.map_err(|error| Error::Malformed(error.into()))?;
    let mut head = http::Request::new(Full::new(request.body.clone()));
    *head.method_mut() = request.method.clone();
    let path = request.uri.path_and_query().cloned();
    *head.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    head.headers_mut().clone_from(&request.headers);
    if let Some(host) = host {
        head.headers_mut().insert(header::HOST, host);
    }
    Ok(head)
}

impl Request {
    /// A request without headers and body, which is sent once.
    pub fn new(method: Method, uri: Uri, limits: Limits) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, uri, headers, body, repeat: Repeat::Never, limits }
    }

    /// The same request, which may arrive twice.
    pub fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// The same request with a body of this media type.
    pub fn with_body(mut self, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.headers.insert(header::CONTENT_TYPE, media_type);
        self.body = body.into();
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("repeat", &self.repeat)
            .field("limits", &self.limits)
            .finish()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("is_open", &self.link.is_some()).finish_non_exhaustive()
    }
}
