//! `SendMessage`: accepts a message, and waits for the result if the sender does.

use std::time::Duration;

use a2a_lambda_protocol::{
    A2aError, ErrorKind, Message, Role, SendMessageRequest, SendMessageResponse,
    TaskPushNotificationConfig, Timestamp, validate,
};

use super::inline::Work;
use super::{Caller, Operations, invalid_id, store_error, transact_error};
use crate::engine::{Refused, TransactError};
use crate::head::{Head, Phase};
use crate::ids::{ContextId, Generation, LeaseToken, Owner, Position, TaskId, TaskKey};
use crate::log::without_task;
use crate::machine::{Command, FirstPush, Stamp, Submission};
use crate::push::{Offer, Origin, Replaced, is_certain, refused_config};
use crate::request_key::{Fingerprint, MAX_REQUEST_KEY_BYTES};
use crate::store::{Created, Depth, Snapshot};
use crate::terms::Terms;
use crate::trace::TraceContext;
use crate::version::ProtocolVersion;
use crate::weight::json_bytes;

/// The path of the push config in a send request.
const INLINE: &str = "configuration.taskPushNotificationConfig.";

/// A sender's options beside the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// The `Idempotency-Key`: the same message under the same key has no further effect (invariant
    /// I9).
    pub idempotency_key: Option<String>,
    /// The latest time of the answer, in any state of the task; the end of a stream.
    pub answer_by: Option<Timestamp>,
    /// The URIs of the extensions that are active.
    pub extensions: Vec<String>,
    /// The request's version of A2A, which is also that of its push config.
    pub version: ProtocolVersion,
    /// The trace of the request, which is also that of its push config.
    pub trace: Option<TraceContext>,
    /// Whether the agent may answer with a direct message; see
    /// [`AgentProfile::answers_directly`](crate::AgentProfile::answers_directly).
    pub may_answer_directly: bool,
    /// The newest event that the client of a stream has received. A request that is repeated under
    /// its key resumes after this event.
    pub last_event: Option<Generation>,
}

/// A request that was validated.
struct Sending {
    message: Message,
    terms: Terms,
    request: Option<Request>,
    push: Option<TaskPushNotificationConfig>,
    how: Acceptance,
    may_answer_directly: bool,
}

/// The sender's wait for an accepted message.
#[derive(Clone, Copy)]
pub(super) struct Acceptance {
    /// Until when the sender has not been shown the task that the message creates.
    pub(super) sender_waits_until: Option<Timestamp>,
    /// Whether the agent runs in the sender's invocation.
    pub(super) inline: bool,
}

/// An accepted message.
pub(super) struct Accepted {
    pub(super) snapshot: Snapshot,
    /// The message's log entry, if an earlier request with the same key was accepted.
    pub(super) before: Option<Position>,
    /// The lease of the sender's own runner, if the commit that accepted the message claimed the
    /// task, too.
    pub(super) lease: Option<LeaseToken>,
}

impl Accepted {
    fn now(snapshot: Snapshot) -> Self {
        Self { snapshot, before: None, lease: None }
    }

    fn before(snapshot: Snapshot, position: Position) -> Self {
        Self { snapshot, before: Some(position), lease: None }
    }
}

