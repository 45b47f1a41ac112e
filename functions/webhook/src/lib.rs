#![doc = include_str!("../README.md")]
//!
//! # Requests
//!
//! `{CALLBACK_URL}/{token}` is the URL of a callback. Only the end of the path counts, so a stage or a
//! base path in front of it does not matter.
//!
//! | request | what it does |
//! |---|---|
//! | `POST {url}` | answers the callback by the body: see below |
//! | `POST {url}/fail` | gives up. The body is the reason: a text, or JSON with a `reason` |
//! | `POST {url}/heartbeat` | is still at work: the patience begins again |
//! | `GET {url}` | a page for people. It changes nothing |
//! | `GET {url}?validationToken=x` | `x`, as a receiver of pushes is challenged |
//!
//! The body of an answer has at most [64 KB](MAX_BODY_BYTES). The agent is given it as JSON:
//!
//! | body | JSON |
//! |---|---|
//! | JSON (`application/json`, `…+json`) | as it is |
//! | an A2A event: `application/a2a+json`, or JSON that has the form of one | none, if the task goes on: a heartbeat. Otherwise as it is, up to a step's bound |
//! | a form (`application/x-www-form-urlencoded`) | an object of texts, or of lists of texts where a name is repeated. A body that begins with `{` or `[` is JSON |
//! | text (`text/…`) | a text |
//! | without a media type | JSON if it is some, or else a text |
//! | empty | `null` |
//! | anything else | `{"contentType":"…","base64":"…"}` |
//!
//! The page's form sends `decision` (`approve` or `decline`) and `comment`.
//!
//! # Answers
//!
//! | status | meaning |
//! |---|---|
//! | 200 | it is stored. The same answer can be repeated |
//! | 400 | the body cannot be read, or is compressed |
//! | 404 | there is no such callback: the token was not made here |
//! | 405 | another method |
//! | 409 | the callback has another answer |
//! | 410 | the callback is over: answered, expired, or of a task that is |
//! | 413 | the body is too large |
//! | 503 | the store or the keeper of the key did not answer: try again after `Retry-After` |
//!
//! # Secrets
//!
//! Anyone who has a token can answer. No path and no body is logged, shown in an error or in
//! `Debug`.

mod a2a;
mod answer;
mod body;
mod bootstrap;
mod form;
mod page;
mod target;

use std::time::Duration;

use a2a_lambda_aws::door::{self, Arrival, Base, Form, Read};
use a2a_lambda_aws::{EventError, EventKind, engine_without_pushes};
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::operations::callbacks::{CallbackError, Callbacks};
use a2a_lambda_core::{Engine, trace};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::{ConfigError, Variables};
use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode};
use serde_json::value::RawValue;
use tracing::{Instrument as _, Span, field, info, trace_span, warn};

use crate::answer::{Outcome, Refusal, Reply};
use crate::target::{Act, Target};

pub use answer::Answer;
pub use body::MAX_BODY_BYTES;
pub use bootstrap::main;

/// The time before the end of an invocation that is kept for the answer that time ran out.
const REFUSAL_MARGIN: Duration = Duration::from_millis(150);

/// W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The handler's context: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    engine: Engine,
    callbacks: Callbacks,
}

impl Context {
    /// The context of a function over this engine.
    pub fn new(engine: Engine) -> Self {
        Self { callbacks: Callbacks::new(engine.clone()), engine }
    }
}

/// The context of the function, from its variables.
///
/// # Errors
/// When a variable is missing or cannot be used.
pub fn context(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    Ok(Context::new(engine_without_pushes(variables)?))
}

/// Answers one event; `deadline` is the end of the invocation. Every request gets an answer, even
/// if it is malformed.
///
/// # Errors
/// When the event is a batch of records, which is another function's: an answer would lose it.
pub async fn handle(
    event: &RawValue,
    deadline: Timestamp,
    context: &Context,
) -> Result<Answer, EventError> {
    let kind = EventKind::of(event);
    let Some(Read { form, arrival, is_health_check }) = door::read(&kind, event) else {
        return other_than_request(kind);
    };
    if is_health_check {
        return Ok(Answer::new(Reply::message(StatusCode::OK, "healthy"), form));
    }
    let reply = match arrival {
        Ok(arrival) => {
            let span = span(&arrival);
            let reply = respond(arrival, deadline, context).instrument(span.clone()).await;
            span.record("http.response.status_code", reply.status().as_u16());
            reply
        }
        // The error can show a part of the event.
        Err(_) => Reply::message(StatusCode::BAD_REQUEST, "the request cannot be read"),
    };
    Ok(Answer::new(reply, form))
}

