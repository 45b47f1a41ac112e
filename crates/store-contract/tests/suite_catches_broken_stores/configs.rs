//! Push configs, kept right but for one fault.

use std::collections::{BTreeMap, BTreeSet};

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::ids::{ConfigId, WriteId};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::vault::Sealed;
use a2a_lambda_core::{Generation, Position, PushConfig, PushConfigs, StoreError, TaskKey};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use super::{Broken, Fault};

/// What configs there were before, as far as faults need it.
#[derive(Default)]
pub(super) struct PastConfigs {
    /// All that were ever put, as they were put last.
    put: BTreeMap<(TaskKey, ConfigId), PushConfig>,
    last_put: Option<(TaskKey, ConfigId)>,
    deleted: BTreeSet<(TaskKey, ConfigId)>,
    gets: BTreeMap<(TaskKey, ConfigId), Option<PushConfig>>,
    /// The marks of all advances.
    pub(super) advanced: BTreeSet<String>,
    /// All that were ever in trouble, in the order in which they came to be.
    troubled: Vec<Failing>,
}

impl PastConfigs {
    /// How many there ever were, of all tasks.
    pub(super) fn count(&self) -> u64 {
        self.put.len() as u64
    }

    pub(super) fn was_put(&self, place: &(TaskKey, ConfigId)) -> bool {
        self.put.contains_key(place)
    }

    /// Whether the mark is that of a put.
    pub(super) fn is_put(&self, place: &(TaskKey, ConfigId), write: &WriteId) -> bool {
        self.put.get(place).is_some_and(|config| config.write == *write)
    }

    /// Every task and id that a config was ever put with.
    pub(super) fn places(&self) -> Vec<(TaskKey, ConfigId)> {
        self.put.keys().cloned().collect()
    }

    pub(super) fn note_advance(&mut self, task: &TaskKey, config: &PushConfig) {
        self.advanced.insert(config.write.as_str().to_owned());
        self.note_trouble(task, config);
    }

    fn note_trouble(&mut self, task: &TaskKey, config: &PushConfig) {
        if let Some(trouble) = &config.delivery.trouble {
            let (task, id) = (task.clone(), config.id.clone());
            self.troubled.push(Failing { since: trouble.since, task, id });
        }
    }

    /// All that were ever in trouble, each with its first.
    pub(super) fn troubled(&self) -> Vec<Failing> {
        let mut seen = BTreeSet::new();
        let first = self.troubled.iter().filter(|one| seen.insert((&one.task, &one.id)));
        first.cloned().collect()
    }

    pub(super) fn first_trouble(&self, of: &Failing) -> Option<Timestamp> {
        let mut own = self.troubled.iter().filter(|one| one.task == of.task && one.id == of.id);
        own.next().map(|one| one.since)
    }

    /// All that a task ever had, by ascending id.
    fn of(&self, task: &TaskKey) -> Vec<PushConfig> {
        let own = self.put.iter().filter(|((key, _), _)| key == task);
        own.map(|(_, config)| config.clone()).collect()
    }

    /// All other tasks that ever had one.
    fn others(&self, task: &TaskKey) -> BTreeSet<TaskKey> {
        self.put.keys().map(|(key, _)| key).filter(|key| *key != task).cloned().collect()
    }
}

impl Broken {
    /// Deletes the configs of a task that this holds for.
    pub(super) async fn delete_configs(
        &self,
        task: &TaskKey,
        which: impl Fn(&ConfigId) -> bool + Send,
    ) -> Result<(), StoreError> {
        let all = self.past.lock().unwrap().configs.of(task);
        for config in all.iter().filter(|config| which(&config.id)) {
            self.right.delete(task, &config.id).await?;
        }
        Ok(())
    }

    /// The tasks that are taken for this one: with `tasks` those of its tenant, with `tenants`
    /// those of its name.
    pub(super) fn confused(&self, task: &TaskKey, tasks: Fault, tenants: Fault) -> Vec<TaskKey> {
        let others = self.past.lock().unwrap().configs.others(task).into_iter();
        let confused = others.filter(|other| {
            self.has(tasks) && other.tenant == task.tenant
                || self.has(tenants) && other.task == task.task
        });
        confused.collect()
    }

