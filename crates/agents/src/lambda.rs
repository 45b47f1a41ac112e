//! Agents that are other Lambda functions.
//!
//! A function gets the event of an HTTP API (payload format 2.0) with the request of its contract, and
//! answers as such functions do: by an object with `statusCode` and `body`, by any other JSON, or as a
//! stream. So an application of HTTP behind Mangum or the Lambda Web Adapter answers unchanged, and a
//! plain handler, too. docs/http-agents.md has it.

mod answer;
mod event;
mod function;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use a2a_lambda_core::{Agent, AgentProfile, Clock, End, Failure, Turn};
use a2a_lambda_https::{Answer, Error, Phase, Request, Transport};
use a2a_lambda_runtime::ConfigError;
use async_trait::async_trait;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use tokio::time::timeout;

pub(crate) use self::function::{Function, Way};
use crate::account::{Account, Service};
use crate::http::{Calls, Contract, Fixed, Signed, Target, profile};

/// The header that says how Lambda runs the function.
const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
/// The host that the function reads in its event.
const HOST: &str = "https://lambda.internal";

/// An agent that is a function.
pub(crate) struct LambdaAgent {
    calls: Calls,
    at: Fixed,
}

/// A function as a carrier of requests: each is an invocation of it.
struct Invoked {
    transport: Signed,
    url: Uri,
    way: Way,
    clock: Arc<dyn Clock>,
}

/// A function that nobody waits for could not answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "a function with ?invoke=event answers by a callback: set HTTP_AGENT_CALLBACK_HOURS, and the \
     contract must be agentcore"
)]
struct NoCallback;

impl LambdaAgent {
    /// The agent that is this function, as an account may invoke it.
    pub(crate) fn new(
        calls: Calls,
        function: &Function,
        account: &Account,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let waits = calls.patience.is_some() && calls.contract == Contract::AgentCore;
        if function.way() == Way::Event && !waits {
            return Err(ConfigError::agents(NoCallback));
        }
        let region = function.region().unwrap_or(account.region());
        let endpoint = account.endpoint(Service::Lambda, region);
        let signer = account.signer(Service::Lambda.name(), region);
        let invoked = Invoked {
            transport: Signed::new(calls.transport.clone(), signer, clock.clone()),
            url: function.url(&endpoint).parse::<Uri>().map_err(ConfigError::agents)?,
            way: function.way(),
            clock,
        };
        // The token of an agent at a URL is not for this one.
        let calls = Calls { transport: Arc::new(invoked), authorization: None, ..calls };
        let target = Target::served_at(HOST).map_err(ConfigError::agents)?;
        Ok(Self { calls, at: Fixed(target) })
    }
}

#[async_trait]
impl Transport for Invoked {
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let event =
            event::of(request, self.clock.now()).map_err(|error| Error::Malformed(error.into()))?;
        let call = Request::new(Method::POST, self.url.clone(), request.limits);
        let mut call = call.with_body(HeaderValue::from_static("application/json"), event);
        call.repeat = request.repeat;
        if self.way == Way::Event {
            call.headers.insert(INVOCATION_TYPE, HeaderValue::from_static("Event"));
        }
        let answer = self.transport.exchange(&call).await?;
        if answer.status != StatusCode::OK {
            return Ok(answer);
        }
        let limit = request.limits.head;
        let read = async {
            match self.way {
                Way::Streamed => answer::streamed(answer).await,
                Way::Whole | Way::Event => answer::whole(answer, limit).await,
            }
        };
        let late = || Error::TimedOut { phase: Phase::Head, limit };
        timeout(limit, read).await.unwrap_or_else(|_| Err(late()))
    }
}

#[async_trait]
impl Agent for LambdaAgent {
    fn profile(&self) -> AgentProfile {
        profile("lambda", "An agent that is a Lambda function")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        self.calls.run(turn, &self.at).await
    }
}
