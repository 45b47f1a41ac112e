//! One turn: the agent at work, its updates committed as they come, the lease kept alive.
//!
//! One future on one task runs everything side by side in a `select!`: the agent, the commits of
//! its output, the keeper of the lease, and the clock. Dropping the future at any point leaves only
//! a lease that expires. The commit that ends the turn comes after all that, alone: it gives the
//! lease up, and must not look like the loss of the lease.

pub(crate) mod agent_run;
mod committer;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::task::Poll;

use a2a_lambda_protocol::Timestamp;
use tokio::sync::{mpsc, watch};
use tracing::{Instrument as _, Level, Span, field, info, span_enabled, trace_span, warn};

use crate::agent::{Agents, Failure};
use crate::engine::{Engine, chain};
use crate::head::Head;
use crate::ids::{Incarnation, LeaseToken, TaskKey};
use crate::log::{Entry, Event, fold, with_ids};
use crate::measure;
use crate::push::Beside;
use crate::steps::Journal;
use crate::store::{Depth, Renewed, Snapshot};
use crate::trace;
use crate::turn::{Owned, Shown, StopReason, Turn};

use crate::run_error::RunError;
use agent_run::{AgentRun, TurnError, lost};
use committer::{AgentEnd, Committer};

/// One turn under a lease.
pub(crate) struct TurnRun<'a> {
    engine: &'a Engine,
    agents: &'a Agents,
    token: &'a LeaseToken,
    deadline: Timestamp,
    beside: &'a Beside,
}

