//! A change in the making: the effects of commands, as verbs.

use a2a_lambda_protocol::{Message, Role, TaskState, Timestamp};

use super::change::Change;
use super::command::{Cut, Finish, NextTurn, Pause, Retry, Stamp, TurnEnd, Update};
use super::refusal::Refusal;
use crate::attempts::{AttemptOutcome, AttemptRecord, RunnerName};
use crate::head::{Ending, FollowUp, Head, Impatience, MAX_REMEMBERED_KEYS, Phase};
use crate::ids::{LeaseToken, Position, WriteId};
use crate::log::{Entry, Event, StatusChange, UserMessage, without_ids};
use crate::request_key::Fingerprint;
use crate::terms::Terms;

/// A change in the making.
pub(super) struct Draft<'a> {
    pub(super) head: Head,
    pub(super) entries: Vec<Entry>,
    pub(super) signals: Vec<Timestamp>,
    pub(super) over_lease: Option<Timestamp>,
    /// The due time that is set; `None` if this command is the look.
    pub(super) look: Option<Timestamp>,
    /// Whether the task waited for its user.
    pub(super) was_interrupted: bool,
    /// Whether the change creates the task.
    pub(super) is_new: bool,
    /// Whether a push config was created or enabled.
    pub(super) registered: bool,
    pub(super) stamp: &'a Stamp,
}

impl<'a> Draft<'a> {
    pub(super) fn new(mut head: Head, stamp: &'a Stamp) -> Self {
        head.revision = head.revision.next();
        head.write = stamp.write.clone();
        Self {
            look: head.due,
            was_interrupted: matches!(head.phase, Phase::Interrupted { .. }),
            head,
            entries: Vec::new(),
            signals: Vec::new(),
            over_lease: None,
            is_new: false,
            registered: false,
            stamp,
        }
    }

    pub(super) fn done(mut self) -> Change {
        self.mark_pushes();
        self.head.ttl = self.ttl();
        self.head.due = self.due();
        if !matches!(self.head.phase, Phase::Running { .. }) || self.head.is_deleted {
            self.head.listed_as_submitted = None;
        }
        if self.stamp.runner.is_none() {
            self.head.attempts.clear();
        }
        let Self { head, entries, signals, over_lease, .. } = self;
        Change { head, entries, signals, over_lease }
    }

    pub(super) fn add(&mut self, event: Event) {
        self.head.position = self.head.position.next();
        self.head.generation = event.generation_after(self.head.generation);
        let Head { position, generation, .. } = self.head;
        let entry = Entry { position, generation, at: self.stamp.now, event };
        self.head.log_bytes += entry.stored_bytes() as u64;
        self.entries.push(entry);
    }

    pub(super) fn add_message(&mut self, message: Message, terms: Terms) {
        self.add(Event::Message(UserMessage { message: without_ids(message), terms }));
        self.head.last_message = self.head.position;
    }

    pub(super) fn set_status(&mut self, change: StatusChange) {
        self.head.status_at = self.stamp.now;
        let message = change.message.map(without_ids);
        self.add(Event::Status(StatusChange { message, ..change }));
    }

    pub(super) fn set_state(&mut self, state: TaskState, message: Option<Message>) {
        self.set_status(StatusChange { state, message, metadata: None });
    }

    /// Asks for a signal at `at`.
    pub(super) fn signal(&mut self, at: Timestamp) {
        self.signals.push(at);
    }

    /// The sweep has looked at the task: it looks again at another time, even if nothing else changes.
    pub(super) fn looked(&mut self) {
        self.look = None;
    }

    pub(super) fn message(&mut self, message: Message, terms: Terms, request: Option<Fingerprint>) {
        let now = self.stamp.now;
        self.add_message(message, terms);
        if let Some(request) = request {
            let over = (self.head.follow_ups.len() + 1).saturating_sub(MAX_REMEMBERED_KEYS);
            self.head.follow_ups.drain(..over);
            self.head.follow_ups.push(FollowUp { request, position: self.head.position });
        }
        match self.head.phase {
            // Its holder is late and may be dead: the signaled runner can take the task over.
            Phase::Running { until, .. } if until <= now => self.signal(now),
            // The signal that was sent for the task, or its holder, will find the message.
            Phase::Submitted | Phase::Running { .. } | Phase::Ended(_) => {}
            Phase::Waiting { .. } => {
                self.head.phase = Phase::Waiting { until: now };
                self.signal(now);
            }
            Phase::Interrupted { .. } => {
                self.head.phase = Phase::Submitted;
                self.head.status_at = now;
                self.head.attempt = 0;
                self.head.deaths = 0;
                self.signal(now);
            }
        }
    }

