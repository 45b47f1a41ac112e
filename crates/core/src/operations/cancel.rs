//! `CancelTask`.

use a2a_lambda_protocol::{A2aError, CancelTaskRequest, ErrorKind, Task, validate};

use super::{Caller, Operations, transact_error};
use crate::agent::Agents;
use crate::engine::TransactError;
use crate::head::Head;
use crate::machine::Command;
use crate::store::Depth;

impl Operations {
    /// Cancels a task (spec section 3.1.5). When this returns, the task is CANCELED for good, and
    /// the runner stops its agent (invariant I7). An agent that passes cancels on is signaled.
    ///
    /// # Errors
    /// `TaskNotFound`, `TaskNotCancelable` for an ended task, or a failure of the store or the queue.
    pub async fn cancel(
        &self,
        caller: &Caller,
        request: &CancelTaskRequest,
    ) -> Result<Task, A2aError> {
        validate(request)?;
        let snapshot = self.owned(caller, &request.id, Depth::Tail).await?;
        match self.engine.transact(snapshot, Command::Cancel).await {
            Ok((snapshot, signals)) => {
                self.engine.carry_out_or_leave(&snapshot.head, &signals).await;
                self.tell_of_cancel(&snapshot.head).await?;
                self.render(snapshot, None).await
            }
            Err(TransactError::Illegal(refused)) => {
                // The process that canceled it may have died before it sent the signal.
                self.tell_of_cancel(&refused.snapshot.head).await?;
                Err(A2aError::new(
                    ErrorKind::TaskNotCancelable,
                    format!("the task is {} already", refused.illegal.phase),
                )
                .with_metadata("taskId", request.id.clone()))
            }
            Err(TransactError::Gone) => Err(A2aError::task_not_found(&request.id)),
            Err(error) => Err(transact_error(error)),
        }
    }

    /// Signals the agent of a canceled task, if it passes cancels on. No sweep finds a task that is
    /// over, so the client is not answered before the signal is sent.
    async fn tell_of_cancel(&self, head: &Head) -> Result<(), A2aError> {
        let hears = |agents: &Agents| agents.hears_of_cancels(&head.key.tenant);
        if !head.was_canceled_at_work() || !self.agents.as_ref().is_some_and(hears) {
            return Ok(());
        }
        let signaled = self.engine.signal(head, self.engine.clock.now()).await;
        signaled.map_err(|error| transact_error(error.into()))
    }
}
