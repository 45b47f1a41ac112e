//! The listing of push configs that are in trouble, right but for one fault.

use a2a_lambda_core::ids::{ConfigId, Registration};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::{DUE_SHARDS, DueTask, due_shard};
use a2a_lambda_core::{PushConfigs, StoreError, TaskKey, TaskStore, Tenant};
use a2a_lambda_protocol::Timestamp;

use super::{Broken, Fault};

impl Broken {
    /// All that this fault has in the listing of a shard, in its order.
    async fn all_failing(&self, shard: u8) -> Result<Vec<Failing>, StoreError> {
        let mut all = self.right.failing(shard, None, usize::MAX).await?;
        let past = self.past.lock().unwrap().configs.troubled();
        let in_shard = |task: &TaskKey| due_shard(task) == shard;
        match self.fault {
            Fault::FailingIsEmpty => all.clear(),
            Fault::FailingIsInEveryShard => {
                for other in (0..DUE_SHARDS).filter(|other| *other != shard) {
                    all.extend(self.right.failing(other, None, usize::MAX).await?);
                }
            }
            Fault::FailingShowsAll => {
                for (task, registration) in self.past.lock().unwrap().configs.places() {
                    let since = Timestamp::from_millis(0);
                    let one = Failing { since, task, registration };
                    if !has(&all, &one) && in_shard(&one.task) {
                        all.push(one);
                    }
                }
            }
            Fault::FailingShowsDueTasks => {
                for due in self.right.due(shard, Timestamp::MAX, None, usize::MAX).await? {
                    let registration = Registration::new(&ConfigId::parse("due").unwrap(), "");
                    all.push(Failing { since: due.due, task: due.key, registration });
                }
            }
            Fault::FailingIsNeverCleared => {
                let gone = past.iter().filter(|one| in_shard(&one.task) && !has(&all, one));
                let gone: Vec<_> = gone.cloned().collect();
                all.extend(gone);
            }
            Fault::FailingShowsTheDeleted => {
                for one in past.into_iter().filter(|one| in_shard(&one.task)) {
                    let is_gone = self.stored(&one.task, &one.registration).await?.is_none();
                    if is_gone && !has(&all, &one) {
                        all.push(one);
                    }
                }
            }
            Fault::FailingHasTheFirstTime => {
                for one in &mut all {
                    let first = self.past.lock().unwrap().configs.first_trouble(one);
                    one.since = first.unwrap_or(one.since);
                }
            }
            Fault::FailingIsOfTheDefaultTenant => {
                all.retain(|one| one.task.tenant == Tenant::default());
            }
            Fault::FailingHidesTheDisabled => {
                let mut active = Vec::new();
                for one in all {
                    let config = self.stored(&one.task, &one.registration).await?;
                    if config.is_some_and(|config| !config.delivery.is_disabled()) {
                        active.push(one);
                    }
                }
                all = active;
            }
            _ => {}
        }
        match self.fault {
            Fault::FailingIsTurnedRound => all.sort_by(|a, b| b.cmp(a)),
            Fault::FailingIsInTheOrderOfIds => {
                all.sort_by(|a, b| a.registration.cmp(&b.registration));
            }
            _ => all.sort(),
        }
        if self.has(Fault::FailingShowsOneOfATask) {
            let mut seen = Vec::new();
            all.retain(|one| {
                let is_first = !seen.contains(&one.task);
                seen.push(one.task.clone());
                is_first
            });
        }
        Ok(all)
    }

    /// Configs in trouble, as if they were tasks that are due.
    pub(super) async fn failing_as_due(
        &self,
        shard: u8,
        until: Timestamp,
    ) -> Result<Vec<DueTask>, StoreError> {
        let failing = self.right.failing(shard, None, usize::MAX).await?;
        let failing = failing.into_iter().filter(|failing| failing.since <= until);
        Ok(failing.map(|one| DueTask { key: one.task, due: one.since }).collect())
    }

    pub(super) async fn broken_failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        let all = self.all_failing(shard).await?;
        let Some(after) = after.filter(|_| !self.has(Fault::FailingBeginsAnew)) else {
            let limit = if self.has(Fault::FailingIgnoresTheLimit) { usize::MAX } else { limit };
            return Ok(all.into_iter().take(limit).collect());
        };
        let place = all.iter().position(|one| one == after);
        let is_behind = |one: &Failing| match self.fault {
            Fault::FailingRepeatsItsPlace => one >= after,
            Fault::FailingPassesOverTies => one.since > after.since,
            Fault::FailingNeedsItsPlace if place.is_none() => false,
            Fault::FailingIsTurnedRound => one < after,
            Fault::FailingIsInTheOrderOfIds => one.registration > after.registration,
            _ => one > after,
        };
        let limit = if self.has(Fault::FailingIgnoresTheLimit) { usize::MAX } else { limit };
        Ok(all.into_iter().filter(is_behind).take(limit).collect())
    }
}

fn has(all: &[Failing], one: &Failing) -> bool {
    all.iter().any(|other| (&other.task, &other.registration) == (&one.task, &one.registration))
}
