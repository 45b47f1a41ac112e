//! One connection to a host, with HTTP/1.1 over it.
//!
//! A link has no task: its owner drives it. So nothing is written or read but for a request, and a
//! link that is dropped is closed at once.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::error::Error;
use crate::guard::Target;

/// The most bytes of an answer's head; the buffer for one read can be as large again.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The most headers of an answer. Without it, hyper takes 100.
const MAX_HEADERS: usize = 256;
/// The first bytes of every HTTP/1 answer.
const ANSWER: &[u8] = b"HTTP/";
/// How often a link is driven to see that it is ready again, once an answer has ended.
const DRIVES: usize = 3;

/// A TCP connection, of which can be seen whether its other end has closed it.
#[derive(Clone)]
pub(crate) struct Socket(Arc<TcpStream>);

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    /// Whether there is nothing to read, not even an end. This asks the system, which knows of an
    /// end before the runtime does.
    fn is_quiet(&self) -> bool {
        let peeked = SockRef::from(&*self.0).peek(&mut [MaybeUninit::uninit()]);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            // The buffer need not be zeroed first.
            match self.0.try_read_buf(buffer) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write))
    }
}

/// A connection as HTTP is spoken over it.
pub(crate) enum Transport {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

struct Watched {
    transport: Transport,
    read: Arc<Read>,
}

/// The bytes read since the last request began.
#[derive(Default)]
struct Read {
    /// Whether a byte was.
    has_read: AtomicBool,
    /// Whether it begins as an answer does.
    is_http: AtomicBool,
}

impl Read {
    fn note(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.has_read.swap(true, Ordering::Relaxed) {
            return;
        }
        // A first piece of less than a word is taken for the beginning of it.
        let length = bytes.len().min(ANSWER.len());
        self.is_http.store(bytes[..length] == ANSWER[..length], Ordering::Relaxed);
    }

    fn forget(&self) {
        self.has_read.store(false, Ordering::Relaxed);
        self.is_http.store(false, Ordering::Relaxed);
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(match &mut self.transport {
            Transport::Plain(it) => Pin::new(it).poll_read(context, buffer),
            Transport::Tls(it) => Pin::new(it).poll_read(context, buffer),
        })?;
        self.read.note(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(it) => Pin::new(it).poll_write(context, bytes),
            Transport::Tls(it) => Pin::new(it).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(it) => Pin::new(it).poll_flush(context),
            Transport::Tls(it) => Pin::new(it).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(it) => Pin::new(it).poll_shutdown(context),
            Transport::Tls(it) => Pin::new(it).poll_shutdown(context),
        }
    }
}

/// A connection that is up. It takes one request at a time.
pub(crate) struct Link {
    pub(crate) target: Target,
    /// Whether a request was answered on it before.
    pub(crate) is_reused: bool,
    socket: Socket,
    read: Arc<Read>,
    sender: SendRequest<Full<Bytes>>,
    /// `None` when it has ended.
    connection: Option<Connection<TokioIo<Watched>, Full<Bytes>>>,
}

impl Link {
    pub(crate) async fn new(
        target: Target,
        socket: Socket,
        transport: Transport,
    ) -> Result<Self, Error> {
        let read = Arc::<Read>::default();
        let watched = Watched { transport, read: read.clone() };
        let http = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(watched))
            .await;
        let (sender, connection) = http.map_err(|error| Error::Broken(error.into()))?;
        let connection = Some(connection);
        Ok(Self { target, is_reused: false, socket, read, sender, connection })
    }

    /// Whether the next request can be sent: the other end has not closed it, and says nothing.
    pub(crate) fn is_usable(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready() && self.socket.is_quiet()
    }

    /// Whether a byte of an answer came since the last request was begun.
    pub(crate) fn has_read(&self) -> bool {
        self.read.has_read.load(Ordering::Relaxed)
    }

    /// Whether the bytes since then begin like an HTTP answer.
    pub(crate) fn has_read_http(&self) -> bool {
        self.read.is_http.load(Ordering::Relaxed)
    }

    /// Sends a request and waits for the head of its answer. The first byte is written in the first
    /// poll of this.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.read.forget();
        let answer = self.sender.send_request(request);
        let mut answer = std::pin::pin!(answer);
        std::future::poll_fn(|context| {
            drive(&mut self.connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Reads and writes as much as the connection allows now.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) {
        drive(&mut self.connection, context);
    }

    /// Whether it is ready for the next request, now that an answer has ended.
    pub(crate) fn is_ready_again(&mut self, context: &mut Context<'_>) -> bool {
        for _ in 0..DRIVES {
            self.drive(context);
            match self.sender.poll_ready(context) {
                Poll::Ready(ready) => {
                    self.is_reused = true;
                    return ready.is_ok() && self.connection.is_some();
                }
                Poll::Pending => {}
            }
        }
        false
    }
}

/// The waiting caller gets the connection's final error.
fn drive<C: Future + Unpin>(connection: &mut Option<C>, context: &mut Context<'_>) {
    if let Some(running) = connection
        && Pin::new(running).poll(context).is_ready()
    {
        *connection = None;
    }
}
