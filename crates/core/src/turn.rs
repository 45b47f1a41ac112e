//! A turn from the agent's view: its input, and the ways to show output.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use a2a_lambda_protocol::{
    Artifact, Json, Message, Part, Role, Struct, Task, TaskState, Timestamp,
};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};

use crate::engine::Engine;
use crate::env::{Clock, Ids};
use crate::ids::{ContextId, Fence, Owner, Position, TaskId, TaskKey, Tenant};
use crate::log::{ArtifactChange, StatusChange, fold};
use crate::machine::Update;
use crate::reply::Reply;
use crate::steps::{Journal, StepError};
use crate::store::{Depth, StoreError};
use crate::terms::Terms;

/// The reason for an agent's stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The user canceled the task. Further output of the agent is dropped (I7).
    Canceled,
    /// Another runner has taken over. Further output of the agent is dropped (I3).
    Superseded,
    /// The invocation is about to end. The agent's result is still kept: it can
    /// [continue](crate::End::Continue) from a checkpoint now.
    OutOfTime,
}

/// Why something could not be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// The turn is over; the agent should return.
    #[error("the turn is over")]
    Over,
    /// An update is larger than an entry of the log may be; nothing of it was kept.
    #[error("an update of {bytes} bytes is larger than the {limit} bytes that an entry can have")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An artifact without an id or without parts, which A2A does not allow.
    #[error("an artifact needs an id and at least one part")]
    EmptyArtifact,
}

/// The agent's messages to the runner.
#[derive(Debug)]
pub(crate) enum Shown {
    Update { update: Update, bytes: usize },
    Flush(oneshot::Sender<()>),
}

/// Reads the tasks that an agent may see: those of the owner that it works for.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) engine: Engine,
    pub(crate) tenant: Tenant,
    pub(crate) owner: Owner,
    /// The conversation that the task belongs to.
    pub(crate) context: ContextId,
}