    /// What is stored of a config, given the one that it replaces.
    pub(super) fn garble_config(&self, config: &mut PushConfig, former: Option<PushConfig>) {
        let secrets = config.secrets.as_str();
        let delivery = &mut config.delivery;
        match self.fault {
            Fault::TheSchemeIsForgotten => config.scheme.clear(),
            Fault::TheSecretsAreForgotten => config.secrets = Sealed::default(),
            Fault::SecretsAreTrimmed => config.secrets = Sealed::new(secrets.trim()),
            Fault::TheVersionIsForgotten => config.version = ProtocolVersion::default(),
            Fault::TheTraceIsForgotten => config.trace = None,
            Fault::TheTimeIsForgotten => config.created_at = Timestamp::from_millis(0),
            Fault::TheWriteIsForgotten => config.write = WriteId::new(""),
            Fault::TheCursorIsForgotten => delivery.cursor = Position(0),
            Fault::TheDeliveredGenerationIsForgotten => delivery.delivered = Generation(0),
            Fault::TheCursorIsCutOff => {
                delivery.cursor = Position(delivery.cursor.0.min(u64::from(u32::MAX)));
            }
            Fault::TheIntroductionIsForgotten => delivery.introduced = false,
            Fault::TheBatchIsForgotten => delivery.batch = None,
            Fault::TheTroubleIsForgotten => delivery.trouble = None,
            Fault::ConfigsAreMixed => {
                if let Some(former) = former.filter(|_| config.scheme.is_empty()) {
                    config.scheme = former.scheme;
                    config.secrets = former.secrets;
                }
            }
            _ => {}
        }
        let Some(trouble) = &mut config.delivery.trouble else { return };
        match self.fault {
            Fault::TheFailuresAreForgotten => trouble.failures = 0,
            Fault::TheNextAttemptIsForgotten => trouble.next = None,
            Fault::TheAttemptsAreForgotten => trouble.attempts.clear(),
            Fault::AllButTheNewestAttemptIsForgotten => {
                trouble.attempts.drain(..trouble.attempts.len().saturating_sub(1));
            }
            Fault::ReasonsAreTrimmed => {
                for attempt in &mut trouble.attempts {
                    attempt.reason = attempt.reason.trim().to_owned();
                }
            }
            _ => {}
        }
    }

    /// A page of what a task has, in another order.
    async fn page_in_order_of<K: Ord>(
        &self,
        task: &TaskKey,
        after: Option<&ConfigId>,
        limit: usize,
        order: impl Fn(&ConfigId) -> K + Send,
    ) -> Result<Vec<PushConfig>, StoreError> {
        let mut all = self.right.list(task, None, usize::MAX).await?;
        all.sort_by_key(|config| order(&config.id));
        Ok(page_of(all, limit, |id| after.is_none_or(|after| order(id) > order(after))))
    }
}

fn page_of(
    all: Vec<PushConfig>,
    limit: usize,
    is_behind: impl Fn(&ConfigId) -> bool,
) -> Vec<PushConfig> {
    all.into_iter().filter(|config| is_behind(&config.id)).take(limit).collect()
}

fn refused() -> StoreError {
    StoreError::Refused("there is a condition on this write".into())
}

