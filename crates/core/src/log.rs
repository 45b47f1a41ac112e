//! The log: append-only entries, whose fold is the task (invariant I2).

use a2a_lambda_protocol::{
    Artifact, Message, StreamResponse, Struct, Task, TaskArtifactUpdateEvent, TaskState,
    TaskStatus, TaskStatusUpdateEvent, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::ids::{Generation, Position};
use crate::terms::Terms;
use crate::weight::json_bytes;

/// One change of a task. Positions number the entries 1, 2, 3, … without a gap. An entry is never
/// changed or removed.
///
/// Each entry also has the generation that the task has with it. An entry with an event for clients
/// has the next generation. A message keeps the generation of the entry before it.
/// So a client whose message makes an interrupted task SUBMITTED reads SUBMITTED at the generation
/// of the question. Its next event is WORKING, at the next generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The entry's number.
    #[serde(rename = "p")]
    pub position: Position,
    /// The task's generation from this entry on.
    #[serde(rename = "g")]
    pub generation: Generation,
    /// When it was committed.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The event.
    #[serde(rename = "e")]
    pub event: Event,
}

/// The event of an [`Entry`].
///
/// The log keeps messages without their task and context ids. [`fold`] puts the task's ids back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A user's message was accepted. The first entry of every task is one.
    #[serde(rename = "message")]
    Message(UserMessage),
    /// The status changed.
    #[serde(rename = "status")]
    Status(StatusChange),
    /// An artifact, or a chunk of one, was added.
    #[serde(rename = "artifact")]
    Artifact(ArtifactChange),
}

/// A user's message, as it was accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserMessage {
    /// The message.
    #[serde(rename = "m")]
    pub message: Message,
    /// Its sender's terms.
    #[serde(rename = "w", default, skip_serializing_if = "Terms::is_empty")]
    pub terms: Terms,
}

/// A new status of a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusChange {
    /// The state from here on.
    #[serde(rename = "s")]
    pub state: TaskState,
    /// The agent's message with this status.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// The agent's metadata of the update.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

/// An artifact, or a chunk of one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactChange {
    /// The artifact; for a chunk, its addition.
    #[serde(rename = "a")]
    pub artifact: Artifact,
    /// Whether the parts are appended to those of the artifact with the same id. If not, they
    /// replace them.
    #[serde(rename = "+", default, skip_serializing_if = "std::ops::Not::not")]
    pub append: bool,
    /// Whether this is the artifact's last chunk.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub last_chunk: bool,
    /// The agent's metadata of the update.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

impl Event {
    /// Whether clients are sent an event for it. Only a user's message has none.
    pub fn is_streamed(&self) -> bool {
        !matches!(self, Self::Message(_))
    }

    /// The generation of a task with this event; `before` is its generation until then. The first
    /// message creates the task, so clients are sent the task for it.
    pub fn generation_after(&self, before: Generation) -> Generation {
        if self.is_streamed() || before == Generation(0) { before.next() } else { before }
    }
}

impl Entry {
    /// The size of the stored entry, in bytes of JSON.
    pub fn stored_bytes(&self) -> usize {
        json_bytes(self)
    }

    /// The event that a watching client is sent for this entry. `None` for a user's message,
    /// because A2A has no event for it.
    pub fn to_stream(&self, head: &Head) -> Option<StreamResponse> {
        let task_id = head.key.task.as_str().to_owned();
        let context_id = head.context.as_str().to_owned();
        match &self.event {
            Event::Message(_) => None,
            Event::Status(change) => Some(StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
                task_id,
                context_id,
                status: TaskStatus {
                    state: change.state,
                    message: change.message.clone().map(|m| with_ids(m, head)),
                    timestamp: Some(self.at),
                },
                metadata: change.metadata.clone(),
            })),
            Event::Artifact(change) => {
                Some(StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
                    task_id,
                    context_id,
                    artifact: change.artifact.clone(),
                    append: change.append,
                    last_chunk: change.last_chunk,
                    metadata: change.metadata.clone(),
                }))
            }
        }
    }
}

/// Takes the ids out of a message on its way into the log.
pub(crate) fn without_ids(mut message: Message) -> Message {
    message.task_id.clear();
    message.context_id.clear();
    message
}

/// Puts the task's ids into a message on its way out of the log.
pub(crate) fn with_ids(mut message: Message, head: &Head) -> Message {
    head.key.task.as_str().clone_into(&mut message.task_id);
    head.context.as_str().clone_into(&mut message.context_id);
    message
}

/// A direct message: its receiver knows of no task (spec section 3.1.1).
pub(crate) fn without_task(message: Message) -> Message {
    Message { task_id: String::new(), ..message }
}

/// The task in a client's form: the sum of its log.
///
/// A status message moves into the history when the next status or message comes, as in the
/// official SDKs. So every message stays, in order. A message to an interrupted task makes the task
/// SUBMITTED again.
pub fn fold<'a>(head: &Head, entries: impl IntoIterator<Item = &'a Entry>) -> Task {
    let mut task = Task {
        id: head.key.task.as_str().to_owned(),
        context_id: head.context.as_str().to_owned(),
        ..Task::default()
    };
    for entry in entries {
        apply_entry(&mut task, entry, head);
    }
    task
}

/// The task as lists show it: as [`fold`] has it, or as it was before the runner's claim.
pub fn fold_listed<'a>(head: &Head, entries: impl IntoIterator<Item = &'a Entry>) -> Task {
    let mut task = fold(head, entries);
    if let Some(at) = head.listed_as_submitted {
        let state = TaskState::Submitted;
        task.status = TaskStatus { state, message: None, timestamp: Some(at) };
    }
    task
}

fn apply_entry(task: &mut Task, entry: &Entry, head: &Head) {
    match &entry.event {
        Event::Message(UserMessage { message, .. }) => {
            if task.status.state == TaskState::Unspecified || task.status.state.is_interrupted() {
                let status = TaskStatus {
                    state: TaskState::Submitted,
                    message: None,
                    timestamp: Some(entry.at),
                };
                set_status(task, status);
            }
            // The agent's earlier message goes first, so that the history is in order.
            task.history.extend(task.status.message.take());
            task.history.push(with_ids(message.clone(), head));
        }
        Event::Status(change) => {
            let status = TaskStatus {
                state: change.state,
                message: change.message.clone().map(|m| with_ids(m, head)),
                timestamp: Some(entry.at),
            };
            set_status(task, status);
        }
        Event::Artifact(change) => apply_artifact(&mut task.artifacts, change),
    }
}

fn set_status(task: &mut Task, status: TaskStatus) {
    let before = std::mem::replace(&mut task.status, status);
    task.history.extend(before.message);
}

fn apply_artifact(artifacts: &mut Vec<Artifact>, change: &ArtifactChange) {
    let known = artifacts.iter_mut().find(|a| a.artifact_id == change.artifact.artifact_id);
    match known {
        Some(artifact) if change.append => {
            artifact.parts.extend(change.artifact.parts.iter().cloned());
            if change.artifact.metadata.is_some() {
                artifact.metadata.clone_from(&change.artifact.metadata);
            }
        }
        Some(artifact) => artifact.clone_from(&change.artifact),
        None => artifacts.push(change.artifact.clone()),
    }
}

/// Applies A2A's history length (spec section 3.2.4): unset keeps all, 0 leaves the field out, `n`
/// keeps the most recent `n`.
pub fn trim_history(task: &mut Task, history_length: Option<i32>) {
    if let Some(keep) = history_length {
        let keep = usize::try_from(keep).unwrap_or(0);
        let drop = task.history.len().saturating_sub(keep);
        task.history.drain(..drop);
    }
}
