#![doc = include_str!("../README.md")]
//!
//! A front door that streams is given every answer as a stream, and one that does not is given
//! every answer whole: [`ResponseMode`]. Which of them is in front, the event does not say. Only of a
//! load balancer is it known that it takes no stream.
//!
//! [`door`] reads the events. A whole answer has the [`Form`] that the event asks for.

mod answer;
mod bootstrap;
mod config;
mod context;
mod identity;
mod limit;
mod oidc;
mod path;

use std::time::Duration;

use a2a_lambda_aws::door::{self, Arrival, Credentials, Read};
use a2a_lambda_aws::{EventError, EventKind};
use a2a_lambda_core::trace;
use a2a_lambda_http::{Grant, Principal, Visitor, refuse};
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};
use a2a_lambda_runtime::traceparent;
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::value::RawValue;
use tracing::{Instrument as _, Span, field, info, trace_span, warn};

use crate::answer::Way;
use crate::oidc::TokenError;

pub use a2a_lambda_aws::door::{AnswerEvent, Form};
pub use answer::{Answer, Chunks, ResponseMode};
pub use bootstrap::main;
pub use config::{Config, card, config};
pub use context::{Context, Counters, bindings, context};
pub use identity::Identity;
pub use limit::{Counts, ProcessCounts};
pub use oidc::{ArnError, LoadBalancer};
pub use path::is_for_everybody;

/// The time before the end of an invocation that is kept for the last part of an answer. A sender
/// that waits needs it to read the task and to send the answer. A stream needs it to end.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The time before the end of an invocation that is kept for the answer that time ran out.
const REFUSAL_MARGIN: Duration = Duration::from_millis(150);

/// Answers one event; `deadline` is the end of the invocation. Every request gets an answer in the
/// form of its binding, even if it is malformed or DynamoDB fails.
///
/// An event of a front door that is not served gets an answer that names those that are. An event
/// that is no request, such as a warmer's, gets an answer that says so.
///
/// # Errors
/// When the event is a batch of records, which is another function's: an answer would lose it.
pub async fn handle(
    event: &RawValue,
    deadline: Timestamp,
    context: &Context,
) -> Result<Answer, EventError> {
    let Config { cors, response_mode, .. } = &context.config;
    let kind = EventKind::of(event);
    let Some(Read { form, arrival, is_health_check }) = door::read(&kind, event) else {
        return other_than_request(kind, *response_mode);
    };
    if is_health_check {
        return Ok(Way::healthy(form));
    }
    let way = response_mode.way(form);
    let arrival = match arrival {
        Ok(arrival) => arrival,
        Err(error) => return Ok(way.whole(refuse(&Method::GET, "/", &error))),
    };
    // A browser sends a preflight without its page's token.
    if let Some(response) = cors.preflight(&arrival.method, &arrival.headers) {
        return Ok(way.whole(response));
    }
    let origin = arrival.headers.get(header::ORIGIN).cloned();
    let span = span(&arrival);
    let answering = respond(arrival, way, deadline, context).instrument(span.clone());
    let mut answer = answering.await;
    let status = answer.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("error.type", status.as_str());
    }
    // Here, so that no error lacks these headers: without them, its page could not read the error.
    cors.add(origin.as_ref(), answer.headers_mut());
    Ok(answer)
}

/// The answer to an event that holds no request.
fn other_than_request(kind: EventKind, mode: ResponseMode) -> Result<Answer, EventError> {
    match kind {
        EventKind::Other => {
            info!(event = "no_request", "the event is no request");
            Ok(Way::no_request())
        }
        EventKind::Queue | EventKind::TableStream | EventKind::Batch | EventKind::OtherBatch(_) => {
            let (function, taken) = ("request", "HTTP requests".to_owned());
            Err(EventError::Foreign { function, taken, found: kind })
        }
        kind => {
            warn!(event = "front_door_not_served", kind = %kind,
                "the function does not serve this kind of event");
            Ok(mode.way(Form::HttpApi).not_served(&kind))
        }
    }
}