/// One run of the agent on a task.
pub struct Turn {
    pub(crate) task: Task,
    pub(crate) messages: Vec<Message>,
    pub(crate) terms: Terms,
    pub(crate) owned: Owned,
    pub(crate) checkpoint: Option<Json>,
    pub(crate) number: u32,
    pub(crate) attempt: u32,
    pub(crate) fence: Fence,
    /// The newest entry that an earlier scope was given.
    pub(crate) consumed: Position,
    /// The newest entry when the turn began.
    pub(crate) position: Position,
    pub(crate) deadline: Timestamp,
    pub(crate) max_update_bytes: usize,
    pub(crate) shown: mpsc::Sender<Shown>,
    pub(crate) stop: watch::Receiver<Option<StopReason>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) journal: Journal,
    /// Whether something was shown. It is never taken back: of two steps side by side, each waits
    /// until the shown output is stored. A flush without anything to store writes nothing.
    pub(crate) has_shown: AtomicBool,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("task", &self.task.id)
            .field("number", &self.number)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl Turn {
    /// The task as it was when the turn began, with its whole history.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The messages that no earlier scope was given, oldest first: the same in every attempt and every
    /// turn of a [scope](crate::steps). Empty when the scope was begun by a wake time or a checkpoint.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The text of the new messages: their text parts, divided by line ends.
    pub fn text(&self) -> String {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        parts.filter_map(Part::as_text).collect::<Vec<_>>().join("\n")
    }

    /// The media types that the newest message's sender accepts. The agent's output should have one
    /// of them (spec section 3.2.2). Empty if the sender did not say.
    pub fn accepted_output_modes(&self) -> &[String] {
        &self.terms.accepted_output_modes
    }

    /// The URIs of the active extensions: the sender of the newest message asked for them, and the
    /// agent's profile has them (spec section 4.6.2).
    pub fn extensions(&self) -> &[String] {
        &self.terms.extensions
    }

    /// The metadata of the request that brought the newest message.
    pub fn request_metadata(&self) -> Option<&Struct> {
        self.terms.metadata.as_ref()
    }

    /// The agents that have passed the newest message on, the first one first: an agent that passes
    /// messages on adds itself, and refuses those that come in a circle or after too many
    /// [hops](crate::MAX_HOPS).
    pub fn hops(&self) -> Vec<String> {
        self.terms.hops()
    }

    /// A task that a message refers to by `referenceTaskIds` (spec section 3.4.3), as it is now.
    /// `None` if it does not exist or belongs to another owner.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn referenced(&self, id: &str) -> Result<Option<Task>, StoreError> {
        let Ok(task) = TaskId::parse(id) else {
            return Ok(None);
        };
        let Owned { engine, tenant, owner, .. } = &self.owned;
        let key = TaskKey { tenant: tenant.clone(), task };
        let snapshot = engine.read(&key, Depth::Full).await?;
        let owned = snapshot.filter(|snapshot| snapshot.head.owner == *owner);
        Ok(owned.map(|snapshot| fold(&snapshot.head, &snapshot.tail)))
    }

    /// The earlier turn's checkpoint, if it has this form.
    ///
    /// # Errors
    /// When there is a checkpoint of another form.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.checkpoint.as_ref().map(Json::to).transpose()
    }

    /// The number of the turn, from 1: one more than the committed turns before it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The number of this attempt at the turn, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The lease's number: each claim of the task has a larger one than the claim before it. A
    /// system that remembers the largest number it has seen can refuse writes of a runner that was
    /// replaced.
    pub fn fence(&self) -> u64 {
        self.fence.0
    }

    /// The tenant that the task belongs to. The empty one is the default.
    pub fn tenant(&self) -> &Tenant {
        &self.owned.tenant
    }

    /// The owner of the task, which sent its first message.
    pub fn owner(&self) -> &Owner {
        &self.owned.owner
    }

    /// A key that is the same for every attempt at this [scope](crate::steps), and different for
    /// others. Send it along with a request that must not be carried out twice. Each of several requests
    /// needs a key of its own: that of a [step](crate::steps::StepRun::idempotency_key).
    pub fn idempotency_key(&self) -> String {
        let (id, number) = (&self.task.id, self.scope_number());
        // An id that was used before does not tell the task from the earlier one.
        match &self.journal.scope().incarnation {
            Some(incarnation) => format!("{id}-{}-{number}", incarnation.as_str()),
            None => format!("{id}-{number}"),
        }
    }

    /// The number of the scope's first turn.
    fn scope_number(&self) -> u32 {
        self.journal.scope_number() + 1
    }

    /// The latest time of the agent's stop.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for a while by the task's clock.
    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// Returns the reason when the agent must stop. An agent that works for long should wait for
    /// this in parallel.
    pub async fn stopped(&self) -> StopReason {
        let mut stop = self.stop.clone();
        match stop.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            // The runner is gone, so the turn is over.
            Ok(None) | Err(_) => StopReason::Superseded,
        }
    }

    /// Whether the agent was told to stop, and why.
    pub fn stop_reason(&self) -> Option<StopReason> {
        *self.stop.borrow()
    }

    /// Whether the run may begin something that is recorded under this name.
    pub(crate) fn may_go_on(&self, step: &str) -> Result<(), StepError> {
        match self.stop_reason() {
            None => Ok(()),
            Some(StopReason::OutOfTime) => Err(StepError::OutOfTime { step: step.to_owned() }),
            Some(StopReason::Canceled | StopReason::Superseded) => Err(StepError::Over),
        }
    }

    /// Shows a progress message: the task is WORKING, and this is its status.
    ///
    /// # Errors
    /// When the turn is over, or the message too large.
    pub async fn progress(&self, reply: impl Into<Reply>) -> Result<(), ShowError> {
        self.progress_with(reply, None).await
    }

    /// As [`progress`](Self::progress), with metadata of the update.
    ///
    /// # Errors
    /// When the turn is over, or the message too large.
    pub async fn progress_with(
        &self,
        reply: impl Into<Reply>,
        metadata: Option<Struct>,
    ) -> Result<(), ShowError> {
        let message = self.message(reply.into());
        let state = TaskState::Working;
        self.show(Update::Progress(StatusChange { state, message, metadata })).await
    }

    /// Shows an artifact as a whole. One with the same id is replaced.
    ///
    /// # Errors
    /// When the turn is over, or the artifact is empty or too large.
    pub async fn artifact(&self, artifact: Artifact) -> Result<(), ShowError> {
        let change = ArtifactChange { artifact, append: false, last_chunk: true, metadata: None };
        self.show_artifact(change).await
    }

    /// Shows a chunk of an artifact as another agent gave it, under the id that the artifact has. With
    /// `append` its parts continue the artifact, and without they replace it. `metadata` is that of the
    /// update.
    ///
    /// # Errors
    /// When the turn is over, or the chunk is empty or too large.
    pub async fn chunk(
        &self,
        artifact: Artifact,
        append: bool,
        last_chunk: bool,
        metadata: Option<Struct>,
    ) -> Result<(), ShowError> {
        self.show_artifact(ArtifactChange { artifact, append, last_chunk, metadata }).await
    }

    /// An id for an artifact: unique within the task, and the same in every attempt at this scope, so
    /// that a new attempt's artifact replaces the earlier one's. In the work of a step, it is the
    /// step's.
    pub fn artifact_id(&self) -> String {
        let scope = self.scope_number();
        match self.journal.next_artifact() {
            (None, number) => format!("{scope}-{number}"),
            (Some(step), number) => format!("{scope}.{}-{number}", step.short()),
        }
    }

    /// Begins an artifact that is shown chunk by chunk.
    pub fn chunked(&self, name: &str) -> Chunks<'_> {
        Chunks { turn: self, id: self.artifact_id(), name: name.to_owned(), begun: false }
    }

    /// Returns once everything shown before is stored.
    ///
    /// # Errors
    /// When the turn is over.
    pub async fn flush(&self) -> Result<(), ShowError> {
        let (done, stored) = oneshot::channel();
        self.send(Shown::Flush(done)).await?;
        stored.await.map_err(|_| ShowError::Over)
    }

    /// As [`flush`](Self::flush), if there is something to store.
    pub(crate) async fn flush_shown(&self) -> Result<(), ShowError> {
        if self.has_shown.load(Ordering::Relaxed) { self.flush().await } else { Ok(()) }
    }

    async fn show_artifact(&self, change: ArtifactChange) -> Result<(), ShowError> {
        if change.artifact.artifact_id.is_empty() || change.artifact.parts.is_empty() {
            return Err(ShowError::EmptyArtifact);
        }
        self.show(Update::Artifact(change)).await
    }

    async fn show(&self, update: Update) -> Result<(), ShowError> {
        let bytes = update_bytes(&update);
        let limit = self.max_update_bytes;
        if bytes > limit {
            return Err(ShowError::TooLarge { bytes, limit });
        }
        self.send(Shown::Update { update, bytes }).await?;
        self.has_shown.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn send(&self, shown: Shown) -> Result<(), ShowError> {
        match self.stop_reason() {
            Some(StopReason::Canceled | StopReason::Superseded) => return Err(ShowError::Over),
            Some(StopReason::OutOfTime) | None => {}
        }
        self.shown.send(shown).await.map_err(|_| ShowError::Over)
    }

    fn message(&self, reply: Reply) -> Option<Message> {
        agent_message(self.ids.as_ref(), reply)
    }
}

