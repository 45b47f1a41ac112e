//! The runner: attends to a task, turn by turn, under a lease.

use std::time::Duration;

use a2a_lambda_protocol::{TaskState, Timestamp};
use futures_util::future::join;
use tracing::{Instrument as _, Span, debug, info, trace_span, warn};

use crate::agent::Agents;
use crate::engine::{Engine, Refused, TransactError};
use crate::env::{Signal, SignalError};
use crate::head::Head;
use crate::ids::{ClaimToken, LeaseToken, TaskKey};
use crate::machine::{Command, Cut, NextTurn, Pause, Refusal, TurnEnd};
use crate::push::{self, Beside};
use crate::run_error::RunError;
use crate::run_turn::TurnRun;
use crate::run_turn::agent_run::TurnError;
use crate::store::{Depth, Snapshot};
use crate::trace;

/// The shortest time that is worth a claim. With less left before the deadline, the runner leaves
/// the task to another invocation.
pub(crate) const MIN_RUN: Duration = Duration::from_secs(1);

/// How long after the end of a lease its task is looked at again: clocks differ, and queues count
/// in whole seconds.
pub const AFTER_LEASE: Duration = Duration::from_secs(1);

/// Runs agents on tasks.
#[derive(Debug, Clone)]
pub struct Runner {
    engine: Engine,
    agents: Agents,
}

/// Whether the process runs other tasks at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// It does: it leaves a task at which a runner may have died to another process.
    Others,
    /// It does not.
    Alone,
}

/// The outcome of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attended {
    /// The runner ran turns and left the task in this state.
    Ran {
        /// How many turns were committed.
        turns: u32,
        /// The state that the task is left in.
        state: TaskState,
    },
    /// The task is over.
    AlreadyDone,
    /// Another runner works on it, and will find the new message.
    HeldBy {
        /// When its lease ends, unless it is renewed.
        until: Timestamp,
    },
    /// It is too early; the runner sent another signal for that time.
    NotBefore {
        /// That time.
        at: Timestamp,
    },
    /// The task waits for its user.
    WaitsForUser,
    /// The task does not exist.
    NoSuchTask,
    /// Another process canceled the task, or took it over, while its agent worked.
    Stopped,
    /// A runner has died at its present turn, perhaps because of it. This runner has left the task
    /// alone: only a process that runs no other task may run it.
    Suspect,
    /// Too little of the invocation is left to begin: the queue must redeliver the signal.
    TooLate,
}

impl Runner {
    /// A runner of these agents.
    pub fn new(engine: Engine, agents: Agents) -> Self {
        Self { engine, agents }
    }

    /// The engine under the runner.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Attends to a task until it needs nothing more for now, or shortly before `deadline`.
    ///
    /// This is safe at any time, for any task, any number of times in parallel: the runner reads
    /// the row, and leaves a task that needs nothing alone. Meanwhile a deliverer sends the task's
    /// pushes.
    ///
    /// # Errors
    /// When the store fails. The task is as it was, or its lease will expire.
    pub async fn attend(
        &self,
        key: &TaskKey,
        deadline: Timestamp,
        company: Company,
    ) -> Result<Attended, RunError> {
        let pusher = ClaimToken::new(self.engine.ids.fresh());
        let (beside, feed) = Beside::new(&pusher);
        let glanced =
            if self.is_too_late(deadline) { None } else { self.engine.glance_to_claim(key).await };
        let (snapshot, is_glance) = match glanced {
            Some(glanced) => (glanced, true),
            None => match self.read_beside(key, &beside).await? {
                Some(read) => (read, false),
                None => return Ok(Attended::NoSuchTask),
            },
        };
        trace::join(snapshot.head.trace.as_ref());
        let pushing = push::beside(&self.engine, pusher, deadline, feed);
        // Boxed, because both futures are large, and each layer of callers would move them.
        let attending = Box::pin(async {
            let attended = if is_glance {
                self.attend_glanced(snapshot, deadline, company, &beside).await
            } else {
                self.attend_beside(snapshot, deadline, company, &beside).await
            };
            drop(beside);
            attended
        });
        join(attending, Box::pin(pushing)).instrument(attempt_span(key)).await.0
    }

    /// As [`attend`](Self::attend), for a sender that waits in this process: the runner shows it
    /// each commit, and its time limits the turn. Meanwhile no push is delivered. The runner leaves
    /// a task at which another may have died to a process that runs no other task. With `lease` the
    /// task is claimed already.
    pub(crate) async fn attend_for_sender(
        &self,
        accepted: Snapshot,
        lease: Option<LeaseToken>,
        deadline: Timestamp,
        beside: &Beside,
    ) -> Result<Attended, RunError> {
        let span = attempt_span(&accepted.head.key);
        let attending = async {
            match lease {
                Some(token) => self.work(accepted, &token, deadline, beside).await,
                None => self.attend_beside(accepted, deadline, Company::Others, beside).await,
            }
        };
        attending.instrument(span).await
    }