/// The span of a request. By its context the client's trace goes on, or a new one begins.
fn span(arrival: &Arrival) -> Span {
    let traceparent = arrival.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    trace_span!(
        target: trace::TARGET,
        "request",
        name = arrival.method.as_str(),
        kind = "server",
        parent = traceparent,
        http.request.method = arrival.method.as_str(),
        http.response.status_code = field::Empty,
        "error.type" = field::Empty,
    )
}

async fn respond(mut arrival: Arrival, way: Way, deadline: Timestamp, context: &Context) -> Answer {
    // This span is the parent of everything that the request causes, such as pushes.
    if let Some(trace) = traceparent()
        && let Ok(value) = HeaderValue::from_str(trace.as_str())
    {
        arrival.headers.insert(TRACEPARENT, value);
    }
    let (config, bindings) = (&context.config, context.bindings(way));
    let (method, base) = (arrival.method.clone(), config.base());
    let path = arrival.place.path(&base).to_owned();
    let base_url = config.base_url(&arrival.place);
    let credentials = std::mem::take(&mut arrival.credentials);
    let (parts, body) = match arrival.into_request(&path) {
        Ok(request) => request.into_parts(),
        Err(error) => return way.whole(refuse(&method, &path, &error)),
    };
    let refused = |error| bindings.refuse(&parts, &body, &error);
    let until = deadline.saturating_sub(REFUSAL_MARGIN);
    let left = until.saturating_since(context.engine.clock.now());
    // Boxed: it is large, and would be moved through each layer of the runtime.
    let answering = Box::pin(async {
        let credentials = checked(credentials, context).await?;
        let principal = config.identity.principal(&credentials);
        // A caller who is not known gets that refusal first.
        let grant = match principal {
            Principal::Nobody => Grant::default(),
            _ => config.identity.grant(&credentials),
        };
        let answer_by = Some(deadline.saturating_sub(ANSWER_MARGIN));
        let visitor = Visitor { principal, grant, base_url, answer_by };
        if let Some(limit) = &context.limit
            && !is_for_everybody(&method, &path)
        {
            limit.admit(&visitor.principal, context.engine.clock.now()).await?;
        }
        way.answer(bindings.handle(&parts, &body, &visitor).await).await
    });
    tokio::select! {
        biased;
        answered = answering => answered.unwrap_or_else(|error| way.whole(refused(error))),
        () = context.engine.clock.sleep(left) => {
            let text = "there was no time to answer; the request may have been carried out";
            way.whole(refused(A2aError::new(ErrorKind::Unavailable, text)))
        }
    }
}

/// The credentials, after a check. The token of a load balancer's event is verified. The caller of
/// an authorizer's answer that is over counts as unknown.
async fn checked(credentials: Credentials, context: &Context) -> Result<Credentials, A2aError> {
    let token = match credentials {
        Credentials::Unchecked(token) => token,
        // API Gateway keeps an authorizer's answer, also when the token has expired since.
        Credentials::Caller(caller)
            if caller.is_over(context.engine.clock.now().as_millis() / 1_000) =>
        {
            info!(event = "credentials_expired", "the authorizer's cached answer has expired");
            return Ok(Credentials::Unknown);
        }
        credentials => return Ok(credentials),
    };
    let Some(load_balancer) = &context.config.load_balancer else {
        // It says as little as any header that a client can set.
        return Ok(Credentials::Nothing);
    };
    match load_balancer.claims(&token, context.engine.clock.now()).await {
        Ok(claims) => Ok(Credentials::Claims(claims)),
        Err(error @ TokenError::Refused(_)) => {
            warn!(event = "oidc_data_refused", %error,
                "the header x-amzn-oidc-data is not valid, and the caller is unknown");
            Ok(Credentials::Unknown)
        }
        Err(error @ TokenError::Unknown(_)) => {
            let text = "who calls could not be checked; try again";
            Err(A2aError::new(ErrorKind::Unavailable, text).with_source(error))
        }
    }
}
