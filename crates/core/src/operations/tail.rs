//! `SendStreamingMessage` and `SubscribeToTask`: the tail of a task's log, as it grows (spec
//! sections 3.1.2, 3.1.6 and 3.5.2).
//!
//! A tail reads the store. So any instance can serve it, and the agent may run in another process.
//! Its events are log entries in their order. Every tail of a task has the same events under the
//! same generations. After its first event, a tail has every following generation, without a gap.
//!
//! A message has no event. The stream of a message opens with the task, at the generation at which
//! the message came. That may be the generation of the question that the message answers.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use a2a_lambda_protocol::{
    A2aError, SendMessageRequest, StreamResponse, SubscribeToTaskRequest, Task, TaskState,
    Timestamp, validate,
};
use tracing::{error, warn};

use super::inline::Work;
use super::send::{Acceptance, Accepted, SendOptions};
use super::wait::GLANCES;
use super::{Caller, Operations, transact_error};
use crate::engine::{Engine, chain};
use crate::head::Head;
use crate::ids::{Generation, Position, TaskKey};
use crate::log::{Entry, Event, fold, trim_history, without_task};
use crate::places::StreamPlace;
use crate::store::{Depth, Snapshot};

/// The generation of a task's first event, which is the task.
const FIRST: Generation = Generation(1);

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEvent {
    /// The generation that the client has with this event. A stream that resumes after it misses
    /// nothing and repeats nothing.
    pub generation: Generation,
    /// The data that the client is sent.
    pub response: StreamResponse,
}

/// The next item of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// An event.
    Event(Box<StreamEvent>),
    /// Nothing has happened for a while. More events may follow.
    Idle,
    /// The stream is over.
    End,
}

/// The states that end a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// The stream of a message: it ends when the task has ended or waits for its user. A question
    /// from before this log entry, the message, does not end it.
    Settled(Position),
    /// A subscription: it ends when the task has ended.
    Terminal,
}

impl Ends {
    fn at(self, state: TaskState) -> bool {
        state.is_terminal() || (self != Self::Terminal && state.is_interrupted())
    }

    fn with(self, entry: &Entry) -> bool {
        let is_before = matches!(self, Self::Settled(message) if entry.position < message);
        matches!(&entry.event, Event::Status(change) if self.at(change.state) && !is_before)
    }
}

/// The first event of a stream that is not resumed.
struct Opening {
    task: Task,
    generation: Generation,
    /// Until when the stream waits for the agent to decide between a task and a direct message.
    held_until: Option<Timestamp>,
    /// Whether the agent's direct message replaces the task.
    may_be_direct: bool,
}

/// A stream of a task's events.
pub struct Tail {
    engine: Engine,
    head: Head,
    ends: Ends,
    opening: Option<Opening>,
    /// Entries that were read and not yet sent.
    entries: VecDeque<Entry>,
    /// The newest entry that was read.
    read: Position,
    /// The time of the next look.
    look_at: Timestamp,
    /// The interval between looks.
    wait: Duration,
    /// How many looks in a row were allowed to be a moment old.
    glances: u32,
    until: Timestamp,
    /// Whether the stream makes no further look.
    over: bool,
    /// The agent's work, if the agent runs in this invocation.
    work: Option<Work>,
    /// The stream's place among those of its owner, if they are limited.
    place: Option<StreamPlace>,
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail")
            .field("task", &self.head.key)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl Operations {
    /// Accepts a message as [`send`](Self::send) does, and streams the task until it has ended or
    /// waits for its user (spec section 3.1.2). If the agent answers with a direct message, the
    /// message is the only event.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_streaming(
        &self,
        caller: &Caller,
        request: SendMessageRequest,
        options: &SendOptions,
    ) -> Result<Tail, A2aError> {
        let place = self.stream_place(caller).await?;
        let begun = Box::pin(self.begin(caller, request, options)).await;
        self.placed(begun, place).await
    }

