//! What is found by the indexes: an owner's tasks, and what is due.

use std::collections::HashMap;
use std::time::Duration;

use a2a_lambda_core::StoreError;
use a2a_lambda_core::head::Head;
use a2a_lambda_core::store::{Cursor, DueTask, ListQuery, Page, Snapshot};
use a2a_lambda_protocol::{TaskState, Timestamp};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{KeysAndAttributes, Select};

use tracing::error;

use crate::attributes::{Item, Malformed, get_number, get_string, number, string};
use crate::error::{build_error, corrupt, store_error};
use crate::head_item::{list_order, list_partition, sortable, state_name};
use crate::log_items::snapshot;
use crate::store::DynamoDbStore;
use crate::table::{
    CONTEXT, DUE_INDEX, DUE_PK, DUE_SK, HEAD, LIST_INDEX, LIST_PK, LIST_SK, PK, SK, STATE,
    partition, task_key,
};

/// The most pages of 1 MB that are read of the index for one page of tasks. An index entry has
/// some 200 bytes, so that this is more than 100,000 tasks that do not match the filter; the page
/// then ends early.
const MAX_INDEX_PAGES: usize = 24;

/// The most pages of 1 MB that are counted: more than 5 million tasks of one owner.
const MAX_COUNT_PAGES: usize = 1_000;

/// The most pages of the due index that are read for one with an entry that can be read.
const MAX_DUE_PAGES: usize = 1_000;

/// The most items of one `BatchGetItem`, set by DynamoDB.
const MAX_BATCH: usize = 100;

/// How often the rest of a batch that DynamoDB left undone is asked for at once. It leaves undone
/// what is over 16 MB, and what is throttled: for that, the caller tries again after a while.
const BATCH_TRIES: usize = 3;

impl DynamoDbStore {
    pub(crate) async fn list_tasks(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let total = if query.count { Some(self.count(query).await?) } else { None };
        let mut keys: Vec<Item> = Vec::new();
        let mut start = None;
        let mut pages = MAX_INDEX_PAGES;
        for span in spans(query) {
            start = match &query.after {
                // A place behind everything of it. DynamoDB refuses to begin there.
                Some(after) if span.since.is_some_and(|since| after.status_at < since) => continue,
                Some(after) if span.before.is_none_or(|before| after.status_at < before) => {
                    Some(start_key(query, after))
                }
                _ => None,
            };
            loop {
                let mut request = self.list_query(query, &span).set_exclusive_start_key(start);
                if !is_filtered(query, &span) {
                    // Without a filter, every entry read is one returned.
                    let missing = query.limit + 1 - keys.len();
                    request = request.limit(i32::try_from(missing).unwrap_or(i32::MAX));
                }
                let page = request.send().await.map_err(store_error)?;
                for key in page.items.unwrap_or_default() {
                    // A task that changes between two pages can be found twice, and a batch must not
                    // ask for the same item twice.
                    if !keys.iter().any(|known: &Item| known.get(PK) == key.get(PK)) {
                        keys.push(key);
                    }
                }
                start = page.last_evaluated_key;
                // The next part is asked for one page at least: its beginning is no place to go on from.
                pages = pages.saturating_sub(1);
                if start.is_none() || keys.len() > query.limit || pages == 0 {
                    break;
                }
            }
            if start.is_some() || keys.len() > query.limit {
                break;
            }
        }
        let more = keys.len() > query.limit || start.is_some();
        keys.truncate(query.limit);
        // The page ends with the last task found, or, if none was found so far, where the index
        // was left.
        let next = match keys.last().or(start.as_ref()) {
            Some(key) if more => Some(cursor(key)?),
            _ => None,
        };
        let mut tasks = self.heads(&keys).await?;
        // The index may lag behind: what is returned is what the heads say now.
        tasks.retain(|task| matches(query, &task.head));
        tasks.sort_by_key(|task| std::cmp::Reverse((task.head.status_at, task.head.key.clone())));
        Ok(Page { tasks, next, total })
    }

