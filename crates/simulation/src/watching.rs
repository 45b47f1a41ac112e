//! Clients that follow a task by streams, which are cut and resumed.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::{Clock, Generation, Next, StreamEvent, Tail, TaskKey};
use a2a_lambda_protocol::{A2aError, ErrorKind, StreamResponse, SubscribeToTaskRequest, TaskState};

use crate::actor::Actor;
use crate::client::{Client, Letter, Outcome, operations};
use crate::op::Who;
use crate::oracle::Violation;
use crate::world::World;
use a2a_lambda_testing::Random;

/// How often a client connects at most.
const CONNECTIONS: u32 = 6;

/// How long a stream lasts before the server ends it.
const STREAM_LIMIT: Duration = Duration::from_secs(40);

/// After how much silence a stream gets a comment.
const IDLE: Duration = Duration::from_secs(5);

/// How late an event of a stream may be: two looks, of which the first may be a moment old.
const MAX_LAG_MS: u64 = 2_100;

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The client has everything.
    All,
    /// More events may follow.
    Part,
}

/// A client that follows a task.
pub(crate) struct Viewer<'a> {
    client: &'a Client,
    who: Who,
    key: Option<TaskKey>,
    /// The message that the first stream begins with, if any.
    letter: Option<Letter>,
    /// The newest event that the client has received.
    last: Option<Generation>,
    /// The task of that event, by the number of earlier tasks of the id.
    life: usize,
    /// The task's state by its events.
    state: TaskState,
    rng: Random,
}

impl<'a> Viewer<'a> {
    pub(crate) fn of_message(client: &'a Client, letter: Letter) -> Self {
        let who = letter.sent.who;
        let rng = client.rng("viewer");
        let state = TaskState::Unspecified;
        Self { client, who, key: None, letter: Some(letter), last: None, life: 0, state, rng }
    }

    pub(crate) fn of_task(client: &'a Client, who: Who, key: TaskKey) -> Self {
        let rng = client.rng("viewer");
        let state = TaskState::Unspecified;
        Self { client, who, key: Some(key), letter: None, last: None, life: 0, state, rng }
    }

    fn world(&self) -> &Arc<World> {
        &self.client.world
    }

    /// Follows the task to its end, by several connections.
    pub(crate) async fn watch(mut self) {
        for number in 1..=CONNECTIONS {
            let actor = self.client.actor(number);
            let seen = match self.letter.take() {
                Some(letter) => {
                    let actor = Arc::new(letter.made_by(actor));
                    let seen = self.send(&actor, &letter).await;
                    // Only a key makes it safe to repeat a message. A task may have forgotten the
                    // key of a follow-up, and then the stream of another message would be resumed.
                    let again =
                        self.key.is_none() || (letter.slot.is_some() && self.rng.chance(500));
                    if letter.sent.key.is_some() && again {
                        self.letter = Some(letter);
                    }
                    seen
                }
                None => self.subscribe(&Arc::new(actor)).await,
            };
            if seen == Seen::All || (self.key.is_none() && self.letter.is_none()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(self.rng.within(0, 3_000))).await;
        }
    }

    /// How long the connection lasts, unless the stream ends earlier.
    fn cut_after(&mut self) -> Duration {
        let cut = self.rng.chance(400);
        let early = Duration::from_millis(self.rng.within(0, 15_000));
        if cut { early } else { STREAM_LIMIT + IDLE }
    }

    async fn send(&mut self, actor: &Arc<Actor>, letter: &Letter) -> Seen {
        let cut_after = self.cut_after();
        let caller = self.who.caller();
        let mut options = letter.options(self.world(), self.last, actor);
        options.answer_by = Some(actor.now().saturating_add(STREAM_LIMIT));
        let request = letter.request(actor.name());
        let before = letter.begins(self.world(), actor.name());
        let from_ms = self.world().now_ms();
        let connection = async {
            let operations = operations(actor);
            let opened = operations.send_streaming(&caller, request, &options).await;
            match letter.outcome(self.world(), Some(opened)) {
                Outcome::Answered(tail) => {
                    letter.promised(self.world(), actor.name(), before.as_ref());
                    self.key = self
                        .world()
                        .judge(|oracle| {
                            oracle.accepted(&letter.sent, None)?;
                            Ok(oracle.task_of(&letter.sent.id))
                        })
                        .flatten();
                    self.follow(actor, tail, from_ms, Some(&letter.sent.id)).await
                }
                Outcome::Again => Seen::Part,
                Outcome::Refused => Seen::All,
            }
        };
        actor.live(cut_after, connection).await.unwrap_or(Seen::Part)
    }

    async fn subscribe(&mut self, actor: &Arc<Actor>) -> Seen {
        let Some(key) = self.key.clone() else {
            return Seen::All;
        };
        let cut_after = self.cut_after();
        let caller = self.who.caller();
        let request = SubscribeToTaskRequest::of(key.task.as_str());
        let from_ms = self.world().now_ms();
        let connection = async {
            let operations = operations(actor);
            let until = Some(actor.now().saturating_add(STREAM_LIMIT));
            match operations.subscribe(&caller, &request, self.last, until).await {
                Ok(tail) => self.follow(actor, tail, from_ms, None).await,
                Err(error) => self.refused(&key, &error),
            }
        };
        actor.live(cut_after, connection).await.unwrap_or(Seen::Part)
    }

