//! The substitute for a memory without items: the histories of the conversation's tasks.

use serde::{Deserialize, Serialize};

use super::item::{MemoryItem, Window};
use crate::ids::{Incarnation, Position, TaskId, TaskKey};
use crate::log::{Entry, Event, fold};
use crate::steps::StepError;
use crate::store::{Depth, ListQuery, Snapshot};
use crate::turn::Turn;

/// How far a task's history was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    #[serde(rename = "i")]
    task: TaskId,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    incarnation: Option<String>,
    #[serde(rename = "p")]
    through: Position,
}

/// The newest tasks of the turn's conversation, newest first, as far as they are now.
pub(super) async fn find(turn: &Turn) -> Result<Vec<History>, StepError> {
    let engine = &turn.owned.engine;
    let of = turn.conversation();
    let own = &turn.journal.scope().task.task;
    let ended = engine.policy.retention.and_then(|retention| retention.ended);
    let query = ListQuery {
        tenant: of.tenant,
        owner: of.owner,
        context: Some(of.context),
        state: None,
        status_since: None,
        ended_after: ended.map(|keep| turn.now().saturating_sub(keep)),
        after: None,
        hint: 0,
        limit: engine.policy.max_memory_tasks,
        count: false,
        only_status: false,
    };
    let page = engine.list(&query).await?;
    let mut histories = Vec::new();
    if turn.consumed > Position(0) {
        histories.push(History {
            task: own.clone(),
            incarnation: turn.journal.scope().incarnation.as_ref().map(text),
            through: turn.position,
        });
    }
    let others = page.tasks.into_iter().map(|task| task.head).filter(|head| head.key.task != *own);
    histories.extend(others.map(|head| History {
        task: head.key.task,
        incarnation: head.incarnation.as_ref().map(text),
        through: head.position,
    }));
    Ok(histories)
}

fn text(incarnation: &Incarnation) -> String {
    incarnation.as_str().to_owned()
}

/// Gathers the items of these tasks.
pub(super) async fn gather(
    turn: &Turn,
    histories: &[History],
    window: &mut Window,
) -> Result<(), StepError> {
    let of = turn.conversation();
    for history in histories {
        let key = TaskKey { tenant: of.tenant.clone(), task: history.task.clone() };
        let Some(task) = turn.owned.engine.read(&key, Depth::Full).await? else { continue };
        let is_it = task.head.incarnation.as_ref().map(text) == history.incarnation
            && task.head.owner == of.owner
            && task.head.context == of.context;
        if is_it && !items(turn, &task, history).into_iter().rev().all(|item| window.add(item)) {
            break;
        }
    }
    Ok(())
}

/// The messages of a task as items, oldest first. An item that no memory could hold is left out.
fn items(turn: &Turn, task: &Snapshot, history: &History) -> Vec<MemoryItem> {
    let is_own = *task.head.key.task.as_str() == turn.task.id;
    // The messages of this scope are not the past yet.
    let is_past = |entry: &&Entry| {
        let is_new =
            is_own && matches!(entry.event, Event::Message(_)) && entry.position > turn.consumed;
        entry.position <= history.through && !is_new
    };
    let task = fold(&task.head, task.tail.iter().filter(is_past));
    let mut items: Vec<MemoryItem> = task.history.iter().map(MemoryItem::from).collect();
    items.extend(task.artifacts.into_iter().map(|artifact| MemoryItem::Agent(artifact.parts)));
    items.extend(task.status.message.as_ref().map(MemoryItem::from));
    let most = turn.owned.engine.policy.max_memory_item_bytes;
    items.retain(|item| item.bytes() <= most);
    items
}
