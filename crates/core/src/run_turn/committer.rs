//! Commits the agent's output and the end of the turn.

use std::time::Duration;

use a2a_lambda_protocol::{Json, Message, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::agent_run::{AgentResult, AgentRun, TurnError};
use crate::agent::{End, Failure};
use crate::engine::{Engine, TransactError, chain};
use crate::head::{Interruption, LISTED_WITHIN};
use crate::ids::LeaseToken;
use crate::machine::{Command, Cut, Finish, NextTurn, Pause, Retry, TurnEnd, Update};
use crate::policy::{Policy, Retries};
use crate::push::Beside;
use crate::reply::Reply;
use crate::steps::{Left, StepError};
use crate::store::{Snapshot, StoreError};
use crate::turn::{ShowError, Shown, agent_message};
use crate::weight::json_bytes;

pub(super) struct Committer<'a> {
    engine: &'a Engine,
    token: &'a LeaseToken,
    retries: Retries,
    /// The values that the agent's run leaves.
    left: Left,
    /// The reason why the run ends before its agent does.
    cut: Option<Cut>,
    /// The task as last committed.
    pub(super) now: Snapshot,
    beside: &'a Beside,
}

/// The end of the agent's part of the turn. [`Committer::end`] decides on its result.
pub(super) struct AgentEnd {
    result: AgentResult,
    /// The last updates, which are not committed yet.
    updates: Vec<Update>,
    /// Why the agent was dropped before it ended, if it was.
    cut: Option<Cut>,
}

impl AgentEnd {
    pub(super) fn failed(failure: Failure) -> Self {
        Self { result: Err(failure), updates: Vec::new(), cut: None }
    }

    pub(super) fn out_of_time() -> Self {
        let reason = "the agent did not finish in the time that an invocation has";
        Self { cut: Some(Cut::Time), ..Self::failed(Failure::retryable(reason)) }
    }

    /// The time of its sender was over.
    pub(super) fn cut_off() -> Self {
        Self { cut: Some(Cut::HandOver), ..Self::out_of_time() }
    }
}

/// The result of the turn's end.
enum Outcome {
    Park(Pause),
    Finish(Finish),
}

/// The updates of one commit.
#[derive(Default)]
struct Batch {
    /// Whether it is for lists: its commit has no updates, and shows the turn in them.
    is_for_lists: bool,
    updates: Vec<Update>,
    bytes: usize,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn has_room_for(&self, next: &Shown, policy: &Policy) -> bool {
        match next {
            Shown::Update { bytes, .. } => {
                self.updates.is_empty() || self.bytes + bytes <= policy.commit_bytes
            }
            Shown::Flush(_) => true,
        }
    }

    /// Whether later updates may share its commit.
    fn can_wait(&self, policy: &Policy) -> bool {
        let has_room = self.updates.len() < policy.updates_per_commit;
        has_room && !self.updates.is_empty() && self.flushes.is_empty()
    }

    fn add(&mut self, shown: Shown) {
        match shown {
            Shown::Update { update, bytes } => {
                self.updates.push(update);
                self.bytes += bytes;
            }
            Shown::Flush(done) => self.flushes.push(done),
        }
    }
}

