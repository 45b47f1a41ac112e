//! The state machine: the one place that decides what a task becomes.
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
//! | expire     | —             | Waiting, if expired  | —                    | —           | —     |
//! | wake       | signals again | —                    | signals again        | if its user is late | — |
//! | lapse      | —             | —                    | —                    | Ended, when it has waited for long enough | — |
//! | delete     | —             | —                    | —                    | —           | Ended, and there for nobody |
//! | void       | —             | Waiting              | —                    | —           | —     |
//! | register-push, unregister-push, push-again, claim-push, settle-push | in every phase: they are about push configs and the pending-push mark | | | | |
//!
//! `void` also opens a claimed pending-push mark, in every phase.
//!
//! A dash is an [`IllegalTransition`] and changes nothing. A turn that ends while the inbox is not
//! empty does not end the task: the holder goes on, with the new messages (invariant I5). A message
//! to a task whose lease has expired asks for another runner. A claim past the limit of attempts
//! ends the task as failed (I10).
//!
//! Everything here is pure: what happened and the time go in; the next head, the new entries and
//! the effects come out, as data.

mod command;
mod pushes;
mod refusal;
mod retention;
mod void;

use std::time::Duration;

use a2a_lambda_protocol::{Message, Role, TaskState, Timestamp};

use crate::head::{Ending, FollowUp, Head, Impatience, MAX_REMEMBERED_KEYS, Phase};
use crate::ids::{Fence, Generation, Incarnation, LeaseToken, Position, Revision, WriteId};
use crate::log::{Entry, Event, StatusChange, Terms, UserMessage, without_ids};
use crate::request_key::Fingerprint;

pub use command::{Command, Finish, FirstPush, NewPush, Pause, Stamp, Submission, TurnEnd, Update};
pub use pushes::Settlement;
pub use refusal::{IllegalTransition, Refusal};

/// What is to be done once a change is committed. Each can be lost or repeated: the due index
/// brings the task up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell a runner to attend to the task, at this time or soon after.
    Signal {
        /// The earliest time; in the past for "at once".
        at: Timestamp,
    },
}

/// The outcome of a command: what to commit, atomically, and what to do then.
///
/// Only the state machine makes one, so that no store or handler decides a transition.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    head: Head,
    entries: Vec<Entry>,
    effects: Vec<Effect>,
    over_lease: Option<Timestamp>,
}

impl Change {
    /// The head from here on.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The same new task, in place of one of the same id that has expired.
    #[must_use]
    pub fn in_place_of(mut self, expired: &Head) -> Self {
        self.head.has_leftovers |= !expired.is_alone();
        self
    }

    /// The entries that are added to the log.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What to do after the commit.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// The end of the expired lease that the change passes over, if it does: it may only be
    /// committed if that lease was not renewed in the meantime.
    pub fn over_lease(&self) -> Option<Timestamp> {
        self.over_lease
    }
}

impl Head {
    /// Submits a new task.
    pub fn submit(submission: Submission, stamp: &Stamp) -> Change {
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
            fence: Fence::default(),
            attempt: 0,
            deaths: 0,
            turn: 0,
            consumed: Position::default(),
            given: Position::default(),
            last_message: Position::default(),
            emitted: false,
            sender_waits_until,
            direct: false,
            checkpoint: None,
            patience: None,
            due: None,
            pushes: None,
            request,
            follow_ups: Vec::new(),
            has_leftovers: false,
            ttl: None,
            is_deleted: false,
            // As the incarnation, where it may be stored.
            trace: trace.filter(|_| stamp.retention.is_some()),
        };
        let mut draft = Draft::new(head, stamp);
        draft.is_new = true;
        if let Some(first) = pushes {
            draft.first_mark(first);
        }
        draft.add_message(message, terms);
        draft.signal(stamp.now);
        draft.done()
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

    /// That a command is not applied in the present phase, and why.
    pub(crate) fn illegal(&self, command: &'static str, refusal: Refusal) -> IllegalTransition {
        IllegalTransition { command, phase: self.phase.name(), refusal }
    }

