//! Answers, as the front door takes them: whole in one event, or as a stream.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use a2a_lambda_aws::EventKind;
use a2a_lambda_aws::door::{AnswerEvent, Form};
use a2a_lambda_core::measure;
use a2a_lambda_http::{Body, EventStream};
use a2a_lambda_protocol::A2aError;
use a2a_lambda_runtime::Invocation;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode};
use lambda_runtime::{FunctionResponse, IntoFunctionResponse, MetadataPrelude, StreamResponse};
use tracing::Span;

/// An answer to an event.
#[derive(Debug)]
pub enum Answer {
    /// For a front door that takes answers whole, in this form.
    Buffered(Response<Bytes>, Form),
    /// For a front door that streams: status, headers, and the chunks of the body.
    Streamed(Parts, Chunks),
}

/// The most that a whole answer may have.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Of its body, as text in JSON.
    bytes: usize,
    /// Of a stream of events that is buffered. The rest is for the next request, by
    /// `Last-Event-ID`.
    stream_bytes: usize,
}

/// The form in which an answer goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Whole(Form),
    Streamed,
}

/// The body of a streamed answer.
pub struct Chunks {
    source: Source,
    /// The span of the request.
    span: Span,
    /// The invocation, which goes on until the stream ends.
    invocation: Option<Invocation>,
    /// The end of the invocation, once all is sent.
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chunks").field(&self.source).finish()
    }
}

#[derive(Debug)]
enum Source {
    Whole(Option<Bytes>),
    Events(EventStream),
}

impl Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(ending) = &mut self.ending {
            ready!(ending.as_mut().poll(context));
            self.ending = None;
            return Poll::Ready(None);
        }
        let Self { source, span, .. } = &mut *self;
        let next = {
            let _entered = span.enter();
            match source {
                Source::Whole(bytes) => bytes.take(),
                Source::Events(events) => ready!(events.poll_next_unpin(context)),
            }
        };
        if next.is_none()
            && let Some(invocation) = self.end()
        {
            // The client has everything by now, but for the end.
            self.ending = Some(Box::pin(invocation.finish()));
            return self.poll_next(context);
        }
        Poll::Ready(next.map(Ok))
    }
}

impl Chunks {
    /// Ends the request's span. Returns the invocation, which the test must finish.
    fn end(&mut self) -> Option<Invocation> {
        let invocation = self.invocation.take()?;
        if matches!(self.source, Source::Events(_)) {
            invocation.span().in_scope(|| measure::stream(invocation.elapsed()));
        }
        self.span = Span::none();
        Some(invocation)
    }
}

/// A stream may end because its client has gone.
impl Drop for Chunks {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// The form in which the front door takes answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// Whole, as an HTTP API does, a REST API whose integration is not set to `STREAM`, and a
    /// Function URL with `InvokeMode: BUFFERED`. A stream of events is collected until it ends, or
    /// shortly before the invocation does.
    #[default]
    Buffer,
    /// As a stream: a REST API with `responseTransferMode: STREAM`, or a Function URL with
    /// `InvokeMode: RESPONSE_STREAM`. A load balancer's answers are whole all the same.
    Stream,
}

impl ResponseMode {
    /// The form in which the answer to an event goes out. A load balancer takes no stream.
    pub(crate) fn way(self, form: Form) -> Way {
        match (self, form) {
            (Self::Stream, Form::HttpApi | Form::RestApi) => Way::Streamed,
            (_, form) => Way::Whole(form),
        }
    }
}

impl Way {
    /// An answer that is all there.
    pub(crate) fn whole(self, response: Response<Bytes>) -> Answer {
        match self {
            Self::Streamed => Answer::stream(response.map(Body::Whole)),
            Self::Whole(form) => Answer::Buffered(response, form),
        }
    }

    /// An answer that may be a stream of events.
    ///
    /// # Errors
    /// When it must be whole, and is larger than the front door takes.
    pub(crate) async fn answer(self, response: Response<Body>) -> Result<Answer, A2aError> {
        match self {
            Self::Streamed => Ok(Answer::stream(response)),
            Self::Whole(form) => Answer::buffer(response, form).await,
        }
    }

