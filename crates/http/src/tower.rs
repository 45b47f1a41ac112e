//! The bindings as a `tower::Service`, for servers that are not a function.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use a2a_lambda_protocol::{A2aError, ErrorKind};
use bytes::Bytes;
use futures_core::Stream as _;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use tower_service::Service;

use crate::body::{Body, whole};
use crate::rights::Grant;
use crate::service::Bindings;
use crate::visitor::{Principal, Visitor};

/// The error type of a server's bodies.
type BoxError = Box<dyn Error + Send + Sync>;

/// Answers a request. Its extensions name the caller, as a [`Visitor`]. Without one, the caller is
/// unknown, and the agent card has the URL from the request's `Host`.
impl<B> Service<Request<B>> for Bindings
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let bindings = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let visitor = parts.extensions.remove::<Visitor>();
            let visitor = visitor.unwrap_or_else(|| nobody(&parts));
            match bindings.read(body).await {
                Ok(body) => Ok(bindings.handle(&parts, &body, &visitor).await),
                Err(error) => {
                    let mut response = bindings.refuse(&parts, &Bytes::new(), &error);
                    let headers = response.headers_mut();
                    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                    Ok(whole(response))
                }
            }
        })
    }
}

impl Bindings {
    /// Reads a whole body, up to the largest allowed size. It stops reading a larger one.
    async fn read<B>(&self, body: B) -> Result<Bytes, A2aError>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let limit = self.config.max_body_bytes;
        let read = Limited::new(body, limit).collect().await;
        read.map(Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() {
                let text = format!("the body is larger than {limit} bytes, which is the limit");
                return A2aError::new(ErrorKind::PayloadTooLarge, text);
            }
            let text = "the body did not come whole";
            A2aError::new(ErrorKind::InvalidRequest, text).with_source(error)
        })
    }
}

/// The visitor of a request that names none.
fn nobody(parts: &Parts) -> Visitor {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(Authority::as_str).or(host).unwrap_or("localhost");
    Visitor {
        principal: Principal::Nobody,
        grant: Grant::default(),
        base_url: format!("{}://{host}", parts.uri.scheme_str().unwrap_or("http")),
        answer_by: None,
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(bytes) => {
                Poll::Ready(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()))
            }
            Self::Events(events) => Pin::new(events).poll_next(context),
        };
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}
