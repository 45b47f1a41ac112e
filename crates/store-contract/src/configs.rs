//! Push configs, for the cases and for the differential test.

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::ids::ConfigId;
use a2a_lambda_core::push::{PushSecrets, Secret};
use a2a_lambda_core::{Generation, PushConfig, PushConfigs, StoreError, TaskKey};
use a2a_lambda_protocol::Timestamp;

use crate::bench::Bench;

/// How many pages a listing of a few hundred configs may have.
const MAX_PAGES: usize = 2_000;

/// Ids that a store might take for something else, cut, fold, or put in another order than that of
/// their bytes.
pub(crate) const ODD_IDS: &[&str] = &[
    "\u{1}",
    " ",
    "!",
    "\"",
    "#",
    "##",
    "#a",
    "$",
    "%23",
    "/",
    "0",
    "10",
    "9",
    "A",
    "C#",
    "C#a",
    "C$",
    "H",
    "P#0000000001#0000000001#w",
    "S#0000000001#0000000002",
    "a",
    "a ",
    "a!",
    "a\"",
    "a#",
    "a#b",
    "a$",
    "a/b",
    "aa",
    "b",
    "null",
    "{\"a\":1}",
    "\u{7f}",
    "e\u{301}",
    "é",
    "ß",
    // The last but one is greater than the next in UTF-16.
    "\u{ffff}",
    "🦀",
    "\u{10ffff}",
];

pub(crate) fn config_id(id: &str) -> ConfigId {
    ConfigId::parse(id).expect("a config id")
}

/// A config in which every field says something, of its own.
pub(crate) fn config(id: &str, label: &str) -> PushConfig {
    PushConfig {
        id: config_id(id),
        url: format!("https://example.com/{label}?a=1#b"),
        scheme: format!("Bearer-{label}"),
        secrets: secrets(&format!("token of {label}"), &format!("credentials of {label}")),
        version: ProtocolVersion::V0_3,
        created_at: Timestamp::from_millis(1_760_000_000_123),
        cursor: Generation(12),
    }
}

/// A config that says as little as it can.
pub(crate) fn bare_config(id: &str) -> PushConfig {
    PushConfig {
        id: config_id(id),
        url: "http://a".to_owned(),
        scheme: String::new(),
        secrets: PushSecrets::default(),
        version: ProtocolVersion::V1_0,
        created_at: Timestamp::from_millis(0),
        cursor: Generation(0),
    }
}

pub(crate) fn secrets(token: &str, credentials: &str) -> PushSecrets {
    PushSecrets { token: Secret::new(token), credentials: Secret::new(credentials) }
}

/// The ids of configs, in their order.
pub(crate) fn config_ids(configs: &[PushConfig]) -> Vec<&str> {
    configs.iter().map(|config| config.id.as_str()).collect()
}

/// All configs of a task, in pages of this size.
pub(crate) async fn walk_configs(
    store: &dyn PushConfigs,
    task: &TaskKey,
    limit: usize,
) -> Result<Vec<PushConfig>, StoreError> {
    let mut found: Vec<PushConfig> = Vec::new();
    for _ in 0..MAX_PAGES {
        let after = found.last().map(|config| config.id.clone());
        let page = store.list(task, after.as_ref(), limit).await?;
        assert!(page.len() <= limit, "a page of {} configs, for {limit}", page.len());
        let is_last = page.len() < limit;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
    panic!("a listing of more than {MAX_PAGES} pages");
}

impl Bench {
    pub(crate) async fn put_config(&self, task: &TaskKey, config: &PushConfig) {
        self.configs().put(task, config).await.expect("put");
    }

    pub(crate) async fn config(&self, task: &TaskKey, id: &str) -> Option<PushConfig> {
        self.configs().get(task, &config_id(id)).await.expect("get")
    }

    pub(crate) async fn delete_config(&self, task: &TaskKey, id: &str) {
        self.configs().delete(task, &config_id(id)).await.expect("delete");
    }

    pub(crate) async fn config_page(
        &self,
        task: &TaskKey,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<PushConfig> {
        let after = after.map(config_id);
        let page = self.configs().list(task, after.as_ref(), limit).await.expect("list");
        assert!(page.len() <= limit, "a page of {} configs, for {limit}", page.len());
        page
    }

    /// All configs of a task.
    pub(crate) async fn all_configs(&self, task: &TaskKey) -> Vec<PushConfig> {
        walk_configs(self.configs(), task, 100).await.expect("list")
    }
}
