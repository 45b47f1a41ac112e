//! Commits that end what a settlement tells of a cursor: see [`Head::pushed_through`].

use a2a_lambda_protocol::Timestamp;

use crate::engine::{Engine, TransactError};
use crate::head::Head;
use crate::machine::{Change, IllegalTransition, Refusal, Stamp};
use crate::push::PushConfig;
use crate::store::{Snapshot, StoreError};

/// As [`Engine::transact_with`], for a commit after which there may be something to push again. What
/// the settlement tells of the task's config is written to the config first.
pub(crate) async fn transact_pushes(
    engine: &Engine,
    mut base: Snapshot,
    mut decide: impl FnMut(&Head, &Stamp) -> Result<Change, IllegalTransition> + Send,
) -> Result<(Snapshot, Vec<Timestamp>), TransactError> {
    let mut is_written = false;
    loop {
        let guarded = |head: &Head, stamp: &Stamp| {
            let change = decide(head, stamp)?;
            let is_due = !is_written && head.pushed_through().is_some();
            if is_due { Err(head.illegal("push", Refusal::CursorUnwritten)) } else { Ok(change) }
        };
        match engine.transact_with(base, guarded).await {
            Err(TransactError::Illegal(refused))
                if refused.illegal.refusal == Refusal::CursorUnwritten =>
            {
                // Nothing else can be told of the config until this commit is made.
                write_cursor(engine, &refused.snapshot.head).await?;
                is_written = true;
                base = *refused.snapshot;
            }
            outcome => return outcome,
        }
    }
}

async fn write_cursor(engine: &Engine, head: &Head) -> Result<(), StoreError> {
    for before in engine.configs(&head.key, head.registrations()).await? {
        let delivery = before.delivery.of_task(head);
        if delivery != before.delivery {
            let after = PushConfig { write: engine.write_id(), delivery, ..before.clone() };
            // Where another is faster, it is one who writes the same.
            engine.advance_config(&head.key, &before.write, &after).await?;
        }
    }
    Ok(())
}