impl Operations {
    /// Accepts a message for a new task, or for the task that it names (spec section 3.1.1). When
    /// this returns, the message is stored, and a runner will attend to it (invariant I4).
    ///
    /// An agent that may answer with a direct message has up to
    /// [`Policy::direct_wait`](crate::Policy::direct_wait) to do so, even if the sender wants the
    /// task at once (spec section 3.2.2).
    ///
    /// Unless the sender wants the task at once, this waits until the task ends or waits for its
    /// user, and then returns the task. The wait lasts at most
    /// [`Policy::blocking_wait`](crate::Policy::blocking_wait), and at most until
    /// [`SendOptions::answer_by`].
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, `UnsupportedOperation` for a message to
    /// an ended task, or a store's failure.
    pub async fn send(
        &self,
        caller: &Caller,
        request: SendMessageRequest,
        options: &SendOptions,
    ) -> Result<SendMessageResponse, A2aError> {
        let configuration = request.configuration.as_ref();
        let waits = !configuration.is_some_and(|configuration| configuration.return_immediately);
        let history_length = configuration.and_then(|configuration| configuration.history_length);
        let until = if waits {
            Some(self.wait_until(options.answer_by))
        } else {
            self.held_until(&request, options)
        };
        let inline = until.filter(|_| waits).and_then(|until| self.inline_until(until));
        let how = Acceptance { sender_waits_until: until, inline: inline.is_some() };
        let Accepted { mut snapshot, before, lease } =
            Box::pin(self.accept(caller, request, options, how)).await?;
        let clock = self.engine.clock.as_ref();
        if let (None, Some((runner, deadline))) = (before, inline) {
            let left = until.map_or(Duration::ZERO, |until| until.saturating_since(clock.now()));
            let mut work = Work::begin(runner, snapshot.clone(), lease, deadline);
            snapshot = work.end(clock, left).await.unwrap_or(snapshot);
        }
        let snapshot = match until {
            Some(until) if waits => self.watch(snapshot, until, Head::is_settled).await?,
            Some(until) => self.watch(snapshot, until, Head::is_decided).await?,
            None => snapshot,
        };
        self.answer(snapshot, until.is_some(), history_length).await
    }

    /// Until when to wait for an agent that may answer with a direct message. Only the task's first
    /// message can have such an answer.
    pub(super) fn held_until(
        &self,
        request: &SendMessageRequest,
        options: &SendOptions,
    ) -> Option<Timestamp> {
        let is_first = request.message.as_ref().is_none_or(|message| message.task_id.is_empty());
        (is_first && options.may_answer_directly).then(|| {
            // A stream ends by then, and it must have shown its task.
            let longest = self.engine.policy.direct_wait.min(self.engine.policy.max_stream);
            let until = self.engine.clock.now().saturating_add(longest);
            options.answer_by.map_or(until, |by| by.min(until))
        })
    }

    /// Accepts a message.
    pub(super) async fn accept(
        &self,
        caller: &Caller,
        request: SendMessageRequest,
        options: &SendOptions,
        how: Acceptance,
    ) -> Result<Accepted, A2aError> {
        validate(&request)?;
        let configuration = request.configuration.unwrap_or_default();
        let Some(message) = request.message else {
            return Err(A2aError::invalid_field("message", "is required"));
        };
        if message.role != Role::User {
            return Err(A2aError::invalid_field("message.role", "must be ROLE_USER"));
        }
        let terms = Terms {
            accepted_output_modes: configuration.accepted_output_modes,
            extensions: options.extensions.clone(),
            metadata: request.metadata,
        };
        self.check_size(&message, &terms)?;
        let push = configuration.task_push_notification_config;
        let request = self.fingerprint(caller, options, &message, &terms, push.as_ref())?;
        let may_answer_directly = options.may_answer_directly;
        let sending = Sending { message, terms, request, push, how, may_answer_directly };
        let origin = Origin { version: options.version, trace: options.trace.clone() };
        if sending.message.task_id.is_empty() {
            self.submit(caller, sending, origin).await
        } else {
            self.follow_up(caller, sending, origin).await
        }
    }

