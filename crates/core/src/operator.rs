//! The operators' actions on tasks: delete tasks or conversations, and give an expiry to tasks without one. Their
//! actions on pushes are in [`push`](crate::push).

mod age;
mod context;

pub use context::ContextDeleted;

use crate::engine::{Engine, TransactError};
use crate::head::Head;
use crate::ids::{Generation, TaskKey};
use crate::machine::{Command, Stamp};
use crate::store::{Depth, Snapshot, StoreError};

/// How many rounds a deletion has, of [`Policy::purge_items`](crate::Policy::purge_items) each.
const MAX_PURGES: usize = 50;

/// Serves the operators of a deployment, for the tasks and pushes of all owners.
#[derive(Debug, Clone)]
pub struct Operator {
    pub(crate) engine: Engine,
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// This tenant has no such task.
    #[error("there is no such task")]
    NoSuchTask,
    /// The task has no such config.
    #[error("the task has no such push config")]
    NoSuchConfig,
    /// The task has not ended, and the operator did not ask to cancel it.
    #[error("the task is {state}: cancel it first")]
    NotEnded {
        /// Its state.
        state: &'static str,
    },
    /// The task has not reached that generation.
    #[error("the task has come to generation {generation} only")]
    NotYet {
        /// The task's generation.
        generation: Generation,
    },
    /// Other writers were faster at each try.
    #[error("too many writers change the config or its task at once")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a delete. In both cases the task is invisible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// Nothing of the task is stored any more.
    Whole,
    /// Some items are still stored: the task was created within the last minute, or it has more
    /// items than one call deletes. The sweep continues, or a repetition does.
    InPart,
}

impl Operator {
    /// An operator over an engine's store.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Deletes a task with all its items: its log, its push configs, and the remains of other tasks
    /// beside it. The first write makes the task invisible, stops its pushes, and frees its id.
    ///
    /// A task that has not ended is canceled first if `cancels`, and refused otherwise.
    ///
    /// A repetition is safe, even for an expired task: it deletes the rest. The sweep completes an
    /// interrupted delete.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`] if nothing of the task is stored, [`OperateError::NotEnded`],
    /// or when the store fails or other writers are faster.
    pub async fn delete(&self, task: &TaskKey, cancels: bool) -> Result<Deleted, OperateError> {
        let mut snapshot =
            self.engine.read_stored(task, Depth::Tail).await?.ok_or(OperateError::NoSuchTask)?;
        if !snapshot.head.is_terminal() {
            if !cancels {
                return Err(OperateError::NotEnded { state: snapshot.head.phase.name() });
            }
            snapshot = match self.engine.transact(snapshot, Command::Cancel).await {
                Ok((canceled, _)) => canceled,
                // The task has ended since the read.
                Err(TransactError::Illegal(refused)) => *refused.snapshot,
                Err(error) => return Err(not_done(error)),
            };
        }
        let delete = |head: &Head, stamp: &Stamp| Some(head.apply(Command::Delete, stamp));
        let (deleted, _) =
            self.engine.transact_if_stored(snapshot, delete).await.map_err(not_done)?;
        let purge_at = deleted.head.purge_at(self.engine.policy.retention.as_ref());
        if purge_at.is_some_and(|at| at > self.engine.clock.now()) {
            return Ok(Deleted::InPart);
        }
        for _ in 0..MAX_PURGES {
            if self.engine.purge(&deleted.head, self.engine.policy.purge_items).await? {
                return Ok(Deleted::Whole);
            }
        }
        Ok(Deleted::InPart)
    }

    pub(crate) async fn task(&self, key: &TaskKey, depth: Depth) -> Result<Snapshot, OperateError> {
        self.engine.read(key, depth).await?.ok_or(OperateError::NoSuchTask)
    }
}

/// Why the engine did not carry out a command that is legal and sends no signal.
pub(crate) fn not_done(error: TransactError) -> OperateError {
    match error {
        TransactError::Gone => OperateError::NoSuchTask,
        TransactError::Store(error) => error.into(),
        TransactError::Contended | TransactError::Illegal(_) | TransactError::Signal(_) => {
            OperateError::Contended
        }
    }
}
