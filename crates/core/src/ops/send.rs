//! `SendMessage`: accept a message, and wait for what comes of it if the sender does.

use std::time::Duration;

use a2a_lambda_protocol::{
    A2aError, ErrorKind, Message, Role, SendMessageRequest, SendMessageResponse, Timestamp,
    validate,
};

use super::{Caller, Operations, invalid_id, store_error, transact_error};
use crate::engine::TransactError;
use crate::head::{Head, Phase};
use crate::ids::{ContextId, TaskId, TaskKey};
use crate::machine::{Command, Effect, Submission};
use crate::request_key::{Fingerprint, MAX_REQUEST_KEY_BYTES};
use crate::store::{Created, Depth, Snapshot};

/// What else a sender says, beside the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// The `Idempotency-Key`: sending the same message again under the same key does nothing more
    /// (invariant I9).
    pub idempotency_key: Option<String>,
    /// When the answer must be on its way at the latest, whatever the task has come to.
    pub answer_by: Option<Timestamp>,
}

impl Operations {
    /// Accepts a message for a new task, or for the one that it names (spec section 3.1.1). Once
    /// this returns, the message is stored and will be attended to (invariant I4).
    ///
    /// Unless the sender wants the task at once, this waits until it is over or waits for its
    /// user, for as long as [`Policy::blocking_wait`](crate::Policy::blocking_wait) and
    /// [`SendOptions::answer_by`] allow, and then returns it as it stands.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, `UnsupportedOperation` for a message to a
    /// task that is over, or a store's failure.
    pub async fn send(
        &self,
        caller: &Caller,
        request: SendMessageRequest,
        options: &SendOptions,
    ) -> Result<SendMessageResponse, A2aError> {
        validate(&request)?;
        let configuration = request.configuration.unwrap_or_default();
        let Some(message) = request.message else {
            return Err(A2aError::invalid_field("message", "is required"));
        };
        if message.role != Role::User {
            return Err(A2aError::invalid_field("message.role", "must be ROLE_USER"));
        }
        let fingerprint = fingerprint(caller, options, &message)?;
        let waits = !configuration.return_immediately;
        let until = waits.then(|| self.wait_until(options.answer_by));
        let snapshot = if message.task_id.is_empty() {
            self.submit(caller, message, until, fingerprint).await?
        } else {
            self.follow_up(caller, message, fingerprint).await?
        };
        let snapshot = match until {
            Some(until) => self.settled(snapshot, until).await,
            None => snapshot,
        };
        self.answer(snapshot, waits, configuration.history_length).await
    }

    async fn submit(
        &self,
        caller: &Caller,
        message: Message,
        sender_waits_until: Option<Timestamp>,
        request: Option<Fingerprint>,
    ) -> Result<Snapshot, A2aError> {
        let ids = &self.engine.ids;
        let id = request.as_ref().map_or_else(|| ids.fresh(), Fingerprint::task_id);
        let context = match message.context_id.as_str() {
            "" => ids.fresh(),
            given => given.to_owned(),
        };
        let task = TaskId::parse(id).map_err(|e| invalid_id("message.taskId", &e))?;
        let submission = Submission {
            key: TaskKey { tenant: caller.tenant.clone(), task },
            owner: caller.owner.clone(),
            context: ContextId::parse(context).map_err(|e| invalid_id("message.contextId", &e))?,
            message,
            sender_waits_until,
            request,
        };
        self.check_message(&submission.message)?;
        let change = Head::submit(submission, &self.engine.stamp());
        match self.engine.create(&change).await.map_err(store_error)? {
            Created::Now => {
                self.engine.carry_out_or_leave(change.head(), change.effects()).await;
                let tail = change.entries().to_vec();
                Ok(Snapshot { head: change.head().clone(), tail, inline_bytes: 0 })
            }
            Created::Before(existing) => self.repeated(*existing, change.head()).await,
        }
    }

    /// A request whose key has already made a task.
    async fn repeated(&self, existing: Snapshot, wanted: &Head) -> Result<Snapshot, A2aError> {
        let same = existing.head.owner == wanted.owner
            && wanted.request.is_some()
            && existing.head.request == wanted.request;
        if !same {
            return Err(key_reused());
        }
        // The first signal may be what was lost.
        if existing.head.phase == Phase::Submitted {
            let again = [Effect::Signal { at: self.engine.clock.now() }];
            self.engine.carry_out_or_leave(&existing.head, &again).await;
        }
        Ok(existing)
    }

