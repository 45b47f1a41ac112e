//! The embedded DynamoDB and the queue as AWS endpoints on the loopback interface, for functions
//! that run as processes, and for operators: they reach both through the AWS SDK's own client, over
//! HTTP. Nothing is authenticated, but web pages are refused, and a function's process is refused what
//! its role has no [right](rights) to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::task::JoinSet;

use crate::embedded::EmbeddedDynamoDb;
use crate::queue::Queue;
use crate::server::{listen, serve_programs};
use rights::Rights;

pub mod rights;
mod sqs;

/// The largest request: DynamoDB takes up to 16 MB in a batch.
const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// The operation, as `DynamoDB_20120810.PutItem` or `AmazonSQS.SendMessage`.
const TARGET: &str = "x-amz-target";

type Answer = (StatusCode, String);

/// A server of both services. It stops when this is dropped.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    /// Aborts the server when dropped.
    _server: JoinSet<()>,
}

impl Endpoint {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(database: EmbeddedDynamoDb, queue: Arc<Queue>) -> io::Result<Self> {
        Self::start_at(0, database, queue).await
    }

    /// Starts the server on this port; 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    #[expect(clippy::unused_async, reason = "it needs the runtime of its caller")]
    pub async fn start_at(
        port: u16,
        database: EmbeddedDynamoDb,
        queue: Arc<Queue>,
    ) -> io::Result<Self> {
        let listener = listen(port)?;
        let address = listener.local_addr()?;
        let mut server = JoinSet::new();
        let rights = Arc::new(Rights::new()?);
        let answer =
            move |request| answer(database.clone(), queue.clone(), rights.clone(), request);
        server.spawn(serve_programs(listener, answer));
        Ok(Self { address, _server: server })
    }

    /// The server's URL: the value of `AWS_ENDPOINT_URL_DYNAMODB` and `AWS_ENDPOINT_URL_SQS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of the queue.
    pub fn queue_url(&self) -> String {
        format!("{}/000000000000/signals", self.url())
    }

    /// The URL of its dead letters.
    pub fn dead_letter_queue_url(&self) -> String {
        format!("{}/000000000000/{}", self.url(), rights::DEAD_LETTERS)
    }
}

async fn answer(
    database: EmbeddedDynamoDb,
    queue: Arc<Queue>,
    rights: Arc<Rights>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let target = target(&head.headers);
    let (status, body) = match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            match (rights.refusal(&head.headers, target, &body), target.strip_prefix("AmazonSQS."))
            {
                (Some(why), _) => refused("AccessDeniedException", &why),
                (None, Some(operation)) => {
                    let (status, answer) = sqs::answer(&queue, operation, &body);
                    if let Some(meter) = database.meter() {
                        meter.note(target, &body, status.as_u16(), &answer);
                    }
                    (status, answer)
                }
                (None, None) => dynamodb(&database, target, &body).await,
            }
        }
        Err(_) => refused("SerializationException", "the request is too large or broken off"),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

fn target(headers: &HeaderMap) -> &str {
    headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default()
}

async fn dynamodb(database: &EmbeddedDynamoDb, target: &str, body: &[u8]) -> Answer {
    let (status, body) = database.answer(target, body).await;
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
}

fn refused(error_type: &str, message: &str) -> Answer {
    let body = json!({ "__type": error_type, "message": message });
    (StatusCode::BAD_REQUEST, body.to_string())
}

#[cfg(test)]
mod tests;
