//! Records of steps: an item each, in the partition of their task.
//!
//! Their sort key is `D#{incarnation}#{scope}#{record}`. The number of the scope has ten digits, so that
//! no scope's name begins with another's.

use a2a_lambda_core::ids::{Incarnation, TaskKey, WriteId};
use a2a_lambda_core::steps::{Put, RecordKey, ScopeKey, StepRecord, StepRecords};
use a2a_lambda_core::{Formats, StoreError};
use async_trait::async_trait;

use crate::DynamoDbStore;
use crate::attributes::{Item, Malformed, get_string, number, string, value};
use crate::error::{corrupt, store_error};
use crate::format::{FORMAT, Kind};
use crate::log_items::MAX_ITEM_BYTES;
use crate::table::{PK, SK, STEPS, TTL, partition};

/// The one format that records have had so far.
const FORMAT_OF_STEPS: u64 = Formats::FIRST;

/// The record, as JSON, and the id of its write.
const RECORD: &str = "rec";
const WRITE: &str = "w";

const KIND: Kind =
    Kind::of(Formats::new("step", FORMAT_OF_STEPS, FORMAT_OF_STEPS), &[PK, SK, TTL, RECORD, WRITE]);

/// The prefix of every name of a task's records.
fn prefix_of_task(incarnation: Option<&Incarnation>) -> String {
    format!("{STEPS}{}#", incarnation.map_or("", |of| of.as_str()))
}

/// The prefix of every name of a scope's records.
fn prefix(scope: &ScopeKey) -> String {
    format!("{}{:010}#", prefix_of_task(scope.incarnation.as_ref()), scope.number)
}

/// The number of the scope in a record's name.
fn number_in(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.split('#').next()?.parse().ok()
}

fn sort_key(scope: &ScopeKey, key: &RecordKey) -> String {
    format!("{}{key}", prefix(scope))
}

fn to_item(scope: &ScopeKey, record: &StepRecord) -> Result<Item, StoreError> {
    let json = serde_json::to_string(record).map_err(|error| StoreError::Refused(error.into()))?;
    let (bytes, limit) = (json.len(), MAX_ITEM_BYTES);
    if bytes > limit {
        return Err(StoreError::TooLarge { what: "the record of a step", bytes, limit });
    }
    Ok(Item::from([
        (PK.to_owned(), string(partition(&scope.task))),
        (SK.to_owned(), string(sort_key(scope, &record.key))),
        (FORMAT.to_owned(), number(FORMAT_OF_STEPS)),
        (TTL.to_owned(), number(record.expires_at.as_millis().saturating_add(999) / 1_000)),
        (WRITE.to_owned(), string(record.write.as_str())),
        (RECORD.to_owned(), string(json)),
    ]))
}

fn from_item(item: &Item) -> Result<StepRecord, Malformed> {
    KIND.check(item)?;
    serde_json::from_str(get_string(item, RECORD)?).map_err(|error| value(RECORD, error))
}

#[async_trait]
impl StepRecords for DynamoDbStore {
    async fn put_step(
        &self,
        scope: &ScopeKey,
        before: Option<&WriteId>,
        record: &StepRecord,
    ) -> Result<Put, StoreError> {
        Ok(match self.put_instead(to_item(scope, record)?, before).await? {
            Ok(()) => Put::Stored,
            Err(other) => {
                let other = other.as_ref().map(from_item).transpose();
                Put::Other(other.map_err(|error| corrupt(&scope.task, error))?.map(Box::new))
            }
        })
    }

    async fn step(
        &self,
        scope: &ScopeKey,
        key: &RecordKey,
    ) -> Result<Option<StepRecord>, StoreError> {
        let item = self.get_item(&scope.task, &sort_key(scope, key)).await?;
        let record = item.as_ref().map(from_item).transpose();
        record.map_err(|malformed| corrupt(&scope.task, malformed))
    }

    async fn steps(&self, scope: &ScopeKey) -> Result<Vec<StepRecord>, StoreError> {
        let first = prefix(scope);
        // `~` follows every digit of a record's name.
        let last = format!("{first}~");
        let items = self.all_between(&scope.task, &first, &last).await?;
        let records = items.iter().map(from_item);
        records.map(|record| record.map_err(|malformed| corrupt(&scope.task, malformed))).collect()
    }

    async fn newest_scope(
        &self,
        task: &TaskKey,
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<u32>, StoreError> {
        let first = prefix_of_task(incarnation);
        // `~` follows every digit of a scope's number.
        let newest = self.between(task, &first, &format!("{first}~")).scan_index_forward(false);
        let newest = newest.limit(1).projection_expression("#s");
        let items = newest.send().await.map_err(store_error)?.items.unwrap_or_default();
        let Some(item) = items.first() else { return Ok(None) };
        let name = get_string(item, SK).map_err(|malformed| corrupt(task, malformed))?;
        let number = number_in(name, &first).ok_or(Malformed::Attribute(SK));
        number.map(Some).map_err(|malformed| corrupt(task, malformed))
    }
}