#[async_trait]
impl PushConfigs for Broken {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let place = (task.clone(), config.id.clone());
        let former = self.right.get(task, &config.id).await?;
        let owner = self.current(task).await;
        let is_dropped = match self.fault {
            Fault::ConfigsAreDropped => true,
            Fault::ConfigsAreNotReplaced => former.is_some(),
            Fault::ConfigsDoNotComeBack => {
                self.past.lock().unwrap().configs.deleted.contains(&place)
            }
            Fault::ConfigsNeedATask => owner.is_none(),
            Fault::ConfigsNeedAnOpenTask => owner.is_some_and(|task| task.head.is_terminal()),
            Fault::ConfigsAreNotPutAgain if former.as_ref() == Some(config) => {
                return Err(refused());
            }
            _ => false,
        };
        if is_dropped {
            return Ok(());
        }
        let mut config = config.clone();
        self.garble_config(&mut config, former);
        {
            let past = &mut self.past.lock().unwrap().configs;
            past.put.insert(place.clone(), config.clone());
            past.note_trouble(task, &config);
            past.last_put = Some(place);
        }
        self.right.put(task, &config).await
    }

    async fn get(&self, task: &TaskKey, id: &ConfigId) -> Result<Option<PushConfig>, StoreError> {
        let mut found = self.right.get(task, id).await?;
        if found.is_none() {
            let (tasks, tenants) = (Fault::GetsCrossTasks, Fault::GetsCrossTenants);
            for other in self.confused(task, tasks, tenants) {
                found = found.or(self.right.get(&other, id).await?);
            }
        }
        if found.is_none() && self.has(Fault::GetsIgnoreCase) {
            let all = self.right.list(task, None, usize::MAX).await?;
            let folded = |config: &PushConfig| config.id.as_str().eq_ignore_ascii_case(id.as_str());
            found = all.into_iter().find(folded);
        }
        if self.has(Fault::GetsAreStale) {
            let place = (task.clone(), id.clone());
            let before = self.past.lock().unwrap().configs.gets.insert(place, found.clone());
            found = before.unwrap_or(found);
        }
        Ok(found)
    }

    async fn list(
        &self,
        task: &TaskKey,
        after: Option<&ConfigId>,
        limit: usize,
    ) -> Result<Vec<PushConfig>, StoreError> {
        let (mut behind, mut asked) = (after, limit);
        match self.fault {
            Fault::ConfigListsBeginAnew => behind = None,
            Fault::ConfigPagesIgnoreTheLimit => asked = usize::MAX,
            Fault::ConfigPagesAreNotFull => asked = limit.saturating_sub(1).max(1),
            Fault::LongConfigPagesAreCutOff => asked = limit.min(5),
            Fault::ConfigListsFoldCase => {
                let folded = |id: &ConfigId| (id.as_str().to_lowercase(), id.clone());
                return self.page_in_order_of(task, after, limit, folded).await;
            }
            Fault::ConfigListsAreInUtf16 => {
                let utf_16 = |id: &ConfigId| id.as_str().encode_utf16().collect::<Vec<_>>();
                return self.page_in_order_of(task, after, limit, utf_16).await;
            }
            Fault::ConfigListsShowTheDeleted => {
                let all = self.past.lock().unwrap().configs.of(task);
                return Ok(page_of(all, limit, |id| after.is_none_or(|after| id > after)));
            }
            _ => {}
        }
        let mut page = self.right.list(task, behind, asked).await?;
        let at = match after {
            Some(after) => self.right.get(task, after).await?,
            None => None,
        };
        match self.fault {
            Fault::ConfigListsAreTurnedRound => page.reverse(),
            Fault::ConfigListsNeedTheirPlace if after.is_some() && at.is_none() => page.clear(),
            Fault::ConfigPagesRepeatTheirLast => {
                page.splice(..0, at);
                page.truncate(limit);
            }
            Fault::ConfigListsHaveNoSecrets => {
                for config in &mut page {
                    config.secrets = Sealed::default();
                }
            }
            Fault::ConfigListsLag => {
                let last = self.past.lock().unwrap().configs.last_put.clone();
                page.retain(|config| last != Some((task.clone(), config.id.clone())));
            }
            _ => {}
        }
        let (tasks, tenants) = (Fault::ConfigListsCrossTasks, Fault::ConfigListsCrossTenants);
        for other in self.confused(task, tasks, tenants) {
            page.extend(self.right.list(&other, after, limit).await?);
            page.sort_by(|a, b| a.id.cmp(&b.id));
            page.truncate(limit);
        }
        Ok(page)
    }

    async fn delete(&self, task: &TaskKey, id: &ConfigId) -> Result<(), StoreError> {
        match self.fault {
            Fault::DeletesAreDropped => return Ok(()),
            Fault::DeletesAreOfAll => return self.delete_configs(task, |_| true).await,
            Fault::DeletesAreByPrefix => {
                let prefixed = |other: &ConfigId| other.as_str().starts_with(id.as_str());
                return self.delete_configs(task, prefixed).await;
            }
            Fault::DeletesNeedAConfig if self.right.get(task, id).await?.is_none() => {
                return Err(refused());
            }
            _ => {}
        }
        self.past.lock().unwrap().configs.deleted.insert((task.clone(), id.clone()));
        let (tasks, tenants) = (Fault::DeletesCrossTasks, Fault::DeletesCrossTenants);
        for other in self.confused(task, tasks, tenants) {
            self.right.delete(&other, id).await?;
        }
        self.right.delete(task, id).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        self.broken_advance(task, before, config).await
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        self.broken_failing(shard, after, limit).await
    }
}
