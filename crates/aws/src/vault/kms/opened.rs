//! The data keys that were decrypted last.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use a2a_lambda_runtime::vault::cipher::Cipher;
use tokio::sync::OnceCell;

/// How many data keys are kept: more than the processes that seal for one function at a time, as a
/// rule. Few enough to look through.
pub(super) const MAX_OPENED: usize = 64;

/// Why there is no data key, for all who waited for it.
#[derive(Clone)]
pub(super) enum Failure {
    Unavailable(Arc<dyn Error + Send + Sync>),
    Damaged,
}

/// A data key that is there, or is waited for.
pub(super) type Cell = Arc<OnceCell<Result<Arc<Cipher>, Failure>>>;

/// Data keys by their encrypted form. The one that was used last is the last one.
#[derive(Default)]
pub(super) struct Opened(Mutex<VecDeque<(Arc<[u8]>, Cell)>>);

impl Opened {
    /// The place of the data key that is encrypted so. It may replace the entry that was used
    /// longest ago.
    pub(super) fn cell(&self, encrypted: &[u8]) -> Cell {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = cells.iter().position(|(known, _)| **known == *encrypted);
        let entry = at.and_then(|at| cells.remove(at)).unwrap_or_else(|| {
            if cells.len() >= MAX_OPENED {
                cells.pop_front();
            }
            (encrypted.into(), Cell::default())
        });
        let cell = entry.1.clone();
        cells.push_back(entry);
        cell
    }

    /// Removes an entry without a key.
    pub(super) fn forget(&self, cell: &Cell) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|(_, known)| !Arc::ptr_eq(known, cell));
    }
}