    async fn begin(
        &self,
        caller: &Caller,
        request: SendMessageRequest,
        options: &SendOptions,
    ) -> Result<Tail, A2aError> {
        let configuration = request.configuration.as_ref();
        let history_length = configuration.and_then(|configuration| configuration.history_length);
        let held_until = self.held_until(&request, options);
        let until = options.answer_by;
        let inline = self.inline_until(self.stream_until(until));
        let how = Acceptance { sender_waits_until: held_until, inline: inline.is_some() };
        let accepted = Box::pin(self.accept(caller, request, options, how)).await?;
        let Accepted { snapshot, before, lease } = accepted;
        let ends = Ends::Settled(before.unwrap_or(snapshot.head.last_message));
        let inline = inline.filter(|_| before.is_none());
        let work =
            inline.map(|(runner, deadline)| Work::begin(runner, snapshot.clone(), lease, deadline));
        match options.last_event {
            // A client cannot have seen the events of a message that was only now accepted.
            Some(last)
                if before.is_some() && (FIRST..=snapshot.head.generation).contains(&last) =>
            {
                self.resumed(snapshot, last, ends, until).await
            }
            _ => {
                let mut tail = self.opened(snapshot, history_length, ends, until).await?;
                if let Some(opening) = &mut tail.opening {
                    opening.held_until = held_until;
                    opening.may_be_direct = held_until.is_some();
                }
                Ok(Tail { work, ..tail })
            }
        }
    }

    /// The latest end of a stream that begins now.
    fn stream_until(&self, until: Option<Timestamp>) -> Timestamp {
        let longest = self.engine.clock.now().saturating_add(self.engine.policy.max_stream);
        until.map_or(longest, |until| until.min(longest))
    }

    /// Streams a task until it has ended (spec section 3.1.6): first the task as it is, then each
    /// event. With `last_event` it sends only the later events (after 0, all of them), and so
    /// resumes exactly where an earlier stream was cut. `until` ends the stream in any case.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, `UnsupportedOperation` for an ended task
    /// whose events the client has all received, or a store's failure.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        request: &SubscribeToTaskRequest,
        last_event: Option<Generation>,
        until: Option<Timestamp>,
    ) -> Result<Tail, A2aError> {
        validate(request)?;
        let place = self.stream_place(caller).await?;
        let followed = Box::pin(self.follow(caller, request, last_event, until)).await;
        self.placed(followed, place).await
    }

    /// A place for a stream of the caller, if streams are limited.
    async fn stream_place(&self, caller: &Caller) -> Result<Option<StreamPlace>, A2aError> {
        match &self.limits.streams {
            Some(limit) => limit.stream(&self.engine, &caller.owner).await,
            None => Ok(None),
        }
    }

    /// A stream with its place. A stream that did not begin gives its place up.
    async fn placed(
        &self,
        tail: Result<Tail, A2aError>,
        place: Option<StreamPlace>,
    ) -> Result<Tail, A2aError> {
        match (tail, place) {
            (Err(error), Some(place)) => {
                place.leave(&self.engine).await;
                Err(error)
            }
            (tail, place) => Ok(Tail { place, ..tail? }),
        }
    }

    async fn follow(
        &self,
        caller: &Caller,
        request: &SubscribeToTaskRequest,
        last_event: Option<Generation>,
        until: Option<Timestamp>,
    ) -> Result<Tail, A2aError> {
        let depth = last_event.map_or(Depth::Full, Depth::since);
        let snapshot = self.owned(caller, &request.id, depth).await?;
        let head = &snapshot.head;
        if last_event.is_some_and(|last| last > head.generation) {
            return Err(A2aError::invalid_field(
                "Last-Event-ID",
                "is of an event that the task has not had",
            ));
        }
        if head.is_terminal() && last_event.is_none_or(|last| last == head.generation) {
            let text = format!("the task is {} and has no more updates", head.phase.name());
            return Err(A2aError::unsupported(text).with_metadata("taskId", request.id.clone()));
        }
        match last_event {
            Some(last) if last < FIRST => self.replayed(snapshot, until).await,
            Some(last) => self.resumed(snapshot, last, Ends::Terminal, until).await,
            None => self.opened(snapshot, None, Ends::Terminal, until).await,
        }
    }

    /// A stream that begins with the task.
    async fn opened(
        &self,
        snapshot: Snapshot,
        history_length: Option<i32>,
        ends: Ends,
        until: Option<Timestamp>,
    ) -> Result<Tail, A2aError> {
        let snapshot = self.engine.complete(snapshot).await.map_err(transact_error)?;
        let mut task = fold(&snapshot.head, &snapshot.tail);
        trim_history(&mut task, history_length);
        let generation = snapshot.head.generation;
        let opening = Opening { task, generation, held_until: None, may_be_direct: false };
        // The stream of an earlier message may have ended, although the task continued.
        let over = snapshot.tail.iter().any(|entry| ends.with(entry));
        let tail = self.tail(snapshot.head, ends, Some(opening), until);
        Ok(Tail { over, ..tail })
    }

    /// A stream of all events, for a client that has received none. The first is the task as it was
    /// created.
    async fn replayed(
        &self,
        snapshot: Snapshot,
        until: Option<Timestamp>,
    ) -> Result<Tail, A2aError> {
        let Snapshot { head, tail, .. } =
            self.engine.complete(snapshot).await.map_err(transact_error)?;
        let is_first = |entry: &&Entry| entry.generation <= FIRST;
        let task = fold(&head, tail.iter().take_while(is_first));
        let opening = Opening { task, generation: FIRST, held_until: None, may_be_direct: false };
        let entries = tail.iter().skip_while(is_first).cloned().collect();
        let tail = self.tail(head, Ends::Terminal, Some(opening), until);
        Ok(Tail { entries, ..tail })
    }

    /// A stream that resumes after an event.
    async fn resumed(
        &self,
        snapshot: Snapshot,
        last: Generation,
        ends: Ends,
        until: Option<Timestamp>,
    ) -> Result<Tail, A2aError> {
        // The last event may have ended the stream, although the task continued.
        let from = match ends {
            Ends::Settled(_) => Generation(last.0.saturating_sub(1)),
            Ends::Terminal => last,
        };
        let snapshot = match snapshot.since(from) {
            Some(_) => snapshot,
            None => self.engine.complete(snapshot).await.map_err(transact_error)?,
        };
        let entries = snapshot.since(from).unwrap_or_default();
        let over = entries.iter().any(|entry| entry.generation == last && ends.with(entry));
        let entries = entries.iter().filter(|entry| entry.generation > last && !over);
        let entries = entries.cloned().collect();
        let tail = self.tail(snapshot.head, ends, None, until);
        Ok(Tail { entries, over, ..tail })
    }

    fn tail(
        &self,
        head: Head,
        ends: Ends,
        opening: Option<Opening>,
        until: Option<Timestamp>,
    ) -> Tail {
        let now = self.engine.clock.now();
        Tail {
            engine: self.engine.clone(),
            read: head.position,
            head,
            ends,
            opening,
            entries: VecDeque::new(),
            look_at: now.saturating_add(self.engine.policy.poll_first),
            wait: self.engine.policy.poll_first,
            glances: 0,
            until: self.stream_until(until),
            over: false,
            work: None,
            place: None,
        }
    }
}

