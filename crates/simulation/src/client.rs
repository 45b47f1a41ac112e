//! The clients' operations, from the request to the check of its answer.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::operations::{Caller, GetOptions};
use a2a_lambda_core::{
    Agents, Generation, OperateError, Operations, Operator, Position, SendOptions, TaskKey,
};
use a2a_lambda_protocol::{
    A2aError, CancelTaskRequest, ErrorKind, GetTaskRequest, ListTasksRequest, Message, Role,
    SendMessageConfiguration, SendMessageRequest, SendMessageResponse, SubscribeToTaskRequest,
};

use crate::actor::Actor;
use crate::agent::Scripted;
use crate::op::{Action, How, Op, Registration, Sending, Who};
use crate::oracle::{Makings, Sent, Violation};
use crate::registering;
use crate::watching::Viewer;
use crate::world::World;
use a2a_lambda_testing::Random;

/// How long an invocation for a request may last, by the front door's limit.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// How often a client sends a request that can be repeated.
pub(crate) const TRIES: u32 = 3;

/// How much longer than its client's wait a request may take.
const OVERHEAD: Duration = Duration::from_secs(2);

/// The client of an operation.
pub(crate) struct Client {
    pub(crate) world: Arc<World>,
    pub(crate) op: u32,
}

/// A message under way, with its context.
pub(crate) struct Letter {
    pub(crate) sent: Sent,
    pub(crate) to: Option<TaskKey>,
    /// The slot of the task that it creates.
    pub(crate) slot: Option<u32>,
    /// The conversation that the new task is part of.
    pub(crate) talk: Option<u32>,
    pub(crate) script: String,
    pub(crate) how: How,
    /// The push config that comes with it.
    pub(crate) push: Option<Registration>,
}

/// The outcome of a request.
pub(crate) enum Outcome<T> {
    /// It was answered.
    Answered(T),
    /// The client must repeat it.
    Again,
    /// It was refused.
    Refused,
}

/// Performs an operation at its time.
pub(crate) async fn perform(world: Arc<World>, op: Op) {
    tokio::time::sleep(Duration::from_millis(op.at_ms)).await;
    let client = Client { world: world.clone(), op: op.id };
    world.note(&client.name(), &op.to_string(), "");
    let of_slot = |slot: u32| world.slot(slot);
    match op.action {
        Action::Send { slot, who, message } => client.send(who, message, Some(slot), None).await,
        Action::FollowUp { slot, message } => {
            if let Some((who, key)) = of_slot(slot) {
                client.send(who, message, None, Some(key)).await;
            }
        }
        Action::List { who } => client.list(who).await,
        Action::Cancel { slot } => client.with(of_slot(slot), Client::cancel).await,
        Action::Get { slot } => client.with(of_slot(slot), Client::get).await,
        Action::LongPoll { slot } => client.with(of_slot(slot), Client::long_poll).await,
        Action::Subscribe { slot } => client.with(of_slot(slot), Client::subscribe).await,
        Action::Probe { slot } => client.with(of_slot(slot), Client::probe).await,
        Action::Register { slot, push } => {
            if let Some((who, key)) = of_slot(slot) {
                client.register(push, who, key).await;
            }
        }
        Action::Configs { slot } => client.with(of_slot(slot), Client::configs).await,
        Action::Delete { slot } => client.with(of_slot(slot), Client::delete).await,
        Action::Slow { by_ms, for_ms } => world.slow_down(by_ms, for_ms),
        Action::Unregister { slot, id } => {
            if let Some((who, key)) = of_slot(slot) {
                client.unregister(id, who, key).await;
            }
        }
    }
}

/// The operations in a client's invocation.
pub(crate) fn operations(actor: &Arc<Actor>) -> Operations {
    let operations = Operations::new(actor.engine());
    match actor.world().settings.inline {
        0 => operations,
        _ => operations.inline(Agents::new(Arc::new(Scripted { actor: actor.clone() }))),
    }
}

impl Client {
    pub(crate) fn name(&self) -> String {
        format!("op{}", self.op)
    }

    pub(crate) fn rng(&self, what: &str) -> Random {
        Random::derive(self.world.seed, &format!("op{}, {what}", self.op))
    }

    pub(crate) fn actor(&self, number: u32) -> Actor {
        Actor::new(&self.world, format!("op{}-{number}", self.op))
    }

    async fn with(
        &self,
        slot: Option<(Who, TaskKey)>,
        what: impl AsyncFnOnce(&Self, Who, TaskKey),
    ) {
        if let Some((who, key)) = slot {
            what(self, who, key).await;
        }
    }

