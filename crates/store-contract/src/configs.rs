//! Push configs, for the cases and for the differential test.

use a2a_lambda_core::ids::{ConfigId, Registration, WriteId};
use a2a_lambda_core::push::{Attempt, DeliveryRecord, Failing, Sealed, Trouble};
use a2a_lambda_core::store::DUE_SHARDS;
use a2a_lambda_core::{Generation, Position, PushConfig, PushConfigs, StoreError, TaskKey};
use a2a_lambda_core::{ProtocolVersion, TraceContext};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::push_config;

use crate::bench::Bench;
use crate::tracked::Tracked;

/// How many pages a listing of a few hundred configs may have.
const MAX_PAGES: usize = 2_000;

/// Texts that a store might truncate, fold or misread.
pub(crate) const ODD_TEXTS: &[&str] = &[
    " surrounded ",
    "\"quoted\\\"",
    "null",
    "{\"t\":\"x\"}",
    "line\r\nbreak",
    "#:=",
    "\u{0}\u{1}\t\u{7f}",
    "é ß ü \u{e9} e\u{301} 🦀 \u{feff} \u{2028} \u{ffff} \u{10ffff}",
];

/// Ids that a store might misread, truncate, fold, or sort in another order than that of their
/// bytes.
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
    // In UTF-16, the last but one is greater than the next.
    "\u{ffff}",
    "🦀",
    "\u{10ffff}",
];

pub(crate) fn config_id(id: &str) -> ConfigId {
    ConfigId::parse(id).expect("a config id")
}

/// The first registration of the config with an id.
pub(crate) fn registration(id: &str) -> Registration {
    Registration::new(&config_id(id), "1")
}

/// A config in which every field has a value of its own.
pub(crate) fn config(id: &str, label: &str) -> PushConfig {
    PushConfig {
        id: config_id(id),
        registration: registration(id),
        url: format!("https://example.com/{label}?a=1#b"),
        scheme: format!("Bearer-{label}"),
        secrets: Sealed::new(format!("secrets of {label}")),
        version: ProtocolVersion::V0_3,
        trace: TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        created_at: Timestamp::from_millis(1_760_000_000_123),
        write: WriteId::new(format!("write of {label}")),
        delivery: DeliveryRecord {
            cursor: Position(12),
            delivered: Generation(9),
            replays: 2,
            introduced: true,
            batch: Some(Position(15)),
            trouble: None,
        }
        .into(),
    }
}

/// A config with as few values as possible.
pub(crate) fn bare_config(id: &str) -> PushConfig {
    let (registration, url) = (registration(id), "http://a".to_owned());
    PushConfig { registration, url, ..push_config(id) }
}

/// Trouble since a time, in ms, with all fields set.
pub(crate) fn trouble(since_ms: i64) -> Trouble {
    let after = |ms: i64| Timestamp::from_millis(since_ms.saturating_add(ms));
    let attempt = |ms: i64, reason: &str| Attempt {
        at: after(ms),
        generation: Generation(13),
        reason: reason.to_owned(),
        cause: (ms > 3).then(|| "the certificate has expired".to_owned()),
    };
    Trouble {
        since: after(0),
        failures: 7,
        ours: 2,
        next: Some(after(60_000)),
        attempts: vec![attempt(5, "HTTP 500"), attempt(3, "it did not answer in 10 s")],
    }
}

/// Like [`config`], but in [`trouble`].
pub(crate) fn failing_config(id: &str, since_ms: i64) -> PushConfig {
    with_trouble(config(id, "failing"), Some(trouble(since_ms)))
}

pub(crate) fn with_trouble(config: PushConfig, trouble: Option<Trouble>) -> PushConfig {
    stored_as(config, |record| record.trouble = trouble)
}

/// The same config with another record of its delivery.
pub(crate) fn stored_as(
    mut config: PushConfig,
    change: impl FnOnce(&mut DeliveryRecord),
) -> PushConfig {
    let mut record = (*config.delivery).clone();
    change(&mut record);
    config.delivery = record.into();
    config
}

/// The expected entry of a failing config.
pub(crate) fn failing_of(task: &TaskKey, config: &PushConfig) -> Option<Failing> {
    let since = config.delivery.trouble.as_ref()?.since;
    Some(Failing { since, task: task.clone(), registration: config.registration.clone() })
}

/// The ids of configs, in the given order.
pub(crate) fn config_ids(configs: &[PushConfig]) -> Vec<&str> {
    configs.iter().map(|config| config.id.as_str()).collect()
}

/// All configs in trouble of a shard, in pages of this size.
pub(crate) async fn walk_failing(
    store: &dyn PushConfigs,
    shard: u8,
    limit: usize,
) -> Result<Vec<Failing>, StoreError> {
    let mut found: Vec<Failing> = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = store.failing(shard, found.last(), limit).await?;
        assert!(page.len() <= limit, "a page of {} failing configs, for {limit}", page.len());
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
    panic!("shard {shard}: more than {MAX_PAGES} pages of failing configs");
}

impl Bench {
    pub(crate) async fn put_config(&self, task: &TaskKey, config: &PushConfig) {
        self.note_registration(&config.registration);
        self.configs().put(task, config).await.expect("put");
    }

    /// A new task of Alice's with this config.
    pub(crate) async fn submit_with(&self, config: PushConfig) -> (Tracked, PushConfig) {
        let task = self.submit().await;
        self.put_config(task.key(), &config).await;
        (task, config)
    }

    pub(crate) async fn config(&self, task: &TaskKey, id: &str) -> Option<PushConfig> {
        self.configs_of(task, &[id]).await.pop()
    }

    /// Replaces the config whose write id is `before`. Returns whether it did.
    pub(crate) async fn advance_config(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> bool {
        self.configs().advance(task, before, config).await.expect("advance")
    }

    pub(crate) async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Vec<Failing> {
        let page = self.configs().failing(shard, after, limit).await.expect("failing");
        assert!(page.len() <= limit, "a page of {} failing configs, for {limit}", page.len());
        page
    }

    /// All configs in trouble of a shard, in pages of this size.
    pub(crate) async fn failing_in_pages(&self, shard: u8, limit: usize) -> Vec<Failing> {
        walk_failing(self.configs(), shard, limit).await.expect("failing")
    }

    /// All configs in trouble, in the order of [`Failing`].
    pub(crate) async fn all_failing(&self) -> Vec<Failing> {
        let mut all = Vec::new();
        for shard in 0..DUE_SHARDS {
            all.extend(self.failing_in_pages(shard, 100).await);
        }
        all.sort();
        all
    }

    pub(crate) async fn delete_config(&self, task: &TaskKey, id: &str) {
        self.configs().delete(task, &registration(id)).await.expect("delete");
    }

    /// The configs with these ids, by id.
    pub(crate) async fn configs_of(&self, task: &TaskKey, ids: &[&str]) -> Vec<PushConfig> {
        let registrations: Vec<_> = ids.iter().map(|id| registration(id)).collect();
        sorted(self.configs().get(task, &registrations).await.expect("get"))
    }

    /// All configs of a task that were ever put with this bench, by id.
    pub(crate) async fn all_configs(&self, task: &TaskKey) -> Vec<PushConfig> {
        let registrations = self.registrations();
        sorted(self.configs().get(task, &registrations).await.expect("get"))
    }
}

fn sorted(mut configs: Vec<PushConfig>) -> Vec<PushConfig> {
    configs.sort_by(|a, b| (&a.id, &a.registration).cmp(&(&b.id, &b.registration)));
    configs
}
