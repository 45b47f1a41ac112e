//! The local cloud's front door, which is what API Gateway is in the account. It is behind a [`Gate`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::gate::{Gate, Refusal};
use a2a_lambda_aws_emulator::server::accept;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::cloud::{CALLBACKS, Cloud};
use crate::events::{ResponseBody, refused};

/// The largest body that Lambda is given in one event.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// How long a connection of a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to send the body of a request.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(1);

/// Serves the local cloud until the future is dropped, and its connections with it.
pub async fn serve(listener: TcpListener, gate: Gate, cloud: Arc<Cloud>) {
    let gate = Arc::new(gate);
    let answer = move |request: Request<Incoming>, peer: SocketAddr| {
        let (gate, cloud) = (gate.clone(), cloud.clone());
        async move { front_door(request, peer.ip(), &gate, &cloud).await }
    };
    accept(listener, Some(HEADER_TIMEOUT), answer).await;
}

async fn front_door(
    request: Request<Incoming>,
    peer: IpAddr,
    gate: &Gate,
    cloud: &Cloud,
) -> Response<ResponseBody> {
    let (parts, body) = request.into_parts();
    if is_callback(parts.uri.path()) {
        return callback(parts, body, peer, gate, cloud).await;
    }
    if let Err(Refusal { status, message }) = gate.check(&parts) {
        return refused(status, &message);
    }
    if let Some(preflight) = gate.cors().preflight(&parts.method, &parts.headers) {
        return preflight
            .map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
    }
    let origin = parts.headers.get(header::ORIGIN).cloned();
    let mut response = match upload(body).await {
        Ok(body) => cloud.request(&parts, &body, peer.to_string()).await,
        Err(Refusal { status, message }) => refused(status, &message),
    };
    gate.cors().add(origin.as_ref(), response.headers_mut());
    response
}

fn is_callback(path: &str) -> bool {
    path.strip_prefix(CALLBACKS).is_some_and(|rest| rest.starts_with('/'))
}

/// The door of callbacks, which is another one in the account. The page's form comes from the
/// origin `null`, since the page names no referrer. The token authorizes an answer, from any
/// origin.
async fn callback(
    mut parts: Parts,
    body: Incoming,
    peer: IpAddr,
    gate: &Gate,
    cloud: &Cloud,
) -> Response<ResponseBody> {
    parts.headers.remove(header::ORIGIN);
    if let Err(Refusal { status, message }) = gate.check(&parts) {
        return refused(status, &message);
    }
    match upload(body).await {
        Ok(body) => cloud.callback(&parts, &body, peer.to_string()).await,
        Err(Refusal { status, message }) => refused(status, &message),
    }
}

/// The whole body of a request.
async fn upload(body: Incoming) -> Result<Bytes, Refusal> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect();
    let (status, message) = match timeout(UPLOAD_TIMEOUT, body).await {
        Ok(Ok(body)) => return Ok(body.to_bytes()),
        Ok(Err(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long"),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "Request Timed Out"),
    };
    Err(Refusal { status, message: message.to_owned() })
}

#[cfg(test)]
mod tests;
