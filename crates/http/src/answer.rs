//! The form of answers: an envelope of JSON-RPC, or the body alone.

use std::time::Duration;

use a2a_lambda_core::Tail;
use a2a_lambda_protocol::{A2aError, ErrorKind, JsonRpcError, StreamResponse};
use bytes::Bytes;
use http::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::binding::{PLAIN_JSON, challenge, json};
use crate::body::{Body, whole};
use crate::operation::Served;
use crate::sse;

#[derive(Debug, Serialize)]
struct Answer<'a, T> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    content: Content<T>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Content<T> {
    Result(T),
    Error(JsonRpcError),
}

impl<'a, T> Answer<'a, T> {
    fn result(id: Option<&'a RawValue>, result: T) -> Self {
        Self { jsonrpc: "2.0", id, content: Content::Result(result) }
    }
}

impl<'a> Answer<'a, ()> {
    fn error(id: Option<&'a RawValue>, error: &A2aError) -> Self {
        Self { jsonrpc: "2.0", id, content: Content::Error(error.to_json_rpc()) }
    }
}

/// The frame around the results of an operation.
#[derive(Clone, Copy)]
pub(crate) enum Frame<'a> {
    /// An envelope of JSON-RPC, for the request of this id.
    JsonRpc(Option<&'a RawValue>),
    /// No frame: the result is the body, of this media type.
    Http(&'static str),
}

impl Frame<'_> {
    /// Answers with the result of an operation, in the form of 1.0.
    pub(crate) fn write(self, served: Served, keep_alive: Duration) -> Response<Body> {
        match served {
            Served::Whole(outcome) => self.whole(&outcome),
            Served::Stream(tail) => self.stream(tail, keep_alive, std::convert::identity),
        }
    }

    /// Answers with a result.
    pub(crate) fn whole(self, result: &impl Serialize) -> Response<Body> {
        whole(match self {
            Self::JsonRpc(id) => json(200, PLAIN_JSON, &Answer::result(id, result)),
            Self::Http(media_type) => json(200, media_type, result),
        })
    }

    /// Answers with a task's events as they happen. `event` gives the form of each.
    pub(crate) fn stream<E: Serialize + 'static>(
        self,
        tail: Box<Tail>,
        keep_alive: Duration,
        event: fn(StreamResponse) -> E,
    ) -> Response<Body> {
        match self {
            Self::JsonRpc(id) => {
                let id = id.map(ToOwned::to_owned);
                sse::respond(tail, keep_alive, move |response| {
                    sse::json(&Answer::result(id.as_deref(), event(response)))
                })
            }
            Self::Http(_) => {
                sse::respond(tail, keep_alive, move |response| sse::json(&event(response)))
            }
        }
    }
}

/// The JSON-RPC form of an error (spec section 9.5).
pub(crate) fn error_response(id: Option<&RawValue>, error: &A2aError) -> Response<Bytes> {
    challenge(json(200, PLAIN_JSON, &Answer::error(id, error)), error)
}

/// The same for a client that reads only a stream, and reports JSON as a transport error. A 401,
/// 403 or 429 stays JSON, because clients check the status first.
pub(crate) fn stream_error_response(id: Option<&RawValue>, error: &A2aError) -> Response<Bytes> {
    if matches!(
        error.kind,
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied | ErrorKind::TooManyRequests
    ) {
        return error_response(id, error);
    }
    sse::refused(&Answer::error(id, error))
}
