//! Push configs: one item each, in the partition of their task.

use a2a_lambda_core::ids::{ConfigId, Generation, Position, Registration, TaskKey, WriteId};
use a2a_lambda_core::push::{DeliveryRecord, Failing, PushConfig, PushConfigs, Sealed};
use a2a_lambda_core::store::due_shard;
use a2a_lambda_core::trace::TraceContext;
use a2a_lambda_core::{Formats, ProtocolVersion, StoreError};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::DynamoDbStore;
use crate::attributes::{
    Item, Malformed, find_number, find_string, get_flag, get_number, get_string, number, string,
    value,
};
use crate::error::{corrupt, store_error};
use crate::format::{FORMAT, Kind};
use crate::table::{
    CONFIGS, DUE_INDEX, DUE_PK, DUE_SK, FAILING_SHARDS, PK, SK, partition, task_key,
};

/// The most pages that a read of a task's configs takes, of up to 1 MB each.
const MAX_PAGES: usize = 64;

/// The only format of push configs so far.
const FORMAT_OF_CONFIGS: u64 = Formats::FIRST;

const ID: &str = "id";
const URL: &str = "url";
const SCHEME: &str = "as";
const SECRETS: &str = "sec";
const VERSION: &str = "pv";
const TRACE: &str = "tp";
pub(crate) const CREATED_AT: &str = "ca";
const WRITE: &str = "w";
const CURSOR: &str = "cur";
const DELIVERED: &str = "dg";
const REPLAYS: &str = "re";
const INTRODUCED: &str = "in";
const BATCH: &str = "ba";
const TROUBLE: &str = "tr";

const KIND: Kind = Kind::new(
    "push config",
    FORMAT_OF_CONFIGS,
    &[
        PK, SK, DUE_PK, DUE_SK, ID, URL, SCHEME, SECRETS, VERSION, TRACE, CREATED_AT, WRITE,
        CURSOR, DELIVERED, REPLAYS, INTRODUCED, BATCH, TROUBLE,
    ],
);

fn sort_key(registration: &Registration) -> String {
    format!("{CONFIGS}{}", registration.as_str())
}

fn item_key(task: &TaskKey, registration: &Registration) -> Item {
    let (pk, sk) = (partition(task), sort_key(registration));
    [(PK.to_owned(), string(pk)), (SK.to_owned(), string(sk))].into()
}

/// The registration in the name of an item.
pub(crate) fn registration(item: &Item) -> Result<Registration, Malformed> {
    let text = get_string(item, SK)?.strip_prefix(CONFIGS);
    text.and_then(Registration::parse).ok_or(Malformed::Attribute(SK))
}

fn to_item(task: &TaskKey, config: &PushConfig) -> Result<Item, serde_json::Error> {
    let delivery = &config.delivery;
    let mut item = Item::from([
        (PK.to_owned(), string(partition(task))),
        (SK.to_owned(), string(sort_key(&config.registration))),
        (FORMAT.to_owned(), number(FORMAT_OF_CONFIGS)),
        (ID.to_owned(), string(config.id.as_str())),
        (URL.to_owned(), string(&*config.url)),
        (VERSION.to_owned(), string(config.version.as_str())),
        (CREATED_AT.to_owned(), number(config.created_at.as_millis())),
        (WRITE.to_owned(), string(config.write.as_str())),
        (CURSOR.to_owned(), number(delivery.cursor)),
        (DELIVERED.to_owned(), number(delivery.delivered)),
    ]);
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    if !config.scheme.is_empty() {
        set(SCHEME, string(&*config.scheme));
    }
    if !config.secrets.is_empty() {
        set(SECRETS, string(config.secrets.as_str()));
    }
    if let Some(trace) = &config.trace {
        set(TRACE, string(trace.as_str()));
    }
    if delivery.replays > 0 {
        set(REPLAYS, number(delivery.replays));
    }
    if delivery.introduced {
        set(INTRODUCED, AttributeValue::Bool(true));
    }
    if let Some(batch) = delivery.batch {
        set(BATCH, number(batch));
    }
    if let Some(trouble) = &delivery.trouble {
        set(TROUBLE, string(serde_json::to_string(trouble)?));
        set(DUE_PK, number(FAILING_SHARDS + due_shard(task)));
        set(DUE_SK, number(trouble.since.as_millis()));
    }
    Ok(item)
}

