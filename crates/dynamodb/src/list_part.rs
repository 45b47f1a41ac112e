//! The reads of one partition of the list index, for a page and its count.

use a2a_lambda_core::StoreError;
use a2a_lambda_core::ids::{ContextId, TaskKey};
use a2a_lambda_core::store::{Cursor, ListQuery, Snapshot, TaskOutline};
use a2a_lambda_protocol::{Message, TaskState, TaskStatus, Timestamp};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use futures_util::future::try_join_all;

use crate::attributes::{Item, Malformed, get_string, string, value};
use crate::error::{corrupt, store_error};
use crate::head_item::{list_order, listed_at, sortable, state_name};
use crate::listing::{ShortMessage, Span};
use crate::store::DynamoDbStore;
use crate::table::{
    CONTEXT, HEAD, LIST_INDEX, LIST_PK, LIST_SK, PK, SK, STATE, partition, task_key,
};

/// The most pages of 1 MB that are read of a partition for one page of tasks. An entry has about
/// 200 bytes, so this allows for more than 100,000 tasks that do not match a filter. The page then
/// ends early.
const MAX_PAGES: usize = 24;

/// The most pages of 1 MB that one of the [`LANES`] counts.
const MAX_COUNT_PAGES: usize = 1_000;

/// How many parts are counted in parallel, if there is more than 1 MB.
const LANES: i64 = 8;

/// The states of open tasks.
const OPEN_STATES: [TaskState; 4] =
    [TaskState::Submitted, TaskState::Working, TaskState::InputRequired, TaskState::AuthRequired];

/// A partition of the list index, and its parts that a query needs.
pub(crate) struct Source {
    pub(crate) partition: String,
    /// The state of all its tasks; `None` for tasks of formats 1 and 2.
    pub(crate) state: Option<TaskState>,
    /// The spans to read, newest first.
    pub(crate) spans: Vec<Span>,
    /// Its bit in [`Page::hint`]. Shards of a state share one.
    pub(crate) bit: u32,
}

/// A candidate for a page.
pub(crate) struct Found {
    pub(crate) place: Cursor,
    pub(crate) what: What,
}

/// The known facts about a candidate.
pub(crate) enum What {
    /// A complete outline, from an entry of the list index.
    Outline(Box<TaskOutline>),
    /// Only an entry, without a status or without enough of it.
    Entry,
    Head(Box<Snapshot>),
}

/// The result of reading a source.
#[derive(Default)]
pub(crate) struct Part {
    /// The matches, newest first: one more than a page has, if there are as many.
    pub(crate) found: Vec<Found>,
    /// The oldest match.
    pub(crate) oldest: Option<Cursor>,
    /// Whether the source was read to its end.
    pub(crate) is_whole: bool,
    /// The place where the read stopped, if it stopped without enough matches.
    pub(crate) left: Option<Cursor>,
    /// The number of matching tasks, if they were counted.
    pub(crate) total: u64,
}

/// A place in a source: the number of the span, and the key in it.
type Rest = (usize, Option<Item>);

impl DynamoDbStore {
    pub(crate) async fn part(
        &self,
        query: &ListQuery,
        source: &Source,
    ) -> Result<Part, StoreError> {
        let (found, rest) = self.entries(query, source).await?;
        let mut total = 0;
        if query.count {
            // The matches that the page has read are not counted again.
            let uncounted = match &query.after {
                None => rest.clone(),
                Some(_) => Some((0, None)),
            };
            total += if query.after.is_none() { found.len() as u64 } else { 0 };
            if let Some(uncounted) = uncounted {
                total += self.count(query, source, uncounted).await?;
            }
        }
        let left = match &rest {
            Some((_, Some(key))) if found.len() <= query.limit => {
                Some(entry_place(key).map_err(|error| corrupt("in the list index", error))?)
            }
            _ => None,
        };
        let oldest = found.last().map(|found| found.place.clone());
        Ok(Part { found, oldest, is_whole: rest.is_none(), left, total })
    }

