//! Deletion of a conversation with everything that is stored of it.

use a2a_lambda_protocol::{Json, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Deleted, OperateError, Operator};
use crate::conversation::record::{ConversationKey, Put, SessionValue};
use crate::ids::{TaskId, TaskKey, WriteId};
use crate::store::{Depth, ListQuery, StoreError};

/// The key of the note of the tasks that are being deleted. No agent can give it to a value.
const NOTE: &str = "@deleting";

/// How many tasks are noted at a time.
const TASKS_AT_ONCE: usize = 20;

/// How many rounds a call has, of so many tasks each.
const MAX_ROUNDS: usize = 10;

/// How many times items of memory are deleted in one call, as many as a sweep deletes of a task each.
const MAX_FORGETS: usize = 50;

/// The result of a deletion of a conversation. A repetition goes on where a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextDeleted {
    /// How many tasks this call deleted.
    pub tasks: usize,
    /// Whether nothing of the conversation is stored any more.
    pub whole: bool,
    /// When a repetition can go on, if that is later: a canceled agent may still be at work until then,
    /// or a task is younger than a minute.
    pub again_at: Option<Timestamp>,
}

/// The tasks that are being deleted, so that a repetition finds them: a deleted task is not listed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    tasks: Vec<TaskId>,
    /// Until then agents that were canceled may write to memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// The note as it is stored.
struct Noted {
    note: Note,
    write: Option<WriteId>,
}

impl Operator {
    /// Deletes a conversation: its tasks with their logs, artifacts, push configs and records, its
    /// memory and its session. Tasks that have not ended are canceled first.
    ///
    /// A call deletes at most about 200 tasks. It is safe to repeat, and a repetition goes on where an
    /// interrupted call ended. A task that a client creates meanwhile in the same context may stay.
    ///
    /// # Errors
    /// When the store fails, or other writers are faster.
    pub async fn delete_context(
        &self,
        of: &ConversationKey,
    ) -> Result<ContextDeleted, OperateError> {
        let mut tasks = 0;
        for _ in 0..MAX_ROUNDS {
            let mut noted = self.noted(of).await?;
            if noted.note.tasks.is_empty() {
                noted.note.tasks = self.tasks_of(of).await?;
                if noted.note.tasks.is_empty() {
                    return self.forget(of, tasks, noted.note.until).await;
                }
                noted.write = Some(self.note(of, &noted).await?);
            }
            let mut left = Vec::new();
            let mut again_at = noted.note.until;
            for task in std::mem::take(&mut noted.note.tasks) {
                match self.delete_of(of, &task, &mut again_at).await? {
                    Some(Deleted::Whole) => tasks += 1,
                    Some(Deleted::InPart) => left.push(task),
                    None => {}
                }
            }
            let is_over = left.is_empty();
            noted.note = Note { tasks: left, until: again_at };
            self.note(of, &noted).await?;
            if !is_over {
                return Ok(ContextDeleted { tasks, whole: false, again_at });
            }
        }
        Ok(ContextDeleted { tasks, whole: false, again_at: None })
    }

    /// Deletes a task, if it is of the conversation; `None` if there is nothing of it.
    async fn delete_of(
        &self,
        of: &ConversationKey,
        task: &TaskId,
        again_at: &mut Option<Timestamp>,
    ) -> Result<Option<Deleted>, OperateError> {
        let key = TaskKey { tenant: of.tenant.clone(), task: task.clone() };
        let Some(stored) = self.engine.read_stored(&key, Depth::Tail).await? else {
            return Ok(None);
        };
        let head = stored.head;
        if head.owner != of.owner || head.context != of.context {
            // Another task has the id by now.
            return Ok(None);
        }
        let now = self.engine.clock.now();
        if head.leased_until().is_some() {
            // Its agent is told within two seconds. A process that stands still is no runner by then.
            let until = now.saturating_add(self.engine.policy.lease);
            *again_at = (*again_at).max(Some(until));
        }
        match self.delete(&key, true).await {
            Ok(Deleted::InPart) => {
                let is_new = head.purge_at_once_deleted();
                *again_at = (*again_at).max(Some(is_new).filter(|at| *at > now));
                Ok(Some(Deleted::InPart))
            }
            Ok(Deleted::Whole) => Ok(Some(Deleted::Whole)),
            Err(OperateError::NoSuchTask) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes memory and session, once no agent can write to them.
    async fn forget(
        &self,
        of: &ConversationKey,
        tasks: usize,
        until: Option<Timestamp>,
    ) -> Result<ContextDeleted, OperateError> {
        if until.is_some_and(|until| until > self.engine.clock.now()) {
            return Ok(ContextDeleted { tasks, whole: false, again_at: until });
        }
        for _ in 0..MAX_FORGETS {
            if self.engine.forget(of, self.engine.policy.purge_items).await? {
                return Ok(ContextDeleted { tasks, whole: true, again_at: None });
            }
        }
        Ok(ContextDeleted { tasks, whole: false, again_at: None })
    }

    /// Some tasks of the conversation.
    async fn tasks_of(&self, of: &ConversationKey) -> Result<Vec<TaskId>, StoreError> {
        let query = ListQuery {
            tenant: of.tenant.clone(),
            owner: of.owner.clone(),
            context: Some(of.context.clone()),
            state: None,
            status_since: None,
            // Expired tasks, too.
            ended_after: None,
            after: None,
            hint: 0,
            limit: TASKS_AT_ONCE,
            count: false,
            only_status: true,
        };
        let page = self.engine.list(&query).await?;
        let tasks = page.tasks.into_iter().map(|task| task.head.key.task);
        let outlines = page.outlines.into_iter().map(|outline| outline.task);
        Ok(tasks.chain(outlines).collect())
    }

    async fn noted(&self, of: &ConversationKey) -> Result<Noted, OperateError> {
        let Some(stored) = self.engine.session_value(of, NOTE).await? else {
            return Ok(Noted { note: Note::default(), write: None });
        };
        let note =
            stored.value.as_ref().map(Json::to::<Note>).transpose().map_err(|source| {
                StoreError::Corrupt { key: of.to_string(), source: source.into() }
            })?;
        Ok(Noted { note: note.unwrap_or_default(), write: Some(stored.write) })
    }

    /// Stores the note. It does not expire: it goes with the rest.
    async fn note(&self, of: &ConversationKey, noted: &Noted) -> Result<WriteId, OperateError> {
        let value =
            Json::from_value(&noted.note).map_err(|source| StoreError::Refused(source.into()))?;
        let value = SessionValue {
            key: NOTE.to_owned(),
            value: Some(value),
            write: self.engine.write_id(),
            before: Vec::new(),
            expires_at: None,
        };
        match self.engine.put_session_value(of, noted.write.as_ref(), &value).await? {
            Put::Stored => Ok(value.write),
            // Another operator deletes the same conversation.
            Put::Other(_) => Err(OperateError::Contended),
        }
    }
}
