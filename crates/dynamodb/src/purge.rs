//! Expired tasks: the store deletes their items, or a later task replaces them.

use std::time::Duration;

use a2a_lambda_core::StoreError;
use a2a_lambda_core::head::Head;
use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_protocol::Timestamp;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use futures_util::future::try_join_all;

use crate::attributes::{Item, Malformed, find_number, get_string, string};
use crate::condition::Condition;
use crate::configs::{CREATED_AT, registration};
use crate::error::{corrupt, store_error};
use crate::log_items::incarnation_of;
use crate::store::DynamoDbStore;
use crate::table::{BEHIND_LOG, CONFIGS, HEAD, PARCELS, PK, SEGMENTS, SK, STEPS, partition};

/// How many items are deleted in parallel.
const DELETES_AT_ONCE: usize = 8;

/// How much older than a task an item must be to count as a leftover, of an earlier task or of a
/// refused request. Clocks differ, and a later task of the id may be under construction.
const LEFTOVER_AGE: Duration = Duration::from_hours(1);

impl DynamoDbStore {
    /// Deletes at most `limit` items of an expired task, the head last. Returns whether nothing is
    /// left.
    ///
    /// It chooses the other items by their names. Items that may belong to a later task of the same
    /// id stay.
    pub(crate) async fn purge_items(
        &self,
        expired: &Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let key = &expired.key;
        let mut left = limit.max(1);
        let mut start = None;
        loop {
            let page = self
                .between(key, CONFIGS, BEHIND_LOG)
                .projection_expression("#p, #s, #c")
                .expression_attribute_names("#c", CREATED_AT)
                .set_exclusive_start_key(start)
                .limit(i32::try_from(left.saturating_add(1)).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(store_error)?;
            let items = page.items.unwrap_or_default();
            let mut going = Vec::new();
            for item in &items {
                if goes(expired, item).map_err(|malformed| corrupt(key, malformed))? {
                    going.push(get_string(item, SK).unwrap_or_default());
                }
            }
            let more = going.len() > left;
            going.truncate(left);
            left -= going.len();
            for names in going.chunks(DELETES_AT_ONCE) {
                try_join_all(names.iter().map(|name| self.delete_item(key, name))).await?;
            }
            start = page.last_evaluated_key;
            if more || (left == 0 && start.is_some()) {
                return Ok(false);
            }
            if start.is_none() {
                break;
            }
        }
        self.delete_head(expired).await?;
        Ok(true)
    }

    async fn delete_item(&self, key: &TaskKey, name: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(PK, string(partition(key)))
            .key(SK, string(name));
        request.send().await.map(drop).map_err(store_error)
    }

    /// Deletes the head, if it has not changed since it was read.
    async fn delete_head(&self, expired: &Head) -> Result<(), StoreError> {
        let condition = Condition::is_as(expired);
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(PK, string(partition(&expired.key)))
            .key(SK, string(HEAD))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(condition.values);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // The head is gone, or a later task has replaced it.
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(store_error(error)),
            },
        }
    }
}

/// Whether an item with these keys belongs to the expired task, or is a leftover from before its
/// end.
fn goes(expired: &Head, item: &Item) -> Result<bool, Malformed> {
    let name = get_string(item, SK)?;
    let is_older = |at: Timestamp, than: Timestamp| at.saturating_add(LEFTOVER_AGE) < than;
    if name.starts_with(CONFIGS) {
        let made: Option<i64> = find_number(item, CREATED_AT)?;
        let is_left =
            made.is_some_and(|made| is_older(Timestamp::from_millis(made), expired.status_at));
        return Ok(is_left || expired.registrations().contains(&registration(item)?));
    }
    if name.starts_with(STEPS) {
        // The other ones have a time to live.
        return Ok(incarnation_of(name) == expired.incarnation);
    }
    let is_log = [SEGMENTS, PARCELS].into_iter().any(|kind| name.starts_with(kind));
    Ok(is_log
        && match incarnation_of(name) {
            Some(of) if expired.incarnation.as_ref() == Some(&of) => true,
            // A task of format 1 is older than every task with an incarnation.
            Some(of) => is_older(of.began_at(), expired.created_at),
            None => true,
        })
}