    /// One entry more than a page has, and the place after them.
    async fn entries(
        &self,
        query: &ListQuery,
        source: &Source,
    ) -> Result<(Vec<Found>, Option<Rest>), StoreError> {
        let mut found = Vec::new();
        let mut pages = MAX_PAGES;
        for (number, span) in source.spans.iter().enumerate() {
            let mut start = match &query.after {
                // The place lies after the whole span. DynamoDB refuses to begin there.
                Some(after) if span.since.is_some_and(|since| after.status_at < since) => continue,
                Some(after) if span.before.is_none_or(|before| after.status_at < before) => {
                    Some(start_key(query, source, after))
                }
                _ => None,
            };
            loop {
                let mut request = self.list_query(query, source, span);
                if !query.only_status {
                    // The heads have the rest.
                    request = request
                        .projection_expression("#k, #o")
                        .expression_attribute_names("#k", PK)
                        .expression_attribute_names("#o", LIST_SK);
                }
                if !is_filtered(query, source, span) {
                    // Without a filter, DynamoDB returns every entry that it reads.
                    let missing = query.limit.saturating_add(1).saturating_sub(found.len());
                    request = request.limit(i32::try_from(missing).unwrap_or(i32::MAX));
                }
                let request = request.set_exclusive_start_key(start);
                let page = request.send().await.map_err(store_error)?;
                for entry in page.items.unwrap_or_default() {
                    found.push(Found::read(query, source.state, &entry)?);
                }
                start = page.last_evaluated_key;
                // The next span gets at least one page, because a page cannot resume at a span's
                // beginning.
                pages = pages.saturating_sub(1);
                if start.is_none() || found.len() > query.limit || pages == 0 {
                    break;
                }
            }
            if start.is_some() {
                return Ok((found, Some((number, start))));
            }
            if found.len() > query.limit && number + 1 < source.spans.len() {
                return Ok((found, Some((number + 1, None))));
            }
        }
        Ok((found, None))
    }

    /// Counts the matches from a place on.
    async fn count(
        &self,
        query: &ListQuery,
        source: &Source,
        (first, mut start): Rest,
    ) -> Result<u64, StoreError> {
        let mut total = 0;
        for span in &source.spans[first..] {
            let (counted, rest) = self.count_pages(query, source, *span, start.take(), 1).await?;
            total += counted;
            let Some(rest) = rest else { continue };
            // The rest is divided by time.
            let time_of = |key: &Item| {
                let place =
                    entry_place(key).map_err(|error| corrupt("in the list index", error))?;
                Ok::<_, StoreError>(place.status_at.as_millis())
            };
            let oldest = self.span_query(source, span).scan_index_forward(true).limit(1);
            let oldest = oldest.send().await.map_err(store_error)?.items.unwrap_or_default();
            let newest = time_of(&rest)?;
            let oldest = oldest.first().map(time_of).transpose()?.unwrap_or(newest);
            let step = (newest.saturating_sub(oldest) / LANES).max(1);
            let lanes = (0..LANES).map(|lane| {
                let from = Timestamp::from_millis(newest.saturating_sub(step * (lane + 1)) + 1);
                let to = Timestamp::from_millis(newest.saturating_sub(step * lane) + 1);
                let is_last = lane == LANES - 1;
                let since = if is_last { span.since } else { span.since.max(Some(from)) };
                let (before, start) = match lane {
                    0 => (span.before, Some(rest.clone())),
                    _ => (Some(to), None),
                };
                let is_empty = since.zip(before).is_some_and(|(since, before)| since >= before);
                let lane = Span { since, before, ..*span };
                async move {
                    if is_empty {
                        return Ok((0, None));
                    }
                    self.count_pages(query, source, lane, start, MAX_COUNT_PAGES).await
                }
            });
            total += try_join_all(lanes).await?.into_iter().map(|(count, _)| count).sum::<u64>();
        }
        Ok(total)
    }