    async fn follow_up(
        &self,
        caller: &Caller,
        message: Message,
        request: Option<Fingerprint>,
    ) -> Result<Snapshot, A2aError> {
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
            return answer.map(|()| snapshot);
        }
        let limit = self.engine.policy.max_entries;
        if head.generation.0 >= limit {
            return Err(A2aError::new(
                ErrorKind::UnsupportedOperation,
                format!("the task has had {limit} messages and updates, and takes no more"),
            ));
        }
        self.check_message(&message)?;
        let limit = self.engine.policy.max_task_bytes;
        if head.log_bytes >= limit {
            return Err(A2aError::new(
                ErrorKind::UnsupportedOperation,
                format!(
                    "the task has reached the {limit} bytes that it may have, and takes no more"
                ),
            ));
        }
        let command = Command::Message { message, request: request.clone() };
        match self.engine.transact(snapshot, command).await {
            Ok((snapshot, effects)) => {
                self.engine.carry_out_or_leave(&snapshot.head, &effects).await;
                Ok(snapshot)
            }
            Err(TransactError::Illegal(refused)) => {
                // The same request, sent twice at once: the other one was faster.
                if let Some(answer) = accepted_before(&refused.snapshot.head, request.as_ref()) {
                    return answer.map(|()| *refused.snapshot);
                }
                let text =
                    format!("the task is {} and takes no more messages", refused.illegal.phase);
                Err(A2aError::new(ErrorKind::UnsupportedOperation, text)
                    .with_metadata("taskId", id))
            }
            Err(TransactError::Gone) => Err(A2aError::task_not_found(&id)),
            Err(error) => Err(transact_error(error)),
        }
    }

    /// Refuses what does not fit before anything is written.
    fn check_message(&self, message: &Message) -> Result<(), A2aError> {
        let bytes = serde_json::to_vec(message).map_or(0, |json| json.len());
        let limit = self.engine.policy.max_entry_bytes;
        if bytes > limit {
            let text = format!(
                "has {bytes} bytes as JSON; the limit is {limit}: send large content by url"
            );
            return Err(A2aError::invalid_field("message", text));
        }
        Ok(())
    }

    /// Watches a task until it is over or waits for its user, or until the time is up.
    async fn settled(&self, mut snapshot: Snapshot, until: Timestamp) -> Snapshot {
        let policy = &self.engine.policy;
        let mut wait = policy.poll_first;
        while !is_settled(&snapshot.head) {
            let left = until.saturating_since(self.engine.clock.now());
            if left == Duration::ZERO {
                break;
            }
            self.engine.clock.sleep(wait.min(left)).await;
            wait = (wait + wait / 2).min(policy.poll_most);
            let key = snapshot.head.key.clone();
            // The message is accepted: a failure to watch must not look like a failure to accept,
            // which would make the sender send it again.
            match self.engine.store.read(&key, Depth::Tail).await {
                Ok(Some(current)) => snapshot = current,
                Ok(None) => break,
                Err(error) => {
                    let error = crate::engine::chain(&error);
                    tracing::warn!(task = %key.task, error, "the task could not be watched");
                }
            }
        }
        snapshot
    }

    /// Until when a sender that waits is kept waiting.
    fn wait_until(&self, answer_by: Option<Timestamp>) -> Timestamp {
        let limit = self.engine.clock.now().saturating_add(self.engine.policy.blocking_wait);
        answer_by.map_or(limit, |by| by.min(limit))
    }

    async fn answer(
        &self,
        snapshot: Snapshot,
        waits: bool,
        history_length: Option<i32>,
    ) -> Result<SendMessageResponse, A2aError> {
        let direct = snapshot.head.direct && waits;
        let task = self.render(snapshot, history_length).await?;
        match &task.status.message {
            // There is no task, as far as the sender is concerned (spec section 3.1.1).
            Some(message) if direct => {
                let message = Message { task_id: String::new(), ..message.clone() };
                Ok(SendMessageResponse::Message(message))
            }
            _ => Ok(SendMessageResponse::Task(task)),
        }
    }
}

fn is_settled(head: &Head) -> bool {
    matches!(head.phase, Phase::Interrupted(_) | Phase::Ended(_))
}

fn fingerprint(
    caller: &Caller,
    options: &SendOptions,
    message: &Message,
) -> Result<Option<Fingerprint>, A2aError> {
    let Some(key) = &options.idempotency_key else {
        return Ok(None);
    };
    if key.is_empty() || key.len() > MAX_REQUEST_KEY_BYTES {
        let text = format!("must have 1 to {MAX_REQUEST_KEY_BYTES} bytes");
        return Err(A2aError::invalid_field("Idempotency-Key", text));
    }
    Ok(Some(Fingerprint::new(&caller.tenant, &caller.owner, key, message)))
}

/// What a request is answered whose key the task remembers: nothing more is done for the same
/// message, and another one is refused.
fn accepted_before(head: &Head, request: Option<&Fingerprint>) -> Option<Result<(), A2aError>> {
    let request = request?;
    let before = head.accepted(request)?;
    Some(if before == request { Ok(()) } else { Err(key_reused()) })
}

fn key_reused() -> A2aError {
    A2aError::invalid_field(
        "Idempotency-Key",
        "was used before, for another message: use a new key for each message",
    )
}
