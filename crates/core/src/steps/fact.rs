//! Facts that the runner finds for an agent, recorded as steps are.

use std::future::Future;

use a2a_lambda_protocol::Json;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StepError;
use super::record::{RecordKey, StepState};
use super::step::record;
use crate::turn::Turn;

/// The result of `find`, or the result that an earlier run of the scope recorded under this key. A
/// failure is not recorded.
pub(crate) async fn recorded<T: Serialize + DeserializeOwned>(
    turn: &Turn,
    key: &RecordKey,
    name: &'static str,
    arguments: &str,
    find: impl Future<Output = Result<T, StepError>> + Send,
) -> Result<T, StepError> {
    let journal = &turn.journal;
    let form = |source| StepError::Form { step: name.to_owned(), source };
    journal.load().await?;
    if journal.find(key).is_none() {
        turn.may_go_on(name)?;
        let begun_at = turn.now();
        let found = Json::from_value(&find.await?).map_err(form)?;
        let state = StepState::Done(found);
        // If another runner was first, its fact counts.
        journal.put(None, &record(journal, key, name, arguments, 1, begun_at, state)).await?;
    }
    match journal.find(key).map(|record| record.state) {
        Some(StepState::Done(json)) => json.to().map_err(form),
        _ => Err(StepError::Over),
    }
}