impl<'a> Committer<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        token: &'a LeaseToken,
        retries: Retries,
        now: Snapshot,
        beside: &'a Beside,
    ) -> Self {
        let left = Left::of(&now.head);
        Self { engine, token, retries, left, cut: None, now, beside }
    }

    /// Commits updates as they come, until the agent has ended and the rest of them fits into the
    /// commit of the end. Updates that come while a commit is under way, or shortly after it began,
    /// share the next one.
    pub(super) async fn drive(
        &mut self,
        mut shown: mpsc::Receiver<Shown>,
        agent: &mut AgentRun<'_>,
    ) -> Result<AgentEnd, TurnError> {
        let engine = self.engine;
        let mut end = None;
        // Taken out of the channel, but too large for the batch under construction.
        let mut held_over: Option<Shown> = None;
        let mut next_at = self.engine.clock.now();
        // When a commit of its own shows the turn in lists, unless another does before.
        let mut list_at = self.now.head.status_at.saturating_add(LISTED_WITHIN);
        loop {
            let mut batch = Batch::default();
            if let Some(first) = held_over.take() {
                batch.add(first);
            } else {
                let is_unlisted = self.now.head.listed_as_submitted.is_some();
                let unlisted = list_at.saturating_since(self.engine.clock.now());
                // The agent goes first: everything that it shows before it has to wait is one
                // batch.
                tokio::select! {
                    biased;
                    result = agent.ended(), if end.is_none() => end = Some(result),
                    Some(first) = shown.recv() => batch.add(first),
                    () = self.engine.clock.sleep(unlisted), if is_unlisted && end.is_none() => {
                        batch.is_for_lists = true;
                    }
                    else => {}
                }
            }
            if end.is_some() {
                shown.close();
            }
            held_over = self.fill(&mut batch, &mut shown);
            batch.is_for_lists &= batch.updates.is_empty() && batch.flushes.is_empty();
            let is_for_lists = batch.is_for_lists;
            let policy = &self.engine.policy;
            let pause = next_at.saturating_since(self.engine.clock.now());
            let mut is_early = !pause.is_zero();
            let mut pause = std::pin::pin!(self.engine.clock.sleep(pause));
            while is_early && end.is_none() && held_over.is_none() && batch.can_wait(policy) {
                tokio::select! {
                    biased;
                    result = agent.ended() => {
                        end = Some(result);
                        shown.close();
                    }
                    Some(next) = shown.recv() => {
                        if batch.has_room_for(&next, policy) {
                            batch.add(next);
                        } else {
                            held_over = Some(next);
                        }
                    }
                    () = &mut pause => is_early = false,
                }
            }
            if end.is_some() && held_over.is_none() {
                held_over = self.fill(&mut batch, &mut shown);
            }
            if self.overfills(&batch) {
                return Ok(AgentEnd::failed(Failure::permanent(self.overfull())));
            }
            if shown.is_empty()
                && held_over.is_none()
                && let Some(result) = end.take()
            {
                return Ok(AgentEnd { result, updates: batch.updates, cut: None });
            }
            if !is_for_lists {
                let every = self.engine.policy.commit_every;
                next_at = self.engine.clock.now().saturating_add(every);
            }
            let mut commit = std::pin::pin!(self.emit(batch));
            let committed = loop {
                tokio::select! {
                    biased;
                    committed = &mut commit => break committed,
                    result = agent.ended(), if end.is_none() => {
                        end = Some(result);
                        // Nothing more is shown: without this, the next round waits for it.
                        shown.close();
                    }
                }
            };
            match committed {
                Ok(()) => {}
                Err(TransactError::Store(_) | TransactError::Contended) if is_for_lists => {
                    list_at = engine.clock.now().saturating_add(engine.policy.lease / 3);
                }
                Err(TransactError::Store(StoreError::TooLarge { what, bytes, limit })) => {
                    return Ok(AgentEnd::failed(does_not_fit(what, bytes, limit)));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Fills a batch with the updates that are already shown. Returns the first one that does not
    /// fit.
    fn fill(&self, batch: &mut Batch, shown: &mut mpsc::Receiver<Shown>) -> Option<Shown> {
        let policy = &self.engine.policy;
        while batch.updates.len() < policy.updates_per_commit {
            let next = shown.try_recv().ok()?;
            if !batch.has_room_for(&next, policy) {
                return Some(next);
            }
            batch.add(next);
        }
        None
    }

    /// Whether the log has no room for a batch.
    fn overfills(&self, batch: &Batch) -> bool {
        let entries = u64::try_from(batch.updates.len()).unwrap_or(u64::MAX);
        let after = self.now.head.position.0.saturating_add(entries);
        let bytes = self.now.head.log_bytes.saturating_add(batch.bytes as u64);
        let policy = &self.engine.policy;
        entries > 0 && (after > policy.max_entries || bytes > policy.max_task_bytes)
    }

    /// Why a task fails whose log has no room.
    fn overfull(&self) -> String {
        let policy = &self.engine.policy;
        format!(
            "the task showed more than {} updates or {} bytes",
            policy.max_entries, policy.max_task_bytes
        )
    }

    async fn emit(&mut self, batch: Batch) -> Result<(), TransactError> {
        if batch.is_for_lists || !batch.updates.is_empty() {
            let (token, updates) = (self.token.clone(), batch.updates);
            self.commit(Command::Emit { token, updates }).await?;
        }
        for done in batch.flushes {
            // The agent may have stopped waiting.
            let _ = done.send(());
        }
        Ok(())
    }

    /// Commits the end of the turn.
    pub(super) async fn end(&mut self, ended: AgentEnd, left: Left) -> Result<(), TurnError> {
        let AgentEnd { result, updates, cut } = ended;
        self.left = left;
        self.cut = cut.or_else(|| result.as_ref().err().and_then(cut_by));
        let at_once = cut == Some(Cut::HandOver);
        let outcome = match result {
            Ok(end) => self.outcome(end, updates.is_empty()).map_err(Failure::permanent),
            // It is no failed attempt: the agent had less than an invocation's time, or has recorded
            // some of its work.
            Err(_)
                if cut.is_some_and(|cut| cut == Cut::HandOver || left.recorded)
                    && self.engine.policy.scopes =>
            {
                self.goes_on(self.engine.clock.now(), None).map_err(Failure::permanent)
            }
            Err(failure) => match self.waits_until(&failure) {
                Some(wake_at) => self.goes_on(wake_at, None).map_err(Failure::permanent),
                None => Err(failure),
            },
        };
        let command = match outcome {
            Ok(Outcome::Park(pause)) => Command::Park { turn: self.turn_end(updates), pause },
            Ok(Outcome::Finish(ending)) => Command::Finish { turn: self.turn_end(updates), ending },
            Err(failure) => self.failed(failure, updates, at_once),
        };
        match self.commit(command).await {
            Err(TransactError::Store(StoreError::TooLarge { what, bytes, limit })) => {
                // Of this turn only the reason is kept, which is short.
                let command = self.failed(does_not_fit(what, bytes, limit), Vec::new(), at_once);
                self.commit(command).await.map_err(TurnError::from)
            }
            done => done.map_err(TurnError::from),
        }
    }

    /// Until when a scope waits whose agent has passed on that it waits, or that it has no time.
    fn waits_until(&self, failure: &Failure) -> Option<Timestamp> {
        let source = failure.source.as_deref()?;
        match StepError::of(source)? {
            StepError::Suspended { until } => Some(*until),
            // An invocation that was too short for one step counts as an attempt.
            StepError::OutOfTime { .. } if self.left.recorded => Some(self.engine.clock.now()),
            _ => None,
        }
    }

    /// The turn ends, and another one follows by itself.
    fn goes_on(&self, wake_at: Timestamp, checkpoint: Option<Json>) -> Result<Outcome, String> {
        let policy = &self.engine.policy;
        let head = &self.now.head;
        if head.turn + 1 >= policy.max_turns {
            return Err(format!("the task did not finish in {} turns", policy.max_turns));
        }
        let next = if checkpoint.is_some() || !policy.scopes {
            NextTurn::Begins { checkpoint }
        } else {
            if self.left.lasts_until.is_some_and(|until| until < wake_at) {
                return Err(StepError::TooOld { life: policy.scope_life }.to_string());
            }
            NextTurn::Repeats { seen: self.left.seen, checkpoint: head.checkpoint.clone() }
        };
        Ok(Outcome::Park(Pause::Until { wake_at, next }))
    }

    /// The outcome for the end that the agent wants, or the reason why that end is not possible.
    fn outcome(&self, end: End, showed_all: bool) -> Result<Outcome, String> {
        if let Some(checkpoint) = end.checkpoint() {
            let bytes = checkpoint.as_str().len();
            let limit = self.engine.policy.max_checkpoint_bytes;
            if bytes > limit {
                let text = format!("the agent left a checkpoint of {bytes} bytes; the limit is");
                return Err(format!("{text} {limit}"));
            }
        }
        let (policy, head) = (&self.engine.policy, &self.now.head);
        if end.wakes_by_itself() {
            if head.turn + 1 >= policy.max_turns {
                return Err(format!("the task did not finish in {} turns", policy.max_turns));
            }
            // Each such question adds entries, with no client whose message could be refused.
            if head.position.0 >= policy.max_entries || head.log_bytes >= policy.max_task_bytes {
                return Err(self.overfull());
            }
        }
        let for_user = |interruption, question, checkpoint, patience| -> Result<Outcome, String> {
            let message = self.message(question)?;
            Ok(Outcome::Park(Pause::ForUser { interruption, message, checkpoint, patience }))
        };
        Ok(match end {
            End::Completed(reply) => Outcome::Finish(Finish::Completed(self.message(reply)?)),
            End::Rejected(reply) => Outcome::Finish(Finish::Rejected(self.message(reply)?)),
            End::Message(reply) => Outcome::Finish(self.direct(reply, showed_all)?),
            End::InputRequired { question, checkpoint, patience } => {
                for_user(Interruption::InputRequired, question, checkpoint, patience)?
            }
            End::AuthRequired { question, checkpoint, patience } => {
                for_user(Interruption::AuthRequired, question, checkpoint, patience)?
            }
            End::ParkUntil { wake_at, checkpoint } => self.goes_on(wake_at, checkpoint)?,
            End::Continue { checkpoint } => self.goes_on(self.engine.clock.now(), checkpoint)?,
        })
    }

    /// The answer is a message. That is possible only if the sender has not seen a task. After a
    /// later turn, or a long wait of the sender, the sender knows a task, and the message completes
    /// it. (A follow-up during the first turn makes a later turn, which the agent cannot know.)
    fn direct(&self, reply: Reply, showed_all: bool) -> Result<Finish, String> {
        let head = &self.now.head;
        match self.message(reply)? {
            None => Err("the agent gave a direct message without parts".into()),
            Some(message) if head.turn > 0 || self.was_shown() => {
                Ok(Finish::Completed(Some(message)))
            }
            Some(message) if !head.emitted && showed_all => Ok(Finish::Direct(message)),
            Some(_) => Err("the agent gave a direct message after it had begun a task".into()),
        }
    }

    /// Whether the sender that waited for the answer has been shown the task instead.
    fn was_shown(&self) -> bool {
        let now = self.engine.clock.now();
        self.now.head.sender_waits_until.is_some_and(|until| until <= now)
    }

    fn message(&self, reply: Reply) -> Result<Option<Message>, String> {
        let message = agent_message(self.engine.ids.as_ref(), reply);
        let bytes = message.as_ref().map_or(0, json_bytes);
        let limit = self.engine.policy.max_entry_bytes;
        if bytes > limit {
            return Err(format!("the agent's message has {bytes} bytes; the limit is {limit}"));
        }
        Ok(message)
    }

    fn turn_end(&self, updates: Vec<Update>) -> TurnEnd {
        TurnEnd {
            token: self.token.clone(),
            given: self.left.given,
            updates,
            has_records: self.left.has_records,
            cut: self.cut,
        }
    }

    /// The command that ends the attempt as failed: it is retried, or the task fails for good.
    fn failed(&self, failure: Failure, updates: Vec<Update>, at_once: bool) -> Command {
        let failure = classified(failure);
        let head = &self.now.head;
        if let Some(source) = &failure.source {
            let error = chain(source.as_ref());
            let (tenant, task) = (&head.key.tenant, &head.key.task);
            error!(event = "agent_failed", %tenant, %task, attempt = head.attempt, error,
                "the agent returned an error");
        }
        let reply = failure.reason.unwrap_or_else(|| Reply::from("the agent failed"));
        let reason = self
            .message(reply)
            .unwrap_or_else(|text| agent_message(self.engine.ids.as_ref(), Reply::from(text)));
        if failure.retryable {
            let retry = Retry {
                updates,
                has_records: self.left.has_records,
                after: if at_once { Duration::ZERO } else { self.retries.after(head.attempt) },
                cut: self.cut,
                max_attempts: self.retries.max_attempts,
                reason,
            };
            Command::Retry { token: self.token.clone(), retry }
        } else {
            Command::Finish { turn: self.turn_end(updates), ending: Finish::Failed(reason) }
        }
    }

    async fn commit(&mut self, command: Command) -> Result<(), TransactError> {
        let pusher = self.beside.pusher();
        let as_of = self.engine.clock.now();
        let made = self.engine.transact_as(pusher.as_ref(), self.now.clone(), command).await;
        if let Err(TransactError::Illegal(refused)) = &made {
            // The agent may take a while to stop. The sender beside need not wait for it.
            self.beside.show(&refused.snapshot, as_of);
        }
        let (now, signals) = made?;
        self.now = now;
        self.beside.show(&self.now, as_of);
        self.engine.carry_out(&self.now.head, &signals).await?;
        Ok(())
    }
}

fn does_not_fit(what: &str, bytes: usize, limit: usize) -> Failure {
    Failure::permanent(format!("{what} of {bytes} bytes does not fit: the limit is {limit}"))
}

/// The reason why an agent's run was cut: the agent passed on that it waits or has no time.
fn cut_by(failure: &Failure) -> Option<Cut> {
    match StepError::of(failure.source.as_deref()?)? {
        StepError::Suspended { .. } => Some(Cut::Callback),
        StepError::OutOfTime { .. } => Some(Cut::Time),
        _ => None,
    }
}

/// A failure to show something that can never be shown does not get better by trying again, nor does
/// that of some steps.
fn classified(failure: Failure) -> Failure {
    let source = failure.source.as_deref();
    if let Some(error) = source.and_then(|source| StepError::of(source)) {
        let retryable = failure.retryable && !error.is_permanent();
        let own = || match error {
            StepError::Attempt { reason, .. } => reason.clone(),
            StepError::Store(_) => None,
            error => Some(Reply::from(error.to_string())),
        };
        let reason = failure.reason.or_else(own);
        return Failure { retryable, reason, source: failure.source };
    }
    let shown = failure.source.as_ref().and_then(|source| source.downcast_ref::<ShowError>());
    match shown {
        Some(error @ (ShowError::TooLarge { .. } | ShowError::EmptyArtifact)) => {
            let reason = failure.reason.unwrap_or_else(|| Reply::from(error.to_string()));
            Failure { retryable: false, reason: Some(reason), source: failure.source }
        }
        _ => failure,
    }
}