    /// The answer to an unsupported front door.
    pub(crate) fn not_served(self, kind: &EventKind) -> Answer {
        let text = format!(
            "this function does not serve {kind}; it serves REST APIs, HTTP APIs, Function URLs \
             and Application Load Balancers"
        );
        self.whole(a2a_lambda_http::not_implemented(&text))
    }

    /// The answer to an event without a request. It is not a failure: otherwise every call of a
    /// warmer would be one.
    pub(crate) fn no_request() -> Answer {
        message(Form::HttpApi, "this event is no request: nothing was done")
    }

    /// The answer to the health check of a load balancer.
    pub(crate) fn healthy(form: Form) -> Answer {
        message(form, "healthy")
    }
}

fn message(form: Form, text: &str) -> Answer {
    let body = serde_json::json!({ "message": text }).to_string();
    Answer::Buffered(Response::new(Bytes::from(body)), form)
}

impl Answer {
    /// A streamed answer. Lambda has no limit for these that A2A could reach.
    fn stream(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let source = match body {
            Body::Whole(bytes) => Source::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Body::Events(events) => Source::Events(events),
        };
        let chunks = Chunks { source, span: Span::current(), invocation: None, ending: None };
        Self::Streamed(parts, chunks)
    }

    /// A whole answer. A stream of events is collected until it ends.
    async fn buffer(response: Response<Body>, form: Form) -> Result<Self, A2aError> {
        let limits = limits(form);
        let (parts, body) = response.into_parts();
        let body = match body {
            Body::Whole(bytes) => bytes,
            Body::Events(events) => collect(events, limits).await,
        };
        let (bytes, most) = (event_bytes(&body), limits.bytes);
        if bytes > most {
            return Err(A2aError::unsupported(format!(
                "it was carried out, but the answer would have {bytes} bytes, and {most} are \
                 possible: ask for less, by historyLength, pageSize, includeArtifacts or \
                 Last-Event-ID"
            )));
        }
        Ok(Self::Buffered(Response::from_parts(parts, body), form))
    }

    /// The answer, with which the invocation ends: when all of it is sent, or its client has gone.
    pub async fn until_its_end(mut self, of: Invocation) -> Self {
        match &mut self {
            Self::Streamed(_, chunks) => chunks.invocation = Some(of),
            Self::Buffered(..) => of.finish().await,
        }
        self
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Buffered(response, _) => response.status(),
            Self::Streamed(parts, _) => parts.status,
        }
    }

    /// The headers.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        match self {
            Self::Buffered(response, _) => response.headers_mut(),
            Self::Streamed(parts, _) => &mut parts.headers,
        }
    }
}

fn limits(form: Form) -> Limits {
    match form {
        // Lambda takes 6 MB.
        Form::HttpApi | Form::RestApi => Limits { bytes: 5_900_000, stream_bytes: 4_000_000 },
        // A load balancer takes 1 MB of JSON, with the headers.
        Form::LoadBalancer { .. } => Limits { bytes: 950_000, stream_bytes: 640_000 },
    }
}

/// The events of a stream, one after the other, without the comments that keep connections open.
async fn collect(mut events: EventStream, limits: Limits) -> Bytes {
    let mut body = Vec::new();
    let mut bytes = 0;
    while bytes < limits.stream_bytes
        && let Some(event) = events.next().await
    {
        if !event.starts_with(b":") {
            bytes += event_bytes(&event);
            // One that does not fit is for the next request, unless nothing would fit.
            if bytes > limits.bytes && !body.is_empty() {
                break;
            }
            body.extend_from_slice(&event);
        }
    }
    body.into()
}

/// How many bytes of its event a body takes: it is a string there, in which quotes, backslashes and
/// JSON's white space take two.
fn event_bytes(body: &[u8]) -> usize {
    let takes_two = |byte: &&u8| matches!(**byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    body.len() + body.iter().filter(takes_two).count()
}

impl IntoFunctionResponse<AnswerEvent, Chunks> for Answer {
    fn into_response(self) -> FunctionResponse<AnswerEvent, Chunks> {
        match self {
            Self::Buffered(response, form) => {
                FunctionResponse::BufferedResponse(form.event(response))
            }
            // The head of a stream is the same for a REST API and a Function URL.
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