    async fn count(&self, query: &ListQuery) -> Result<u64, StoreError> {
        let mut total = 0;
        let mut pages = MAX_COUNT_PAGES;
        for span in spans(query) {
            let mut start = None;
            while pages > 0 {
                let request = self.list_query(query, &span);
                let request = request.select(Select::Count).set_exclusive_start_key(start);
                let page = request.send().await.map_err(store_error)?;
                total += u64::try_from(page.count).unwrap_or_default();
                start = page.last_evaluated_key;
                pages -= 1;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(total)
    }

    fn list_query(&self, query: &ListQuery, span: &Span) -> QueryFluentBuilder {
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(LIST_INDEX)
            .scan_index_forward(false)
            .expression_attribute_names("#p", LIST_PK)
            .expression_attribute_values(":p", string(list_partition(&query.tenant, &query.owner)));
        let condition = match (span.since, span.before) {
            (None, None) => "#p = :p",
            (Some(_), None) => "#p = :p AND #o >= :since",
            (None, Some(_)) => "#p = :p AND #o < :before",
            // No entry is called as the end is: each has an id behind its time.
            (Some(_), Some(_)) => "#p = :p AND #o BETWEEN :since AND :before",
        };
        if span.since.is_some() || span.before.is_some() {
            request = request.expression_attribute_names("#o", LIST_SK);
        }
        for (name, time) in [(":since", span.since), (":before", span.before)] {
            if let Some(time) = time {
                request = request.expression_attribute_values(name, string(sortable(time)));
            }
        }
        let mut filters = Vec::new();
        if let Some(context) = &query.context {
            filters.push("#c = :c".to_owned());
            request = request
                .expression_attribute_names("#c", CONTEXT)
                .expression_attribute_values(":c", string(context.as_str()));
        }
        if let Some(state) = query.state {
            filters.push("#s = :s".to_owned());
            request = request
                .expression_attribute_names("#s", STATE)
                .expression_attribute_values(":s", string(state_name(state)));
        } else if span.open_only {
            let names: Vec<String> = (0..OPEN_STATES.len()).map(|of| format!(":s{of}")).collect();
            filters.push(format!("#s IN ({})", names.join(", ")));
            request = request.expression_attribute_names("#s", STATE);
            for (name, state) in names.into_iter().zip(OPEN_STATES) {
                request = request.expression_attribute_values(name, string(state_name(state)));
            }
        }
        if !filters.is_empty() {
            request = request.filter_expression(filters.join(" AND "));
        }
        request.key_condition_expression(condition)
    }

    /// Reads the heads of these keys, strongly.
    async fn heads(&self, keys: &[Item]) -> Result<Vec<Snapshot>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MAX_BATCH) {
            let mut wanted = KeysAndAttributes::builder().consistent_read(true);
            for key in chunk {
                let item = [(PK, key.get(PK)), (SK, key.get(SK))];
                let item = item.into_iter().filter_map(|(name, value)| {
                    value.map(|value| (name.to_owned(), value.clone()))
                });
                wanted = wanted.keys(item.collect());
            }
            let wanted = wanted.build().map_err(build_error)?;
            self.batch_get(wanted, &mut found).await?;
        }
        Ok(found)
    }

    async fn batch_get(
        &self,
        wanted: KeysAndAttributes,
        found: &mut Vec<Snapshot>,
    ) -> Result<(), StoreError> {
        let mut wanted = HashMap::from([(self.table.clone(), wanted)]);
        for _ in 0..BATCH_TRIES {
            let request = self.client.batch_get_item().set_request_items(Some(wanted));
            let answer = request.send().await.map_err(store_error)?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let key = get_string(&item, PK).unwrap_or_default();
                found.push(snapshot(&item).map_err(|malformed| corrupt(key, malformed))?);
            }
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("DynamoDB left keys of a batch unprocessed".into()))
    }

    pub(crate) async fn due_tasks(
        &self,
        shard: u8,
        until: Timestamp,
        after: Option<&DueTask>,
        limit: usize,
    ) -> Result<Vec<DueTask>, StoreError> {
        let mut start = after.map(|after| {
            Item::from([
                (DUE_PK.to_owned(), number(shard)),
                (DUE_SK.to_owned(), number(after.due.as_millis())),
                (PK.to_owned(), string(partition(&after.key))),
                (SK.to_owned(), string(HEAD)),
            ])
        });
        let mut due = Vec::new();
        // A page of nothing but entries that cannot be read is not the end.
        for _ in 0..MAX_DUE_PAGES {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#s = :s AND #t <= :t")
                .expression_attribute_names("#s", DUE_PK)
                .expression_attribute_names("#t", DUE_SK)
                .expression_attribute_values(":s", number(shard))
                .expression_attribute_values(":t", number(until.as_millis()))
                .set_exclusive_start_key(start)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let page = request.send().await.map_err(store_error)?;
            due.extend(page.items.unwrap_or_default().iter().filter_map(due_task));
            start = page.last_evaluated_key;
            if start.is_none() || !due.is_empty() {
                break;
            }
        }
        Ok(due)
    }
}

