//! `ListTasks`: pages of an owner's tasks, the newest status first.

use a2a_lambda_protocol::{
    A2aError, DEFAULT_PAGE_SIZE, ListTasksRequest, ListTasksResponse, Task, TaskState, Timestamp,
    validate,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Caller, Operations, invalid_id, store_error, transact_error};
use crate::engine::TransactError;
use crate::format::Formats;
use crate::ids::{ContextId, TaskId};
use crate::log::{Entry, Event, fold_listed, trim_history};
use crate::store::{Cursor, ListQuery, Page, Snapshot, TaskOutline};

/// The assumed size of a task whose status alone is listed, in bytes.
const STATUS_BYTES: usize = 512;

/// The formats of page tokens. A token has its format as `v`, unless it is the first one. Clients
/// hold tokens of earlier releases, and of later ones that were rolled back.
const FORMATS: Formats = Formats::new("page token", 1, 2);

/// The contents of a page token, in base64url. A token is not secret and gives no right: a listing
/// has only the caller's own tasks, wherever it starts.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageToken {
    /// The status time of the last task listed, in milliseconds since the epoch.
    t: i64,
    /// Its id.
    i: TaskId,
    /// How many tasks matched at the first page. They are counted once.
    n: u64,
    /// The format, unless it is the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    v: Option<u8>,
    /// The store's hint for the next page. Only format 2 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<u32>,
}

impl PageToken {
    fn encode(next: Cursor, hint: u32, total: u64) -> String {
        let hint = (hint != 0).then_some(hint);
        let token = Self {
            t: next.status_at.as_millis(),
            i: next.task,
            n: total,
            v: hint.map(|_| 2),
            h: hint,
        };
        // Serialization of these types cannot fail; an empty token ends the listing.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }

    fn decode(text: &str) -> Result<Self, A2aError> {
        let json = URL_SAFE_NO_PAD.decode(text).ok();
        if let Some(Err(unknown)) = json.as_deref().map(|json| FORMATS.check_json(json)) {
            let reason = format!("is of another release of this service ({unknown}): list anew");
            return Err(A2aError::invalid_field("pageToken", reason));
        }
        let token: Option<Self> = json.and_then(|json| serde_json::from_slice(&json).ok());
        let valid = token.filter(|token| TaskId::parse(token.i.as_str()).is_ok());
        valid.ok_or_else(|| {
            A2aError::invalid_field("pageToken", "is not a token that ListTasks has given out")
        })
    }

    /// The place after which the next page begins.
    fn place(&self) -> Cursor {
        Cursor { status_at: Timestamp::from_millis(self.t), task: self.i.clone() }
    }
}

/// A task of a page, as the store returned it.
enum Row {
    Outline(Box<TaskOutline>),
    Read(Box<Snapshot>),
}

impl Row {
    /// A size in bytes that the listed task does not exceed.
    fn at_most(&self) -> u64 {
        let log = match self {
            Self::Outline(_) => 0,
            Self::Read(snapshot) => snapshot.head.log_bytes,
        };
        log.max(STATUS_BYTES as u64)
    }
}

fn outlined(outline: TaskOutline) -> Task {
    Task {
        id: outline.task.as_str().to_owned(),
        context_id: outline.context.as_str().to_owned(),
        status: outline.status,
        ..Task::default()
    }
}

impl Operations {
    /// Lists the caller's tasks (spec section 3.1.4).
    ///
    /// A page may have fewer tasks than the client asked for, if the tasks are large. The next page
    /// then continues. `totalSize` is counted for the first page and carried along in the token.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request or page token, or a store's failure.
    pub async fn list(
        &self,
        caller: &Caller,
        request: &ListTasksRequest,
    ) -> Result<ListTasksResponse, A2aError> {
        validate(request)?;
        let page_size = request.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        let token = match request.page_token.as_str() {
            "" => None,
            token => Some(PageToken::decode(token)?),
        };
        let context = match request.context_id.as_str() {
            "" => None,
            id => Some(ContextId::parse(id).map_err(|e| invalid_id("contextId", &e))?),
        };
        let query = ListQuery {
            tenant: caller.tenant.clone(),
            owner: caller.owner.clone(),
            context,
            state: Some(request.status).filter(|state| *state != TaskState::Unspecified),
            status_since: request.status_timestamp_after,
            ended_after: self.ended_after(),
            after: token.as_ref().map(PageToken::place),
            hint: token.as_ref().and_then(|token| token.h).unwrap_or_default(),
            limit: usize::try_from(page_size).unwrap_or(1).max(1),
            count: token.is_none(),
            only_status: request.include_artifacts != Some(true)
                && request.history_length == Some(0),
        };
        let page = self.engine.list(&query).await.map_err(store_error)?;
        let total = page.total.or(token.map(|token| token.n)).unwrap_or_default();
        let Page { tasks: read, outlines, mut next, mut hint, .. } = page;
        let read = read.into_iter().map(|task| (Cursor::of(&task.head), Row::Read(Box::new(task))));
        let outlines = outlines.into_iter().map(|outline| {
            let place = Cursor { status_at: outline.status_at, task: outline.task.clone() };
            (place, Row::Outline(Box::new(outline)))
        });
        let mut rows: Vec<(Cursor, Row)> = read.chain(outlines).collect();
        // No page of small tasks is too large, so their entries need not be measured one by one.
        let limit = self.engine.policy.list_page_bytes;
        let at_most: u64 = rows.iter().map(|(_, row)| row.at_most()).sum();
        let fits = at_most <= u64::try_from(limit).unwrap_or(u64::MAX);
        rows.sort_by(|(a, _), (b, _)| b.cmp(a));
        let mut last: Option<Cursor> = None;
        let mut tasks = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        for (place, row) in rows {
            let (task, size) = match row {
                Row::Outline(outline) => (outlined(*outline), STATUS_BYTES),
                Row::Read(snapshot) => match self.listed(*snapshot, request, fits).await? {
                    Some(listed) => listed,
                    None => continue,
                },
            };
            bytes += size;
            if bytes > limit && !tasks.is_empty() {
                (next, hint) = (last, query.hint);
                break;
            }
            tasks.push(task);
            last = Some(place);
        }
        Ok(ListTasksResponse {
            tasks,
            next_page_token: next.map(|at| PageToken::encode(at, hint, total)).unwrap_or_default(),
            page_size,
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        })
    }

