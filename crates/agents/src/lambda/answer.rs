//! A function's answer, as an answer of HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use a2a_lambda_https::{Answer, Chunks, Error, FrameLimits, FrameReader, FramesError};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::Fault;

/// The largest answer that is one object, in bytes: Lambda's own bound is 6 MB.
const MAX_WHOLE_BYTES: usize = 8 * 1024 * 1024;
/// The largest frame of a stream, in bytes, and the largest stream.
const FRAMES: FrameLimits =
    FrameLimits { frame_bytes: 16 * 1024 * 1024, total_bytes: 32 * 1024 * 1024 };
/// The bytes between the head of a streamed answer and its body.
const DIVIDER: [u8; 8] = [0; 8];
/// The error of a function that fails or dies, in an answer as a whole.
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
/// The longest text of a function's error that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 1024;

/// An answer as a proxy of HTTP has it; the head of a streamed one has no body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proxied<'a> {
    status_code: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, serde_json::Value>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Lambda's report of a function that failed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reported {
    error_type: String,
    error_message: String,
}

/// The end of a streamed invocation.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Complete {
    error_code: Option<String>,
    error_details: Option<String>,
}

/// Wraps a fault that the carrier has found. The reader of the answer unwraps it.
fn carried(fault: Fault) -> Error {
    Error::Broken(Box::new(fault))
}

fn no_contract(at: usize, what: impl Into<String>) -> Error {
    carried(Fault::NotContract { at, what: what.into() })
}

/// The fault of a function that failed.
fn failed(kind: &str, mut message: String) -> Error {
    message.truncate(message.floor_char_boundary(MAX_ERROR_BYTES));
    let kind = if matches!(kind, "Handled" | "Unhandled") { "" } else { kind };
    // It did not say so itself: its process has ended, or its time was over.
    let has_died = kind.starts_with("Runtime.")
        || kind.starts_with("Sandbox.")
        || kind.starts_with("Function.")
        || message.contains("Task timed out after");
    carried(if has_died {
        let cause = format!("the function ended ({kind}): {message}");
        Fault::Cut { at: 0, source: Some(cause.into()) }
    } else {
        Fault::Failed { kind: kind.to_owned(), message }
    })
}

/// The answer to an invocation by `Invoke`.
pub(super) async fn whole(answer: Answer, limit: Duration) -> Result<Answer, Error> {
    let error = answer.headers.get(FUNCTION_ERROR).cloned();
    let body = answer.whole(MAX_WHOLE_BYTES, limit).await?;
    if let Some(error) = error {
        let reported: Reported = serde_json::from_slice(&body).unwrap_or_default();
        let kind = Some(&*reported.error_type).filter(|kind| !kind.is_empty());
        return Err(failed(
            kind.or(error.to_str().ok()).unwrap_or_default(),
            reported.error_message,
        ));
    }
    proxied(&body)
}

/// The answer to an invocation by `InvokeWithResponseStream`, once its head has come.
pub(super) async fn streamed(answer: Answer) -> Result<Answer, Error> {
    let mut frames = Payload(FrameReader::new(answer.body, FRAMES));
    let mut begin = BytesMut::new();
    let mut searched = 0;
    while let Some(bytes) = frames.chunk().await? {
        if begin.len() + bytes.len() > MAX_WHOLE_BYTES {
            return Err(Error::TooLarge(MAX_WHOLE_BYTES));
        }
        begin.extend_from_slice(&bytes);
        let found = begin[searched..].windows(DIVIDER.len()).position(|bytes| bytes == DIVIDER);
        if let Some(found) = found {
            let head = begin.split_to(searched + found);
            let _ = begin.split_to(DIVIDER.len());
            let body = Streamed { begin: Some(begin.freeze()), rest: frames };
            return head_of(&head, Box::new(body));
        }
        searched = begin.len().saturating_sub(DIVIDER.len() - 1);
    }
    proxied(&begin)
}

/// The answer that the head of a stream describes.
fn head_of(head: &[u8], body: Box<dyn Chunks>) -> Result<Answer, Error> {
    let proxied: Proxied<'_> = serde_json::from_slice(head)
        .map_err(|error| no_contract(0, format!("the head of its stream: {error}")))?;
    made(&proxied, body)
}

