//! The HTTP side: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Ended, FUNCTION_NAME, MAX_BUFFERED_BYTES, MAX_STREAMED_BYTES, Progress, Shared};
use crate::server::serve_programs;

const API: &str = "/2018-06-01/runtime/";

type Answer = Response<Full<Bytes>>;

/// Serves until it is aborted, and its connections with it.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    serve_programs(listener, move |request| {
        let shared = shared.clone();
        async move { answer(&shared, request).await }
    })
    .await;
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let Some(call) = path.strip_prefix(API) else {
        return refuse(StatusCode::NOT_FOUND, "NotFound");
    };
    let parts: Vec<_> = call.split('/').collect();
    match (&method, parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(shared).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let head = ResponseHead::of(request.headers());
            forward(shared, id, request.into_body(), head.limit(), |trailers| Ended::Response {
                content_type: head.content_type,
                streamed: head.streamed,
                trailers,
            })
            .await
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            forward(shared, id, request.into_body(), MAX_BUFFERED_BYTES, |_| Ended::Error).await
        }
        (&Method::POST, ["init", "error"]) => init_error(shared, request.into_body()).await,
        _ => refuse(StatusCode::NOT_FOUND, "NotFound"),
    }
}

/// Hands out the next event, however long that takes.
async fn next(shared: &Shared) -> Answer {
    let queued = shared.take().await;
    let request_id = uuid::Uuid::new_v4();
    let deadline_ms = epoch_ms().saturating_add(millis(queued.deadline));
    let answer = Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", request_id.to_string())
        .header("Lambda-Runtime-Deadline-Ms", deadline_ms)
        .header(
            "Lambda-Runtime-Invoked-Function-Arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION_NAME}"),
        )
        .header("Lambda-Runtime-Trace-Id", trace_id(request_id))
        .body(Full::new(queued.event));
    shared.started(request_id.to_string(), queued.progress, queued.deadline);
    answer.unwrap_or_else(|_| refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"))
}

struct ResponseHead {
    content_type: Option<String>,
    streamed: bool,
}

impl ResponseHead {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            content_type: text(CONTENT_TYPE.as_str()).map(str::to_owned),
            streamed: text("Lambda-Runtime-Function-Response-Mode") == Some("streaming"),
        }
    }

    fn limit(&self) -> usize {
        if self.streamed { MAX_STREAMED_BYTES } else { MAX_BUFFERED_BYTES }
    }
}

/// Passes a body on to the invoker piece by piece, as it comes.
async fn forward(
    shared: &Shared,
    request_id: &str,
    mut body: Incoming,
    max_bytes: usize,
    ended: impl FnOnce(HeaderMap) -> Ended,
) -> Answer {
    let Some(invoker) = shared.answering(request_id) else {
        return refuse(StatusCode::BAD_REQUEST, "InvalidRequestID");
    };
    let mut bytes_left = max_bytes;
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            tell(&invoker, Progress::Ended(Ended::BrokenOff)).await;
            return refuse(StatusCode::BAD_REQUEST, "BrokenBody");
        };
        match frame.into_data() {
            Ok(chunk) if chunk.len() > bytes_left => {
                let report = report("Function.ResponseSizeTooLarge");
                tell(&invoker, Progress::Ended(Ended::TooLarge { report })).await;
                return refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge");
            }
            Ok(chunk) => {
                bytes_left -= chunk.len();
                tell(&invoker, Progress::Chunk(chunk)).await;
            }
            Err(frame) => {
                if let Ok(more) = frame.into_trailers() {
                    trailers.extend(more);
                }
            }
        }
    }
    tell(&invoker, Progress::Ended(ended(trailers))).await;
    accepted()
}

async fn init_error(shared: &Shared, body: Incoming) -> Answer {
    match Limited::new(body, MAX_BUFFERED_BYTES).collect().await {
        Ok(report) => {
            shared.init_failed(&report.to_bytes());
            accepted()
        }
        Err(_) => refuse(StatusCode::BAD_REQUEST, "BrokenBody"),
    }
}

/// An invoker that has given up is not told; the process answers on without it, as on Lambda.
async fn tell(invoker: &mpsc::Sender<Progress>, progress: Progress) {
    let _ = invoker.send(progress).await;
}

fn accepted() -> Answer {
    json(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#))
}

fn refuse(status: StatusCode, error_type: &str) -> Answer {
    json(status, report(error_type))
}

fn report(error_type: &str) -> Bytes {
    let report = serde_json::json!({ "errorType": error_type, "errorMessage": error_type });
    Bytes::from(report.to_string())
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}

/// A sampled X-Ray trace header, as Lambda makes one for each invocation.
fn trace_id(request_id: uuid::Uuid) -> String {
    let (high, low) = request_id.as_u64_pair();
    let seconds = epoch_ms() / 1_000;
    // X-Ray's form: 8 hex digits of time, 24 of chance; a parent of 16.
    format!("Root=1-{seconds:08x}-{low:016x}{:08x};Parent={high:016x};Sampled=1", high >> 32)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process compares the deadline with the machine's clock, not with a test's"
)]
fn epoch_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}