    /// A task that ended at this time, or earlier, has expired.
    fn ended_after(&self) -> Option<Timestamp> {
        let keep = self.engine.policy.retention?.ended?;
        Some(self.engine.clock.now().saturating_sub(keep))
    }

    /// A listed task and its size in bytes; `None` if the task is gone. If the page `fits` in any case,
    /// the size is that of the whole log, which is known.
    async fn listed(
        &self,
        snapshot: Snapshot,
        request: &ListTasksRequest,
        fits: bool,
    ) -> Result<Option<(Task, usize)>, A2aError> {
        let with_artifacts = request.include_artifacts == Some(true);
        if !with_artifacts && request.history_length == Some(0) {
            // The listing needs only the status, and that is usually among the newest entries.
            let mut task = fold_listed(&snapshot.head, &snapshot.tail);
            if task.status.timestamp == Some(snapshot.head.listed_at()) {
                task.artifacts.clear();
                task.history.clear();
                return Ok(Some((task, STATUS_BYTES)));
            }
        }
        let snapshot = match self.engine.complete(snapshot).await {
            Ok(snapshot) => snapshot,
            Err(TransactError::Gone) => return Ok(None),
            Err(error) => return Err(transact_error(error)),
        };
        let is_shown =
            |entry: &&Entry| with_artifacts || !matches!(entry.event, Event::Artifact(_));
        let shown = snapshot.tail.iter().filter(is_shown);
        let bytes = match usize::try_from(snapshot.head.log_bytes) {
            Ok(bytes) if fits => bytes,
            _ => shown.map(Entry::stored_bytes).sum(),
        };
        let mut task = fold_listed(&snapshot.head, &snapshot.tail);
        if !with_artifacts {
            task.artifacts.clear();
        }
        trim_history(&mut task, request.history_length);
        Ok(Some((task, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_round_trips() {
        let cursor = Cursor {
            status_at: Timestamp::from_millis(1_700_000_000_123),
            task: TaskId::parse("task").unwrap(),
        };
        for hint in [0, 511] {
            let token = PageToken::decode(&PageToken::encode(cursor.clone(), hint, 7)).unwrap();
            assert_eq!((token.place(), token.n), (cursor.clone(), 7));
            assert_eq!(token.h.unwrap_or_default(), hint);
        }
    }

    #[test]
    fn tokens_of_each_format_are_read() {
        let cursor =
            Cursor { status_at: Timestamp::from_millis(1), task: TaskId::parse("task").unwrap() };
        // `{"t":1,"i":"task","n":7}`, without a number, and `{"t":1,"i":"task","n":7,"v":2,"h":6}`.
        for (hint, text) in [
            (0, "eyJ0IjoxLCJpIjoidGFzayIsIm4iOjd9"),
            (6, "eyJ0IjoxLCJpIjoidGFzayIsIm4iOjcsInYiOjIsImgiOjZ9"),
        ] {
            assert_eq!(PageToken::encode(cursor.clone(), hint, 7), text);
            let token = PageToken::decode(text).unwrap();
            assert_eq!(
                (token.place(), token.n, token.h.unwrap_or_default()),
                (cursor.clone(), 7, hint)
            );
        }
    }

    #[test]
    fn a_token_of_another_format_is_refused_by_name() {
        for (json, found) in [
            (r#"{"v":99,"at":1}"#, "format 99"),
            (r#"{"v":"b","t":1,"i":"a","n":1}"#, "a format that is no number"),
        ] {
            let error = PageToken::decode(&URL_SAFE_NO_PAD.encode(json)).unwrap_err();
            let expected = format!(
                "is of another release of this service (the page token has {found}, and this \
                 release reads formats 1 to 2): list anew"
            );
            let field = &error.violations[0];
            assert_eq!((field.field.as_str(), &field.description), ("pageToken", &expected));
        }
    }

    #[test]
    fn a_malformed_token_is_refused() {
        let forged = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for bad in [
            "x".to_owned(),
            "!!".to_owned(),
            forged("{}"),
            forged(r#"{"t":"now","i":"a","n":1}"#),
            forged(r#"{"t":1,"i":"","n":1}"#),
            forged(r#"{"t":1,"i":"a","n":-1}"#),
        ] {
            assert!(PageToken::decode(&bad).is_err(), "{bad}");
        }
    }
}
