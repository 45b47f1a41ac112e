//! Shows what the remote task has, once.

use std::collections::BTreeMap;

use a2a_lambda_core::{End, Reply, ShowError, Turn};
use a2a_lambda_protocol::{
    Artifact, Message, Part, PartContent, Role, StreamResponse, Struct, Task, TaskState, TaskStatus,
};

use super::fault::Fault;
use super::sent::Link;

/// The longest id of an artifact, in bytes.
const MAX_ID_BYTES: usize = 1024;

/// The largest piece of a text that does not fit an update, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The task as this turn has it, beside the remote one.
pub(super) struct Mirror<'t> {
    turn: &'t Turn,
    /// The artifacts, by their ids.
    artifacts: BTreeMap<String, Artifact>,
    /// The parts of the newest status message.
    said: Vec<Part>,
}

impl<'t> Mirror<'t> {
    pub(super) fn new(turn: &'t Turn) -> Self {
        let task = turn.task();
        let artifacts = task.artifacts.iter();
        let artifacts = artifacts.map(|it| (it.artifact_id.clone(), it.clone())).collect();
        let said = task.status.message.as_ref().map(|message| message.parts.clone());
        Self { turn, artifacts, said: said.unwrap_or_default() }
    }

    /// Shows an event of the task with this id. Returns the status, if the task has settled.
    pub(super) async fn event(
        &mut self,
        id: &str,
        event: StreamResponse,
    ) -> Result<Option<TaskStatus>, Fault> {
        let other = || Err(Fault::NotContract("an event is of another task".to_owned()));
        match event {
            StreamResponse::Task(task) if task.id != id => other(),
            StreamResponse::Task(task) => self.task(task).await,
            StreamResponse::StatusUpdate(event) if event.task_id != id => other(),
            StreamResponse::StatusUpdate(event) => self.status(event.status, event.metadata).await,
            StreamResponse::ArtifactUpdate(event) if event.task_id != id => other(),
            StreamResponse::ArtifactUpdate(event) => {
                let is_known = self.artifacts.contains_key(&event.artifact.artifact_id);
                let append = event.append && is_known;
                self.show(event.artifact, append, event.last_chunk, event.metadata).await?;
                Ok(None)
            }
            // The task goes on all the same.
            StreamResponse::Message(message) => {
                self.say(&message, None).await?;
                Ok(None)
            }
        }
    }

    /// The artifacts shown so far, without content: A2A has no way to remove an artifact.
    pub(super) fn emptied(&self) -> Vec<Artifact> {
        let empty = |shown: &Artifact| Artifact {
            name: shown.name.clone(),
            ..Artifact::new(&shown.artifact_id, [Part::text("")])
        };
        self.artifacts.values().map(empty).collect()
    }

    /// Nothing is shown any more.
    pub(super) fn forget(&mut self) {
        self.artifacts.clear();
    }

    /// Shows the parts of a whole task that this one lacks. Returns its status, if it has settled.
    pub(super) async fn task(&mut self, task: Task) -> Result<Option<TaskStatus>, Fault> {
        // Of a task that goes on, more may follow to each artifact.
        let is_last = task.status.state.is_terminal();
        for mut artifact in task.artifacts {
            let known = self.artifacts.get(&artifact.artifact_id).map(|it| it.parts.as_slice());
            match known {
                Some(known) if is_same(known, &artifact.parts) => {}
                Some(known) if artifact.parts.starts_with(known) => {
                    artifact.parts.drain(..known.len());
                    self.show(artifact, true, is_last, None).await?;
                }
                _ => self.show(artifact, false, is_last, None).await?,
            }
        }
        self.status(task.status, None).await
    }

    /// Shows a status, unless the turn ends with it. Returns it, if it does.
    async fn status(
        &mut self,
        status: TaskStatus,
        metadata: Option<Struct>,
    ) -> Result<Option<TaskStatus>, Fault> {
        if status.state.is_terminal() || status.state.is_interrupted() {
            return Ok(Some(status));
        }
        if let Some(message) = &status.message {
            self.say(message, metadata).await?;
        }
        Ok(None)
    }

    async fn say(&mut self, message: &Message, metadata: Option<Struct>) -> Result<(), Fault> {
        // Some servers repeat the user's message in a status.
        let is_ours = message.role == Role::User;
        if is_ours || message.parts.is_empty() || message.parts == self.said {
            return Ok(());
        }
        self.said.clone_from(&message.parts);
        Ok(self.turn.progress_with(reply(message), metadata).await?)
    }