    /// Counts at most this many pages, and returns the place where it stopped.
    async fn count_pages(
        &self,
        query: &ListQuery,
        source: &Source,
        span: Span,
        mut start: Option<Item>,
        most: usize,
    ) -> Result<(u64, Option<Item>), StoreError> {
        let mut total = 0;
        for _ in 0..most {
            let request = self.list_query(query, source, &span).select(Select::Count);
            let request = request.set_exclusive_start_key(start);
            let page = request.send().await.map_err(store_error)?;
            total += u64::try_from(page.count).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok((total, start))
    }

    /// The matching entries of a span, newest first.
    fn list_query(&self, query: &ListQuery, source: &Source, span: &Span) -> QueryFluentBuilder {
        let mut request = self.span_query(source, span);
        let mut filters = Vec::new();
        if let Some(context) = &query.context {
            filters.push("#c = :c".to_owned());
            request = request
                .expression_attribute_names("#c", CONTEXT)
                .expression_attribute_values(":c", string(context.as_str()));
        }
        let states: &[TaskState] = match (&query.state, source.state) {
            (Some(state), None) => std::slice::from_ref(state),
            (None, None) if span.open_only => &OPEN_STATES,
            _ => &[],
        };
        if !states.is_empty() {
            let names: Vec<String> = (0..states.len()).map(|of| format!(":s{of}")).collect();
            filters.push(format!("#s IN ({})", names.join(", ")));
            request = request.expression_attribute_names("#s", STATE);
            for (name, state) in names.into_iter().zip(states) {
                request = request.expression_attribute_values(name, string(state_name(*state)));
            }
        }
        if !filters.is_empty() {
            request = request.filter_expression(filters.join(" AND "));
        }
        request
    }

    /// All entries of a span, newest first.
    fn span_query(&self, source: &Source, span: &Span) -> QueryFluentBuilder {
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(LIST_INDEX)
            .scan_index_forward(false)
            .expression_attribute_names("#p", LIST_PK)
            .expression_attribute_values(":p", string(&*source.partition));
        let condition = match (span.since, span.before) {
            (None, None) => "#p = :p",
            (Some(_), None) => "#p = :p AND #o >= :since",
            (None, Some(_)) => "#p = :p AND #o < :before",
            // No entry's key equals the end, because each has an id after its time.
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
        request.key_condition_expression(condition)
    }
}

fn is_filtered(query: &ListQuery, source: &Source, span: &Span) -> bool {
    query.context.is_some() || source.state.is_none() && (query.state.is_some() || span.open_only)
}

/// The index key after which a page begins.
fn start_key(query: &ListQuery, source: &Source, after: &Cursor) -> Item {
    let task = TaskKey { tenant: query.tenant.clone(), task: after.task.clone() };
    Item::from([
        (LIST_PK.to_owned(), string(&*source.partition)),
        (LIST_SK.to_owned(), string(list_order(after))),
        (PK.to_owned(), string(partition(&task))),
        (SK.to_owned(), string(HEAD)),
    ])
}

impl Found {
    /// Reads an entry of the list index.
    fn read(query: &ListQuery, state: Option<TaskState>, entry: &Item) -> Result<Self, StoreError> {
        let malformed = |malformed| corrupt("in the list index", malformed);
        let place = entry_place(entry).map_err(malformed)?;
        let Some(state) = state.filter(|_| query.only_status) else {
            return Ok(Self { place, what: What::Entry });
        };
        let message = match ShortMessage::read(entry.get(STATE)) {
            ShortMessage::Without => Some(None),
            // A message that cannot be read is read from the head.
            ShortMessage::Short(json) => serde_json::from_str(&json).ok().map(Some),
            ShortMessage::Unknown => None,
        };
        let what = match message {
            Some(message) => {
                let context = get_string(entry, CONTEXT).map_err(malformed)?;
                let context =
                    ContextId::parse(context).map_err(|error| malformed(value(CONTEXT, error)))?;
                What::Outline(Box::new(outline(&place, context, state, message)))
            }
            None => What::Entry,
        };
        Ok(Self { place, what })
    }
}

fn outline(
    place: &Cursor,
    context: ContextId,
    state: TaskState,
    message: Option<Message>,
) -> TaskOutline {
    let Cursor { status_at, task } = place.clone();
    let message = message.map(|message| Message {
        task_id: task.as_str().to_owned(),
        context_id: context.as_str().to_owned(),
        ..message
    });
    let status = TaskStatus { state, message, timestamp: Some(status_at) };
    TaskOutline { task, context, status, status_at }
}

/// The place of an entry of the list index.
pub(crate) fn entry_place(entry: &Item) -> Result<Cursor, Malformed> {
    let task = task_key(get_string(entry, PK)?)?.task;
    Ok(Cursor { status_at: listed_at(get_string(entry, LIST_SK)?)?, task })
}
