//! HTTP servers on the loopback interface. Each has bounds for the memory that a client can claim.

mod patient;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::gate::{Gate, Refusal};
use patient::Patient;

/// How many connections a server serves at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 4_096;

/// How many connections wait to be accepted.
const MAX_BACKLOG: u32 = 1_024;

/// How long to wait before accepting again when that fails, as it does without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How much of an answer waits in this process for a client that does not read, beside one piece of
/// it. It is the longest head of a request, too.
const MAX_BUFFERED_BYTES: usize = 64 * 1024;

/// The most headers of a request: more than a function takes, which names its bound.
const MAX_HEADERS: usize = 2_000;

/// The most bytes of an answer that the operating system buffers for such a client. By default that
/// grows to megabytes, and a stream is made for a client that never reads it.
const MAX_SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// How long a client may take nothing of an answer that waits for it.
const UNREAD_TIMEOUT: Duration = Duration::from_mins(1);

/// Listens on a port of the loopback interface; 0 takes a free one.
///
/// # Errors
/// When the port cannot be had.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // The connections that it accepts have the same.
    socket.set_send_buffer_size(MAX_SEND_BUFFER_BYTES)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(MAX_BACKLOG)
}

/// Serves programs of this machine until the future is dropped, and its connections with it.
/// Requests of web pages are refused.
pub async fn serve_programs<Fut>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
) where
    Fut: Future<Output = Response<Full<Bytes>>> + Send,
{
    let answer = move |request: Request<Incoming>, _peer| {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            match Gate::default().check(&parts) {
                Ok(()) => answer(Request::from_parts(parts, body)).await,
                Err(Refusal { status, message }) => {
                    let body = Full::new(Bytes::from(json!({ "message": message }).to_string()));
                    let mut response = Response::new(body);
                    *response.status_mut() = status;
                    response
                }
            }
        }
    };
    // They keep connections while they work.
    accept(listener, None, answer).await;
}

/// Answers the requests of all connections until the future is dropped, and its connections with it.
/// A connection is closed that takes longer than `header_timeout` to send the head of a request.
pub async fn accept<F, Fut, B>(listener: TcpListener, header_timeout: Option<Duration>, answer: F)
where
    F: Fn(Request<Incoming>, SocketAddr) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let accepted = loop {
            tokio::select! {
                accepted = listener.accept() => break accepted,
                Some(_) = connections.join_next() => {}
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                // Answers are small and must not wait for more.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "no TCP_NODELAY");
                }
                let answer = answer.clone();
                connections.spawn(async move {
                    let answer = move |request| answer(request, peer);
                    connection(stream, header_timeout, answer).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(event = "connection_not_accepted", %error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers the requests of one connection until it ends. See [`accept`].
pub async fn connection<S, F, Fut, B>(stream: S, header_timeout: Option<Duration>, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Incoming>) -> Fut,
    Fut: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let service = service_fn(|request| {
        let answering = answer(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_BUFFERED_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream, UNREAD_TIMEOUT)), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests;