    /// Sends one request. Without faults it ends within its time limit.
    pub(crate) async fn ask<T>(
        &self,
        actor: &Arc<Actor>,
        waits: Duration,
        request: impl AsyncFnOnce(Operations) -> Result<T, A2aError>,
    ) -> Option<Result<T, A2aError>> {
        let from_ms = self.world.now_ms();
        let operations = operations(actor);
        let answer = actor.live(REQUEST_LIMIT, request(operations)).await;
        let now_ms = self.world.now_ms();
        let took = Duration::from_millis(now_ms - from_ms);
        if answer.is_some() {
            self.world.judge(|oracle| oracle.check_let_go(actor.name(), from_ms, now_ms));
        }
        self.world.judge(|oracle| {
            let is_well = !oracle.was_troubled(actor.name(), from_ms, now_ms);
            let most = waits + OVERHEAD + oracle.wide_view();
            if is_well && took > most && !self.world.has_steps() {
                let text = format!("{} took {took:?}", actor.name());
                return Err(Violation::new("I10", text));
            }
            match &answer {
                Some(Err(error)) if is_well && error.kind == ErrorKind::Unavailable => {
                    let text = format!("{} met {error:?} without a cause", actor.name());
                    Err(Violation::new("I4", text))
                }
                _ => Ok(()),
            }
        });
        match &answer {
            Some(Err(error)) => self.world.note(actor.name(), "is refused", error),
            Some(Ok(_)) => self.world.note(actor.name(), "is answered", ""),
            None => self.world.note(actor.name(), "is not answered", ""),
        }
        answer
    }

