//! The agent that is another A2A agent elsewhere: a durable proxy of it.
//!
//! A message is sent in one durable [step](a2a_lambda_core::steps), under the same id and key in every
//! attempt. Then the remote task is mirrored: by its stream at first, and after that by its push to a
//! callback, or by polls. Nothing runs while it is waited for. docs/a2a-agents.md has the rules.

mod fault;
mod follow;
mod message;
mod mirror;
mod remote;
mod send;
mod sent;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use a2a_lambda_client::Client;
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Retries, StepError, Turn};
use a2a_lambda_https::Transport;
use a2a_lambda_protocol::CancelTaskRequest;
use a2a_lambda_runtime::table::{
    A2A_AGENT_AUTHORIZATION, A2A_AGENT_CARD_KEYS, A2A_AGENT_FORGOTTEN, A2A_AGENT_SEMANTICS,
    A2A_AGENT_STREAM_SECONDS,
};
use a2a_lambda_runtime::{ConfigError, Variables};
use a2a_lambda_signing::{NoKeySet, VerifyingKeys};
use async_trait::async_trait;

use self::fault::Fault;
use self::message::hop_of;
use self::mirror::Mirror;
pub(crate) use self::remote::Place;
use self::remote::Remote;
use self::sent::{Link, Sent};
use crate::failed_call::FailedCall;
use crate::list::Limits;

/// The retries of calls to a remote agent. An agent may be unreachable for about eighteen minutes
/// before its tasks fail.
const RETRIES: Retries =
    Retries { max_attempts: 12, first: Duration::from_secs(1), most: Duration::from_mins(5) };

/// How often a remote agent is asked that answers that it failed.
const FAILED_ATTEMPTS: u32 = 5;

/// How often the work of a task is sent again, at most, after the remote agent has forgotten it.
const SENT_AGAIN: u32 = 2;

/// The largest answer, and the largest event, in bytes. A task must fit into the store, too.
const ANSWER_BYTES: usize = 8 << 20;

/// Why no card could be trusted.
#[derive(Debug, thiserror::Error)]
enum NoCardKeys {
    #[error(transparent)]
    Malformed(#[from] NoKeySet),
    #[error("none of its keys can be used here")]
    Empty,
}

fn card_keys(text: &str) -> Result<VerifyingKeys, NoCardKeys> {
    let keys = VerifyingKeys::from_json(text.as_bytes())?;
    if keys.is_empty() { Err(NoCardKeys::Empty) } else { Ok(keys) }
}

/// The name of the step that takes back the output of a forgotten task.
const TAKE_BACK: &str = "take-back";

/// The settings of calls to remote agents.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) transport: Arc<dyn Transport>,
    /// The header `Authorization`; a secret.
    pub(crate) authorization: Option<String>,
    /// The keys of which one must have signed the card; `None` if none need have.
    pub(crate) card_keys: Option<Arc<VerifyingKeys>>,
    /// Whether a message is sent at most once.
    pub(crate) once: bool,
    /// How long after its message the stream of a task is followed.
    pub(crate) stream_for: Duration,
    /// Whether the work of a forgotten task is sent again.
    pub(crate) sends_again: bool,
    /// The largest answer, and the largest event of a stream, in bytes.
    pub(crate) answer_bytes: usize,
}

impl Settings {
    /// As the variables say, by this transport.
    pub(crate) fn from_variables(
        variables: &Variables<'_>,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, ConfigError> {
        let authorization = variables.read(&A2A_AGENT_AUTHORIZATION, |text| {
            let credentials = remote::with_authorization(text)?;
            Ok::<_, a2a_lambda_client::BadHeader>((credentials, text.to_owned()).1)
        })?;
        Ok(Self {
            transport,
            authorization,
            card_keys: variables.read(&A2A_AGENT_CARD_KEYS, card_keys)?.map(Arc::new),
            once: variables.choice(&A2A_AGENT_SEMANTICS)? == "at-most-once",
            stream_for: Duration::from_secs(variables.number(&A2A_AGENT_STREAM_SECONDS)?),
            sends_again: variables.choice(&A2A_AGENT_FORGOTTEN)? == "send-again",
            answer_bytes: ANSWER_BYTES,
        })
    }

    /// Within the limits of one agent.
    pub(crate) fn within(mut self, limits: &Limits) -> Self {
        self.answer_bytes = limits.answer_bytes.unwrap_or(self.answer_bytes);
        self
    }
}

/// The agent at a URL.
pub(crate) struct A2aAgent {
    settings: Settings,
    remote: Remote,
    /// This agent among the hops of a message.
    hop: String,
}

impl A2aAgent {
    pub(crate) fn new(settings: Settings, place: &Place) -> Self {
        let hop = hop_of(place.url());
        let Settings { transport, authorization, card_keys, answer_bytes, .. } = settings.clone();
        let remote = Remote::new(transport, authorization, card_keys, answer_bytes, place);
        Self { settings, remote, hop }
    }

    /// One round: the message is sent, and the remote task mirrored to its end.
    async fn round(
        &self,
        turn: &Turn,
        round: u32,
        before: Option<&Link>,
        mirror: &mut Mirror<'_>,
    ) -> Result<End, Stop> {
        let asked = self.remote.asked(turn, &self.hop).await.map_err(|it| self.stop(turn, &it))?;
        let (sent, opened) = self.send(turn, round, before, &asked).await?;
        let task = match sent {
            Sent::Message(reply) => return Ok(End::Message(reply.into())),
            Sent::Forgotten => return Err(Stop::Forgotten),
            Sent::Task(task) => task,
        };
        match self.follow(turn, round, &task, opened, &asked, mirror).await {
            Err(Stop::Fault(Fault::Forgotten)) if self.settings.sends_again => Err(Stop::Forgotten),
            Err(Stop::Fault(fault)) => Err(self.stop(turn, &fault)),
            ended => ended,
        }
    }

