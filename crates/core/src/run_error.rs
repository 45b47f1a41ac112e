//! Why the runner could not attend to a task.

use crate::engine::TransactError;
use crate::env::SignalError;
use crate::store::StoreError;

/// Why the runner could not attend to a task. The queue must redeliver the signal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed.
    #[error("the task's state could not be read or written")]
    Store(#[from] StoreError),
    /// Other writers were faster at each try.
    #[error("too many writers change the task at once")]
    Contended,
    /// The task is canceled, and its agent could not pass that on yet.
    #[error("the cancel could not be passed on")]
    NotPassedOn,
    /// The task's state was written, but the signal that follows from it could not be sent.
    #[error("the task needs another signal")]
    Signal(#[from] SignalError),
}

impl RunError {
    /// Whether the task cannot be read by this release; see [`StoreError::is_unreadable`].
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unreadable())
    }

    /// Whether the store is overloaded; see [`StoreError::Throttled`].
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_throttled())
    }

    /// Whether another release wrote the task; see [`StoreError::OtherRelease`].
    pub fn is_of_other_release(&self) -> bool {
        matches!(self, Self::Store(StoreError::OtherRelease { .. }))
    }
}

/// Converts the error of a legal command on an existing task. An unexpected refusal means that
/// another writer was faster: the task needs another look.
impl From<TransactError> for RunError {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Store(error) => error.into(),
            TransactError::Signal(error) => error.into(),
            TransactError::Contended | TransactError::Illegal(_) | TransactError::Gone => {
                Self::Contended
            }
        }
    }
}
