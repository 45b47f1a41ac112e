//! Pages of an owner's tasks.
//!
//! Since format 3, the tasks of each state have their own partitions in the list index, and the
//! tasks of each context have one in the context index. An owner's older tasks are all in one
//! partition, and the query filters them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use a2a_lambda_core::StoreError;
use a2a_lambda_core::ids::{ContextId, TaskId, TaskKey, Tenant};
use a2a_lambda_core::store::{Cursor, ListQuery, Page, Snapshot, TaskOutline, context_partition};
use a2a_lambda_protocol::{TaskState, Timestamp};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::try_join_all;
use tracing::warn;

use crate::attributes::{Item, get_string, string};
use crate::error::{build_error, corrupt, store_error};
use crate::head_item::list_partition;
use crate::list_part::{Found, Part, Source, What};
use crate::listing::{Listing, STATES, Span};
use crate::log_items::{Inline, snapshot};
use crate::store::DynamoDbStore;
use crate::table::{CONTEXT_INDEX, CONTEXT_PK, HEAD, PK, SK, partition};

/// The most tasks of a context whose heads are read for a page. For a larger context, the store
/// searches all tasks of the owner.
const MAX_CONTEXT_TASKS: usize = 1_000;

/// The most items of one `BatchGetItem`, set by DynamoDB.
const MAX_BATCH: usize = 100;

/// How often the store asks at once for the keys that DynamoDB left unprocessed. DynamoDB leaves
/// out items over 16 MB in sum, and throttled ones. The caller asks for them again later.
const BATCH_TRIES: usize = 3;

impl DynamoDbStore {
    pub(crate) async fn list_tasks(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let of_context = match &query.context {
            Some(context) if self.listing.by_state => self.context_tasks(query, context).await?,
            _ => None,
        };
        let mut sources = self.sources(query);
        if of_context.is_some() {
            sources.retain(|source| source.state.is_none());
        }
        let parts = sources.iter().map(|source| self.part(query, source));
        let mut parts: Vec<Part> = try_join_all(parts).await?;
        let mut found: Vec<Found> =
            parts.iter_mut().flat_map(|part| std::mem::take(&mut part.found)).collect();
        let mut total: u64 = parts.iter().map(|part| part.total).sum();
        for task in of_context.into_iter().flatten() {
            total += 1;
            let place = Cursor::of(&task.head);
            if query.after.as_ref().is_none_or(|after| place < *after) {
                found.push(Found { place, what: What::Head(Box::new(task)) });
            }
        }
        found.sort_by(|a, b| b.place.cmp(&a.place));
        // A task that changes meanwhile may appear in two partitions or two indexes.
        let mut known = HashSet::new();
        found.retain(|found| known.insert(found.place.task.clone()));
        // Nothing is known of the index after the place where its read stopped.
        let left = parts.iter().filter_map(|part| part.left.as_ref()).max();
        if let Some(left) = left {
            found.retain(|found| found.place >= *left);
        }
        let more = found.len() > query.limit || left.is_some();
        found.truncate(query.limit);
        let next = found.last().map(|found| &found.place).or(left).filter(|_| more).cloned();
        let hint = next.as_ref().map_or(0, |next| hint(query, &sources, &parts, next));
        let (tasks, outlines) = self.rows(query, found).await?;
        Ok(Page { tasks, outlines, next, hint, total: query.count.then_some(total) })
    }

    /// The partitions that may have the wanted tasks.
    fn sources(&self, query: &ListQuery) -> Vec<Source> {
        let is_passed = |bit: u32| query.hint & bit != 0 && query.after.is_some() && !query.count;
        let mut sources = Vec::new();
        for (number, state) in STATES.into_iter().enumerate() {
            let bit = 1 << number;
            if query.state.is_some_and(|wanted| wanted != state) || is_passed(bit) {
                continue;
            }
            let ended = query.ended_after.filter(|_| state.is_terminal()).map(just_after);
            let since = query.status_since.max(ended);
            let spans = vec![Span { since, before: None, open_only: false }];
            sources.extend((0..self.listing.shards).map(|shard| Source {
                partition: Listing::partition(state, shard, &query.tenant, &query.owner),
                state: Some(state),
                spans: spans.clone(),
                bit,
            }));
        }
        let bit = 1 << STATES.len();
        if !is_passed(bit) {
            sources.push(Source {
                partition: list_partition(&query.tenant, &query.owner),
                state: None,
                spans: mixed_spans(query),
                bit,
            });
        }
        sources
    }

