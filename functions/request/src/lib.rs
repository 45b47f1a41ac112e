//! The function that answers HTTP requests: an event of API Gateway (HTTP API, payload 2.0) or of a
//! Function URL comes in, an A2A operation is carried out, an answer goes out.

mod config;
mod event;

use std::time::Duration;

use a2a_lambda_core::{Agents, Engine, Operations};
use a2a_lambda_http::{Bindings, Visitor, error_response};
use a2a_lambda_protocol::{A2aError, Timestamp};
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use bytes::Bytes;
use http::Response;

pub use config::{Config, context};

/// What is kept free of an invocation's time for the way of the answer.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// What the handler needs: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    bindings: Bindings,
    config: Config,
}

impl Context {
    /// The context of a function with this configuration.
    pub fn new(engine: Engine, agents: Agents, config: Config) -> Self {
        let bindings = Bindings::new(Operations::new(engine), agents, config.http.clone());
        Self { bindings, config }
    }
}

/// Answers one event; `deadline` is the end of the invocation. Whatever a client sent, there is an
/// answer.
pub async fn handle(
    event: ApiGatewayV2httpRequest,
    deadline: Timestamp,
    context: &Context,
) -> ApiGatewayV2httpResponse {
    let answered = answer(event, deadline, context).await;
    event::to_event(answered.unwrap_or_else(|error| error_response(&error)))
}

async fn answer(
    event: ApiGatewayV2httpRequest,
    deadline: Timestamp,
    context: &Context,
) -> Result<Response<Bytes>, A2aError> {
    let margin = i64::try_from(ANSWER_MARGIN.as_millis()).unwrap_or_default();
    let answer_by = Timestamp::from_millis(deadline.as_millis().saturating_sub(margin));
    let visitor = Visitor {
        owner: event::owner(event.request_context.authorizer.as_ref())?,
        base_url: context.config.base_url(&event),
        answer_by: Some(answer_by),
    };
    let request = event::to_request(event)?;
    Ok(context.bindings.handle(request, &visitor).await)
}
