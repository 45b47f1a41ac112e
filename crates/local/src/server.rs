//! The HTTP server in front of the local cloud: what API Gateway is in the account.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::cloud::Cloud;
use crate::events::{ResponseBody, refused};

/// The largest body that Lambda is given in one event.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// How many connections are served at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 4_096;

/// How long a connection may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before accepting again when that fails, as it does without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until the future is dropped.
pub async fn serve(listener: TcpListener, cloud: Arc<Cloud>) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = connections.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let cloud = cloud.clone();
                tokio::spawn(async move {
                    connection(stream, peer, cloud).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, cloud: Arc<Cloud>) {
    // Answers are small and must not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let cloud = cloud.clone();
        async move { Ok::<_, Infallible>(answer(request, peer, &cloud).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "connection ended");
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    cloud: &Cloud,
) -> Response<ResponseBody> {
    let (parts, body) = request.into_parts();
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => cloud.request(&parts, &body.to_bytes(), peer.ip().to_string()).await,
        Err(_) => refused(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long"),
    }
}
