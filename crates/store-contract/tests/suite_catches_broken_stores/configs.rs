//! The push configs, as the broken store has them.

use a2a_lambda_core::ids::{Registration, WriteId};
use a2a_lambda_core::push::Failing;
use a2a_lambda_core::store::due_shard;
use a2a_lambda_core::{PushConfig, PushConfigs, StoreError, TaskKey};
use async_trait::async_trait;

use crate::{Broken, Fault, Rule};

#[async_trait]
impl PushConfigs for Broken {
    async fn put(&self, task: &TaskKey, config: &PushConfig) -> Result<(), StoreError> {
        let place = (task.clone(), config.registration.clone());
        let mut config = config.clone();
        if let Fault::Config(garble) = self.fault {
            garble(&mut config);
        }
        {
            let mut past = self.past();
            past.put.insert(place.clone(), config.write.clone());
            past.last_put = Some(place.clone());
            past.note_trouble(place, &config);
        }
        self.right.put(task, &config).await
    }

    async fn get(
        &self,
        task: &TaskKey,
        registrations: &[Registration],
    ) -> Result<Vec<PushConfig>, StoreError> {
        let mut found = self.right.get(task, registrations).await?;
        let mut past = self.past();
        match self.rule() {
            Some(Rule::GetsLag) if registrations.len() > 1 => {
                let last = past.last_put.as_ref().filter(|(of, _)| of == task);
                found.retain(|config| last.is_none_or(|(_, last)| *last != config.registration));
            }
            Some(Rule::GetsAreStale) => {
                for registration in registrations {
                    let of = |config: &PushConfig| config.registration == *registration;
                    let now = found.iter().position(of).map(|at| found.swap_remove(at));
                    let place = (task.clone(), registration.clone());
                    found.extend(past.gets.insert(place, now.clone()).unwrap_or(now));
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn delete(&self, task: &TaskKey, registration: &Registration) -> Result<(), StoreError> {
        if self.has(Rule::DeletesAreById) {
            self.delete_configs(task, Some(registration)).await?;
        }
        self.right.delete(task, registration).await
    }

    async fn advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        let place = (task.clone(), config.registration.clone());
        let stored = self.right.get(task, std::slice::from_ref(&place.1)).await?.pop();
        let is_first = stored.as_ref().is_some_and(|stored| stored.write == *before);
        let mut new = config.clone();
        match (self.fault, &stored) {
            (Fault::Config(garble), _) => garble(&mut new),
            (Fault::Advance(garble), Some(stored)) => garble(&mut new, stored),
            (Fault::Rule(Rule::AdvancesMayBothWin), _) => {
                // The store reads first and writes then, so that another write may come in between.
                tokio::task::yield_now().await;
                if is_first {
                    self.right.put(task, config).await?;
                    return Ok(true);
                }
            }
            _ => {}
        }
        if self.right.advance(task, before, &new).await? {
            let mut past = self.past();
            past.advanced.insert(new.write.clone());
            past.note_trouble(place, &new);
            return Ok(is_first || !self.has(Rule::AdvancesForgetTheirOwnWrite));
        }
        let wins_late = self.wins_late(&place, stored.as_ref());
        if wins_late {
            self.right.put(task, &new).await?;
        }
        let is_known = self.past().advanced.contains(&config.write);
        Ok(wins_late || is_known && self.has(Rule::AdvancesKnowEveryWrite))
    }

    async fn failing(
        &self,
        shard: u8,
        after: Option<&Failing>,
        limit: usize,
    ) -> Result<Vec<Failing>, StoreError> {
        let mut all = self.right.failing(shard, None, usize::MAX).await?;
        let is_known = after.is_none_or(|after| all.contains(after));
        if self.has(Rule::FailingIsNeverCleared) {
            let past = self.past();
            all.extend(past.troubled.iter().filter(|one| due_shard(&one.task) == shard).cloned());
            all.sort();
            all.dedup();
        }
        all.retain(|one| match (self.rule(), after) {
            (_, None) => true,
            (Some(Rule::FailingPassesOverTies), Some(after)) => one.since > after.since,
            (Some(Rule::FailingNeedsItsPlace), _) if !is_known => false,
            (_, Some(after)) => one > after,
        });
        all.truncate(limit);
        Ok(all)
    }
}
