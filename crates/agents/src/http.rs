//! Agents that are reached by HTTP. They speak the contract of `AgentCore`'s runtime, `POST
//! /invocations`, or AG-UI, or `OpenAI`'s chat completions.
//!
//! A turn is one durable [step](a2a_lambda_core::steps): the call. The agent's answer comes whole, as
//! JSON, or piece by piece, as Server-Sent Events. What it says is shown at once. docs/http-agents.md
//! has the contract.

mod ag_ui;
mod contract;
mod exchange;
mod fault;
mod hosted;
#[cfg(test)]
mod later;
mod openai;
mod outcome;
mod patch;
mod payload;
mod printed;
mod said;
#[cfg(test)]
pub(crate) mod scripted;
mod shown;
mod signed;
mod target;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{
    Agent, AgentProfile, Callback, CallbackAnswer, Clock, End, Failure, Retries, ShowError,
    StepError, StepRun, Turn,
};
use a2a_lambda_https::{Repeat, Transport};
use a2a_lambda_protocol::Json;
use a2a_lambda_runtime::table::{
    CALLBACK_URL, HTTP_AGENT_AUTHORIZATION, HTTP_AGENT_CALLBACK_HOURS, HTTP_AGENT_CONTRACT,
    HTTP_AGENT_MODEL, HTTP_AGENT_SEMANTICS, HTTP_AGENT_SIGNING_KEYS, HTTP_AGENT_SILENCE_SECONDS,
};
use a2a_lambda_runtime::{ConfigError, Variables};
use a2a_lambda_webhook::{SigningKeys, sign_request};
use async_trait::async_trait;
use http::HeaderValue;

pub(crate) use self::contract::Contract;
use self::exchange::Exchange;
pub(crate) use self::fault::Fault;
pub(crate) use self::hosted::Hosted;
use self::outcome::Outcome;
use self::shown::Shown;
pub(crate) use self::signed::Signed;
use self::signed::service_of;
pub(crate) use self::target::Target;

use crate::account::{Account, Service};
use crate::failed_call::FailedCall;
use crate::list::Limits;

/// The value of `HTTP_AGENT_AUTHORIZATION` with which requests are signed.
const SIGV4: &str = "sigv4";

/// The largest answer, in bytes.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The name of the step that calls the agent.
const STEP: &str = "invoke";

/// The text for the user if a runner died during a call that is made only once.
const LOST: &str = "The answer of the agent was lost on the way. The outcome is unknown.";
/// The name of the step that shows an agent's later answer.
const LATER: &str = "answer";

/// How often a call is tried that may be made once only, while the agent gets nothing of it.
const UNSENT: Retries =
    Retries { max_attempts: 4, first: Duration::from_secs(1), most: Duration::from_secs(5) };

/// Finds out where an agent is, at the begin of each call.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// The agent's present location.
    async fn find(&self, turn: &Turn) -> Result<Found, Fault>;
}

/// The location of an agent.
pub(crate) struct Found {
    pub(crate) target: Target,
    /// Dropped when the call is over.
    pub(crate) in_use: Option<Box<dyn Any + Send>>,
}

/// The settings of calls to agents.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) authorization: Option<HeaderValue>,
    /// Whether requests to URLs are signed by the function's credentials instead.
    pub(crate) signs: bool,
    pub(crate) contract: Contract,
    /// Whether a call is made at most once.
    pub(crate) once: bool,
    /// How long an agent may be silent.
    pub(crate) silence: Duration,
    /// The keys that sign calls.
    pub(crate) keys: Arc<SigningKeys>,
    /// How long an agent may take that answers by a callback; `None` if it gets none.
    pub(crate) patience: Option<Duration>,
    /// The largest answer, in bytes.
    pub(crate) answer_bytes: usize,
    /// How long a call may take; `None` for as long as the invocation lasts.
    pub(crate) longest: Option<Duration>,
}