    /// All matching tasks of a context, wherever the page begins. `None` if there are too many, or
    /// the table does not have the index yet.
    async fn context_tasks(
        &self,
        query: &ListQuery,
        context: &ContextId,
    ) -> Result<Option<Vec<Snapshot>>, StoreError> {
        let mut keys: Vec<Item> = Vec::new();
        // The index does not have the task that the conversation is named after.
        let first = context.first_task();
        keys.extend(first.map(|task| head_key(&query.tenant, task)));
        let mut start = None;
        loop {
            let partition = context_partition(&query.tenant, &query.owner, context);
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(CONTEXT_INDEX)
                .key_condition_expression("#c = :c")
                .expression_attribute_names("#c", CONTEXT_PK)
                .expression_attribute_values(":c", string(partition))
                .set_exclusive_start_key(start);
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) if error.code() == Some("ValidationException") => {
                    let error = store_error(error);
                    warn!(
                        event = "context_index_missing",
                        error = &error as &dyn std::error::Error,
                        "the table's index of contexts cannot be read yet: all tasks of the owner are read"
                    );
                    return Ok(None);
                }
                Err(error) => return Err(store_error(error)),
            };
            keys.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if keys.len() > MAX_CONTEXT_TASKS {
                return Ok(None);
            }
            if start.is_none() {
                break;
            }
        }
        let mut tasks = self.heads(&keys).await?;
        // A task of an older format is found in the mixed partition.
        let by_state = |task: &Snapshot| task.kept.get().is_some_and(|of: &Inline| of.by_state);
        tasks.retain(|task| by_state(task) && query.matches(&task.head));
        Ok(Some(tasks))
    }

    /// The tasks of a page: those whose heads are known or must be read, and the outlines.
    async fn rows(
        &self,
        query: &ListQuery,
        found: Vec<Found>,
    ) -> Result<(Vec<Snapshot>, Vec<TaskOutline>), StoreError> {
        let (mut tasks, mut outlines, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for Found { place, what } in found {
            match what {
                What::Outline(outline) => outlines.push(*outline),
                What::Head(task) => tasks.push(*task),
                What::Entry => keys.push(head_key(&query.tenant, place.task)),
            }
        }
        tasks.extend(self.heads(&keys).await?);
        // A head may be newer than its entry in an index.
        tasks.retain(|task| query.matches(&task.head));
        tasks.sort_by_key(|task| Reverse(Cursor::of(&task.head)));
        Ok((tasks, outlines))
    }

    /// Reads the heads with these keys. They may be a moment old.
    async fn heads(&self, keys: &[Item]) -> Result<Vec<Snapshot>, StoreError> {
        let batches = keys.chunks(MAX_BATCH).map(|keys| self.batch_get(keys));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn batch_get(&self, keys: &[Item]) -> Result<Vec<Snapshot>, StoreError> {
        let of_table = |name: &str| name == PK || name == SK;
        let keys = keys.iter().map(|key| {
            let key = key.iter().filter(|(name, _)| of_table(name));
            key.map(|(name, value)| (name.clone(), value.clone())).collect()
        });
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys.collect()));
        let wanted = wanted.build().map_err(build_error)?;
        let mut wanted = HashMap::from([(self.table.clone(), wanted)]);
        let mut found = Vec::new();
        for _ in 0..BATCH_TRIES {
            let request = self.client.batch_get_item().set_request_items(Some(wanted));
            let answer = request.send().await.map_err(store_error)?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let key = get_string(&item, PK).unwrap_or_default();
                found.push(snapshot(&item).map_err(|malformed| corrupt(key, malformed))?);
            }
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
        }
        Err(StoreError::Unavailable("DynamoDB left keys of a batch unprocessed".into()))
    }
}

fn head_key(tenant: &Tenant, task: TaskId) -> Item {
    let task = TaskKey { tenant: tenant.clone(), task };
    Item::from([(PK.to_owned(), string(partition(&task))), (SK.to_owned(), string(HEAD))])
}

/// The hint for the next page: the states that have no task after a place, for any query.
fn hint(query: &ListQuery, sources: &[Source], parts: &[Part], next: &Cursor) -> u32 {
    if query.context.is_some() || query.status_since.is_some() {
        return query.hint;
    }
    let (mut over, mut open) = (query.hint, 0);
    for (source, part) in sources.iter().zip(parts) {
        let is_over = part.is_whole && part.oldest.as_ref().is_none_or(|oldest| oldest >= next);
        if is_over {
            over |= source.bit;
        } else {
            open |= source.bit;
        }
    }
    // A query with a state filter has not seen the whole mixed partition.
    let mixed = if query.state.is_some() { 1 << STATES.len() } else { 0 };
    let over = over & !(open | (mixed & !query.hint));
    // A claimed task moves from the submitted ones to the time of its claim, which may be over by then.
    let bit = |wanted| STATES.iter().position(|state| *state == wanted).map_or(0, |at| 1 << at);
    let may_gain = over & bit(TaskState::Submitted) == 0;
    if may_gain { over & !bit(TaskState::Working) } else { over }
}

fn just_after(time: Timestamp) -> Timestamp {
    time.saturating_add(Duration::from_millis(1))
}

/// The spans of a partition of mixed states that may have matches, newest first. The index is
/// ordered by the age of the status, and ended tasks expire by that age. So the older span needs
/// only open tasks.
fn mixed_spans(query: &ListQuery) -> Vec<Span> {
    let all = Span { since: query.status_since, before: None, open_only: false };
    let Some(first) = query.ended_after.map(just_after) else { return vec![all] };
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
