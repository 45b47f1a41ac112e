//! The common ground of all runs: their beginning, and the stores.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use a2a_lambda_core::{Memory, PushConfigs, StepRecords, TaskStore};
use a2a_lambda_protocol::Timestamp;

/// All that is kept of tasks.
pub trait Store: TaskStore + PushConfigs + StepRecords + Memory {}

impl<T: TaskStore + PushConfigs + StepRecords + Memory> Store for T {}

/// The moment at which every run begins.
pub(crate) const EPOCH: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// One store, seen from two sides.
#[derive(Clone)]
pub struct Stores {
    /// As the oracle sees it: without faults.
    pub truth: Arc<dyn Store>,
    /// As the actors see it.
    pub shown: Arc<dyn Store>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
