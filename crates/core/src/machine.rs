//! The state machine: the one place that decides a task's next state.
//!
//! ```text
//!            submit
//!              │            ┌────────────────── message ─────────────────┐
//!              v            v                                            │
//!          ┌───────────────────┐  claim   ┌─────────┐  park (input,   ┌──┴──────────┐
//!          │     Submitted     ├─────────>│ Running ├────────────────>│ Interrupted │
//!          └─────────┬─────────┘          └┬───┬──┬─┘  auth)          └──┬──────────┘
//!                    │            claim ^  │   │  └─ claim, when the     │
//!                    │      ┌───────────┘  │   │     lease has expired   │
//!                    │  ┌───┴─────┐        │   │                         │
//!                    │  │ Waiting │<───────┘   │                         │
//!                    │  └───┬─────┘ retry,     │ finish                  │
//!                    │      │       park(until)│                         │
//!                    │cancel│cancel            │cancel                   │cancel
//!                    v      v       expire     v                         v
//!                 ┌──────────────────────────────────────────────────────────┐
//!                 │       Ended: completed, failed, canceled, rejected       │
//!                 └──────────────────────────────────────────────────────────┘
//! ```
//!
//! | command    | Submitted     | Running              | Waiting              | Interrupted | Ended |
//! |------------|---------------|----------------------|----------------------|-------------|-------|
//! | message    | to the inbox  | to the inbox         | wakes it             | Submitted   | —     |
//! | claim      | Running       | if the lease expired | if its time has come | if its user is late | — |
//! | emit       | —             | by the holder        | —                    | —           | —     |
//! | park       | —             | by the holder        | —                    | —           | —     |
//! | finish     | —             | by the holder        | —                    | —           | —     |
//! | retry      | —             | by the holder        | —                    | —           | —     |
//! | cancel     | Ended         | Ended                | Ended                | Ended       | —     |
//! | wake       | —             | is noted             | wakes it             | —           | —     |
//! | look       | signals again | Waiting, if the lease expired | signals again, if its time has come | signals, if its user is late; Ended, when it has waited for long enough | stays |
//! | delete     | —             | —                    | —                    | —           | Ended, and there for nobody |
//! | void       | —             | Waiting              | —                    | —           | —     |
//! | register-push, unregister-push, push-again, claim-push, settle-push | in every phase: they are about push configs and the pending-push mark | | | | |
//!
//! `void` also opens a claimed pending-push mark, in every phase.
//!
//! A dash is an [`IllegalTransition`] and changes nothing. A look changes at least the due time,
//! and is never refused. A turn that ends while the inbox is not empty does not end the task: the
//! holder continues with the new messages (invariant I5). A message to a task whose lease has
//! expired signals another runner. A claim past the limit of attempts ends the task as failed
//! (I10).
//!
//! All functions are pure. The event and the time go in; the next head, the new entries and the
//! times of signals come out, as data.

mod change;
mod command;
mod draft;
mod due;
mod pushes;
pub(crate) mod refusal;
mod retention;
mod void;

use a2a_lambda_protocol::Timestamp;

use crate::attempts::Attempts;
use crate::head::{Head, Patience, Phase};
use crate::ids::{Fence, Generation, Incarnation, LeaseToken, Position, Revision};

pub use crate::push::mark::{FirstPush, NewPush, Settlement};
pub use change::Change;
pub use command::{
    Command, Cut, Finish, NextTurn, Pause, Retry, Stamp, Submission, TurnEnd, Update,
};
use draft::Draft;
pub use refusal::{IllegalTransition, Refusal};

impl Head {
    /// Submits a new task, for a runner that is signaled.
    pub fn submit(submission: Submission, stamp: &Stamp) -> Change {
        Self::submitted(submission, stamp).done()
    }

    /// Submits a new task and claims it in the same commit, for a runner that attends to it at once.
    pub fn submit_and_claim(submission: Submission, token: LeaseToken, stamp: &Stamp) -> Change {
        let mut draft = Self::submitted(submission, stamp);
        // The first attempt is within every limit.
        draft.claim(token, u32::MAX);
        draft.done()
    }

