//! Commits after which a settlement no longer implies a cursor: see [`Head::pushed_through`].

use a2a_lambda_protocol::Timestamp;

use crate::engine::{Engine, TransactError};
use crate::head::Head;
use crate::machine::{Change, IllegalTransition, Refusal, Stamp};
use crate::push::PushConfig;
use crate::store::{Snapshot, StoreError};

/// As [`Engine::transact_with`], for a commit that may add something to push. It first writes the
/// cursor that the settlement implies to the task's config.
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
                // Until this commit is made, nothing else can be known of the config.
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
            // If another writer is faster, it has written the same cursor.
            engine.advance_config(&head.key, &before.write, &after).await?;
        }
    }
    Ok(())
}