    async fn send(&self, who: Who, message: Sending, slot: Option<u32>, to: Option<TaskKey>) {
        let id = match message.key {
            Some(key) => format!("k{key}:{}", message.script),
            None => format!("m{}", self.op),
        };
        let push = message.push.map(|push| push.to_string());
        let sent = Sent { who, id, key: message.key, push };
        let Sending { how, push, talk, script, .. } = message;
        let letter = Letter { sent, to, slot, talk, script, how, push };
        for number in 1..=TRIES {
            let outcome = match letter.how {
                How::Streaming => return Viewer::of_message(self, letter).watch().await,
                How::AtOnce | How::Waiting => self.send_once(&letter, number).await,
            };
            match outcome {
                // Only a key makes it safe to repeat a message.
                Outcome::Again if letter.sent.key.is_some() => {}
                Outcome::Again | Outcome::Answered(()) | Outcome::Refused => return,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn send_once(&self, letter: &Letter, number: u32) -> Outcome<()> {
        let actor = Arc::new(letter.made_by(self.actor(number)));
        let caller = letter.sent.who.caller();
        let options = letter.options(&self.world, None, &actor);
        let waits = match letter.how {
            How::Waiting => self.world.policy.blocking_wait,
            _ => self.world.policy.direct_wait,
        };
        let request = letter.request(actor.name());
        let before = letter.begins(&self.world, actor.name());
        let from_ms = self.world.now_ms();
        let answer =
            self.ask(&actor, waits, async |ops| ops.send(&caller, request, &options).await).await;
        let response = match letter.outcome(&self.world, answer) {
            Outcome::Answered(response) => response,
            Outcome::Again => return Outcome::Again,
            Outcome::Refused => return Outcome::Refused,
        };
        letter.promised(&self.world, actor.name(), before.as_ref());
        self.world.judge(|oracle| match &response {
            SendMessageResponse::Task(task) => {
                let key = key_of(&caller, &task.id);
                oracle.accepted(&letter.sent, key.as_ref())?;
                key.map_or(Ok(()), |key| oracle.shown(&key, task, None, Position(1), from_ms))
            }
            SendMessageResponse::Message(message) => {
                oracle.accepted(&letter.sent, None)?;
                let key = oracle.task_of(&letter.sent.id);
                key.map_or(Ok(()), |key| oracle.shown_direct(&key, message))
            }
        });
        Outcome::Answered(())
    }

    async fn get(&self, who: Who, key: TaskKey) {
        self.read(who, key, Duration::ZERO, GetOptions::default()).await;
    }

    async fn long_poll(&self, who: Who, key: TaskKey) {
        let known = self.world.generation(&key);
        let behind = self.rng("behind").within(0, 1).min(known.0);
        let newer_than = Some(Generation(known.0 - behind));
        let options = GetOptions { newer_than, answer_by: None };
        self.read(who, key, self.world.policy.blocking_wait, options).await;
    }

    async fn read(&self, who: Who, key: TaskKey, waits: Duration, options: GetOptions) {
        let actor = Arc::new(self.actor(1));
        let (since, from_ms) = (self.world.position(&key), self.world.now_ms());
        let request = GetTaskRequest::of(key.task.as_str());
        let answer = self
            .ask(&actor, waits, async |ops| ops.get_newer(&who.caller(), &request, &options).await)
            .await;
        self.world.judge(|oracle| match &answer {
            Some(Ok((task, generation))) => {
                oracle.shown(&key, task, Some(*generation), since, from_ms)
            }
            Some(Err(error)) => oracle.refused_owner(&key, error, self.world.now_ms()),
            None => Ok(()),
        });
    }

    async fn cancel(&self, who: Who, key: TaskKey) {
        let actor = Arc::new(self.actor(1));
        let from_ms = self.world.now_ms();
        let request = CancelTaskRequest::of(key.task.as_str());
        let answer = self
            .ask(&actor, Duration::ZERO, async |ops| ops.cancel(&who.caller(), &request).await)
            .await;
        let now_ms = self.world.now_ms();
        match answer {
            Some(Ok(task)) => {
                self.world.judge(|oracle| oracle.canceled(&key, &task, from_ms, now_ms));
                self.world.clone().judge_told(key).await;
            }
            Some(Err(error)) if error.kind == ErrorKind::TaskNotCancelable => {
                self.world.judge(|oracle| oracle.not_cancelable(&key, from_ms));
            }
            Some(Err(error)) => {
                self.world.judge(|oracle| oracle.refused_owner(&key, &error, now_ms));
            }
            None => {}
        }
    }

    /// An operator deletes a task, and repeats unfinished work.
    async fn delete(&self, _: Who, key: TaskKey) {
        for number in 1..=TRIES {
            let actor = Arc::new(Actor::new(&self.world, format!("delete{}-{number}", self.op)));
            let operator = Operator::new(actor.engine());
            let deleted = actor.live(REQUEST_LIMIT, operator.delete(&key, true)).await;
            self.world.note(actor.name(), "is answered", format_args!("{deleted:?}"));
            if matches!(deleted, Some(Ok(_) | Err(OperateError::NoSuchTask))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn list(&self, who: Who) {
        let actor = Arc::new(self.actor(1));
        let before = self.world.judge(|oracle| Ok(oracle.listable(who))).unwrap_or_default();
        let from_ms = self.world.now_ms();
        let request = ListTasksRequest {
            page_size: Some(100),
            include_artifacts: Some(true),
            ..ListTasksRequest::default()
        };
        let answer = self
            .ask(&actor, Duration::ZERO, async |ops| ops.list(&who.caller(), &request).await)
            .await;
        self.world.judge(|oracle| match &answer {
            Some(Ok(page)) => {
                oracle.listed(who, &before, &page.tasks, (from_ms, self.world.now_ms()))
            }
            Some(Err(error)) => only_unavailable(error),
            None => Ok(()),
        });
    }

    async fn subscribe(&self, who: Who, key: TaskKey) {
        Viewer::of_task(self, who, key).watch().await;
    }

    /// I8: for any other owner the task does not exist.
    async fn probe(&self, owner: Who, key: TaskKey) {
        let strangers: Vec<Who> = Who::ALL.into_iter().filter(|who| *who != owner).collect();
        let stranger = self.rng("who").pick(&strangers).caller();
        let id = key.task.to_string();
        let not_found = A2aError::task_not_found(&id);
        let tries: [&str; 5] = ["get", "cancel", "subscribe", "send", "register"];
        for (number, what) in (1..).zip(tries) {
            let actor = Arc::new(self.actor(number));
            let id = id.clone();
            let ask = async |ops: Operations| intrude(&ops, &stranger, what, id).await;
            let answer = self.ask(&actor, Duration::ZERO, ask).await;
            let is_hidden = match &answer {
                None => true,
                Some(Ok(())) => false,
                Some(Err(error)) => {
                    error.kind == ErrorKind::Unavailable || is_same(error, &not_found)
                }
            };
            if !is_hidden {
                let text = format!("{stranger:?} tried to {what} {key}: {answer:?}");
                self.world.fail(Violation::new("I8", text));
            }
        }
    }
}

/// Tries an operation on another owner's task.
async fn intrude(
    operations: &Operations,
    stranger: &Caller,
    what: &str,
    id: String,
) -> Result<(), A2aError> {
    match what {
        "get" => operations.get(stranger, &GetTaskRequest::of(id)).await.map(drop),
        "cancel" => operations.cancel(stranger, &CancelTaskRequest::of(id)).await.map(drop),
        "subscribe" => {
            let request = SubscribeToTaskRequest::of(id);
            operations.subscribe(stranger, &request, None, None).await.map(drop)
        }
        "register" => registering::intrude(operations, stranger, id).await,
        _ => {
            let message = message("intruder", "complete", Some(&id));
            let request = SendMessageRequest { message: Some(message), ..Default::default() };
            operations.send(stranger, request, &SendOptions::default()).await.map(drop)
        }
    }
}

fn is_same(error: &A2aError, other: &A2aError) -> bool {
    error.kind == other.kind && error.message == other.message && error.metadata == other.metadata
}

/// An owner's request is refused only while the world has faults.
pub(crate) fn only_unavailable(error: &A2aError) -> Result<(), Violation> {
    match error.kind {
        ErrorKind::Unavailable => Ok(()),
        _ => Err(Violation::new("I4", format!("an owner's request was met with {error:?}"))),
    }
}

pub(crate) fn key_of(caller: &Caller, id: &str) -> Option<TaskKey> {
    let task = a2a_lambda_core::TaskId::parse(id).ok()?;
    Some(TaskKey { tenant: caller.tenant.clone(), task })
}

fn message(id: &str, script: &str, task: Option<&str>) -> Message {
    Message {
        task_id: task.unwrap_or_default().to_owned(),
        ..Message::text(id, Role::User, script)
    }
}

impl Letter {
    pub(crate) fn made_by(&self, actor: Actor) -> Actor {
        match self.slot {
            Some(slot) => actor.making(slot, self.sent.who),
            None => actor,
        }
    }

    pub(crate) fn request(&self, name: &str) -> SendMessageRequest {
        let task = self.to.as_ref().map(|key| key.task.as_str());
        let configuration = SendMessageConfiguration {
            return_immediately: self.how == How::AtOnce,
            task_push_notification_config: self
                .push
                .map(|push| push.request(&self.receiver(push, name), "")),
            ..SendMessageConfiguration::default()
        };
        let context_id = self.talk.map(|number| format!("talk{number}")).unwrap_or_default();
        let message = Message { context_id, ..message(&self.sent.id, &self.script, task) };
        SendMessageRequest::of(message, configuration)
    }

    pub(crate) fn options(
        &self,
        world: &World,
        last_event: Option<Generation>,
        actor: &Arc<Actor>,
    ) -> SendOptions {
        let now = a2a_lambda_core::Clock::now(actor.as_ref());
        SendOptions {
            idempotency_key: self.sent.key.map(|key| key.to_string()),
            answer_by: Some(now.saturating_add(REQUEST_LIMIT.saturating_sub(OVERHEAD))),
            may_answer_directly: world.settings.direct > 0,
            last_event,
            version: self.push.map(|push| push.version).unwrap_or_default(),
            ..SendOptions::default()
        }
    }

    /// The name of its receiver. It is the same for each repetition under one key.
    fn receiver(&self, push: Registration, name: &str) -> String {
        match self.sent.key {
            Some(key) => format!("k{key}-{push}").replace('/', "-"),
            None => name.to_owned(),
        }
    }

    /// An actor sends the message now. Returns the oracle's knowledge of the configs that the
    /// message may replace.
    pub(crate) fn begins(&self, world: &World, name: &str) -> Option<Makings> {
        world.judge(|oracle| {
            oracle.sends(name, &self.sent);
            Ok(())
        });
        let (key, push) = (self.to.as_ref()?, self.push?);
        Some(world.makings(key, &Registration::id_in(push.id, key)))
    }

    /// The sender was told that the message and its config are accepted.
    pub(crate) fn promised(&self, world: &World, name: &str, before: Option<&Makings>) {
        if let Some(push) = self.push {
            let url = push.manner.url(&self.receiver(push, name));
            world.judge(|oracle| oracle.promised(&url));
        }
        if let Some(before) = before {
            world.silenced(before, Some(name));
        }
    }

    /// The outcome that an error means. The caller still checks some answers.
    pub(crate) fn outcome<T>(
        &self,
        world: &World,
        answer: Option<Result<T, A2aError>>,
    ) -> Outcome<T> {
        match answer {
            None => Outcome::Again,
            Some(Ok(answer)) => Outcome::Answered(answer),
            Some(Err(error)) => {
                world.judge(|oracle| oracle.refused(&self.sent, &error));
                if error.kind == ErrorKind::Unavailable { Outcome::Again } else { Outcome::Refused }
            }
        }
    }
}
