//! API keys: one item each, in a partition of their own. It is no task's partition, because the
//! name of a task's partition has a `#`. The function `authorizer` may read only this partition.

use a2a_lambda_core::api_key::{ApiKey, ApiKeys, KeyId};
use a2a_lambda_core::ids::Tenant;
use a2a_lambda_core::{Formats, StoreError};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValue;

use crate::DynamoDbStore;
use crate::attributes::{
    Item, Malformed, find_number, find_string, get_number, get_string, number, string, value,
};
use crate::error::{corrupt, store_error};
use crate::format::{FORMAT, Kind};
use crate::table::{PK, SK};

/// The partition of the keys.
pub const API_KEYS_PARTITION: &str = "!keys";

/// The most pages that a read of all keys takes, of up to 1 MB each.
const MAX_PAGES: usize = 64;

const DIGEST: &str = "dg";
const OWNER: &str = "ow";
const TENANT: &str = "tn";
const SCOPES: &str = "sc";
const CREATED_AT: &str = "ca";
const EXPIRES_AT: &str = "ex";

/// The format of keys, the only one so far.
const WRITES: u64 = 1;

const KIND: Kind = Kind::of(
    Formats::new("API key", WRITES, WRITES),
    &[PK, SK, DIGEST, OWNER, TENANT, SCOPES, CREATED_AT, EXPIRES_AT],
);

fn item_key(id: &KeyId) -> Item {
    [(PK.to_owned(), string(API_KEYS_PARTITION)), (SK.to_owned(), string(id.as_str()))].into()
}

fn to_item(key: &ApiKey) -> Item {
    let mut item = item_key(&key.id);
    item.extend([
        (FORMAT.to_owned(), number(WRITES)),
        (DIGEST.to_owned(), string(&*key.digest)),
        (OWNER.to_owned(), string(&*key.owner)),
        (CREATED_AT.to_owned(), number(key.created_at.as_millis())),
    ]);
    if let Some(tenant) = &key.tenant {
        item.insert(TENANT.to_owned(), string(tenant.as_str()));
    }
    if !key.scopes.is_empty() {
        item.insert(SCOPES.to_owned(), string(key.scopes.join(" ")));
    }
    if let Some(at) = key.expires_at {
        item.insert(EXPIRES_AT.to_owned(), number(at.as_millis()));
    }
    item
}

fn from_item(item: &Item) -> Result<ApiKey, Malformed> {
    KIND.check(item)?;
    let tenant = find_string(item, TENANT)?.map(Tenant::parse).transpose();
    let scopes = find_string(item, SCOPES)?.unwrap_or_default();
    Ok(ApiKey {
        id: KeyId::parse(get_string(item, SK)?).ok_or(Malformed::Attribute(SK))?,
        digest: get_string(item, DIGEST)?.to_owned(),
        owner: get_string(item, OWNER)?.to_owned(),
        tenant: tenant.map_err(|error| value(TENANT, error))?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created_at: Timestamp::from_millis(get_number(item, CREATED_AT)?),
        expires_at: find_number(item, EXPIRES_AT)?.map(Timestamp::from_millis),
    })
}

fn read(item: &Item) -> Result<ApiKey, StoreError> {
    from_item(item).map_err(|malformed| corrupt(API_KEYS_PARTITION, malformed))
}

#[async_trait]
impl ApiKeys for DynamoDbStore {
    async fn add(&self, key: &ApiKey) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(key)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK);
        let Err(failed) = request.send().await else { return Ok(true) };
        match failed.as_service_error() {
            // It may be this key: the answer to an earlier try of this write may have been lost.
            Some(PutItemError::ConditionalCheckFailedException(_)) => {
                Ok(self.find(&key.id).await?.is_some_and(|stored| stored == *key))
            }
            _ => Err(store_error(failed)),
        }
    }

    /// The read is consistent, so that a revoked key stops working at once.
    async fn find(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = request.set_key(Some(item_key(id))).send().await.map_err(store_error)?;
        found.item.as_ref().map(read).transpose()
    }

    async fn all(&self) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":pk", string(API_KEYS_PARTITION))
                .set_exclusive_start_key(start);
            let page = request.send().await.map_err(store_error)?;
            for item in page.items.unwrap_or_default() {
                keys.push(read(&item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(keys);
            }
        }
        let (what, limit) = ("the API keys", MAX_PAGES << 20);
        Err(StoreError::TooLarge { what, bytes: limit, limit })
    }

    async fn remove(&self, id: &KeyId) -> Result<bool, StoreError> {
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.set_key(Some(item_key(id))).return_values(ReturnValue::AllOld);
        let removed = request.send().await.map_err(store_error)?;
        Ok(removed.attributes.is_some_and(|item| !item.is_empty()))
    }
}
