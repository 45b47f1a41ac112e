//! `CancelTask`.

use a2a_lambda_protocol::{A2aError, CancelTaskRequest, ErrorKind, Task, validate};

use super::{Caller, Operations, transact_error};
use crate::engine::TransactError;
use crate::machine::Command;
use crate::store::Depth;

impl Operations {
    /// Cancels a task (spec section 3.1.5). When this returns, the task is CANCELED for good, and
    /// the runner stops its agent (invariant I7).
    ///
    /// # Errors
    /// `TaskNotFound`, `TaskNotCancelable` for an ended task, or a store's failure.
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
                self.render(snapshot, None).await
            }
            Err(TransactError::Illegal(refused)) => Err(A2aError::new(
                ErrorKind::TaskNotCancelable,
                format!("the task is {} already", refused.illegal.phase),
            )
            .with_metadata("taskId", request.id.clone())),
            Err(TransactError::Gone) => Err(A2aError::task_not_found(&request.id)),
            Err(error) => Err(transact_error(error)),
        }
    }
}