    /// Reads a task, and shows it to the deliverer beside.
    async fn read_beside(
        &self,
        key: &TaskKey,
        beside: &Beside,
    ) -> Result<Option<Snapshot>, RunError> {
        let as_of = self.engine.clock.now();
        let read = self.engine.read(key, Depth::Tail).await?;
        if let Some(read) = &read {
            beside.show(read, as_of);
        }
        Ok(read)
    }

    /// Claims a task that may have changed since it was read. If it has, so that it cannot be claimed,
    /// the runner reads it.
    async fn attend_glanced(
        &self,
        glanced: Snapshot,
        deadline: Timestamp,
        company: Company,
        beside: &Beside,
    ) -> Result<Attended, RunError> {
        let key = glanced.head.key.clone();
        let token = LeaseToken::new(self.engine.ids.fresh());
        match self.claim(glanced, &token, beside).await {
            Ok(claimed) => self.work(claimed, &token, deadline, beside).await,
            Err(TransactError::Illegal(_)) => match self.read_beside(&key, beside).await? {
                Some(read) => self.attend_beside(read, deadline, company, beside).await,
                None => Ok(Attended::NoSuchTask),
            },
            Err(error) => ended_by(error),
        }
    }

    async fn attend_beside(
        &self,
        snapshot: Snapshot,
        deadline: Timestamp,
        company: Company,
        beside: &Beside,
    ) -> Result<Attended, RunError> {
        let is_over = snapshot.head.is_terminal();
        if is_over && !self.has_cancel_to_pass_on(&snapshot.head) {
            return Ok(Attended::AlreadyDone);
        }
        if self.is_too_late(deadline) {
            return Ok(Attended::TooLate);
        }
        if is_over {
            let token = LeaseToken::new(self.engine.ids.fresh());
            let turn = TurnRun::new(&self.engine, &self.agents, &token, deadline, beside);
            Box::pin(turn.canceled(&snapshot)).await?;
            return Ok(Attended::AlreadyDone);
        }
        if company == Company::Others && snapshot.head.is_suspect(self.engine.clock.now()) {
            return Ok(Attended::Suspect);
        }
        let token = LeaseToken::new(self.engine.ids.fresh());
        match self.claim(snapshot, &token, beside).await {
            Ok(snapshot) => self.work(snapshot, &token, deadline, beside).await,
            Err(TransactError::Illegal(refused)) => self.not_claimed(&refused).await,
            Err(error) => ended_by(error),
        }
    }

    /// Runs turns of a claimed task, as long as it is held.
    async fn work(
        &self,
        mut snapshot: Snapshot,
        token: &LeaseToken,
        deadline: Timestamp,
        beside: &Beside,
    ) -> Result<Attended, RunError> {
        let mut turns = 0;
        while snapshot.head.is_held_by(token) {
            let result = if let Some(at) = self.waits_for_an_agent(&snapshot.head) {
                self.hand_over(snapshot, token, beside, at).await
            } else if self.is_too_late(deadline) {
                let now = self.engine.clock.now();
                self.hand_over(snapshot, token, beside, now).await
            } else {
                let turn = TurnRun::new(&self.engine, &self.agents, token, deadline, beside);
                turn.run(snapshot).await
            };
            snapshot = match result {
                Ok(next) => next,
                Err(TurnError::LeaseLost(_)) => return Ok(Attended::Stopped),
                Err(TurnError::Error(error)) => return Err(error),
            };
            turns += 1;
        }
        let (key, state) = (&snapshot.head.key, snapshot.head.state());
        info!(event = "task_run", tenant = %key.tenant, task = %key.task, turns,
            state = state.as_str(), "the runner ran the task");
        Ok(Attended::Ran { turns, state })
    }

    /// Whether the task was canceled, and its agent is told of that.
    fn has_cancel_to_pass_on(&self, head: &Head) -> bool {
        head.was_canceled_at_work() && self.agents.hears_of_cancels(&head.key.tenant)
    }

    fn is_too_late(&self, deadline: Timestamp) -> bool {
        let needed = self.engine.policy.stop_margin + MIN_RUN;
        deadline.saturating_since(self.engine.clock.now()) < needed
    }