/// The answer to an event that holds no request.
fn other_than_request(kind: EventKind) -> Result<Answer, EventError> {
    match kind {
        EventKind::Other => {
            info!(event = "no_request", "the event is no request");
            let text = "this event is no request: nothing was done";
            Ok(Answer::new(Reply::message(StatusCode::OK, text), Form::HttpApi))
        }
        EventKind::Queue | EventKind::TableStream | EventKind::Batch | EventKind::OtherBatch(_) => {
            let (function, taken) = ("webhook", "HTTP requests".to_owned());
            Err(EventError::Foreign { function, taken, found: kind })
        }
        kind => {
            warn!(event = "front_door_not_served", kind = %kind,
                "the function does not serve this kind of event");
            let text = "this function does not serve this kind of event";
            Ok(Answer::new(Reply::message(StatusCode::NOT_IMPLEMENTED, text), Form::HttpApi))
        }
    }
}

/// The span of a request. It does not name the path, which has the token.
fn span(arrival: &Arrival) -> Span {
    let traceparent = arrival.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    trace_span!(
        target: trace::TARGET,
        "callback",
        name = arrival.method.as_str(),
        kind = "server",
        parent = traceparent,
        http.request.method = arrival.method.as_str(),
        http.response.status_code = field::Empty,
    )
}

async fn respond(arrival: Arrival, deadline: Timestamp, context: &Context) -> Reply {
    let path = arrival.place.path(&Base::default()).to_owned();
    let is_html = arrival.method != Method::POST || answer::wants_html(&arrival.headers);
    let Ok(request) = arrival.into_request(&path) else {
        return Refusal::Unreadable.reply(is_html);
    };
    let until = deadline.saturating_sub(REFUSAL_MARGIN);
    let left = until.saturating_since(context.engine.clock.now());
    // Boxed: it is large, and would be moved through each layer of the runtime.
    let answering = Box::pin(outcome(&request, context));
    let outcome = tokio::select! {
        biased;
        outcome = answering => outcome,
        () = context.engine.clock.sleep(left) => Err(Refusal::Late),
    };
    match outcome {
        Ok(outcome) => outcome.reply(is_html),
        Err(refusal) => refusal.reply(is_html),
    }
}

/// The outcome of a request.
async fn outcome(request: &Request<Bytes>, context: &Context) -> Result<Outcome, Refusal> {
    let Some(Target { token, act }) = target::of(request.uri().path()) else {
        return Err(Refusal::Unknown);
    };
    let method = request.method();
    if *method == Method::POST {
        let most = context.engine.policy.max_step_bytes;
        let said = body::said(act, request.headers(), request.body(), most)?;
        let accepted =
            context.callbacks.answer(token, &said).await.map_err(|error| refusal(&error))?;
        return Ok(Outcome::Accepted(accepted));
    }
    if act != Act::Answer || !matches!(*method, Method::GET | Method::HEAD) {
        let allowed = if act == Act::Answer { "GET, HEAD, POST" } else { "POST" };
        return Err(Refusal::Method { allowed });
    }
    // Clients of mail fetch the links in it: nothing changes.
    let awaited = context.callbacks.look(token).await.map_err(|error| refusal(&error))?;
    let challenge = request.uri().query().and_then(form::challenge);
    Ok(match challenge {
        Some(challenge) => Outcome::Challenged(challenge),
        None => Outcome::Asked(awaited),
    })
}

/// The refusal for an error, which is logged where it is ours.
fn refusal(error: &CallbackError) -> Refusal {
    let refusal = match error {
        CallbackError::Unknown => Refusal::Unknown,
        CallbackError::Over => Refusal::Over,
        CallbackError::Answered => Refusal::Answered,
        CallbackError::TooLarge { limit, .. } => Refusal::TooLarge { limit: *limit },
        CallbackError::Contended
        | CallbackError::Vault(_)
        | CallbackError::Store(_)
        | CallbackError::Signal(_) => {
            let cause = chain(error);
            warn!(
                event = "callback_not_answered",
                cause,
                "the answer to a callback could not be stored or sent on, and its sender may repeat it"
            );
            return Refusal::Unavailable;
        }
    };
    info!(event = "callback_refused", reason = %refusal, "the answer to a callback was refused");
    refusal
}