/// An artifact that is shown chunk by chunk. See [`Turn::chunked`].
#[derive(Debug)]
pub struct Chunks<'a> {
    turn: &'a Turn,
    id: String,
    name: String,
    begun: bool,
}

impl Chunks<'_> {
    /// The artifact's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Adds parts.
    ///
    /// # Errors
    /// When the turn is over, or there are no parts, or they are too large.
    pub async fn push(&mut self, parts: impl Into<Vec<Part>> + Send) -> Result<(), ShowError> {
        self.chunk(parts.into(), false).await
    }

    /// Adds the last parts.
    ///
    /// # Errors
    /// When the turn is over, or there are no parts, or they are too large.
    pub async fn finish(mut self, parts: impl Into<Vec<Part>> + Send) -> Result<(), ShowError> {
        self.chunk(parts.into(), true).await
    }

    async fn chunk(&mut self, parts: Vec<Part>, last_chunk: bool) -> Result<(), ShowError> {
        // The first chunk of a run restarts the artifact: it replaces the chunks of an attempt that
        // died.
        let append = self.begun;
        let artifact = Artifact {
            artifact_id: self.id.clone(),
            name: if append { String::new() } else { self.name.clone() },
            parts,
            ..Artifact::default()
        };
        let change = ArtifactChange { artifact, append, last_chunk, metadata: None };
        self.turn.show_artifact(change).await?;
        self.begun = true;
        Ok(())
    }
}

/// A message of the agent's, or none if it says nothing.
pub(crate) fn agent_message(ids: &dyn Ids, reply: Reply) -> Option<Message> {
    if reply.parts.is_empty() {
        return None;
    }
    Some(Message {
        message_id: ids.fresh(),
        role: Role::Agent,
        parts: reply.parts,
        metadata: reply.metadata,
        ..Message::default()
    })
}

fn update_bytes(update: &Update) -> usize {
    let json = match update {
        Update::Progress(change) => serde_json::to_vec(change),
        Update::Artifact(change) => serde_json::to_vec(change),
    };
    json.map_or(0, |json| json.len())
}
