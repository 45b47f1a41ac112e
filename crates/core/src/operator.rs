//! The operators' actions on tasks: delete them, and give an expiry to those without one. Their
//! actions on pushes are in [`push`](crate::push).

mod age;

use crate::engine::{Engine, TransactError};
use crate::head::Head;
use crate::ids::{Generation, TaskKey};
use crate::machine::{Command, Stamp};
use crate::store::{Depth, Snapshot, StoreError};

/// How often a deletion goes on, by [`Policy::purge_items`](crate::Policy::purge_items) each time.
const MAX_PURGES: usize = 50;

/// Serves the operators of a deployment, for the tasks and pushes of all owners.
#[derive(Debug, Clone)]
pub struct Operator {
    pub(crate) engine: Engine,
}

/// Why something was not done.
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
    /// The task has not come as far as that.
    #[error("the task has come to generation {generation} only")]
    NotYet {
        /// The task's.
        generation: Generation,
    },
    /// Other writers were faster, each time.
    #[error("too many writers change the config or its task at once")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a delete. It is invisible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// Nothing is stored of it.
    Whole,
    /// Something is still stored of it: it was made within the last minute, or there is more than
    /// is deleted at a time. The sweep continues, or a repetition does.
    InPart,
}

impl Operator {
    /// An operator over an engine's store.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Deletes a task with all its items: its log, its push configs, and the remains of others
    /// beside it. From the first write on it is invisible, the deliverers push nothing more, and
    /// its id is free.
    ///
    /// A task that is not over is canceled first if `cancels`, and refused otherwise.
    ///
    /// A repetition is safe, also for an expired task: it deletes the rest. The sweep completes an
    /// interrupted delete.
    ///
    /// # Errors
    /// [`OperateError::NoSuchTask`] if nothing is stored of it any more, [`OperateError::NotEnded`], or
    /// when the store fails or others are faster.
    pub async fn delete(&self, task: &TaskKey, cancels: bool) -> Result<Deleted, OperateError> {
        let mut snapshot =
            self.engine.read_stored(task, Depth::Tail).await?.ok_or(OperateError::NoSuchTask)?;
        if !snapshot.head.is_terminal() {
            if !cancels {
                return Err(OperateError::NotEnded { state: snapshot.head.phase.name() });
            }
            snapshot = match self.engine.transact(snapshot, Command::Cancel).await {
                Ok((canceled, _)) => canceled,
                // It has just ended.
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

/// Why a command that sends no signal, and that the task allows, was not carried out.
pub(crate) fn not_done(error: TransactError) -> OperateError {
    match error {
        TransactError::Gone => OperateError::NoSuchTask,
        TransactError::Store(error) => error.into(),
        TransactError::Contended | TransactError::Illegal(_) | TransactError::Signal(_) => {
            OperateError::Contended
        }
    }
}
