//! From an HTTP answer to the JSON of a result, or to an error.

use std::time::Duration;

use a2a_lambda_https::Answer;
use a2a_lambda_protocol::RemoteError;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::error::Error;
use crate::interface::Binding;
use crate::json_rpc;

/// The longest time that a server can ask to be left alone for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// An answer that is all there.
pub(crate) struct Whole {
    status: StatusCode,
    retry_after: Option<Duration>,
    text: Result<String, Error>,
}

impl Whole {
    /// Reads the whole body.
    pub(crate) async fn of(answer: Answer, most: usize, within: Duration) -> Result<Self, Error> {
        let status = answer.status;
        let retry_after = retry_after(&answer.headers);
        let body = answer.whole(most, within).await?;
        let text = String::from_utf8(body.into())
            .map_err(|error| Error::NotA2a(format!("it is not UTF-8 at byte {}", valid(&error))));
        Ok(Self { status, retry_after, text })
    }

    /// The JSON of the result.
    pub(crate) fn result(&self, binding: Binding, id: u64) -> Result<&str, Error> {
        let text = match &self.text {
            Ok(text) => text.as_str(),
            Err(_) if !self.status.is_success() => return Err(self.by_status()),
            Err(Error::NotA2a(what)) => return Err(Error::NotA2a(what.clone())),
            Err(_) => return Err(self.by_status()),
        };
        match binding {
            Binding::JsonRpc => match json_rpc::read(id, text, self.status.as_u16()) {
                // A result under a status of an error is none.
                Ok(result) if self.status.is_success() => Ok(result),
                Ok(_) => Err(self.by_status()),
                Err(Some(Error::Agent(error))) => Err(self.with_wait(*error)),
                Err(Some(error)) if self.status.is_success() => Err(error),
                Err(_) if !self.status.is_success() => Err(self.by_status()),
                Err(_) => Err(not_json(text, "it is no answer of JSON-RPC")),
            },
            // A deletion has no result to read.
            Binding::HttpJson if self.status.is_success() && text.is_empty() => Ok(text),
            Binding::HttpJson if self.status.is_success() => {
                match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                    Ok(_) => Ok(text),
                    Err(_) => Err(not_json(text, "")),
                }
            }
            Binding::HttpJson => {
                let body = serde_json::from_str::<Value>(text).ok();
                let error = body.and_then(|it| RemoteError::from_http(&it, self.status.as_u16()));
                // An API gateway says `{"message": "Forbidden"}`, as a server of 0.3 might.
                Err(error.map_or_else(|| self.by_status(), |error| self.with_wait(error)))
            }
        }
    }

    fn with_wait(&self, mut error: RemoteError) -> Error {
        error.retry_after = error.retry_after.or(self.retry_after);
        error.into()
    }

    fn by_status(&self) -> Error {
        by_status(self.status, self.retry_after)
    }
}

/// The error of an answer of which only the status counts.
pub(crate) fn by_status(status: StatusCode, retry_after: Option<Duration>) -> Error {
    if status.is_redirection() {
        return Error::NotA2a(format!(
            "it is a redirection (HTTP {}), which the client does not follow",
            status.as_u16()
        ));
    }
    Error::Http { status, retry_after }
}

/// An error with the byte at which a text stops to be JSON. If it is JSON, `otherwise` is the
/// error's text.
pub(crate) fn not_json(text: &str, otherwise: &str) -> Error {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Error::NotA2a(otherwise.to_owned()),
        Err(error) => {
            let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
            let before = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
            let byte = if error.is_eof() { text.len() } else { before };
            let what = if text.trim_start().starts_with('<') {
                "it is HTML or XML, not"
            } else {
                "it is not"
            };
            let end = if error.is_eof() { ", where it ends too early" } else { "" };
            Error::NotA2a(format!("{what} JSON at byte {byte}{end}"))
        }
    }
}

/// Whether the body is a stream of events.
pub(crate) fn is_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("text/event-stream")
}

/// The seconds of `Retry-After` (RFC 9110 section 10.2.3). A date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

fn valid(error: &std::string::FromUtf8Error) -> usize {
    error.utf8_error().valid_up_to()
}