impl Tail {
    /// The task that the stream follows.
    pub fn task(&self) -> &TaskKey {
        &self.head.key
    }

    /// The same stream, which also ends when the task waits for its user. A subscription of A2A 0.3
    /// ends so, and its last event says that it is the last.
    pub fn ends_when_interrupted(self) -> Self {
        Self { ends: Ends::Settled(Position(0)), ..self }
    }

    /// Waits for the next event, at most for `idle`, or until the current look at the store is
    /// answered. After [`Next::End`] it returns only that.
    ///
    /// The future can be dropped at any time: nothing is lost, and the next call continues.
    pub async fn next(&mut self, idle: Duration) -> Next {
        let quiet_at = self.engine.clock.now().saturating_add(idle);
        loop {
            let now = self.engine.clock.now();
            if let Some(event) = self.ready(now) {
                return Next::Event(Box::new(event));
            }
            let left = self.until.saturating_since(now);
            if self.over || left.is_zero() {
                self.over = true;
                if let Some(work) = &mut self.work {
                    // The runner that has settled the task is about to return.
                    work.end(self.engine.clock.as_ref(), left).await;
                    self.work = None;
                }
                if let Some(place) = self.place.take() {
                    place.leave(&self.engine).await;
                }
                return Next::End;
            }
            if let Some(place) = &mut self.place {
                place.keep(&self.engine).await;
            }
            let quiet = quiet_at.saturating_since(now);
            if quiet.is_zero() {
                return Next::Idle;
            }
            let held_until = self.opening.as_ref().and_then(|opening| opening.held_until);
            if self.work.is_some() {
                let held = held_until.map_or(left, |until| until.saturating_since(now));
                self.work_for(left.min(quiet).min(held)).await;
                if held.is_zero()
                    && let Some(opening) = &mut self.opening
                {
                    opening.held_until = None;
                }
                continue;
            }
            let look_at = held_until.map_or(self.look_at, |until| until.min(self.look_at));
            let rest = look_at.saturating_since(now);
            // A rest that is longer than the interval means that the clock was set back.
            if !rest.is_zero() && rest <= self.wait {
                self.engine.clock.sleep(rest.min(left).min(quiet)).await;
                continue;
            }
            // The store must not keep the stream open beyond its end, nor delay its beginning.
            let patience = held_until.map_or(left, |_| left.min(self.engine.policy.direct_wait));
            let clock = self.engine.clock.clone();
            tokio::select! {
                biased;
                () = self.look() => {}
                () = clock.sleep(patience) => {}
            }
            // That was the last look for a direct message, with any result.
            if let Some(opening) = &mut self.opening
                && held_until.is_some_and(|until| until <= now)
            {
                opening.held_until = None;
            }
        }
    }

