//! Advances of push configs, right but for one fault.

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::{PushConfig, PushConfigs, StoreError, TaskKey};

use super::{Broken, Fault};

impl Broken {
    /// Whether a mark will do for that of what is stored.
    fn takes_mark(&self, stored: &PushConfig, before: &WriteId, is_put: bool) -> bool {
        match self.fault {
            Fault::AdvancesHaveNoCondition => true,
            Fault::AdvancesOverwritePuts => is_put,
            Fault::AdvancesIgnoreCase => {
                stored.write.as_str().eq_ignore_ascii_case(before.as_str())
            }
            _ => false,
        }
    }

    /// What is stored by an advance, given what was.
    fn advanced(&self, stored: Option<&PushConfig>, config: &PushConfig) -> PushConfig {
        let mut new = config.clone();
        let Some(stored) = stored else { return new };
        let (mut delivery, former) = ((*new.delivery).clone(), (*stored.delivery).clone());
        match self.fault {
            Fault::AdvancesForgetTheBatch => delivery.batch = None,
            Fault::AdvancesForgetTheTrouble => delivery.trouble = None,
            Fault::AdvancesKeepTheBatch => delivery.batch = delivery.batch.or(former.batch),
            Fault::AdvancesKeepTheTrouble => {
                delivery.trouble = delivery.trouble.take().or(former.trouble);
            }
            Fault::AdvancesKeepTheirMark => new.write = stored.write.clone(),
            Fault::AdvancesAreOfTheDeliveryAlone => {
                new = PushConfig { write: new.write, ..stored.clone() };
            }
            _ => {}
        }
        new.delivery = delivery.into();
        new
    }

    /// Whether a lost advance is made nevertheless.
    fn wins_late(
        &self,
        task: &TaskKey,
        stored: Option<&PushConfig>,
        before: &WriteId,
        config: &PushConfig,
    ) -> bool {
        let place = (task.clone(), config.registration.clone());
        let past = &self.past.lock().unwrap().configs;
        if let Some(stored) = stored {
            return self.takes_mark(stored, before, past.is_put(&place, &stored.write));
        }
        self.has(Fault::AdvancesMakeTheMissing)
            || self.has(Fault::AdvancesBringBackTheDeleted) && past.was_put(&place)
    }

    pub(super) async fn broken_advance(
        &self,
        task: &TaskKey,
        before: &WriteId,
        config: &PushConfig,
    ) -> Result<bool, StoreError> {
        if self.has(Fault::AdvancesAreDropped) {
            return Ok(true);
        }
        let stored = self.stored(task, &config.registration).await?;
        if self.has(Fault::AdvancesMayBothWin) {
            // It looks first, and writes then: another may come in between.
            let may = stored.as_ref().is_some_and(|stored| stored.write == *before);
            tokio::task::yield_now().await;
            if may {
                self.right.put(task, config).await?;
                return Ok(true);
            }
        }
        let mut new = self.advanced(stored.as_ref(), config);
        self.garble_config(&mut new, None);
        let stored = self.stored(task, &config.registration).await?;
        let is_first = stored.as_ref().is_some_and(|stored| stored.write == *before);
        if !self.right.advance(task, before, &new).await? {
            let is_known = self.has(Fault::AdvancesKnowEveryWrite)
                && self.past.lock().unwrap().configs.advanced.contains(config.write.as_str());
            if self.wins_late(task, stored.as_ref(), before, config) {
                self.right.put(task, &new).await?;
                return Ok(true);
            }
            return Ok(is_known || self.has(Fault::AdvancesAreLostUnheard));
        }
        if !is_first && self.has(Fault::AdvancesForgetTheirOwnWrite) {
            return Ok(false);
        }
        self.past.lock().unwrap().configs.note_advance(task, &new);
        let others = match self.fault {
            Fault::AdvancesAreOfAll => self.right.stored_configs(task),
            _ => Vec::new(),
        };
        for other in others.into_iter().filter(|other| other.registration != config.registration) {
            let PushConfig { write, delivery, .. } = new.clone();
            self.right.put(task, &PushConfig { write, delivery, ..other }).await?;
        }
        for other in self.confused(task, Fault::AdvancesCrossTasks, Fault::AdvancesCrossTasks) {
            self.right.advance(&other, before, &new).await?;
        }
        Ok(true)
    }
}
