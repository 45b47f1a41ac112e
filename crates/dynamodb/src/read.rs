//! Reads a task: its head, the end of its log, or all of it.

use std::collections::BTreeSet;

use a2a_lambda_core::StoreError;
use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::{Position, TaskKey};
use a2a_lambda_core::store::Snapshot;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use crate::attributes::{Item, Malformed, get_string, string};
use crate::error::{corrupt, store_error};
use crate::log_items::{
    assemble, first_inline, parcels_after, prefix, reaches_back, segments_before, snapshot,
};
use crate::store::DynamoDbStore;
use crate::table::{BEHIND_LOG, HEAD, PK, SEGMENTS, SK, partition};

/// The most pages that a read of one task takes, of up to 1 MB each.
const MAX_PAGES: usize = 64;

/// How often a read of a task is repeated if its items do not fit together: a late page may miss an
/// item that an earlier one names.
const READ_TRIES: usize = 3;

impl DynamoDbStore {
    /// The head and the entries in it.
    pub(crate) async fn read_tail(
        &self,
        key: &TaskKey,
        is_consistent: bool,
    ) -> Result<Option<Snapshot>, StoreError> {
        let item = self.get_item_if(key, HEAD, is_consistent).await?;
        let snapshot = item.as_ref().map(snapshot).transpose();
        snapshot.map_err(|malformed| corrupt(key, malformed))
    }

    /// The head and at least the entries after a position.
    ///
    /// The head is read first. All items that it names, and all entries that have left it, were
    /// written before it and are never removed. So the later reads fit, even if the read of the
    /// head was eventually consistent.
    pub(crate) async fn read_after(
        &self,
        key: &TaskKey,
        known: Position,
        is_consistent: bool,
    ) -> Result<Option<Snapshot>, StoreError> {
        let malformed = |malformed| corrupt(key, malformed);
        let Some(head) = self.get_item_if(key, HEAD, is_consistent).await? else {
            return Ok(None);
        };
        let tail = snapshot(&head).map_err(malformed)?;
        if tail.after(known).is_some() {
            return Ok(Some(tail));
        }
        let first = first_inline(&head).map_err(malformed)?;
        let mut others = Vec::new();
        if first > known.next() {
            if known == Position(0) {
                // The caller wants everything, and some is missing: one query reads all of it.
                return self.read_full(key).await;
            }
            others = self.segments(&tail.head, first, known).await?;
        }
        let parcels = parcels_after(&head, &others, known).map_err(malformed)?;
        others.extend(self.parcels(key, &parcels).await?);
        match assemble(&head, &others, known) {
            // This crate never leaves a task like this. Only the whole task shows whether it is
            // readable.
            Err(Malformed::Gap(_)) => self.read_full(key).await,
            snapshot => snapshot.map(Some).map_err(malformed),
        }
    }

    /// The whole log.
    pub(crate) async fn read_full(&self, key: &TaskKey) -> Result<Option<Snapshot>, StoreError> {
        let mut tries = 0;
        loop {
            let Some((head, others)) = self.items(key).await? else {
                return Ok(None);
            };
            tries += 1;
            match assemble(&head, &others, Position(0)) {
                Ok(snapshot) => return Ok(Some(snapshot)),
                Err(Malformed::Gap(_)) if tries < READ_TRIES => {}
                Err(malformed) => return Err(corrupt(key, malformed)),
            }
        }
    }

    /// A query for a task's items from one name to another, both included.
    pub(crate) fn between(&self, key: &TaskKey, from: &str, to: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#p = :p AND #s BETWEEN :a AND :z")
            .expression_attribute_names("#p", PK)
            .expression_attribute_names("#s", SK)
            .expression_attribute_values(":p", string(partition(key)))
            .expression_attribute_values(":a", string(from))
            .expression_attribute_values(":z", string(to))
            .consistent_read(true)
    }

    /// All items of a task's log, the head first; `None` without a head.
    async fn items(&self, key: &TaskKey) -> Result<Option<(Item, Vec<Item>)>, StoreError> {
        // The head sorts before the items that it points to, and so it is read first.
        let mut items = self.all_between(key, HEAD, BEHIND_LOG).await?;
        if items.is_empty() {
            return Ok(None);
        }
        let head = items.remove(0);
        // The parcel of a task that was never created has no head before it.
        let is_head = get_string(&head, SK).is_ok_and(|name| name == HEAD);
        Ok(is_head.then_some((head, items)))
    }

    pub(crate) async fn all_between(
        &self,
        key: &TaskKey,
        from: &str,
        to: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self.between(key, from, to).set_exclusive_start_key(start);
            let page = request.send().await.map_err(store_error)?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
        let (what, limit) = ("a task with all that was put aside for it", MAX_PAGES << 20);
        Err(StoreError::TooLarge { what, bytes: limit, limit })
    }

    /// The segments with the entries after `known` and before `first`.
    ///
    /// It reads from the newest back, because only the names of segments tell how far they reach. A
    /// reader that keeps up misses one or two segments. So the first request asks for two, and each
    /// further one for twice as many. It never reads more in vain than it needs.
    async fn segments(
        &self,
        head: &Head,
        first: Position,
        known: Position,
    ) -> Result<Vec<Item>, StoreError> {
        let key = &head.key;
        let (begin, end) = (prefix(SEGMENTS, head), segments_before(head, first));
        let mut segments = Vec::new();
        let mut start = None;
        for page in 0..MAX_PAGES {
            let request = self.between(key, &begin, &end).scan_index_forward(false);
            let limit = 2_i32.checked_shl(u32::try_from(page).unwrap_or(u32::MAX));
            let limit = limit.filter(|limit| *limit > 0).unwrap_or(i32::MAX);
            let request = request.limit(limit).set_exclusive_start_key(start);
            let page = request.send().await.map_err(store_error)?;
            segments.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            let oldest = segments.last().map(|segment| reaches_back(segment, known)).transpose();
            let found = oldest.map_err(|malformed| corrupt(key, malformed))?;
            if found == Some(true) || start.is_none() {
                break;
            }
        }
        Ok(segments)
    }

    /// The parcels with these names. They are consecutive, apart from parcels of lost commits.
    async fn parcels(
        &self,
        key: &TaskKey,
        names: &BTreeSet<&str>,
    ) -> Result<Vec<Item>, StoreError> {
        match (names.first(), names.last()) {
            (Some(first), Some(last)) if first == last => {
                Ok(self.get_item(key, first).await?.into_iter().collect())
            }
            // DynamoDB charges a query for the sum of its items; a batch rounds up every item.
            (Some(first), Some(last)) => self.all_between(key, first, last).await,
            _ => Ok(Vec::new()),
        }
    }
}
