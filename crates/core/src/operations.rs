//! The operations that clients call: send, get, list, cancel (spec section 3.1).
//!
//! Each takes the caller as the front door authorized it. A task of another owner or tenant is
//! answered exactly as one that does not exist (invariant I8, spec section 13.1).

pub mod callbacks;
mod cancel;
mod inline;
mod list;
mod send;
mod tail;
mod wait;

use std::time::Duration;

use a2a_lambda_protocol::{A2aError, ErrorKind, GetTaskRequest, Task, Timestamp, validate};

use crate::agent::Agents;
use crate::engine::{Engine, TransactError};
use crate::head::Head;
use crate::ids::{Generation, InvalidId, Owner, TaskId, TaskKey, Tenant};
use crate::log::{fold, trim_history};
use crate::places::Limits;
use crate::run::Runner;
use crate::store::{Depth, Snapshot, StoreError};

pub use send::SendOptions;
pub use tail::{Next, StreamEvent, Tail};

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that is called.
    pub tenant: Tenant,
    /// The principal that calls.
    pub owner: Owner,
}

/// A reader's options beside the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Waits for an event after this generation, at most for
    /// [`Policy::blocking_wait`](crate::Policy::blocking_wait). A task that has ended is returned
    /// at once. A message is not an event: another client's message alone ends no wait.
    pub newer_than: Option<Generation>,
    /// The latest time at which the answer must leave.
    pub answer_by: Option<Timestamp>,
}

/// The operations.
#[derive(Debug, Clone)]
pub struct Operations {
    pub(crate) engine: Engine,
    limits: Limits,
    /// Runs the agents of waiting senders in this process, if inline execution is on.
    inline: Option<Runner>,
    /// The agents that may be told of cancels.
    agents: Option<Agents>,
}

impl Operations {
    /// The operations on these tasks.
    pub fn new(engine: Engine) -> Self {
        Self { engine, limits: Limits::default(), inline: None, agents: None }
    }

    /// The same operations, by which these agents are [told](crate::Agent::canceled) of canceled tasks.
    #[must_use]
    pub fn telling(self, agents: Agents) -> Self {
        Self { agents: Some(agents), ..self }
    }

    /// The same operations with these limits for each owner.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The engine under the operations.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads a task (spec section 3.1.3).
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, or a store's failure.
    pub async fn get(&self, caller: &Caller, request: &GetTaskRequest) -> Result<Task, A2aError> {
        let got = self.get_newer(caller, request, &GetOptions::default()).await;
        got.map(|(task, _)| task)
    }

    /// Reads a task and its generation. It waits for a newer event if the options ask for that.
    ///
    /// # Errors
    /// `InvalidParams` for a bad request, `TaskNotFound`, or a store's failure.
    pub async fn get_newer(
        &self,
        caller: &Caller,
        request: &GetTaskRequest,
        options: &GetOptions,
    ) -> Result<(Task, Generation), A2aError> {
        validate(request)?;
        let Some(known) = options.newer_than else {
            let snapshot = self.owned(caller, &request.id, Depth::Full).await?;
            return self.shown(snapshot, request.history_length).await;
        };
        let snapshot = self.owned(caller, &request.id, Depth::Tail).await?;
        let is_news = |head: &Head| head.generation > known || head.is_terminal();
        let snapshot = self.watch(snapshot, self.wait_until(options.answer_by), is_news).await?;
        self.shown(snapshot, request.history_length).await
    }

    /// Reads a task that the caller owns.
    pub(crate) async fn owned(
        &self,
        caller: &Caller,
        id: &str,
        depth: Depth,
    ) -> Result<Snapshot, A2aError> {
        // A malformed id is the id of no task.
        let Ok(task) = TaskId::parse(id) else {
            return Err(A2aError::task_not_found(id));
        };
        let key = TaskKey { tenant: caller.tenant.clone(), task };
        let snapshot = self.engine.read(&key, depth).await.map_err(store_error)?;
        snapshot
            .filter(|snapshot| snapshot.head.owner == caller.owner)
            .ok_or_else(|| A2aError::task_not_found(id))
    }

    /// The task as a client reads it.
    async fn render(
        &self,
        snapshot: Snapshot,
        history_length: Option<i32>,
    ) -> Result<Task, A2aError> {
        self.shown(snapshot, history_length).await.map(|(task, _)| task)
    }

    /// The task as a client reads it, and its generation.
    async fn shown(
        &self,
        snapshot: Snapshot,
        history_length: Option<i32>,
    ) -> Result<(Task, Generation), A2aError> {
        let snapshot = self.engine.complete(snapshot).await.map_err(transact_error)?;
        let mut task = fold(&snapshot.head, &snapshot.tail);
        trim_history(&mut task, history_length);
        Ok((task, snapshot.head.generation))
    }
}

/// The error for an id that a client sent.
pub(crate) fn invalid_id(field: &str, error: &InvalidId) -> A2aError {
    A2aError::invalid_field(field, error.to_string())
}

/// The time after which a client may try again that an overloaded store has refused.
const OVERLOADED_FOR: Duration = Duration::from_secs(5);

/// The client's form of a store failure.
pub(crate) fn store_error(error: StoreError) -> A2aError {
    let kind = match &error {
        StoreError::TooLarge { .. } => {
            return A2aError::invalid_field("message", error.to_string());
        }
        StoreError::Throttled(_) => {
            let text = "the task store is overloaded";
            return A2aError::overloaded(text, OVERLOADED_FOR).with_source(error);
        }
        StoreError::Unavailable(_) | StoreError::OtherRelease { .. } => ErrorKind::Unavailable,
        StoreError::Refused(_) | StoreError::Corrupt { .. } => ErrorKind::Internal,
    };
    let text = match &error {
        StoreError::Unavailable(_) => "the task store is not available; try again",
        StoreError::OtherRelease { .. } => {
            "the task is stored by another release of this service, which is being deployed; try again"
        }
        _ => "the task could not be read or written",
    };
    A2aError::new(kind, text).with_source(error)
}

/// The client's form of a failed command. The command itself was legal.
pub(crate) fn transact_error(error: TransactError) -> A2aError {
    match error {
        TransactError::Store(error) => store_error(error),
        TransactError::Contended => {
            A2aError::new(ErrorKind::Unavailable, "many writers change the task at once; try again")
        }
        // The task has expired since the read.
        TransactError::Gone => {
            A2aError::new(ErrorKind::TaskNotFound, "the task does not exist any more")
        }
        TransactError::Illegal(_) | TransactError::Signal(_) => {
            A2aError::new(ErrorKind::Internal, "the task could not be changed").with_source(error)
        }
    }
}