    fn step(&self, command: Command, stamp: &Stamp) -> Result<Change, Refusal> {
        let about_pushes = matches!(
            command,
            Command::RegisterPush(_)
                | Command::UnregisterPush { .. }
                | Command::PushAgain { .. }
                | Command::ClaimPush { .. }
                | Command::SettlePush(_)
                | Command::Void
                | Command::Delete
        );
        if self.is_terminal() && !about_pushes {
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
                next.over_lease = self.leased_until();
                next.head.deaths += u32::from(self.leased_until().is_some());
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
                next.end_turn(turn);
                next.park(pause);
            }
            Command::Finish { turn, ending } => {
                self.held(&turn.token)?;
                let first = self.turn == 0 && !self.emitted && turn.updates.is_empty();
                if matches!(ending, Finish::Direct(_)) && !first {
                    return Err(Refusal::NotFirst);
                }
                next.hold(turn.token.clone());
                next.end_turn(turn);
                next.finish(ending);
            }
            Command::Retry { token, updates, after, max_attempts, reason } => {
                self.held(&token)?;
                next.show(updates);
                next.retry(after, max_attempts, reason);
            }
            Command::Cancel => next.end(Ending::Canceled, None),
            Command::Expire => {
                let until = self.leased_until().ok_or(Refusal::NoLease)?;
                if until > stamp.now {
                    return Err(Refusal::HeldBy { until });
                }
                next.over_lease = Some(until);
                next.head.deaths += 1;
                next.head.phase = Phase::Waiting { until: stamp.now };
                next.signal_anew(stamp.now);
            }
            Command::Wake => {
                self.claimable(stamp.now)?;
                if let Phase::Running { until, .. } = self.phase {
                    return Err(Refusal::HeldBy { until });
                }
                next.signal_anew(stamp.now);
            }
            Command::Void => next.void()?,
            Command::Lapse => next.lapse()?,
            Command::Delete => next.delete()?,
        }
        Ok(next.done())
    }

    /// Whether a runner may claim the task now.
    fn claimable(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.phase {
            Phase::Running { until, .. } if until > now => Err(Refusal::HeldBy { until }),
            Phase::Waiting { until } if until > now => Err(Refusal::NotBefore { at: until }),
            Phase::Submitted | Phase::Running { .. } | Phase::Waiting { .. } => Ok(()),
            Phase::Interrupted(_) => match self.patience {
                None => Err(Refusal::WaitsForUser),
                Some(patience) if patience.until > now => {
                    Err(Refusal::NotBefore { at: patience.until })
                }
                Some(_) => Ok(()),
            },
            Phase::Ended(_) => Err(Refusal::Ended),
        }
    }

    fn held(&self, token: &LeaseToken) -> Result<(), Refusal> {
        if self.is_held_by(token) { Ok(()) } else { Err(Refusal::StaleLease) }
    }

    /// Moves the due time of a task that a sweep looked at before there was anything to do, to
    /// the time when there may be.
    pub fn postpone(&self, stamp: &Stamp) -> Change {
        let mut next = Draft::new(self.clone(), stamp);
        next.head.due = match self.phase {
            Phase::Running { until, .. } => Some(until),
            Phase::Waiting { until } => Some(until.saturating_add(stamp.signal_grace)),
            Phase::Submitted => Some(stamp.now.saturating_add(stamp.signal_grace)),
            Phase::Interrupted(_) => {
                self.patience.map(|patience| patience.until.saturating_add(stamp.signal_grace))
            }
            Phase::Ended(_) => None,
        };
        next.done()
    }
}

/// A change in the making.
struct Draft<'a> {
    head: Head,
    entries: Vec<Entry>,
    effects: Vec<Effect>,
    over_lease: Option<Timestamp>,
    /// The due time before.
    due_before: Option<Timestamp>,
    /// Whether the task is made by it.
    is_new: bool,
    /// Whether a push config was made or switched on.
    registered: bool,
    stamp: &'a Stamp,
}