    /// Runs the stream's agent until its runner shows a new state of the task, or for at most
    /// `rest`. The stream need not read the store meanwhile: the runner does.
    async fn work_for(&mut self, rest: Duration) {
        let Some(work) = &mut self.work else { return };
        let news = tokio::select! {
            biased;
            news = work.news() => news,
            () = self.engine.clock.sleep(rest) => return,
        };
        if let Some(now) = news {
            if self.adopt(now).is_none() {
                self.look().await;
            }
        } else {
            self.work = None;
            self.look_at = self.engine.clock.now();
        }
    }

    /// Adopts the task's new entries. `None` if the snapshot does not reach back far enough.
    fn adopt(&mut self, now: Snapshot) -> Option<usize> {
        let new = now.after(self.read)?;
        let count = new.len();
        self.entries.extend(new.iter().cloned());
        self.read = now.head.position;
        self.head = now.head;
        Some(count)
    }

    /// The next event, if one is ready.
    fn ready(&mut self, now: Timestamp) -> Option<StreamEvent> {
        if let Some(opening) = &self.opening {
            let held = opening.held_until.is_some() && !self.head.is_decided();
            // A stream that ends early has at least its task.
            if held && !self.over && now < self.until {
                return None;
            }
            return self.open();
        }
        while let Some(entry) = self.entries.pop_front() {
            if self.ends.with(&entry) {
                self.end();
            }
            if let Some(response) = entry.to_stream(&self.head) {
                return Some(StreamEvent { generation: entry.generation, response });
            }
        }
        // A stream may begin, or resume, in a state that ends it.
        if self.ends.at(self.head.state()) {
            self.end();
        }
        None
    }

    fn end(&mut self) {
        self.entries.clear();
        self.over = true;
    }

    /// The first event.
    fn open(&mut self) -> Option<StreamEvent> {
        let Opening { task, generation, may_be_direct, .. } = self.opening.take()?;
        if may_be_direct
            && self.head.is_direct()
            && let Some(answer) = self.direct(&task)
        {
            self.end();
            return Some(answer);
        }
        Some(StreamEvent { generation, response: StreamResponse::Task(task) })
    }

    /// The direct message that the agent answered with: the one of the last status.
    fn direct(&self, task: &Task) -> Option<StreamEvent> {
        let known = || task.status.message.clone();
        let message = match self.entries.back() {
            None => known(),
            Some(last) => match last.to_stream(&self.head) {
                Some(StreamResponse::StatusUpdate(update)) => update.status.message,
                _ => None,
            },
        };
        let response = StreamResponse::Message(without_task(message?));
        Some(StreamEvent { generation: self.head.generation, response })
    }

    /// Looks for new entries. After a failure, the next look tries again.
    async fn look(&mut self) {
        let policy = self.engine.policy.clone();
        let slower = (self.wait + self.wait / 4).min(policy.tail_poll_most);
        let key = self.head.key.clone();
        let (tenant, task) = (&key.tenant, &key.task);
        // After a quiet time, a look may be a moment old.
        let glances = self.wait >= policy.tail_poll_most && self.glances < GLANCES;
        self.glances = if glances { self.glances + 1 } else { 0 };
        let depth = Depth::After(self.read);
        let looked = if glances {
            self.engine.glance(&self.head, depth).await
        } else {
            self.engine.look(&key, depth).await
        };
        match looked {
            Ok(Some(now)) if now.head.incarnation == self.head.incarnation => {
                match self.adopt(now) {
                    Some(0) => self.wait = slower,
                    Some(_) => self.wait = policy.poll_first,
                    None => {
                        error!(event = "stream_entries_missing", %tenant, %task,
                            "the store did not return the entries after the last one");
                        self.over = true;
                        return;
                    }
                }
            }
            // The task has expired. A later one of the same id may have replaced it.
            Ok(_) => self.over = true,
            Err(error) if error.is_retryable() => {
                let error = chain(&error);
                warn!(event = "stream_read_retry", %tenant, %task, error,
                    "the stream could not read its task and will try again");
                self.wait = (self.wait * 2).min(policy.poll_most);
            }
            Err(error) => {
                let error = chain(&error);
                error!(event = "stream_read_failed", %tenant, %task, error,
                    "the stream cannot read its task and ends");
                self.over = true;
            }
        }
        self.look_at = self.engine.clock.now().saturating_add(self.wait);
    }
}