fn from_item(item: &Item) -> Result<PushConfig, Malformed> {
    KIND.check(item)?;
    let version =
        ProtocolVersion::parse(get_string(item, VERSION)?).ok_or(Malformed::Attribute(VERSION))?;
    let trouble = find_string(item, TROUBLE)?.map(serde_json::from_str).transpose();
    Ok(PushConfig {
        id: ConfigId::parse(get_string(item, ID)?).map_err(|e| value(ID, e))?,
        registration: registration(item)?,
        url: get_string(item, URL)?.to_owned(),
        scheme: find_string(item, SCHEME)?.unwrap_or_default().to_owned(),
        secrets: Sealed::new(find_string(item, SECRETS)?.unwrap_or_default()),
        version,
        trace: find_string(item, TRACE)?.and_then(TraceContext::parse),
        created_at: Timestamp::from_millis(get_number(item, CREATED_AT)?),
        write: WriteId::new(get_string(item, WRITE)?),
        delivery: DeliveryRecord {
            cursor: Position(get_number(item, CURSOR)?),
            delivered: Generation(get_number(item, DELIVERED)?),
            replays: find_number(item, REPLAYS)?.unwrap_or_default(),
            introduced: get_flag(item, INTRODUCED),
            batch: find_number(item, BATCH)?.map(Position),
            trouble: trouble.map_err(|e| value(TROUBLE, e))?,
        }
        .into(),
    })
}

#[async_trait]
impl PushConfigs for DynamoDbStore {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let item = to_item(task, config).map_err(|error| StoreError::Refused(error.into()))?;
        self.put_item(item).await
    }

    /// A query reads several configs: DynamoDB charges for the sum of their sizes. It skips the
    /// configs that refused requests left behind.
    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        let read = |item: &Item| from_item(item).map_err(|malformed| corrupt(task, malformed));
        if let [one] = registrations {
            let item = self.get_item(task, &sort_key(one)).await?;
            return item.iter().map(read).collect();
        }
        let (Some(first), Some(last)) = (registrations.iter().min(), registrations.iter().max())
        else {
            return Ok(Vec::new());
        };
        let (first, last) = (sort_key(first), sort_key(last));
        let mut configs = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self.between(task, &first, &last).set_exclusive_start_key(start);
            let page = request.send().await.map_err(store_error)?;
            for item in page.items.unwrap_or_default() {
                if registrations.contains(&registration(&item).map_err(|e| corrupt(task, e))?) {
                    configs.push(read(&item)?);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(configs);
            }
        }
        let (what, limit) = ("the push configs of a task", MAX_PAGES << 20);
        Err(StoreError::TooLarge { what, bytes: limit, limit })
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        let key = item_key(task, registration);
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        request.send().await.map(drop).map_err(store_error)
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let item = to_item(task, config).map_err(|error| StoreError::Refused(error.into()))?;
        Ok(self.put_instead(item, Some(before)).await?.is_ok())
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        let start = after.map(|after| {
            let mut start = item_key(&after.task, &after.registration);
            start.insert(DUE_PK.to_owned(), number(FAILING_SHARDS + shard));
            start.insert(DUE_SK.to_owned(), number(after.since.as_millis()));
            start
        });
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#s = :s")
            .expression_attribute_names("#s", DUE_PK)
            .expression_attribute_values(":s", number(FAILING_SHARDS + shard))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = request.send().await.map_err(store_error)?;
        let items = page.items.unwrap_or_default();
        let failing = items.iter().map(from_index);
        failing
            .map(|failing| failing.map_err(|malformed| corrupt("in the due index", malformed)))
            .collect()
    }
}

fn from_index(item: &Item) -> Result<Failing, Malformed> {
    Ok(Failing {
        since: Timestamp::from_millis(get_number(item, DUE_SK)?),
        task: task_key(get_string(item, PK)?)?,
        registration: registration(item)?,
    })
}