impl<'a> Draft<'a> {
    fn new(mut head: Head, stamp: &'a Stamp) -> Self {
        head.revision = head.revision.next();
        head.write = stamp.write.clone();
        Self {
            due_before: head.due,
            head,
            entries: Vec::new(),
            effects: Vec::new(),
            over_lease: None,
            is_new: false,
            registered: false,
            stamp,
        }
    }

    fn done(mut self) -> Change {
        self.mark_pushes();
        self.retain();
        let Self { head, entries, effects, over_lease, .. } = self;
        Change { head, entries, effects, over_lease }
    }

    fn add(&mut self, event: Event) {
        self.head.position = self.head.position.next();
        self.head.generation = event.generation_after(self.head.generation);
        let Head { position, generation, .. } = self.head;
        let entry = Entry { position, generation, at: self.stamp.now, event };
        self.head.log_bytes += entry.stored_bytes() as u64;
        self.entries.push(entry);
    }

    fn add_message(&mut self, message: Message, terms: Terms) {
        self.add(Event::Message(UserMessage { message: without_ids(message), terms }));
        self.head.last_message = self.head.position;
    }

    fn set_status(&mut self, change: StatusChange) {
        self.head.status_at = self.stamp.now;
        let message = change.message.map(without_ids);
        self.add(Event::Status(StatusChange { message, ..change }));
    }

    fn set_state(&mut self, state: TaskState, message: Option<Message>) {
        self.set_status(StatusChange { state, message, metadata: None });
    }

    /// Asks for a signal at `at`, and for a look if it does not come to anything. An earlier look
    /// that is already due stands: the index is only written when it must be.
    fn signal(&mut self, at: Timestamp) {
        self.look_by(at.saturating_add(self.stamp.signal_grace));
        self.effects.push(Effect::Signal { at });
    }

    /// As `signal`, by the sweep: the time that was due is past and must move on.
    fn signal_anew(&mut self, at: Timestamp) {
        self.head.due = None;
        self.signal(at);
    }

    fn look_by(&mut self, at: Timestamp) {
        self.head.due = Some(self.head.due.map_or(at, |due| due.min(at)));
    }

    fn message(&mut self, message: Message, terms: Terms, request: Option<Fingerprint>) {
        let now = self.stamp.now;
        self.add_message(message, terms);
        if let Some(request) = request {
            let over = (self.head.follow_ups.len() + 1).saturating_sub(MAX_REMEMBERED_KEYS);
            self.head.follow_ups.drain(..over);
            self.head.follow_ups.push(FollowUp { request, position: self.head.position });
        }
        match self.head.phase {
            // Its holder is late and may be dead: whoever is signaled can take the task over.
            Phase::Running { until, .. } if until <= now => self.signal(now),
            // The signal that was sent for the task, or its holder, will find the message.
            Phase::Submitted | Phase::Running { .. } | Phase::Ended(_) => {}
            Phase::Waiting { .. } => {
                self.head.phase = Phase::Waiting { until: now };
                self.signal(now);
            }
            Phase::Interrupted(_) => {
                self.head.phase = Phase::Submitted;
                self.head.patience = None;
                self.head.status_at = now;
                self.head.attempt = 0;
                self.head.deaths = 0;
                self.signal(now);
            }
        }
    }

    fn claim(&mut self, token: LeaseToken, max_attempts: u32) {
        if self.head.attempt >= max_attempts {
            let Head { attempt, deaths, .. } = self.head;
            let text =
                format!("gave up after {attempt} attempts: in {deaths} of them the process died");
            let message = notice(&self.stamp.write, text);
            return self.end(Ending::Failed, Some(message));
        }
        let patience = self.head.patience.take();
        if patience.is_some_and(|patience| patience.then == Impatience::Fail) {
            let message = notice(&self.stamp.write, "nobody answered in time".to_owned());
            return self.end(Ending::Failed, Some(message));
        }
        let state_before = self.head.state();
        self.head.fence = self.head.fence.next();
        if self.head.attempt == 0 {
            self.head.given = self.head.last_message;
        }
        self.head.attempt += 1;
        self.hold(token);
        // The look that the signal asked for stands: a claim does not write the due index.
        if self.head.due.is_none() {
            self.look_by(self.stamp.now.saturating_add(self.stamp.lease));
        }
        if state_before != TaskState::Working {
            self.set_state(TaskState::Working, None);
        }
    }