/// The answer that one JSON value is: an object with a status, or by itself the body.
fn proxied(whole: &[u8]) -> Result<Answer, Error> {
    let text = std::str::from_utf8(whole)
        .map_err(|error| no_contract(error.valid_up_to(), "it is not UTF-8"))?;
    let value: &RawValue = serde_json::from_str(text)
        .map_err(|error| no_contract(error.column().saturating_sub(1), error.to_string()))?;
    let proxied = serde_json::from_str::<Proxied<'_>>(value.get()).ok();
    let Some(proxied) = proxied.filter(|proxied| proxied.status_code.is_some()) else {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let body = Bytes::copy_from_slice(value.get().as_bytes());
        return Ok(told(StatusCode::OK, headers, Box::new(Once(Some(body)))));
    };
    let body: Option<String> = match proxied.body {
        Some(body) => Some(
            serde_json::from_str(body.get())
                .map_err(|_| no_contract(0, "the body of the function's answer is no text"))?,
        ),
        None => None,
    };
    let body = body.unwrap_or_default();
    let body = if proxied.is_base64_encoded {
        STANDARD.decode(body).map_err(|_| no_contract(0, "the body of the answer is no base64"))?
    } else {
        body.into_bytes()
    };
    made(&proxied, Box::new(Once(Some(body.into()))))
}

fn made(proxied: &Proxied<'_>, body: Box<dyn Chunks>) -> Result<Answer, Error> {
    let status = StatusCode::from_u16(proxied.status_code.unwrap_or(200))
        .map_err(|_| no_contract(0, "the status of the function's answer is none"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &proxied.headers {
        // Of the headers, only some are looked at. Others may be as they like.
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
            headers.insert(name, value);
        }
    }
    Ok(told(status, headers, body))
}

/// An answer whose end can be told from a cut: Lambda says where it is.
fn told(status: StatusCode, mut headers: HeaderMap, body: Box<dyn Chunks>) -> Answer {
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    Answer { status, headers, body }
}

/// A body that is there.
struct Once(Option<Bytes>);

#[async_trait]
impl Chunks for Once {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.0.take().filter(|bytes| !bytes.is_empty()))
    }
}

/// The rest of a stream behind its head.
struct Streamed {
    begin: Option<Bytes>,
    rest: Payload,
}

#[async_trait]
impl Chunks for Streamed {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.begin.take().filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.rest.chunk().await,
        }
    }
}

/// The bytes that a function streams.
struct Payload(FrameReader<Box<dyn Chunks>>);

#[async_trait]
impl Chunks for Payload {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let at = self.0.taken_bytes();
            let cut = |cause: String| carried(Fault::Cut { at, source: Some(cause.into()) });
            let frame = self.0.next().await.map_err(|error| match error {
                FramesError::Body(error) => error,
                FramesError::FrameTooLarge(most) | FramesError::StreamTooLarge(most) => {
                    Error::TooLarge(most)
                }
                error @ FramesError::Malformed(..) => {
                    let what = match std::error::Error::source(&error) {
                        Some(source) => format!("{error}: {source}"),
                        None => error.to_string(),
                    };
                    no_contract(at, what)
                }
                error @ FramesError::Cut => Error::Broken(error.into()),
            })?;
            let frame = frame.ok_or_else(|| cut("Lambda did not say that it has ended".into()))?;
            match (frame.kind.as_str(), frame.name.as_str()) {
                ("event", "PayloadChunk") if frame.payload.is_empty() => {}
                ("event", "PayloadChunk") => return Ok(Some(frame.payload)),
                ("event", "InvokeComplete") => return ended(&frame.payload).map(|()| None),
                ("event", _) => {}
                (kind, name) => {
                    return Err(cut(format!("Lambda sent the {kind} {name}: {}", frame.message)));
                }
            }
        }
    }
}

/// Reads the last frame of a stream.
fn ended(payload: &[u8]) -> Result<(), Error> {
    let complete: Complete = serde_json::from_slice(payload)
        .map_err(|error| no_contract(0, format!("the end of its stream: {error}")))?;
    let Some(code) = complete.error_code else { return Ok(()) };
    let details = complete.error_details.unwrap_or_default();
    match serde_json::from_str::<Reported>(&details) {
        Ok(reported) if !reported.error_type.is_empty() => {
            Err(failed(&reported.error_type, reported.error_message))
        }
        _ => Err(failed(&code, details)),
    }
}
