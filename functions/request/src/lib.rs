//! The function that answers HTTP requests: an event of API Gateway (HTTP API, payload 2.0) or of a
//! Function URL comes in, an A2A operation is carried out, an answer goes out.
//!
//! A front door that streams is given every answer as a stream, and one that does not is given
//! every answer whole: [`ResponseMode`]. Which of them is in front, the event does not say.

mod answer;
mod config;
mod event;
mod identity;

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::{Agents, Engine, Operations, Policy};
use a2a_lambda_http::{Bindings, Body, Visitor, refuse};
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use http::{Request, Response};

pub use answer::{Answer, Chunks};
pub use config::{CARD_VARIABLES, Config, ResponseMode, card, context};
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
pub async fn handle(
    event: ApiGatewayV2httpRequest,
    deadline: Timestamp,
    context: &Context,
) -> Answer {
    let whole_or_streamed = |response| match context.config.response_mode {
        ResponseMode::Stream => Answer::stream(Response::map(response, Body::Whole)),
        ResponseMode::Buffer => Answer::whole(response),
    };
    let (method, path) =
        (event.request_context.http.method.clone(), event::path(&event).to_owned());
    let visitor = Visitor {
        principal: context.config.identity.principal(event.request_context.authorizer.as_ref()),
        base_url: context.config.base_url(&event),
        answer_by: Some(earlier(deadline, ANSWER_MARGIN)),
    };
    let (parts, body) = match event::to_request(event) {
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