    /// Holds the lease for its full time from now: every write of the holder renews it.
    fn hold(&mut self, token: LeaseToken) {
        let until = self.stamp.now.saturating_add(self.stamp.lease);
        self.head.phase = Phase::Running { token, until };
    }

    fn show(&mut self, updates: Vec<Update>) {
        for update in updates {
            self.head.emitted = true;
            match update {
                Update::Progress(change) => {
                    self.set_status(StatusChange { state: TaskState::Working, ..change });
                }
                Update::Artifact(change) => self.add(Event::Artifact(change)),
            }
        }
    }

    fn end_turn(&mut self, turn: TurnEnd) {
        self.show(turn.updates);
        self.head.consumed = turn.given;
        self.head.turn += 1;
        self.head.attempt = 0;
        self.head.deaths = 0;
        self.head.checkpoint = None;
    }

    /// Keeps the lease for another turn, because there is mail. The attempt counts.
    fn go_on(&mut self, message: Option<Message>) {
        self.head.attempt = 1;
        self.head.given = self.head.last_message;
        if message.is_some() {
            self.head.emitted = true;
            self.set_state(TaskState::Working, message);
        }
    }

    fn park(&mut self, pause: Pause) {
        match pause {
            Pause::ForUser { interruption, message, checkpoint, patience } => {
                self.head.checkpoint = checkpoint;
                if self.head.has_mail() {
                    return self.go_on(message);
                }
                self.head.phase = Phase::Interrupted(interruption);
                self.head.patience = patience;
                self.head.due = None;
                self.set_state(self.head.state(), message);
                if let Some(patience) = patience {
                    self.signal(patience.until);
                }
            }
            Pause::Until { wake_at, checkpoint } => {
                self.head.checkpoint = checkpoint;
                let until = if self.head.has_mail() { self.stamp.now } else { wake_at };
                self.head.phase = Phase::Waiting { until };
                self.signal(until);
            }
        }
    }

    fn finish(&mut self, ending: Finish) {
        match ending {
            Finish::Completed(message) if self.head.has_mail() => self.go_on(message),
            Finish::Direct(message) if self.head.has_mail() => self.go_on(Some(message)),
            Finish::Completed(message) => self.end(Ending::Completed, message),
            Finish::Failed(message) => self.end(Ending::Failed, message),
            Finish::Rejected(message) => self.end(Ending::Rejected, message),
            Finish::Direct(message) => {
                self.head.direct = true;
                self.end(Ending::Completed, Some(message));
            }
        }
    }

    fn retry(&mut self, after: Duration, max_attempts: u32, reason: Option<Message>) {
        if self.head.attempt >= max_attempts {
            return self.end(Ending::Failed, reason);
        }
        let until = self.stamp.now.saturating_add(after);
        self.head.phase = Phase::Waiting { until };
        self.signal(until);
    }

    fn end(&mut self, ending: Ending, message: Option<Message>) {
        self.head.phase = Phase::Ended(ending);
        self.head.due = None;
        self.head.checkpoint = None;
        self.head.patience = None;
        self.set_state(self.head.state(), message);
    }
}

/// A message of the system's own, to the user. Its id is the commit's mark, which is unique.
fn notice(write: &WriteId, text: String) -> Message {
    Message {
        message_id: write.as_str().to_owned(),
        role: Role::Agent,
        parts: vec![a2a_lambda_protocol::Part::text(text)],
        ..Message::default()
    }
}
