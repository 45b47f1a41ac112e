//! The function that answers HTTP requests: an event of API Gateway (HTTP API, payload 2.0) or of a
//! Function URL comes in, an A2A operation is carried out, an answer goes out.

mod config;
mod event;

use std::time::Duration;

use a2a_lambda_core::{Agents, Engine, Operations};
use a2a_lambda_http::{Bindings, Visitor, refuse};
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use bytes::Bytes;
use http::Response;

pub use config::{Config, context};

/// What is kept free of an invocation's time for reading the task and for the way of the answer,
/// where a sender waits for it.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// What is kept free to say that there was no time to answer.
const REFUSAL_MARGIN: Duration = Duration::from_millis(150);

/// The most that an answer may have, out of the 6 MB that Lambda gives a function's.
const MAX_ANSWER_BYTES: usize = 5_900_000;

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
) -> ApiGatewayV2httpResponse {
    let method = event.request_context.http.method.clone();
    let path = event::path(&event).to_owned();
    let refused = |error| refuse(&method, &path, &error);
    let left = earlier(deadline, REFUSAL_MARGIN).saturating_since(context.engine.clock.now());
    // Boxed: it is large, and would be moved through each layer of the runtime.
    let answering = Box::pin(answer(event, deadline, context));
    let answered = tokio::select! {
        biased;
        answered = answering => answered,
        () = context.engine.clock.sleep(left) => {
            let text = "there was no time to answer; the request may have been carried out";
            Err(A2aError::new(ErrorKind::Unavailable, text))
        }
    };
    let response = answered.unwrap_or_else(refused);
    let bytes = event::event_bytes(&response);
    if bytes <= MAX_ANSWER_BYTES {
        return event::to_event(response);
    }
    let text = format!(
        "the answer would have {bytes} bytes, and {MAX_ANSWER_BYTES} are possible: ask for less, \
         by historyLength, pageSize or includeArtifacts"
    );
    event::to_event(refused(A2aError::unsupported(text)))
}

async fn answer(
    event: ApiGatewayV2httpRequest,
    deadline: Timestamp,
    context: &Context,
) -> Result<Response<Bytes>, A2aError> {
    let visitor = Visitor {
        owner: event::owner(event.request_context.authorizer.as_ref())?,
        base_url: context.config.base_url(&event),
        answer_by: Some(earlier(deadline, ANSWER_MARGIN)),
    };
    let request = event::to_request(event)?;
    Ok(context.bindings.handle(request, &visitor).await)
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or_default();
    Timestamp::from_millis(at.as_millis().saturating_sub(by))
}
