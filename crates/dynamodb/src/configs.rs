//! Push configs: an item each, in the partition of their task.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::StoreError;
use a2a_lambda_core::ids::{ConfigId, Generation, TaskKey};
use a2a_lambda_core::push::{PushConfig, PushConfigs};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::DynamoDbStore;
use crate::attributes::{
    Item, Malformed, find_string, get_number, get_string, number, string, value,
};
use crate::error::{corrupt, store_error};
use crate::table::{CONFIGS, PK, SK, partition};

/// Behind every config: the character that follows `#`.
const BEHIND_CONFIGS: &str = "C$";

const URL: &str = "url";
const SCHEME: &str = "as";
const SECRETS: &str = "sec";
const VERSION: &str = "pv";
const CREATED_AT: &str = "ca";
const CURSOR: &str = "cur";

fn sort_key(id: &ConfigId) -> String {
    format!("{CONFIGS}{id}")
}

fn item_key(task: &TaskKey, id: &ConfigId) -> Item {
    [(PK.to_owned(), string(partition(task))), (SK.to_owned(), string(sort_key(id)))].into()
}

fn to_item(task: &TaskKey, config: &PushConfig) -> Result<Item, serde_json::Error> {
    let secrets = serde_json::to_string(&config.secrets)?;
    let mut item = Item::from([
        (PK.to_owned(), string(partition(task))),
        (SK.to_owned(), string(sort_key(&config.id))),
        (URL.to_owned(), string(&*config.url)),
        (SECRETS.to_owned(), string(secrets)),
        (VERSION.to_owned(), string(config.version.as_str())),
        (CREATED_AT.to_owned(), number(config.created_at.as_millis())),
        (CURSOR.to_owned(), number(config.cursor)),
    ]);
    if !config.scheme.is_empty() {
        item.insert(SCHEME.to_owned(), string(&*config.scheme));
    }
    Ok(item)
}

fn from_item(item: &Item) -> Result<PushConfig, Malformed> {
    let id = get_string(item, SK)?.strip_prefix(CONFIGS).ok_or(Malformed::Attribute(SK))?;
    let version =
        ProtocolVersion::parse(get_string(item, VERSION)?).ok_or(Malformed::Attribute(VERSION))?;
    // serde's own words would quote the secrets, and errors are logged.
    let secrets = serde_json::from_str(get_string(item, SECRETS)?)
        .map_err(|_| Malformed::Attribute(SECRETS))?;
    Ok(PushConfig {
        id: ConfigId::parse(id).map_err(|e| value(SK, e))?,
        url: get_string(item, URL)?.to_owned(),
        scheme: find_string(item, SCHEME)?.unwrap_or_default().to_owned(),
        secrets,
        version,
        created_at: Timestamp::from_millis(get_number(item, CREATED_AT)?),
        cursor: Generation(get_number(item, CURSOR)?),
    })
}

#[async_trait]
impl PushConfigs for DynamoDbStore {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let item = to_item(task, config).map_err(|error| StoreError::Refused(error.into()))?;
        self.put_item(item).await
    }

    async fn get(&self, task: &TaskKey, id: &ConfigId) -> Result<Option<PushConfig>, StoreError> {
        let item = self.get_item(task, &sort_key(id)).await?;
        let config = item.as_ref().map(from_item).transpose();
        config.map_err(|malformed| corrupt(task, malformed))
    }

    async fn list(
        &self,
        task: &TaskKey,
        after: Option<&ConfigId>,
        limit: usize,
    ) -> Result<Vec<PushConfig>, StoreError> {
        let mut configs = Vec::new();
        // The config to begin behind need not be there any more.
        let mut start = after.map(|after| item_key(task, after));
        // Each page but the last has an item at least, so that there are no more pages than items.
        for _ in 0..limit {
            let missing = i32::try_from(limit - configs.len()).unwrap_or(i32::MAX);
            let request = self.between(task, CONFIGS, BEHIND_CONFIGS).limit(missing);
            let request = request.set_exclusive_start_key(start);
            let page = request.send().await.map_err(store_error)?;
            for item in page.items.unwrap_or_default() {
                configs.push(from_item(&item).map_err(|malformed| corrupt(task, malformed))?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || configs.len() >= limit {
                break;
            }
        }
        Ok(configs)
    }

    async fn delete(&self, task: &TaskKey, id: &ConfigId) -> Result<(), StoreError> {
        let request =
            self.client.delete_item().table_name(&self.table).set_key(Some(item_key(task, id)));
        request.send().await.map(drop).map_err(store_error)
    }
}
