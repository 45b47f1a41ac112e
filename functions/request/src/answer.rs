//! Answers, as the front door takes them: whole in one event, or as a stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use a2a_lambda_aws::EventKind;
use a2a_lambda_http::{Body, EventStream};
use a2a_lambda_protocol::A2aError;
use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body as EventBody;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::response::Parts;
use http::{HeaderMap, Response};
use lambda_runtime::{FunctionResponse, IntoFunctionResponse, MetadataPrelude, StreamResponse};

use crate::ResponseMode;

/// The most that an answer may have, out of the 6 MB that Lambda gives a function's.
const MAX_BUFFERED_BYTES: usize = 5_900_000;

/// The most that a stream is given which is buffered: the rest is for the next request, by
/// `Last-Event-ID`.
const MAX_BUFFERED_STREAM_BYTES: usize = 4_000_000;

/// An answer to an event.
#[derive(Debug)]
pub enum Answer {
    /// For a front door that takes answers whole.
    Buffered(ApiGatewayV2httpResponse),
    /// For a front door that streams: status and headers, and what the body is made of.
    Streamed(Parts, Chunks),
}

/// The body of a streamed answer.
#[derive(Debug)]
pub struct Chunks(Source);

#[derive(Debug)]
enum Source {
    Whole(Option<Bytes>),
    Events(EventStream),
}

impl Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Source::Events(events) => events.poll_next_unpin(context).map(|next| next.map(Ok)),
        }
    }
}

impl ResponseMode {
    /// An answer that is all there, as the front door takes it.
    pub(crate) fn whole(self, response: Response<Bytes>) -> Answer {
        match self {
            Self::Stream => Answer::stream(response.map(Body::Whole)),
            Self::Buffer => Answer::whole(response),
        }
    }
}

impl Answer {
    /// A streamed answer. Lambda has no limit for these that A2A could reach.
    pub(crate) fn stream(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let source = match body {
            Body::Whole(bytes) => Source::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Body::Events(events) => Source::Events(events),
        };
        Self::Streamed(parts, Chunks(source))
    }

    /// A whole answer. What would have been a stream of events is collected until it ends.
    ///
    /// # Errors
    /// When it is larger than Lambda takes.
    pub(crate) async fn buffer(response: Response<Body>) -> Result<Self, A2aError> {
        let (parts, body) = response.into_parts();
        let body = match body {
            Body::Whole(bytes) => bytes,
            Body::Events(events) => collect(events).await,
        };
        let bytes = event_bytes(&body);
        if bytes > MAX_BUFFERED_BYTES {
            return Err(A2aError::unsupported(format!(
                "it was carried out, but the answer would have {bytes} bytes, and \
                 {MAX_BUFFERED_BYTES} are possible: ask for less, by historyLength, pageSize, \
                 includeArtifacts or Last-Event-ID"
            )));
        }
        Ok(Self::whole(Response::from_parts(parts, body)))
    }

    /// The answer to a front door whose events are not read, in the form that they all take.
    pub(crate) fn not_served(kind: &EventKind, mode: ResponseMode) -> Self {
        let text = format!("this function does not serve {kind}; it serves {}", EventKind::HttpApi);
        let mut answer = mode.whole(a2a_lambda_http::not_implemented(&text));
        if let Self::Buffered(event) = &mut answer {
            // A load balancer may be set to read these only.
            event.multi_value_headers = event.headers.clone();
        }
        answer
    }

    /// The answer to what is no request. It is no failure: a warmer would be told of one each time.
    pub(crate) fn no_request() -> Self {
        let body = r#"{"message":"this event is no request: nothing was done"}"#;
        Self::whole(Response::new(Bytes::from_static(body.as_bytes())))
    }

    /// The headers.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        match self {
            Self::Buffered(event) => &mut event.headers,
            Self::Streamed(parts, _) => &mut parts.headers,
        }
    }

    /// The event that a response is answered with. All our bodies are text.
    pub(crate) fn whole(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let mut event = ApiGatewayV2httpResponse::default();
        event.status_code = i64::from(parts.status.as_u16());
        event.headers = parts.headers;
        event.body = match String::from_utf8(body.into()) {
            Ok(text) => Some(EventBody::Text(text)),
            Err(bytes) => {
                event.is_base64_encoded = true;
                Some(EventBody::Binary(bytes.into_bytes()))
            }
        };
        Self::Buffered(event)
    }
}

/// The events of a stream, one after the other, without the comments that keep connections open.
async fn collect(mut events: EventStream) -> Bytes {
    let mut body = Vec::new();
    let mut bytes = 0;
    while bytes < MAX_BUFFERED_STREAM_BYTES
        && let Some(event) = events.next().await
    {
        if !event.starts_with(b":") {
            bytes += event_bytes(&event);
            // One that does not fit is for the next request, unless nothing would fit.
            if bytes > MAX_BUFFERED_BYTES && !body.is_empty() {
                break;
            }
            body.extend_from_slice(&event);
        }
    }
    body.into()
}

/// How many bytes of its event a body takes: it is a string in there, in which quotes, backslashes
/// and the white space that JSON may have take two.
fn event_bytes(body: &[u8]) -> usize {
    let takes_two = |byte: &&u8| matches!(**byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    body.len() + body.iter().filter(takes_two).count()
}

impl IntoFunctionResponse<ApiGatewayV2httpResponse, Chunks> for Answer {
    fn into_response(self) -> FunctionResponse<ApiGatewayV2httpResponse, Chunks> {
        match self {
            Self::Buffered(event) => FunctionResponse::BufferedResponse(event),
            Self::Streamed(parts, stream) => {
                let metadata_prelude = MetadataPrelude {
                    status_code: parts.status,
                    headers: parts.headers,
                    ..MetadataPrelude::default()
                };
                FunctionResponse::StreamingResponse(StreamResponse { metadata_prelude, stream })
            }
        }
    }
}
