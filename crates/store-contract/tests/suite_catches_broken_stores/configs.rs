//! Push configs, kept right but for one fault.

use std::collections::{BTreeMap, BTreeSet};

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::push::{Failing, Sealed, Trouble};
use a2a_lambda_core::{Generation, Position, PushConfig, PushConfigs, StoreError, TaskKey};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use super::{Broken, Fault};

/// What configs there were before, as far as faults need it.
#[derive(Default)]
pub(super) struct PastConfigs {
    /// All that were ever put, as they were put last.
    put: BTreeMap<(TaskKey, Registration), PushConfig>,
    last_put: Option<(TaskKey, Registration)>,
    deleted: BTreeSet<(TaskKey, Registration)>,
    gets: BTreeMap<(TaskKey, Registration), Option<PushConfig>>,
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

    pub(super) fn was_put(&self, place: &(TaskKey, Registration)) -> bool {
        self.put.contains_key(place)
    }

    /// Whether the mark is that of a put.
    pub(super) fn is_put(&self, place: &(TaskKey, Registration), write: &WriteId) -> bool {
        self.put.get(place).is_some_and(|config| config.write == *write)
    }

    /// Every task and id that a config was ever put with.
    pub(super) fn places(&self) -> Vec<(TaskKey, Registration)> {
        self.put.keys().cloned().collect()
    }

    pub(super) fn note_advance(&mut self, task: &TaskKey, config: &PushConfig) {
        self.advanced.insert(config.write.as_str().to_owned());
        self.note_trouble(task, config);
    }

    fn note_trouble(&mut self, task: &TaskKey, config: &PushConfig) {
        if let Some(trouble) = &config.delivery.trouble {
            let (task, registration) = (task.clone(), config.registration.clone());
            self.troubled.push(Failing { since: trouble.since, task, registration });
        }
    }

    /// All that were ever in trouble, each with its first.
    pub(super) fn troubled(&self) -> Vec<Failing> {
        let mut seen = BTreeSet::new();
        let first = self.troubled.iter().filter(|one| seen.insert((&one.task, &one.registration)));
        first.cloned().collect()
    }

    pub(super) fn first_trouble(&self, of: &Failing) -> Option<Timestamp> {
        let is_same = |one: &&Failing| one.task == of.task && one.registration == of.registration;
        let mut own = self.troubled.iter().filter(is_same);
        own.next().map(|one| one.since)
    }

    /// All that a task ever had.
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
        which: impl Fn(&Registration) -> bool + Send,
    ) -> Result<(), StoreError> {
        let all = self.past.lock().unwrap().configs.of(task);
        for config in all.iter().filter(|config| which(&config.registration)) {
            self.right.delete(task, &config.registration).await?;
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
        let mut delivery = (*config.delivery).clone();
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
        if let Some(trouble) = &mut delivery.trouble {
            self.garble_trouble(trouble);
        }
        config.delivery = delivery.into();
    }

    fn garble_trouble(&self, trouble: &mut Trouble) {
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

    /// What is stored under one registration.
    pub(super) async fn stored(
        &self,
        task: &TaskKey,
        registration: &Registration,
    ) -> Result<Option<PushConfig>, StoreError> {
        Ok(self.right.get(task, std::slice::from_ref(registration)).await?.pop())
    }
}

fn refused() -> StoreError {
    StoreError::Refused("there is a condition on this write".into())
}

#[async_trait]
impl PushConfigs for Broken {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let place = (task.clone(), config.registration.clone());
        let former = self.stored(task, &config.registration).await?;
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
        if self.has(Fault::MakingsAreOne) {
            self.delete_configs(task, |other| other.is_of_same_config(&config.registration))
                .await?;
        }
        self.right.put(task, &config).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        let mut found = self.right.get(task, registrations).await?;
        let (tasks, tenants) = (Fault::GetsCrossTasks, Fault::GetsCrossTenants);
        for other in self.confused(task, tasks, tenants) {
            for config in self.right.get(&other, registrations).await? {
                if found.iter().all(|one| one.registration != config.registration) {
                    found.push(config);
                }
            }
        }
        let past = &mut self.past.lock().unwrap().configs;
        match self.fault {
            Fault::GetsShowOthers if registrations.len() > 1 => {
                let first = registrations.iter().min();
                let last = registrations.iter().max();
                found = self.right.stored_configs(task);
                found.retain(|config| {
                    Some(&config.registration) >= first && Some(&config.registration) <= last
                });
            }
            Fault::GetsOfOneShowAll if !registrations.is_empty() => {
                found = self.right.stored_configs(task);
            }
            Fault::LongGetsAreCutOff => found.truncate(5),
            Fault::GetsShowTheDeleted => {
                found = past.of(task);
                found.retain(|config| registrations.contains(&config.registration));
            }
            Fault::GetsHaveNoSecrets if registrations.len() > 1 => {
                for config in &mut found {
                    config.secrets = Sealed::default();
                }
            }
            Fault::GetsLag if registrations.len() > 1 => {
                let last = past.last_put.clone();
                found.retain(|config| last != Some((task.clone(), config.registration.clone())));
            }
            Fault::GetsAreStale => {
                for registration in registrations {
                    let place = (task.clone(), registration.clone());
                    let of = |config: &PushConfig| config.registration == *registration;
                    let now = found.iter().position(of).map(|at| found.swap_remove(at));
                    let before = past.gets.insert(place, now.clone());
                    found.extend(before.unwrap_or(now));
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        match self.fault {
            Fault::DeletesAreDropped => return Ok(()),
            Fault::DeletesAreOfAll => return self.delete_configs(task, |_| true).await,
            Fault::DeletesAreById => {
                let same = |other: &Registration| other.is_of_same_config(registration);
                return self.delete_configs(task, same).await;
            }
            Fault::DeletesNeedAConfig if self.stored(task, registration).await?.is_none() => {
                return Err(refused());
            }
            _ => {}
        }
        self.past.lock().unwrap().configs.deleted.insert((task.clone(), registration.clone()));
        let (tasks, tenants) = (Fault::DeletesCrossTasks, Fault::DeletesCrossTenants);
        for other in self.confused(task, tasks, tenants) {
            self.right.delete(&other, registration).await?;
        }
        self.right.delete(task, registration).await
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