    async fn submit(
        &self,
        caller: &Caller,
        sending: Sending,
        origin: Origin,
    ) -> Result<Accepted, A2aError> {
        let Sending { message, terms, request, push, how, may_answer_directly } = sending;
        let sender_waits_until = how.sender_waits_until;
        let ids = &self.engine.ids;
        let key = request.as_ref().map(|request| request.key);
        let request = request.map(|request| request.fingerprint);
        let id = request.as_ref().map_or_else(|| ids.fresh(), Fingerprint::task_id);
        let task = TaskId::parse(id).map_err(|e| invalid_id("message.taskId", &e))?;
        let context = match message.context_id.as_str() {
            "" => ContextId::begun_by(&task),
            given => ContextId::parse(given).map_err(|e| invalid_id("message.contextId", &e))?,
        };
        let submission = Submission {
            key: TaskKey { tenant: caller.tenant.clone(), task },
            owner: caller.owner.clone(),
            context,
            message,
            terms,
            sender_waits_until,
            request,
            pushes: None,
            trace: origin.trace.clone(),
        };
        if key.is_some() && push.is_some() {
            // A repeated request need not store its config again.
            if let Some(before) = self.submitted_before(&submission, key).await? {
                return Ok(before);
            }
        }
        if let Some(limit) = &self.limits.tasks {
            let admitted = limit.task(&self.engine, &submission.owner, &submission.key).await;
            if let Err(refusal) = admitted {
                // A repeated request gets the same answer, even at the limit.
                let before = match key {
                    Some(_) => self.submitted_before(&submission, key).await?,
                    None => None,
                };
                return before.ok_or(refusal);
            }
        }
        let Some(push) = push else {
            return self.create(submission, key, None, how).await;
        };
        let offer = Box::pin(self.offer(&submission.key, None, push, origin, INLINE)).await;
        if let (Err(_), Some(limit)) = (&offer, &self.limits.tasks) {
            limit.no_task(&submission.owner, &submission.key).await;
        }
        let offer = offer?;
        let first = FirstPush {
            registration: offer.registration().clone(),
            held_until: sender_waits_until.filter(|_| may_answer_directly),
        };
        self.create(Submission { pushes: Some(first), ..submission }, key, Some(offer), how).await
    }

    /// The task that this request created before, or that another request created under the same
    /// key.
    async fn submitted_before(
        &self,
        submission: &Submission,
        key: Option<Key>,
    ) -> Result<Option<Accepted>, A2aError> {
        let existing = self.engine.read(&submission.key, Depth::Tail).await;
        let Some(existing) = existing.map_err(store_error)? else { return Ok(None) };
        let is_same = is_repeated(&existing.head, &submission.owner, submission.request.as_ref());
        self.repeated(existing, is_same, key).await.map(Some)
    }

    /// Stores a new task. `offer` is the push config that the task names.
    async fn create(
        &self,
        submission: Submission,
        key: Option<Key>,
        offer: Option<Offer>,
        how: Acceptance,
    ) -> Result<Accepted, A2aError> {
        let stamp = self.engine.stamp();
        let lease = how.inline.then(|| LeaseToken::new(self.engine.ids.fresh()));
        let change = match &lease {
            Some(token) => Head::submit_and_claim(submission, token.clone(), &stamp),
            None => Head::submit(submission, &stamp),
        };
        let head = change.head();
        match self.engine.create(&change).await {
            Ok(Created::Now(created)) => {
                self.signal_accepted(&created.head, change.signals(), how.inline).await;
                Ok(Accepted { lease, ..Accepted::now(*created) })
            }
            Ok(Created::Before(existing)) => {
                if let Some(offer) = offer.filter(|offer| !offer.is_named(&existing.head)) {
                    self.withdraw(offer).await;
                }
                // Without a key the id is fresh. So this very request created the task by a write
                // whose answer was lost, and the task has continued since.
                let is_same = is_repeated(&existing.head, &head.owner, head.request.as_ref())
                    && (key.is_some() || existing.head.created_at == head.created_at);
                self.repeated(*existing, is_same, key).await
            }
            Err(error) => {
                if let Some(offer) = offer.filter(|_| error.certainly_not_applied()) {
                    self.withdraw(offer).await;
                }
                Err(store_error(error))
            }
        }
    }

    /// Answers a request whose task exists, or whose key another request has used.
    async fn repeated(
        &self,
        existing: Snapshot,
        is_same: bool,
        key: Option<Key>,
    ) -> Result<Accepted, A2aError> {
        if !is_same {
            return Err(key.unwrap_or(Key::Header).reused());
        }
        // The first signal may be lost.
        if existing.head.phase == Phase::Submitted {
            let again = [self.engine.clock.now()];
            self.engine.carry_out_or_leave(&existing.head, &again).await;
        }
        Ok(Accepted::before(existing, Position(1)))
    }