impl Calls {
    /// As the variables say, by this transport.
    pub(crate) fn from_variables(
        variables: &Variables<'_>,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, ConfigError> {
        let authorization = variables.read(&HTTP_AGENT_AUTHORIZATION, |text| {
            let mut value = HeaderValue::from_str(text)?;
            value.set_sensitive(true);
            Ok::<_, http::header::InvalidHeaderValue>(value)
        })?;
        let signs = authorization.as_ref().is_some_and(|value| value == SIGV4);
        let authorization = authorization.filter(|_| !signs);
        let model = variables.text(&HTTP_AGENT_MODEL)?;
        let contract = match variables.choice(&HTTP_AGENT_CONTRACT)? {
            "openai" => {
                let model = model.ok_or_else(|| ConfigError::missing(&HTTP_AGENT_MODEL))?;
                Contract::OpenAi { model }
            }
            "ag-ui" => Contract::AgUi,
            _ => Contract::AgentCore,
        };
        let once = variables.choice(&HTTP_AGENT_SEMANTICS)? == "at-most-once";
        let silence = Duration::from_secs(variables.number(&HTTP_AGENT_SILENCE_SECONDS)?);
        let keys = variables.read(&HTTP_AGENT_SIGNING_KEYS, SigningKeys::parse)?;
        let keys = Arc::new(keys.unwrap_or_default());
        let hours = variables.number(&HTTP_AGENT_CALLBACK_HOURS)?;
        let patience = (hours > 0).then(|| Duration::from_hours(hours));
        if patience.is_some() && variables.text(&CALLBACK_URL)?.is_none() {
            return Err(ConfigError::missing(&CALLBACK_URL));
        }
        Ok(Self {
            transport,
            authorization,
            signs,
            contract,
            once,
            silence,
            keys,
            patience,
            answer_bytes: ANSWER_BYTES,
            longest: None,
        })
    }

    /// Within the limits of one agent.
    pub(crate) fn within(mut self, limits: &Limits) -> Self {
        self.answer_bytes = limits.answer_bytes.unwrap_or(self.answer_bytes);
        self.longest = limits.call.or(self.longest);
        self
    }

    /// Runs one turn of the agent at this place.
    pub(crate) async fn run(&self, turn: &Turn, place: &dyn Place) -> Result<End, Failure> {
        // It is open before the agent is called: an agent may answer at once.
        let callback = match self.patience.filter(|_| self.contract == Contract::AgentCore) {
            Some(patience) => Some(turn.callback(STEP, patience).await?),
            None => None,
        };
        let url = callback.as_ref().map(Callback::url);
        let step = turn.step(STEP);
        let step = if self.once { step.once().retries(UNSENT) } else { step };
        let call = move |step: StepRun| async move {
            let called = tokio::select! {
                outcome = self.call(turn, &step, place, url) => outcome,
                _ = turn.stopped() => Err(Fault::Stopped),
            };
            called.map_err(|fault| self.failure(turn, fault))
        };
        let outcome: Outcome = step.run(call).await.map_err(lost)?;
        let outcome = match (outcome, callback) {
            (Outcome::Accepted, Some(callback)) => self.later(turn, &callback).await?,
            (Outcome::Accepted, None) => {
                // The variable has changed meanwhile.
                return Err(Failure::permanent("The agent answers later, and has no callback."));
            }
            (outcome, _) => outcome,
        };
        Ok(outcome.into_end()?)
    }

    /// The outcome that an agent sends to its callback. Until it does, nothing runs.
    async fn later(&self, turn: &Turn, callback: &Callback<'_>) -> Result<Outcome, Failure> {
        let answer = callback.answer::<Json>().await?;
        let limit = self.patience.unwrap_or_default();
        let step = turn.step(LATER);
        let read = move |_: StepRun| {
            let answer = answer.clone();
            async move {
                let outcome = match answer {
                    CallbackAnswer::Given(answer) => read_later(turn, &answer).await,
                    CallbackAnswer::GaveUp(message) => {
                        Err(Fault::Failed { kind: String::new(), message })
                    }
                    _ => Err(Fault::TooSlow { what: "the answer by the callback", limit }),
                };
                outcome.map_err(|fault| {
                    // Another attempt would find the same answer.
                    let is_over = matches!(fault, Fault::Show(ShowError::Over));
                    Self::logged(turn, fault, is_over, false)
                })
            }
        };
        Ok(step.run(read).await?)
    }

    async fn call(
        &self,
        turn: &Turn,
        step: &StepRun,
        place: &dyn Place,
        callback_url: Option<&str>,
    ) -> Result<Outcome, Fault> {
        let Found { target, in_use } = place.find(turn).await?;
        let contract = &self.contract;
        let body = contract.body(turn, step, callback_url)?;
        let shape = contract.shape();
        let mut headers = payload::headers(turn, step, shape, self.authorization.as_ref())?;
        if !self.keys.is_empty() {
            sign_request(&self.keys, step.idempotency_key(), turn.now(), &body, &mut headers)
                .map_err(|error| Fault::Ours(error.into()))?;
        }
        let left = turn.deadline().saturating_since(turn.now());
        let exchange = Exchange {
            uri: contract.url(&target).clone(),
            headers,
            body,
            may_defer: callback_url.is_some(),
            repeat: if self.once { Repeat::Never } else { Repeat::Safe },
            silence: self.silence,
            limit: self.longest.map_or(left, |longest| longest.min(left)),
            answer_bytes: self.answer_bytes,
        };
        let outcome = exchange
            .carry_out(self.transport.as_ref(), contract.reader(turn), Shown::new(turn))
            .await;
        drop(in_use);
        outcome
    }