impl<'a> TurnRun<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        agents: &'a Agents,
        token: &'a LeaseToken,
        deadline: Timestamp,
        beside: &'a Beside,
    ) -> Self {
        Self { engine, agents, token, deadline, beside }
    }

    /// Runs the turn and commits its end.
    pub(crate) async fn run(&self, claimed: Snapshot) -> Result<Snapshot, TurnError> {
        let span = self.span(&claimed.head);
        let ran = Box::pin(self.work(claimed)).instrument(span.clone()).await;
        if let Err(stop) = &ran {
            let why = if matches!(stop, TurnError::Error(_)) { "store" } else { "lease_lost" };
            span.record("error.type", why);
        }
        ran
    }

    fn span(&self, head: &Head) -> Span {
        let is_traced = span_enabled!(target: trace::TARGET, Level::TRACE);
        let profile = self.agents.profile(&head.key.tenant).filter(|_| is_traced);
        let agent = profile.as_ref().map(|profile| profile.name.as_str()).unwrap_or_default();
        trace_span!(
            target: trace::TARGET,
            "turn",
            name = format!("invoke_agent {agent}"),
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = agent,
            gen_ai.conversation.id = head.context.as_str(),
            a2a.task.id = head.key.task.as_str(),
            a2a.turn = head.turn + 1,
            a2a.attempt = head.attempt,
            "error.type" = field::Empty,
        )
    }

    /// Tells the agent that its task was canceled.
    pub(crate) async fn canceled(&self, canceled: &Snapshot) -> Result<(), RunError> {
        let key = &canceled.head.key;
        let Some(agent) = self.agents.of(&key.tenant) else { return Ok(()) };
        let (shown_in, _) = mpsc::channel(1);
        let (_stop, stop_out) = watch::channel(Some(StopReason::Canceled));
        let turn = match self.turn(canceled, shown_in, stop_out).await {
            Ok(turn) => turn,
            Err(TurnError::LeaseLost(_)) => return Ok(()),
            Err(TurnError::Error(error)) => return Err(error),
        };
        let clock = &self.engine.clock;
        let left = turn.deadline.saturating_since(clock.now());
        let passed_on = tokio::select! {
            biased;
            passed_on = contained(agent.canceled(&turn)) => passed_on,
            () = clock.sleep(left) => Err(Failure::retryable("there was no time")),
        };
        let (tenant, task) = (&key.tenant, &key.task);
        match passed_on {
            Ok(()) => Ok(()),
            Err(failure) => {
                let error = failure.source.as_ref().map(|source| chain(source.as_ref()));
                warn!(event = "cancel_not_passed_on", %tenant, %task, retryable = failure.retryable,
                    error, "the agent could not pass the cancel of its task on");
                if failure.retryable { Err(RunError::NotPassedOn) } else { Ok(()) }
            }
        }
    }

    async fn work(&self, claimed: Snapshot) -> Result<Snapshot, TurnError> {
        let policy = &self.engine.policy;
        let began = self.engine.clock.now();
        let (shown_in, shown) = mpsc::channel(policy.update_buffer);
        let (stop, stop_out) = watch::channel(None);
        let turn = self.turn(&claimed, shown_in, stop_out).await?;
        let (key, incarnation) = (claimed.head.key.clone(), claimed.head.incarnation.clone());
        let agent = self.agents.of(&key.tenant);
        // The call is inside, too, because it may panic before it returns a future.
        let mut agent_run = AgentRun(Some(Box::pin(contained(async {
            match agent {
                Some(agent) => agent.run(&turn).await,
                // The tenant was removed while its tasks were under way, or this deployment is not
                // complete yet. No other tenant's agent replaces its agent.
                None => Err(Failure::retryable("no agent is configured for the task's tenant")),
            }
        }))));
        let retries = self.agents.retries(&key.tenant, policy);
        let mut committer = Committer::new(self.engine, self.token, retries, claimed, self.beside);

        let left = turn.deadline.saturating_since(self.engine.clock.now());
        let out_of_time = async {
            self.engine.clock.sleep(left).await;
            stop.send_replace(Some(StopReason::OutOfTime));
            self.engine.clock.sleep(policy.stop_grace).await;
        };
        let work = tokio::select! {
            biased;
            work = committer.drive(shown, &mut agent_run) => work,
            why = self.keep_lease(&key, incarnation.as_ref()) => Err(TurnError::LeaseLost(why)),
            () = out_of_time => {
                if self.beside.is_sender() {
                    info!(event = "turn_handed_over", tenant = %key.tenant, task = %key.task,
                        "the sender's time is over before the agent ends, and another invocation goes on");
                    Ok(AgentEnd::cut_off())
                } else {
                    warn!(event = "agent_timed_out", tenant = %key.tenant, task = %key.task,
                        "the agent did not finish before the end of the invocation");
                    Ok(AgentEnd::out_of_time())
                }
            }
        };
        measure::turn(self.engine.clock.now().saturating_since(began), turn.attempt);
        match work {
            Ok(ended) => {
                drop(agent_run);
                committer.end(ended, turn.journal.left()).await?;
                Ok(committer.now)
            }
            Err(TurnError::LeaseLost(why)) => {
                info!(event = "agent_stopped", tenant = %key.tenant, task = %key.task, ?why,
                    "the runner stops the agent, whose result has no use any more");
                stop.send_replace(Some(why));
                // The result is useless now, but the agent may want to clean up.
                if agent_run.is_running() {
                    tokio::select! {
                        biased;
                        _ = agent_run.ended() => {}
                        () = self.engine.clock.sleep(policy.stop_grace) => {}
                    }
                }
                Err(TurnError::LeaseLost(why))
            }
            Err(error) => Err(error),
        }
    }

    async fn turn(
        &self,
        claimed: &Snapshot,
        shown: mpsc::Sender<Shown>,
        stop: watch::Receiver<Option<StopReason>>,
    ) -> Result<Turn, TurnError> {
        let given = claimed.head.given;
        let full = self.engine.complete(claimed.clone()).await?;
        // Messages after the claim are for the next turn.
        let until = claimed.head.position;
        let entries = || full.tail.iter().filter(|entry| entry.position <= until);
        let new = claimed.head.consumed.next()..=given;
        let is_new = |entry: &&Entry| new.contains(&entry.position);
        let messages = entries().filter(is_new).filter_map(|entry| match &entry.event {
            Event::Message(sent) => Some(with_ids(sent.message.clone(), &claimed.head)),
            _ => None,
        });
        let mut asked = entries().filter(|entry| entry.position <= given).filter_map(|entry| {
            match &entry.event {
                Event::Message(sent) => Some(sent.terms.clone()),
                _ => None,
            }
        });
        let policy = &self.engine.policy;
        // Reserves time for the agent to stop, and for the commit of its result.
        let deadline = self
            .deadline
            .as_millis()
            .saturating_sub(i64::try_from(policy.stop_margin.as_millis()).unwrap_or(i64::MAX));
        Ok(Turn {
            task: fold(&claimed.head, entries()),
            messages: messages.collect(),
            terms: asked.next_back().unwrap_or_default(),
            owned: Owned {
                engine: self.engine.clone(),
                tenant: claimed.head.key.tenant.clone(),
                owner: claimed.head.owner.clone(),
                context: claimed.head.context.clone(),
            },
            checkpoint: claimed.head.checkpoint.clone(),
            number: claimed.head.turn + 1,
            attempt: claimed.head.attempt,
            fence: claimed.head.fence,
            consumed: claimed.head.consumed,
            position: claimed.head.position,
            deadline: Timestamp::from_millis(deadline),
            max_update_bytes: policy.max_entry_bytes,
            shown,
            stop,
            clock: self.engine.clock.clone(),
            ids: self.engine.ids.clone(),
            journal: Journal::new(self.engine.clone(), &claimed.head),
            has_shown: AtomicBool::new(false),
        })
    }

    /// Renews the lease. Returns when the runner has lost it: the user canceled the task, or
    /// another runner has taken it.
    async fn keep_lease(&self, key: &TaskKey, incarnation: Option<&Incarnation>) -> StopReason {
        let policy = &self.engine.policy;
        let mut renew_at = self.engine.clock.now().saturating_add(policy.lease / 3);
        loop {
            self.engine.clock.sleep(policy.watch_every).await;
            let now = self.engine.clock.now();
            let current = if now >= renew_at {
                let until = now.saturating_add(policy.lease);
                match self.engine.store.renew(key, self.token, until).await {
                    Ok(Renewed::Done) => {
                        renew_at = now.saturating_add(policy.lease / 3);
                        continue;
                    }
                    Ok(Renewed::Lost(current)) => Ok(current.map(|current| *current)),
                    Err(error) => Err(error),
                }
            } else {
                self.engine.look(key, Depth::Tail).await
            };
            match current {
                Ok(Some(current)) if current.head.incarnation.as_ref() == incarnation => {
                    // A client may have created a config meanwhile, or canceled the task.
                    self.beside.show(&current, now);
                    if !current.head.is_held_by(self.token) {
                        return lost(&current.head);
                    }
                }
                // The task is deleted. A later one of its id may have replaced it.
                Ok(_) => return StopReason::Superseded,
                // Commits are guarded by the lease, so continuing does no harm.
                Err(error) => warn!(event = "lease_not_checked", task = %key.task,
                    error = chain(&error), "the runner could not check its lease"),
            }
        }
    }
}

/// The agent's future with its panics contained: a panic is a failure of this attempt, not of the
/// process that serves others.
async fn contained<T>(
    agent: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, Failure> {
    let mut agent = std::pin::pin!(agent);
    std::future::poll_fn(|context| {
        let poll = AssertUnwindSafe(|| agent.as_mut().poll(context));
        std::panic::catch_unwind(poll).unwrap_or_else(|_| {
            // The panic hook has printed where it was.
            Poll::Ready(Err(Failure::retryable("the agent failed").caused_by("it panicked")))
        })
    })
    .await
}