    async fn follow_up(
        &self,
        caller: &Caller,
        sending: Sending,
        origin: Origin,
    ) -> Result<Accepted, A2aError> {
        let Sending { message, terms, request, push, how, .. } = sending;
        let id = message.task_id.clone();
        let snapshot = self.owned(caller, &id, Depth::Tail).await?;
        let head = &snapshot.head;
        if !message.context_id.is_empty() && message.context_id != head.context.as_str() {
            return Err(A2aError::invalid_field(
                "message.contextId",
                "is not the context of the task that message.taskId names",
            ));
        }
        if let Some(answer) = accepted_before(head, request.as_ref()) {
            let position = answer?;
            self.repeats(head, push.is_some()).await;
            return Ok(Accepted::before(snapshot, position));
        }
        let limit = self.engine.policy.max_entries;
        if head.position.0 >= limit {
            return Err(A2aError::new(
                ErrorKind::UnsupportedOperation,
                format!("the task has had {limit} messages and updates, and takes no more"),
            ));
        }
        let limit = self.engine.policy.max_task_bytes;
        if head.log_bytes >= limit {
            return Err(A2aError::new(
                ErrorKind::UnsupportedOperation,
                format!(
                    "the task has reached the {limit} bytes that it may have, and takes no more"
                ),
            ));
        }
        if head.is_terminal() {
            return Err(over(head.phase.name(), id));
        }
        let offer = match push {
            Some(push) => {
                Some(Box::pin(self.offer(&head.key, Some(head), push, origin, INLINE)).await?)
            }
            None => None,
        };
        let fingerprint = request.as_ref().map(|request| request.fingerprint.clone());
        let push = offer.as_ref().map(Offer::push);
        let command = Command::Message { message, terms, request: fingerprint, push };
        let (outcome, offer) = Box::pin(self.transact_offer(snapshot, command, offer)).await;
        match outcome {
            Ok((snapshot, signals)) => {
                self.signal_accepted(&snapshot.head, &signals, how.inline).await;
                if let Some(offer) = offer {
                    self.accepted(&snapshot.head, offer).await;
                }
                Ok(Accepted::now(snapshot))
            }
            Err(error) => {
                let has_config = offer.is_some();
                if let Some(offer) = offer.filter(|_| is_certain(&error)) {
                    self.withdraw(offer).await;
                }
                match error {
                    TransactError::Illegal(refused) => {
                        self.refused(refused, request.as_ref(), id, has_config).await
                    }
                    TransactError::Gone => Err(A2aError::task_not_found(&id)),
                    error => Err(transact_error(error)),
                }
            }
        }
    }

    /// Applies a command, and notes the configs that its own config replaces.
    async fn transact_offer(
        &self,
        base: Snapshot,
        command: Command,
        mut offer: Option<Offer>,
    ) -> (Result<(Snapshot, Vec<Timestamp>), TransactError>, Option<Offer>) {
        let decide = |head: &Head, stamp: &Stamp| {
            if let Some(offer) = &mut offer {
                offer.note(head);
            }
            head.apply(command.clone(), stamp)
        };
        let outcome = self.engine.transact_with(base, decide).await;
        (outcome, offer)
    }

    /// Answers a follow-up that the task has refused.
    async fn refused(
        &self,
        refused: Refused,
        request: Option<&Request>,
        id: String,
        has_config: bool,
    ) -> Result<Accepted, A2aError> {
        let Refused { illegal, snapshot } = refused;
        // The client sent the request twice at once, and the other one was faster.
        match accepted_before(&snapshot.head, request) {
            Some(Ok(position)) => {
                self.repeats(&snapshot.head, has_config).await;
                Ok(Accepted::before(*snapshot, position))
            }
            Some(Err(error)) => Err(error),
            // The task has ended since the read, or it has the most configs that it may have.
            None => {
                Err(refused_config(&illegal.refusal).unwrap_or_else(|| over(illegal.phase, id)))
            }
        }
    }