    fn submitted(submission: Submission, stamp: &Stamp) -> Draft<'_> {
        let Submission { key, owner, context, message, terms, .. } = submission;
        let Submission { sender_waits_until, request, pushes, trace, .. } = submission;
        let head = Head {
            key,
            owner,
            context,
            created_at: stamp.now,
            incarnation: stamp.retention.map(|_| Incarnation::new(stamp.now, &stamp.write)),
            position: Position::default(),
            generation: Generation::default(),
            revision: Revision::default(),
            write: stamp.write.clone(),
            phase: Phase::Submitted,
            log_bytes: 0,
            status_at: stamp.now,
            listed_as_submitted: None,
            fence: Fence::default(),
            attempt: 0,
            deaths: 0,
            turn: 0,
            scope_turns: 0,
            woken: false,
            attempts: Attempts::default(),
            consumed: Position::default(),
            given: Position::default(),
            last_message: Position::default(),
            emitted: false,
            sender_waits_until,
            checkpoint: None,
            due: None,
            pushes: None,
            request,
            follow_ups: Vec::new(),
            has_leftovers: false,
            ttl: None,
            is_deleted: false,
            // Like the incarnation, it needs a format that an earlier release may not read.
            trace: trace.filter(|_| stamp.retention.is_some()),
        };
        let mut draft = Draft::new(head, stamp);
        draft.is_new = true;
        if let Some(first) = pushes {
            draft.first_mark(first);
        }
        draft.add_message(message, terms);
        draft.signal(stamp.now);
        draft
    }

    /// Applies a command: the whole state machine.
    ///
    /// # Errors
    /// When the present phase does not allow the command; see the table in
    /// [`machine`](crate::machine).
    pub fn apply(&self, command: Command, stamp: &Stamp) -> Result<Change, IllegalTransition> {
        let name = command.name();
        self.step(command, stamp).map_err(|refusal| self.illegal(name, refusal))
    }

    /// The refusal of a command in the present phase.
    pub(crate) fn illegal(&self, command: &'static str, refusal: Refusal) -> IllegalTransition {
        IllegalTransition { command, phase: self.phase.name(), refusal }
    }

    fn step(&self, command: Command, stamp: &Stamp) -> Result<Change, Refusal> {
        let is_for_any = matches!(
            command,
            Command::RegisterPush(_)
                | Command::UnregisterPush { .. }
                | Command::PushAgain { .. }
                | Command::ClaimPush { .. }
                | Command::SettlePush(_)
                | Command::Look
                | Command::Void
                | Command::Delete
        );
        if self.is_terminal() && !is_for_any {
            return Err(Refusal::Ended);
        }
        let mut next = Draft::new(self.clone(), stamp);
        match command {
            Command::RegisterPush(push) => next.register(push)?,
            Command::UnregisterPush { id } => next.unregister(&id)?,
            Command::PushAgain { registration } => next.push_again(&registration)?,
            Command::ClaimPush { token } => next.claim_push(token)?,
            Command::SettlePush(settlement) => next.settle_push(&settlement)?,
            Command::Message { message, terms, request, push } => {
                if request.as_ref().is_some_and(|request| self.accepted(request).is_some()) {
                    return Err(Refusal::Repeated);
                }
                next.message(message, terms, request);
                if let Some(push) = push {
                    next.register(push)?;
                }
            }
            Command::Claim { token, max_attempts } => {
                self.claimable(stamp.now)?;
                if let Some(until) = self.leased_until() {
                    next.take_over(until);
                }
                next.claim(token, max_attempts);
            }
            Command::Emit { token, updates } => {
                self.held(&token)?;
                next.hold(token);
                next.show(updates);
            }
            Command::Park { turn, pause } => {
                self.held(&turn.token)?;
                next.hold(turn.token.clone());
                let (given, cut) = (turn.given, turn.cut);
                next.end_turn(turn);
                next.park(given, pause, cut);
            }
            Command::Finish { turn, ending } => {
                self.held(&turn.token)?;
                let first = self.turn == 0 && !self.emitted && turn.updates.is_empty();
                if matches!(ending, Finish::Direct(_)) && !first {
                    return Err(Refusal::NotFirst);
                }
                next.hold(turn.token.clone());
                let given = turn.given;
                next.end_turn(turn);
                next.finish(given, ending);
            }
            Command::Retry { token, retry } => {
                self.held(&token)?;
                next.retry(retry);
            }
            Command::Cancel => next.cancel(),
            Command::Wake { scope } => next.wake(scope)?,
            Command::Look => next.look(),
            Command::Void => next.void()?,
            Command::Delete => next.delete()?,
        }
        Ok(next.done())
    }

    /// Whether a runner may claim the task now.
    pub(crate) fn claimable(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.phase {
            Phase::Running { until, .. } if until > now => Err(Refusal::HeldBy { until }),
            Phase::Waiting { until } if until > now => Err(Refusal::NotBefore { at: until }),
            Phase::Interrupted { patience: None, .. } => Err(Refusal::WaitsForUser),
            Phase::Interrupted { patience: Some(Patience { until: at, .. }), .. } if at > now => {
                Err(Refusal::NotBefore { at })
            }
            Phase::Submitted
            | Phase::Running { .. }
            | Phase::Waiting { .. }
            | Phase::Interrupted { .. } => Ok(()),
            Phase::Ended(_) => Err(Refusal::Ended),
        }
    }

    fn held(&self, token: &LeaseToken) -> Result<(), Refusal> {
        if self.is_held_by(token) { Ok(()) } else { Err(Refusal::StaleLease) }
    }

    /// Gives the task its needed due time, even if another is set.
    pub fn postpone(&self, stamp: &Stamp) -> Change {
        let mut next = Draft::new(self.clone(), stamp);
        next.looked();
        next.done()
    }
}
