//! The function that answers HTTP requests: an event of API Gateway (HTTP API, payload 2.0) or of a
//! Function URL comes in, an A2A operation is carried out, an answer goes out.
//!
//! A front door that streams is given every answer as a stream, and one that does not is given
//! every answer whole: [`ResponseMode`]. Which of them is in front, the event does not say.
//!
//! Front doors are told apart by the shape of their events. Each shape is read into one `Arrival`,
//! and from there on all are the same.

mod answer;
mod config;
mod event;
mod headers;
mod identity;
mod path;

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws::{EventError, EventKind};
use a2a_lambda_core::{Agents, Engine, Operations, Policy};
use a2a_lambda_http::{Bindings, Visitor, refuse};
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};
use http::{Method, Request, header};
use serde_json::value::RawValue;
use tracing::{info, warn};

use crate::event::Arrival;

pub use answer::{Answer, Chunks};
pub use config::{Config, ResponseMode, card, config, context};
pub use identity::Identity;

/// What is kept free of an invocation's time for reading the task and for the way of the answer,
/// where a sender waits for it, and for ending a stream.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// What is kept free to say that there was no time to answer.
const REFUSAL_MARGIN: Duration = Duration::from_millis(150);

/// What the handler needs: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    engine: Engine,
    bindings: Bindings,
    config: Config,
}

impl Context {
    /// The context of a function with this configuration.
    pub fn new(engine: Engine, agents: Agents, config: Config) -> Self {
        let engine = match config.response_mode {
            ResponseMode::Stream => engine,
            ResponseMode::Buffer => with_short_streams(engine),
        };
        let bindings = Bindings::new(Operations::new(engine.clone()), agents, config.http.clone());
        Self { engine, bindings, config }
    }
}

/// Answers one event; `deadline` is the end of the invocation. Whatever a client sent, and whatever
/// DynamoDB does, there is an answer in the form of the binding that was spoken to.
///
/// An event of a front door that is not served is answered with what is, and one that is no request,
/// such as a warmer's, with that.
///
/// # Errors
/// When the event is a batch of records, which is another function's: an answer would lose it.
pub async fn handle(
    event: &RawValue,
    deadline: Timestamp,
    context: &Context,
) -> Result<Answer, EventError> {
    let Config { cors, response_mode, .. } = &context.config;
    let arrival = match EventKind::of(event) {
        EventKind::HttpApi => Arrival::of_payload_2(event),
        kind @ (EventKind::RestApi | EventKind::LoadBalancer | EventKind::WebSocketApi) => {
            warn!(event = %kind, "front_door_not_served");
            return Ok(Answer::not_served(&kind, *response_mode));
        }
        EventKind::Other => {
            info!("no_request: the event is no request, such as a warmer's");
            return Ok(Answer::no_request());
        }
        found @ (EventKind::Queue
        | EventKind::TableStream
        | EventKind::Batch
        | EventKind::OtherBatch(_)) => {
            let (function, taken) = ("request", EventKind::HttpApi.to_string());
            return Err(EventError::Foreign { function, taken, found });
        }
    };
    let arrival = match arrival {
        Ok(arrival) => arrival,
        Err(error) => return Ok(response_mode.whole(refuse(&Method::GET, "/", &error))),
    };
    // A browser sends a preflight without its page's token.
    if let Some(response) = cors.preflight(&arrival.method, &arrival.headers) {
        return Ok(response_mode.whole(response));
    }
    let origin = arrival.headers.get(header::ORIGIN).cloned();
    let mut answer = respond(arrival, deadline, context).await;
    // Here, so that no error is without these headers: its page could not tell what is wrong.
    cors.add(origin.as_ref(), answer.headers_mut());
    Ok(answer)
}

async fn respond(arrival: Arrival, deadline: Timestamp, context: &Context) -> Answer {
    let whole_or_streamed = |response| context.config.response_mode.whole(response);
    let method = arrival.method.clone();
    let path = arrival.place.path(&context.config.base()).to_owned();
    let visitor = Visitor {
        principal: context.config.identity.principal(arrival.authorizer.as_ref()),
        base_url: context.config.base_url(&arrival.place),
        answer_by: Some(earlier(deadline, ANSWER_MARGIN)),
    };
    let (parts, body) = match arrival.into_request(&path) {
        Ok(request) => request.into_parts(),
        Err(error) => return whole_or_streamed(refuse(&method, &path, &error)),
    };
    let refused = |error| context.bindings.refuse(&parts, &body, &error);
    let request = Request::from_parts(parts.clone(), body.clone());
    let left = earlier(deadline, REFUSAL_MARGIN).saturating_since(context.engine.clock.now());
    // Boxed: it is large, and would be moved through each layer of the runtime.
    let answering = Box::pin(async {
        let response = context.bindings.handle(request, &visitor).await;
        match context.config.response_mode {
            ResponseMode::Stream => Answer::stream(response),
            ResponseMode::Buffer => {
                Answer::buffer(response).await.unwrap_or_else(|error| Answer::whole(refused(error)))
            }
        }
    });
    tokio::select! {
        biased;
        answered = answering => answered,
        () = context.engine.clock.sleep(left) => {
            let text = "there was no time to answer; the request may have been carried out";
            whole_or_streamed(refused(A2aError::new(ErrorKind::Unavailable, text)))
        }
    }
}

/// A client that gets a stream whole waits for all of it, as a sender does for the answer: no
/// longer than that.
fn with_short_streams(engine: Engine) -> Engine {
    let max_stream = engine.policy.max_stream.min(engine.policy.blocking_wait);
    let policy = Policy { max_stream, ..(*engine.policy).clone() };
    Engine { policy: Arc::new(policy), ..engine }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or_default();
    Timestamp::from_millis(at.as_millis().saturating_sub(by))
}