    /// Silences the config that the repeated request may have replaced: its client may have no
    /// answer yet.
    async fn repeats(&self, head: &Head, has_config: bool) {
        if has_config {
            self.silence(&head.key, Replaced::by_another(head)).await;
        }
    }

    /// The request's fingerprint, which identifies its repetition.
    fn fingerprint(
        &self,
        caller: &Caller,
        options: &SendOptions,
        message: &Message,
        terms: &Terms,
        push: Option<&TaskPushNotificationConfig>,
    ) -> Result<Option<Request>, A2aError> {
        let fingerprint =
            |key: &str| Fingerprint::new(&caller.tenant, &caller.owner, key, message, terms, push);
        if let Some(key) = &options.idempotency_key {
            if key.is_empty() || key.len() > MAX_REQUEST_KEY_BYTES {
                let text = format!("must have 1 to {MAX_REQUEST_KEY_BYTES} bytes");
                return Err(A2aError::invalid_field(Key::Header.field(), text));
            }
            return Ok(Some(Request { key: Key::Header, fingerprint: fingerprint(key) }));
        }
        Ok(self.engine.policy.deduplicate_messages.then(|| {
            // No header can contain this character, so that no key equals the id of a message.
            let key = format!("\u{0}{}", message.message_id);
            Request { key: Key::MessageId, fingerprint: fingerprint(&key) }
        }))
    }

    /// Refuses an oversized message before anything is written.
    fn check_size(&self, message: &Message, terms: &Terms) -> Result<(), A2aError> {
        let (bytes, beside) = (json_bytes(message), json_bytes(terms));
        let limit = self.engine.policy.max_entry_bytes;
        if bytes > limit {
            let text = format!(
                "has {bytes} bytes as JSON; the limit is {limit}: send large content by url"
            );
            return Err(A2aError::invalid_field("message", text));
        }
        if bytes + beside > limit {
            let bytes = bytes + beside;
            let text = format!(
                "and the message have {bytes} bytes as JSON together; the limit is {limit}"
            );
            return Err(A2aError::invalid_field("metadata", text));
        }
        Ok(())
    }

    /// The answer to the sender. `unseen`: the sender has not been shown the task before.
    async fn answer(
        &self,
        snapshot: Snapshot,
        unseen: bool,
        history_length: Option<i32>,
    ) -> Result<SendMessageResponse, A2aError> {
        let direct = snapshot.head.is_direct() && unseen;
        let task = self.render(snapshot, history_length).await?;
        Ok(match task.status.message {
            Some(message) if direct => SendMessageResponse::Message(without_task(message)),
            _ => SendMessageResponse::Task(task),
        })
    }
}

/// Whether the same request of the same owner created a task.
fn is_repeated(made: &Head, owner: &Owner, request: Option<&Fingerprint>) -> bool {
    made.owner == *owner && made.request.as_ref() == request
}

/// The identity of a request.
struct Request {
    key: Key,
    fingerprint: Fingerprint,
}

/// The source of a request's key.
#[derive(Clone, Copy)]
enum Key {
    Header,
    MessageId,
}

impl Key {
    fn field(self) -> &'static str {
        match self {
            Self::Header => "Idempotency-Key",
            Self::MessageId => "message.messageId",
        }
    }

    fn reused(self) -> A2aError {
        let text = "was used before, for another message or push config: use a new one for each";
        A2aError::invalid_field(self.field(), text)
    }
}

fn over(phase: &str, id: String) -> A2aError {
    let text = format!("the task is {phase} and takes no more messages");
    A2aError::new(ErrorKind::UnsupportedOperation, text).with_metadata("taskId", id)
}

/// The log entry of a remembered request with the same message, which has no further effect. A
/// request with another message is refused.
fn accepted_before(head: &Head, request: Option<&Request>) -> Option<Result<Position, A2aError>> {
    let Request { key, fingerprint } = request?;
    let (before, position) = head.accepted(fingerprint)?;
    Some(if before == fingerprint { Ok(position) } else { Err(key.reused()) })
}