    /// The end that a fault is, which is logged here.
    fn stop(&self, turn: &Turn, fault: &Fault) -> Stop {
        Stop::Failure(self.failure(turn, fault, fault::When::Later))
    }

    /// The failure that a fault is.
    fn failure(&self, turn: &Turn, fault: &Fault, when: fault::When) -> Failure {
        let is_once = self.settings.once && when == fault::When::Sending;
        let retryable = if is_once { fault.is_not_sent() } else { fault.is_retryable() };
        let retryable = retryable && !(fault.is_its_word() && turn.attempt() >= FAILED_ATTEMPTS);
        let is_unknown = is_once && fault.is_unknown();
        if !matches!(fault, Fault::Ended(_)) {
            let error = self.remote.redacted(chain(fault));
            let (fault, of, outcome_unknown) = (fault.name(), fault.whose(), is_unknown);
            FailedCall { fault, of, retryable, outcome_unknown, error }.log(turn);
        }
        let mut reply = fault.reply();
        if is_unknown {
            reply.parts.push(a2a_lambda_protocol::Part::text("The outcome is unknown."));
        }
        let failure = if retryable { Failure::retryable(reply) } else { Failure::permanent(reply) };
        // The runner logs the cause, too. It has no secret, unless the remote agent sends one.
        failure.caused_by(fault.name())
    }

    /// Empties the artifacts of the forgotten task of a round. This is recorded: later turns come
    /// by here, too, when the next round has shown something.
    async fn take_back(
        &self,
        turn: &Turn,
        round: u32,
        mirror: &mut Mirror<'_>,
    ) -> Result<(), StepError> {
        let (emptied, is_now) = (mirror.emptied(), AtomicBool::new(false));
        let work = |_| async {
            for artifact in &emptied {
                let shown = turn.chunk(artifact.clone(), false, true, None).await;
                shown.map_err(|error| self.failure(turn, &error.into(), fault::When::Later))?;
            }
            is_now.store(true, Ordering::Relaxed);
            Ok(())
        };
        turn.step(TAKE_BACK).with(&round).run(work).await?;
        if is_now.into_inner() {
            mirror.forget();
        }
        Ok(())
    }

    /// Cancels a remote task. One that is over, or gone, is as good.
    async fn cancel(&self, client: &Client, task: &str) -> Result<(), a2a_lambda_client::Error> {
        match client.cancel(CancelTaskRequest::of(task)).await {
            Err(a2a_lambda_client::Error::Agent(error)) if !fault::may_pass(&error) => Ok(()),
            canceled => canceled.map(drop),
        }
    }

    /// The remote task of the scope that a cancel has found.
    async fn remote_task(&self, turn: &Turn) -> Result<Option<Link>, Failure> {
        let mut found = turn.checkpoint::<Link>()?;
        for round in 0..=SENT_AGAIN {
            let step = self.step(turn, round);
            match step.known::<Sent>().await {
                Ok(Some(Sent::Task(task))) => found = Some(task.link),
                Ok(_) | Err(StepError::Failed { .. } | StepError::Unknown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }
}

/// Why a round has no end of the turn.
enum Stop {
    /// The remote agent has forgotten the task, and it is sent again.
    Forgotten,
    Fault(Fault),
    Failure(Failure),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Self {
        Self::Failure(error.into())
    }
}

#[async_trait]
impl Agent for A2aAgent {
    fn profile(&self) -> AgentProfile {
        self.remote.profile()
    }

    fn retries(&self) -> Option<Retries> {
        Some(RETRIES)
    }

    async fn renew_profile(&self) -> bool {
        self.remote.renew().await
    }

    fn hears_of_cancels(&self) -> bool {
        true
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        if let Some(reason) = message::why_not_pass_on(&turn.hops(), &self.hop) {
            return Ok(End::rejected(reason));
        }
        let mut before = turn.checkpoint::<Link>()?;
        let mut mirror = Mirror::new(turn);
        for round in 0..=SENT_AGAIN {
            match self.round(turn, round, before.as_ref(), &mut mirror).await {
                Ok(end) => return Ok(end),
                Err(Stop::Failure(failure)) => return Err(failure),
                Err(Stop::Fault(fault)) => {
                    return Err(self.failure(turn, &fault, fault::When::Later));
                }
                Err(Stop::Forgotten) => before = None,
            }
            if round < SENT_AGAIN {
                self.take_back(turn, round, &mut mirror).await?;
            }
        }
        Err(self.failure(turn, &Fault::Forgotten, fault::When::Later))
    }

    async fn canceled(&self, turn: &Turn) -> Result<(), Failure> {
        let Some(link) = self.remote_task(turn).await? else { return Ok(()) };
        let asked = self.remote.asked(turn, &self.hop).await;
        let asked = asked.map_err(|fault| self.failure(turn, &fault, fault::When::Later))?;
        let canceled = self.cancel(&asked.client, &link.task).await;
        canceled.map_err(|error| self.failure(turn, &error.into(), fault::When::Later))
    }
}