    /// The failure that a fault of a call is.
    fn failure(&self, turn: &Turn, fault: Fault) -> Failure {
        let retryable = if self.once { fault.is_not_sent() } else { fault.is_retryable() };
        let is_unknown = self.once && fault.is_unknown();
        Self::logged(turn, fault, retryable, is_unknown)
    }

    /// The failure that a fault is, which is logged.
    fn logged(turn: &Turn, fault: Fault, retryable: bool, is_unknown: bool) -> Failure {
        let (name, of, error) = (fault.name(), fault.whose(), chain(&fault));
        FailedCall { fault: name, of, retryable, outcome_unknown: is_unknown, error }.log(turn);
        let mut text = fault.user_text();
        if is_unknown {
            text.push_str(" The outcome is unknown.");
        }
        let failure = if retryable { Failure::retryable(text) } else { Failure::permanent(text) };
        failure.caused_by(fault)
    }
}

/// The failure of a turn whose call did not end well. The name of the step is not for the user.
fn lost(error: StepError) -> Failure {
    match error {
        StepError::Unknown { .. } => Failure::permanent(LOST).caused_by(error),
        other => other.into(),
    }
}

/// Shows an agent's answer by its callback.
async fn read_later(turn: &Turn, answer: &Json) -> Result<Outcome, Fault> {
    let said = said::read(answer.as_str(), 0)?;
    let mut shown = Shown::new(turn);
    shown.hold_back();
    shown.show(said, 0).await?;
    shown.finish().await
}

/// An agent at a URL.
pub(crate) struct HttpAgent {
    calls: Calls,
    at: Fixed,
}

/// A place that stays as it is.
pub(crate) struct Fixed(pub(crate) Target);

/// An agent at a host that requests cannot be signed for.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "with sigv4 an agent must be at an https URL of a function, of API Gateway, of AgentCore or of \
     Bedrock, which AWS has named"
)]
struct NotSigned;

impl HttpAgent {
    /// The agent at a URL.
    pub(crate) fn new(calls: Calls, target: Target) -> Self {
        Self { calls, at: Fixed(target) }
    }

    /// The agent at a URL of AWS, whose requests are signed.
    pub(crate) fn signed(
        calls: &Calls,
        target: Target,
        account: &Account,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let of = target.tls_host().and_then(service_of);
        let (service, region) =
            of.ok_or_else(|| ConfigError::because(&HTTP_AGENT_AUTHORIZATION, NotSigned))?;
        let signer = account.signer(service, region);
        let transport = Arc::new(Signed::new(calls.transport.clone(), signer, clock));
        Ok(Self::new(Calls { transport, ..calls.clone() }, target))
    }

    /// The agent in `AgentCore`'s runtime. Without a token its requests are signed.
    pub(crate) fn hosted(
        calls: &Calls,
        agent: &Hosted,
        account: &Account,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let url = agent.url(&account.endpoint(Service::AgentCore, agent.region()));
        let target = Target::at(url.map_err(ConfigError::agents)?);
        if calls.authorization.is_some() {
            return Ok(Self::new(calls.clone(), target));
        }
        let signer = account.signer(Service::AgentCore.name(), agent.region());
        let transport = Arc::new(Signed::new(calls.transport.clone(), signer, clock));
        Ok(Self::new(Calls { transport, ..calls.clone() }, target))
    }
}

/// The profile of an agent that is called: text and data in, text and data out.
pub(crate) fn profile(name: &str, description: &str) -> AgentProfile {
    let modes = || vec!["text/plain".to_owned(), "application/json".to_owned()];
    let mut profile = AgentProfile::text(name, description, env!("CARGO_PKG_VERSION"));
    profile.input_modes = modes();
    profile.output_modes = modes();
    profile
}

#[async_trait]
impl Place for Fixed {
    async fn find(&self, _: &Turn) -> Result<Found, Fault> {
        Ok(Found { target: self.0.clone(), in_use: None })
    }
}

#[async_trait]
impl Agent for HttpAgent {
    fn profile(&self) -> AgentProfile {
        profile("http", "An agent behind an HTTP endpoint")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        self.calls.run(turn, &self.at).await
    }
}