    /// A subscription is refused only when there are no further events.
    fn refused(&self, key: &TaskKey, error: &A2aError) -> Seen {
        self.world().note(&self.client.name(), "cannot subscribe", error);
        match error.kind {
            ErrorKind::Unavailable => Seen::Part,
            ErrorKind::TaskNotFound => {
                let now_ms = self.world().now_ms();
                self.world().judge(|oracle| oracle.refused_owner(key, error, now_ms));
                Seen::All
            }
            // The answer is about a later task of the id.
            ErrorKind::InvalidParams if self.world().life(key) > self.life => Seen::All,
            ErrorKind::UnsupportedOperation => {
                let last = self.last.unwrap_or_else(|| self.world().generation(key));
                let now_ms = self.world().now_ms();
                self.world().judge(|oracle| {
                    let text = || format!("no stream of {key}: {error}");
                    let life = oracle.life(key);
                    let may_end = life > self.life || oracle.may_end(key, life, now_ms, last, None);
                    may_end.then_some(()).ok_or_else(|| Violation::new("I2", text()))
                });
                Seen::All
            }
            _ => {
                let text = format!("a subscription to {key} was met with {error:?}");
                self.world().fail(Violation::new("I4", text));
                Seen::All
            }
        }
    }

    /// Reads a stream to its end. Its request brought a message or was a subscription. It was sent
    /// at `from_ms`, from which its limit counts.
    async fn follow(
        &mut self,
        actor: &Arc<Actor>,
        mut tail: Tail,
        from_ms: u64,
        message: Option<&str>,
    ) -> Seen {
        let Some(key) = self.key.clone() else {
            return Seen::All;
        };
        let world = self.client.world.clone();
        let life = world.life(&key);
        // If two tasks existed while the stream was opened, nobody knows which one it follows.
        if world.judge(|oracle| Ok(oracle.changed_since(&key, from_ms))) == Some(true) {
            return Seen::All;
        }
        // A repetition may have created a new task, whose stream begins at its start.
        let mut may_begin = self.life != life && message.is_some();
        loop {
            let next = tail.next(IDLE).await;
            let now_ms = world.now_ms();
            match next {
                Next::Event(event) => {
                    world.note(actor.name(), &format!("has event {}", event.generation), "");
                    if may_begin && self.last >= Some(event.generation) {
                        (self.last, self.state) = (None, TaskState::Unspecified);
                    }
                    may_begin = false;
                    self.life = life;
                    world.judge(|oracle| oracle.streamed(&key, life, self.last, &event));
                    if self.has(&event) {
                        return Seen::All;
                    }
                }
                Next::Idle => {
                    let last = self.last.unwrap_or_default();
                    world.judge(|oracle| {
                        let lag = oracle.lag_ms(&key, life, last, now_ms);
                        let since = now_ms.saturating_sub(lag);
                        if lag > MAX_LAG_MS && !oracle.was_troubled(actor.name(), since, now_ms) {
                            let text = format!("a stream of {key} is {lag} ms behind, at {last}");
                            return Err(Violation::new("I2", text));
                        }
                        Ok(())
                    });
                }
                Next::End => {
                    return self.ended(actor, (&key, life), from_ms, message);
                }
            }
        }
    }

    /// Notes an event. Returns whether it is the only event of the stream.
    fn has(&mut self, event: &StreamEvent) -> bool {
        self.last = Some(event.generation);
        match &event.response {
            StreamResponse::Task(task) => self.state = task.status.state,
            StreamResponse::StatusUpdate(update) => self.state = update.status.state,
            StreamResponse::ArtifactUpdate(_) => {}
            StreamResponse::Message(_) => return true,
        }
        false
    }

    /// A stream ends with its task, or at its time.
    fn ended(
        &self,
        actor: &Arc<Actor>,
        (key, life): (&TaskKey, usize),
        from_ms: u64,
        message: Option<&str>,
    ) -> Seen {
        let world = self.world();
        let now_ms = world.now_ms();
        let last = self.last.unwrap_or_default();
        world.note(actor.name(), "has the end", last);
        world.judge(|oracle| oracle.check_let_go(actor.name(), from_ms, now_ms));
        let may_end = world.judge(|oracle| {
            let message = message.map(|message| (message, self.state));
            let may_end = oracle.may_end(key, life, now_ms, last, message);
            let lasted = Duration::from_millis(now_ms - from_ms);
            let is_early = lasted + Duration::from_secs(1) < STREAM_LIMIT && oracle.clocks_agree();
            if is_early && !may_end && !oracle.was_troubled(actor.name(), from_ms, now_ms) {
                let text = format!("a stream of {key} ended at {last}, in the middle");
                return Err(Violation::new("I2", text));
            }
            Ok(may_end)
        });
        if may_end == Some(true) { Seen::All } else { Seen::Part }
    }
}