    /// The time of the next look at a task whose tenant no agent serves. `None` if an agent serves
    /// it, or if the task has waited long enough.
    fn waits_for_an_agent(&self, head: &Head) -> Option<Timestamp> {
        let policy = &self.engine.policy;
        let until = head.status_at.saturating_add(policy.unserved_wait);
        let now = self.engine.clock.now();
        if now >= until || self.agents.serves(&head.key.tenant) {
            return None;
        }
        warn!(event = "agent_missing", tenant = %head.key.tenant, task = %head.key.task,
            "no agent serves the tenant, and the task waits");
        Some(now.saturating_add(policy.unserved_look).min(until))
    }

    async fn claim(
        &self,
        snapshot: Snapshot,
        token: &LeaseToken,
        beside: &Beside,
    ) -> Result<Snapshot, TransactError> {
        let retries = self.agents.retries(&snapshot.head.key.tenant, &self.engine.policy);
        let command = Command::Claim { token: token.clone(), max_attempts: retries.max_attempts };
        let as_of = self.engine.clock.now();
        let (claimed, signals) =
            self.engine.transact_as(beside.pusher().as_ref(), snapshot, command).await?;
        beside.show(&claimed, as_of);
        self.engine.carry_out(&claimed.head, &signals).await?;
        Ok(claimed)
    }

    async fn not_claimed(&self, refused: &Refused) -> Result<Attended, RunError> {
        let key = &refused.snapshot.head.key;
        debug!(tenant = %key.tenant, task = %key.task, refusal = %refused.illegal, "not claimed");
        Ok(match refused.illegal.refusal {
            Refusal::HeldBy { until } => Attended::HeldBy { until },
            Refusal::NotBefore { at } => {
                // The signal came early. Signals for a distant time come early repeatedly, in hops.
                self.engine.signal(&refused.snapshot.head, at).await?;
                Attended::NotBefore { at }
            }
            Refusal::WaitsForUser => Attended::WaitsForUser,
            Refusal::Ended
            | Refusal::StaleLease
            | Refusal::NotEnded
            | Refusal::NotFirst
            | Refusal::ScopeEnded
            | Refusal::NoLease
            | Refusal::Repeated
            | Refusal::Suffices
            | Refusal::TooManyConfigs { .. }
            | Refusal::NoSuchConfig
            | Refusal::CursorUnwritten
            | Refusal::NothingToPush
            | Refusal::News => Attended::AlreadyDone,
        })
    }

    /// Sends a signal that arrives just after the end of another runner's apparent lease. It is for
    /// a redelivered signal, whose first runner may be the dead holder of that lease.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub async fn look_again(&self, signal: &Signal, until: Timestamp) -> Result<(), SignalError> {
        let mut signal = signal.clone();
        signal.alone = false;
        self.engine.send(&signal, until.saturating_add(AFTER_LEASE)).await
    }

    /// Leaves a task, with its unread messages, to another invocation at this time.
    async fn hand_over(
        &self,
        snapshot: Snapshot,
        token: &LeaseToken,
        beside: &Beside,
        wake_at: Timestamp,
    ) -> Result<Snapshot, TurnError> {
        let head = &snapshot.head;
        let turn = TurnEnd {
            token: token.clone(),
            given: head.consumed,
            updates: Vec::new(),
            has_records: false,
            cut: Some(Cut::HandOver),
        };
        let (seen, checkpoint) = (head.last_message, head.checkpoint.clone());
        let next = if self.engine.policy.scopes {
            NextTurn::Repeats { seen, checkpoint }
        } else {
            NextTurn::Begins { checkpoint }
        };
        let pause = Pause::Until { wake_at, next };
        let command = Command::Park { turn, pause };
        let as_of = self.engine.clock.now();
        let pusher = beside.pusher();
        let handed_over = self.engine.transact_as(pusher.as_ref(), snapshot, command).await;
        let (snapshot, signals) = handed_over.map_err(TurnError::from)?;
        beside.show(&snapshot, as_of);
        self.engine.carry_out(&snapshot.head, &signals).await.map_err(TransactError::from)?;
        Ok(snapshot)
    }
}

fn attempt_span(key: &TaskKey) -> Span {
    trace_span!(
        target: trace::TARGET,
        "attempt",
        a2a.task.id = key.task.as_str(),
        a2a.tenant = key.tenant.as_str(),
    )
}

fn ended_by(error: TransactError) -> Result<Attended, RunError> {
    match error {
        TransactError::Illegal(_) => Ok(Attended::AlreadyDone),
        TransactError::Gone => Ok(Attended::NoSuchTask),
        error => Err(error.into()),
    }
}