    async fn show(
        &mut self,
        artifact: Artifact,
        append: bool,
        last_chunk: bool,
        metadata: Option<Struct>,
    ) -> Result<(), Fault> {
        let id = &artifact.artifact_id;
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Err(Fault::NotContract("an artifact's id is empty or too long".to_owned()));
        }
        if artifact.parts.is_empty() {
            return Ok(());
        }
        match self.artifacts.get_mut(id) {
            Some(known) if append => known.parts.extend(artifact.parts.iter().cloned()),
            _ => drop(self.artifacts.insert(id.clone(), artifact.clone())),
        }
        let whole = self.turn.chunk(artifact.clone(), append, last_chunk, metadata.clone()).await;
        match whole {
            Err(ShowError::TooLarge { .. }) => {
                self.pieces(artifact, append, last_chunk, metadata).await
            }
            shown => Ok(shown?),
        }
    }

    /// Shows an artifact that is larger than an update may be, piece by piece.
    async fn pieces(
        &self,
        mut artifact: Artifact,
        append: bool,
        last_chunk: bool,
        metadata: Option<Struct>,
    ) -> Result<(), Fault> {
        let parts = std::mem::take(&mut artifact.parts);
        let mut pieces = parts.into_iter().flat_map(pieces_of).peekable();
        let mut is_first = true;
        while let Some(piece) = pieces.next() {
            let chunk = Artifact { parts: vec![piece], ..artifact.clone() };
            let is_last = last_chunk && pieces.peek().is_none();
            let metadata = metadata.clone().filter(|_| is_first);
            self.turn.chunk(chunk, append || !is_first, is_last, metadata).await?;
            is_first = false;
        }
        Ok(())
    }
}

/// A part, or the pieces of its text if that is long.
fn pieces_of(part: Part) -> Vec<Part> {
    let PartContent::Text(text) = &part.content else { return vec![part] };
    let mut rest = text.as_str();
    let mut pieces = Vec::new();
    while rest.len() > PIECE_BYTES {
        let (piece, further) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        pieces.push(Part { content: PartContent::Text(piece.to_owned()), ..part.clone() });
        rest = further;
    }
    pieces.push(Part { content: PartContent::Text(rest.to_owned()), ..part.clone() });
    pieces
}

/// Whether two artifacts say the same. Some servers join the texts of chunks, and some do not.
fn is_same(one: &[Part], other: &[Part]) -> bool {
    one == other || joined(one) == joined(other)
}

/// Parts with neighbouring plain texts as one.
fn joined(parts: &[Part]) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        match (joined.last_mut(), &part.content) {
            (Some(last), PartContent::Text(text)) if is_alike(last, part) => {
                if let PartContent::Text(before) = &mut last.content {
                    before.push_str(text);
                }
            }
            _ => joined.push(part.clone()),
        }
    }
    joined
}

/// Whether two texts differ in nothing but their words.
fn is_alike(one: &Part, other: &Part) -> bool {
    one.as_text().is_some()
        && one.metadata == other.metadata
        && one.filename == other.filename
        && one.media_type == other.media_type
}

/// A message of the remote agent, as a reply of this one.
fn reply(message: &Message) -> Reply {
    let mut reply = Reply::from(message.parts.clone());
    reply.metadata.clone_from(&message.metadata);
    reply
}

/// The end of the turn for the status of a settled remote task.
pub(super) fn end(status: &TaskStatus, link: &Link) -> Result<End, Fault> {
    let said = status.message.as_ref().map(reply).unwrap_or_default();
    let or = |text: &str| if said.parts.is_empty() { Reply::from(text) } else { said.clone() };
    let left = |end: End| end.with_checkpoint(link).map_err(|error| Fault::Ours(error.into()));
    match status.state {
        TaskState::Completed => Ok(End::Completed(said)),
        TaskState::Rejected => Ok(End::Rejected(or("The remote agent rejected the task."))),
        TaskState::InputRequired => left(End::input_required(said)),
        TaskState::AuthRequired => left(End::auth_required(said)),
        TaskState::Failed => Err(Fault::Ended(or("The remote agent failed."))),
        TaskState::Canceled => Err(Fault::Ended(or("The task was canceled at the remote agent."))),
        TaskState::Submitted | TaskState::Working | TaskState::Unspecified => {
            Err(Fault::NotContract("the task has not settled".to_owned()))
        }
    }
}