    /// A callback of the open scope was answered.
    pub(super) fn wake(&mut self, scope: u32) -> Result<(), Refusal> {
        let now = self.stamp.now;
        if scope != self.head.scope() {
            return Err(Refusal::ScopeEnded);
        }
        match self.head.phase {
            Phase::Running { until, .. } => {
                self.head.woken = true;
                if until <= now {
                    self.signal(now);
                }
            }
            Phase::Waiting { .. } => {
                self.head.phase = Phase::Waiting { until: now };
                self.signal(now);
            }
            Phase::Submitted | Phase::Interrupted { .. } | Phase::Ended(_) => {
                return Err(Refusal::ScopeEnded);
            }
        }
        Ok(())
    }

    pub(super) fn claim(&mut self, token: LeaseToken, max_attempts: u32) {
        if self.head.attempt >= max_attempts {
            let Head { attempt, deaths, .. } = self.head;
            let text =
                format!("gave up after {attempt} attempts: in {deaths} of them the process died");
            let message = notice(&self.stamp.write, text);
            return self.end_unheard(Ending::Failed, Some(message));
        }
        if self.head.patience().is_some_and(|patience| patience.then == Impatience::Fail) {
            let message = notice(&self.stamp.write, "nobody answered in time".to_owned());
            return self.end(Ending::Failed, Some(message));
        }
        let before = (self.head.state(), self.head.status_at);
        self.head.fence = self.head.fence.next();
        if self.head.attempt == 0 && self.head.scope_turns == 0 {
            self.head.given = self.head.last_message;
        }
        self.head.attempt += 1;
        // This attempt reads the answer.
        self.head.woken = false;
        self.begin_attempt(self.stamp.runner);
        self.hold(token);
        if before.0 != TaskState::Working {
            self.set_state(TaskState::Working, None);
        }
        if before.0 == TaskState::Submitted && !self.is_new {
            self.head.listed_as_submitted = Some(before.1);
        }
    }

    /// Takes the task from a runner whose lease has ended without a word of it.
    pub(super) fn take_over(&mut self, until: Timestamp) {
        self.over_lease = Some(until);
        self.head.deaths += 1;
        self.end_attempt_at(until, AttemptOutcome::Died);
    }

    fn begin_attempt(&mut self, runner: Option<RunnerName>) {
        let Some(runner) = runner else { return };
        let Head { turn, attempt, .. } = self.head;
        let began = self.stamp.now;
        self.head.attempts.begin(AttemptRecord {
            turn: turn + 1,
            attempt,
            began,
            runner,
            end: None,
        });
    }

    fn end_attempt(&mut self, outcome: AttemptOutcome) {
        self.end_attempt_at(self.stamp.now, outcome);
    }

    pub(super) fn end_attempt_at(&mut self, at: Timestamp, outcome: AttemptOutcome) {
        self.head.attempts.end(at, outcome);
    }

    /// Holds the lease for its full time from now: every write of the holder renews it. Lists show
    /// what the holder shows.
    pub(super) fn hold(&mut self, token: LeaseToken) {
        let until = self.stamp.now.saturating_add(self.stamp.lease);
        self.head.phase = Phase::Running { token, until };
        self.head.listed_as_submitted = None;
    }

