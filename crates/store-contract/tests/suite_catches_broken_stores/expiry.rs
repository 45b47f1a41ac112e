//! Faults of what becomes of tasks that have expired.

use a2a_lambda_core::store::{Created, Depth};
use a2a_lambda_core::{Change, Head, Revision, StoreError, TaskStore};
use a2a_lambda_protocol::Timestamp;

use super::{Broken, Fault};

impl Broken {
    pub(super) async fn broken_replace(
        &self,
        expired: &Head,
        change: &Change,
    ) -> Result<Created, StoreError> {
        let mut expired = expired.clone();
        match self.fault {
            Fault::ReplacementsAreDropped => return Ok(Created::Now),
            Fault::ReplacementsHaveNoCondition => {
                if let Some(now) = self.current(&expired.key).await {
                    expired = now.head;
                }
            }
            Fault::ReplacementsNeedATask if self.current(&expired.key).await.is_none() => {
                return Ok(Created::Now);
            }
            Fault::EarlierEntriesAreRead => {
                if let Some(now) = self.right.read(&expired.key, Depth::Full).await? {
                    self.past.lock().unwrap().earlier.insert(expired.key.clone(), now);
                }
            }
            _ => {}
        }
        self.right.replace(&expired, change).await
    }

    pub(super) async fn broken_purge(
        &self,
        expired: &Head,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let mut expired = expired.clone();
        match self.fault {
            Fault::PurgesAreDropped => return Ok(true),
            Fault::PurgesLeaveTheHead => {
                expired.revision = Revision(u64::MAX);
            }
            Fault::PurgesLeaveConfigs => {
                expired.status_at = Timestamp::MIN;
                expired.pushes = None;
            }
            Fault::PurgesTakeAllConfigs => self.delete_configs(&expired.key, |_| true).await?,
            Fault::PurgesHaveNoCondition => {
                if let Some(now) = self.current(&expired.key).await {
                    expired = now.head;
                }
            }
            Fault::PurgesCrossTenants => {
                let keys = self.past.lock().unwrap().keys.clone();
                for other in keys {
                    if other.task == expired.key.task
                        && let Some(now) = self.current(&other).await
                    {
                        self.right.purge(&now.head, usize::MAX).await?;
                    }
                }
            }
            _ => {}
        }
        self.right.purge(&expired, limit).await
    }
}