/// A due task, from its entry in the index. One that cannot be read must not keep the others from being
/// found: it is logged and skipped.
fn due_task(item: &Item) -> Option<DueTask> {
    let read = || {
        // A later release may have put something else into the index.
        let of_head = get_string(item, SK)? == HEAD;
        of_head.then_some(()).ok_or(Malformed::Attribute(SK))?;
        let key = task_key(get_string(item, PK)?)?;
        Ok(DueTask { key, due: Timestamp::from_millis(get_number(item, DUE_SK)?) })
    };
    let read: Result<DueTask, Malformed> = read();
    if let Err(error) = &read {
        let (pk, sk) = (get_string(item, PK).ok(), get_string(item, SK).ok());
        error!(event = "due_entry_malformed", pk, sk, %error,
            "an entry of the due index is malformed and is skipped");
    }
    read.ok()
}

fn is_filtered(query: &ListQuery, span: &Span) -> bool {
    query.context.is_some() || query.state.is_some() || span.open_only
}

/// The states of tasks that are not over.
const OPEN_STATES: [TaskState; 4] =
    [TaskState::Submitted, TaskState::Working, TaskState::InputRequired, TaskState::AuthRequired];

/// A part of an owner's entries in the list index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// Only tasks whose status changed at this time or later.
    since: Option<Timestamp>,
    /// Only tasks whose status changed before this time.
    before: Option<Timestamp>,
    /// Only tasks that are not over.
    open_only: bool,
}

/// The parts of the index that have what is asked for, newest first. Tasks that are over expire by the
/// age of their status, which the index is ordered by: so the older part is asked for what is open.
fn spans(query: &ListQuery) -> Vec<Span> {
    let all = Span { since: query.status_since, before: None, open_only: false };
    let Some(ended_after) = query.ended_after else { return vec![all] };
    let first = ended_after.saturating_add(Duration::from_millis(1));
    if query.status_since.is_some_and(|since| since >= first) {
        return vec![all];
    }
    let newer = Span { since: Some(first), ..all };
    match query.state {
        None => vec![newer, Span { before: Some(first), open_only: true, ..all }],
        Some(state) if state.is_terminal() => vec![newer],
        Some(_) => vec![all],
    }
}

fn matches(query: &ListQuery, head: &Head) -> bool {
    head.is_listed()
        && query.ended_after.is_none_or(|after| !head.is_terminal() || head.status_at > after)
        && query.context.as_ref().is_none_or(|context| *context == head.context)
        && query.state.is_none_or(|state| state == head.state())
}

/// The key of the index behind which a page begins.
fn start_key(query: &ListQuery, after: &Cursor) -> Item {
    let task = a2a_lambda_core::TaskKey { tenant: query.tenant.clone(), task: after.task.clone() };
    Item::from([
        (LIST_PK.to_owned(), string(list_partition(&query.tenant, &query.owner))),
        (LIST_SK.to_owned(), string(list_order(after))),
        (PK.to_owned(), string(partition(&task))),
        (SK.to_owned(), string(HEAD)),
    ])
}

/// The place of an index entry.
fn cursor(key: &Item) -> Result<Cursor, StoreError> {
    let read = || {
        let task = task_key(get_string(key, PK)?)?.task;
        let order = get_string(key, LIST_SK)?;
        let millis = order.split('#').next().and_then(|time| time.parse().ok());
        let millis = millis.ok_or(Malformed::Attribute(LIST_SK))?;
        Ok(Cursor { status_at: Timestamp::from_millis(millis), task })
    };
    read().map_err(|malformed| corrupt("in the list index", malformed))
}
