//! The answers: JSON for programs, pages for people.

use a2a_lambda_aws::door::{AnswerEvent, Form};
use a2a_lambda_core::operations::callbacks::{Accepted, Awaited};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::page;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// When a sender may try again, in seconds.
const RETRY_AFTER: &str = "5";

/// The headers of every answer: its URL is a secret, so nothing may keep, name or index it.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// An answer to an event.
#[derive(Debug)]
pub struct Answer {
    response: Response<Bytes>,
    form: Form,
}

impl Answer {
    pub(crate) fn new(reply: Reply, form: Form) -> Self {
        Self { response: reply.0, form }
    }

    /// The HTTP response.
    pub fn into_response(self) -> Response<Bytes> {
        self.response
    }

    /// The event that the front door takes.
    pub fn into_event(self) -> AnswerEvent {
        self.form.event(self.response)
    }
}

/// The outcome of a request.
pub(crate) enum Outcome {
    /// The callback took it.
    Accepted(Accepted),
    /// Somebody looks at a callback that waits.
    Asked(Awaited),
    /// Somebody asks whether the URL expects pushes.
    Challenged(String),
}

/// Why a request was refused. The texts repeat nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the body, or the request, cannot be read")]
    Unreadable,
    #[error("there is no such callback")]
    Unknown,
    #[error("the callback cannot be asked this way")]
    Method { allowed: &'static str },
    #[error("the callback has another answer")]
    Answered,
    #[error("the callback is over: it was answered, it expired, or its task has ended")]
    Over,
    #[error("the body is too large: the limit is {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the answer could not be stored now: try again")]
    Unavailable,
    #[error("there was no time to answer: try again; the answer may have been stored")]
    Late,
}

/// A response with the headers that each one has.
#[derive(Debug)]
pub(crate) struct Reply(Response<Bytes>);

impl Reply {
    fn new(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        for (name, value) in ALWAYS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if media_type == HTML {
            let policy = HeaderValue::from_static(page::CSP);
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Self(response)
    }

    fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, JSON, body.to_string())
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }

    /// A text for programs.
    pub(crate) fn message(status: StatusCode, text: &str) -> Self {
        Self::json(status, &json!({ "message": text }))
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status()
    }
}

impl Outcome {
    pub(crate) fn reply(self, is_html: bool) -> Reply {
        let accepted = match self {
            Self::Asked(awaited) => return Reply::new(StatusCode::OK, HTML, page::asks(&awaited)),
            Self::Challenged(text) => return Reply::new(StatusCode::OK, TEXT, text),
            Self::Accepted(accepted) => accepted,
        };
        let (word, sentence) = match accepted {
            Accepted::Answered => {
                ("answered", "Your answer is on its way. You can close this page.")
            }
            Accepted::Repeated => {
                ("repeated", "This answer was given before. You can close this page.")
            }
            Accepted::Extended => ("extended", "There is more time now."),
        };
        if is_html {
            return Reply::new(StatusCode::OK, HTML, page::says("Thank you", sentence));
        }
        Reply::json(StatusCode::OK, &json!({ "result": word }))
    }
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Answered => StatusCode::CONFLICT,
            Self::Over => StatusCode::GONE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The name in the body, as the other functions have them.
    fn name(self) -> &'static str {
        match self {
            Self::Unreadable | Self::TooLarge { .. } => "INVALID_ARGUMENT",
            Self::Unknown | Self::Over => "NOT_FOUND",
            Self::Method { .. } => "UNIMPLEMENTED",
            Self::Answered => "ALREADY_EXISTS",
            Self::Unavailable | Self::Late => "UNAVAILABLE",
        }
    }

    /// The text for a person.
    fn sentence(self) -> &'static str {
        match self {
            Self::Unknown => "There is nothing at this address. Was the whole link copied?",
            Self::Answered => "Another answer was given before, and it counts.",
            Self::Over => "This link is over. It was used, or it came too late.",
            Self::TooLarge { .. } => "The answer is too long.",
            Self::Unreadable | Self::Method { .. } => "This cannot be understood.",
            Self::Unavailable | Self::Late => {
                "This does not work now. Please try again in a minute."
            }
        }
    }

    pub(crate) fn reply(self, is_html: bool) -> Reply {
        let status = self.status();
        let reply = if is_html {
            Reply::new(status, HTML, page::says("Not possible", self.sentence()))
        } else {
            let (code, name, text) = (status.as_u16(), self.name(), self.to_string());
            let error = json!({ "code": code, "status": name, "message": text });
            Reply::json(status, &json!({ "error": error }))
        };
        match self {
            Self::Method { allowed } => reply.with(header::ALLOW, allowed),
            Self::Unavailable | Self::Late => reply.with(header::RETRY_AFTER, RETRY_AFTER),
            _ => reply,
        }
    }
}

/// Whether a browser asks.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}