    pub(super) fn show(&mut self, updates: Vec<Update>) {
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

    pub(super) fn end_turn(&mut self, turn: TurnEnd) {
        self.show(turn.updates);
        self.has_records(turn.has_records);
        self.head.turn += 1;
        self.head.attempt = 0;
        self.head.deaths = 0;
        self.head.checkpoint = None;
    }

    /// The turn that ended was the last of its scope.
    pub(super) fn end_scope(&mut self, given: Position) {
        self.head.consumed = given;
        self.head.scope_turns = 0;
        self.head.woken = false;
    }

    /// Keeps the lease for another turn, because there is mail. The attempt counts.
    pub(super) fn go_on(&mut self, message: Option<Message>) {
        self.head.attempt = 1;
        self.head.given = self.head.last_message;
        let runner = self.head.attempts.end(self.stamp.now, AttemptOutcome::Continued);
        self.begin_attempt(runner);
        if message.is_some() {
            self.head.emitted = true;
            self.set_state(TaskState::Working, message);
        }
    }

    pub(super) fn park(&mut self, given: Position, pause: Pause, cut: Option<Cut>) {
        match pause {
            Pause::ForUser { interruption, message, checkpoint, patience } => {
                self.end_scope(given);
                self.head.checkpoint = checkpoint;
                if self.head.has_mail() {
                    return self.go_on(message);
                }
                self.end_attempt(AttemptOutcome::Settled);
                self.head.phase = Phase::Interrupted { interruption, patience };
                self.set_state(self.head.state(), message);
                if let Some(patience) = patience {
                    self.signal(patience.until);
                }
            }
            Pause::Until { wake_at, next } => {
                self.end_attempt(cut.map_or(AttemptOutcome::Continued, AttemptOutcome::from));
                let has_news = match next {
                    NextTurn::Begins { checkpoint } => {
                        self.end_scope(given);
                        self.head.checkpoint = checkpoint;
                        self.head.has_mail()
                    }
                    NextTurn::Repeats { seen, checkpoint } => {
                        self.head.scope_turns += 1;
                        self.head.checkpoint = checkpoint;
                        std::mem::take(&mut self.head.woken) || self.head.last_message > seen
                    }
                };
                let until = if has_news { self.stamp.now } else { wake_at };
                self.head.phase = Phase::Waiting { until };
                self.signal(until);
            }
        }
    }

    pub(super) fn finish(&mut self, given: Position, ending: Finish) {
        self.end_scope(given);
        match ending {
            Finish::Completed(message) if self.head.has_mail() => self.go_on(message),
            Finish::Direct(message) if self.head.has_mail() => self.go_on(Some(message)),
            Finish::Completed(message) => self.settle(Ending::Completed, message),
            Finish::Failed(message) => {
                self.end_attempt(AttemptOutcome::Failed);
                self.end(Ending::Failed, message);
            }
            Finish::Rejected(message) => self.settle(Ending::Rejected, message),
            Finish::Direct(message) => self.settle(Ending::Answered, Some(message)),
        }
    }

    fn settle(&mut self, ending: Ending, message: Option<Message>) {
        self.end_attempt(AttemptOutcome::Settled);
        self.end(ending, message);
    }

    /// The sweep's visit of the task. It takes the task from a dead runner, signals it if it needs
    /// a runner, or cancels it if its user has not answered within the longest wait.
    pub(super) fn look(&mut self) {
        let now = self.stamp.now;
        self.looked();
        if self.head.lapses_at(self.stamp.retention.as_ref()).is_some_and(|at| at <= now) {
            return self.lapse();
        }
        if self.head.claimable(now).is_err() {
            return;
        }
        if let Some(until) = self.head.leased_until() {
            self.take_over(until);
            self.head.phase = Phase::Waiting { until: now };
        }
        self.signal(now);
    }

    pub(super) fn retry(&mut self, retry: Retry) {
        let Retry { updates, has_records, after, cut, max_attempts, reason } = retry;
        self.show(updates);
        self.has_records(has_records);
        self.end_attempt(cut.map_or(AttemptOutcome::Failed, AttemptOutcome::from));
        if self.head.attempt >= max_attempts {
            return self.end(Ending::Failed, reason);
        }
        let until = self.stamp.now.saturating_add(after);
        self.head.phase = Phase::Waiting { until };
        self.signal(until);
    }

    /// The task is canceled. Its checkpoint stays: its agent may need it to pass the cancel on.
    pub(super) fn cancel(&mut self) {
        let left = self.head.checkpoint.take();
        self.end_unheard(Ending::Canceled, None);
        self.head.checkpoint = left;
    }

    /// The task ends without a word of a runner, which may have recorded steps.
    pub(super) fn end_unheard(&mut self, ending: Ending, message: Option<Message>) {
        let Head { attempt, scope_turns, .. } = self.head;
        self.has_records(attempt > 0 || scope_turns > 0);
        self.end_attempt(AttemptOutcome::Canceled);
        self.end(ending, message);
    }

    /// The store may have records of steps beside the head.
    fn has_records(&mut self, has_records: bool) {
        self.head.has_leftovers |= has_records && self.stamp.retention.is_some();
    }

    pub(super) fn end(&mut self, ending: Ending, message: Option<Message>) {
        self.head.phase = Phase::Ended(ending);
        self.head.checkpoint = None;
        self.head.woken = false;
        self.set_state(self.head.state(), message);
    }
}

impl From<Cut> for AttemptOutcome {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Callback => Self::Suspended,
            Cut::Time => Self::OutOfTime,
            Cut::HandOver => Self::HandedOver,
        }
    }
}

/// A message of the system's own, to the user. Its id is the commit's write id, which is unique.
pub(super) fn notice(write: &WriteId, text: String) -> Message {
    Message {
        message_id: write.as_str().to_owned(),
        role: Role::Agent,
        parts: vec![a2a_lambda_protocol::Part::text(text)],
        ..Message::default()
    }
}
