#![doc = include_str!("../README.md")]
//!
//! The mapping's filter lets only such records through, `{"dynamodb": {"NewImage": {"nm": {"S":
//! ["open"]}}}}`: what a runner delivers beside its agent, and what this function writes itself,
//! does not wake it.
//!
//! A record says which task to look at, and nothing more: the task is read, and may have been
//! delivered by somebody else. A receiver that does not answer is no failure of the record, since
//! its next attempt is signaled. Where the store fails, the first record that is to come again is
//! reported, as a stream has it: all from there on come again. A task that this release cannot read
//! holds up no other: it is left to the sweep, which may be of another release by then.

mod bootstrap;
mod event;

use std::collections::HashSet;

use a2a_lambda_aws::{EventError, EventKind, batch};
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{Delivered, Engine, RunError, TaskKey, deliver, trace};
use a2a_lambda_protocol::Timestamp;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::stream::{self, StreamExt as _};
use serde_json::value::RawValue;
use tracing::{Instrument as _, Span, error, field, info, trace_span, warn};

pub use bootstrap::main;
pub use event::StreamEvent;

/// How many tasks of a batch are delivered for at once: what is sent for each can have megabytes.
const MAX_AT_ONCE: usize = 10;

/// Why a record is to come again.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("too little of the invocation was left to begin")]
    TooLate,
}

/// Reads an event of this function's.
///
/// # Errors
/// When it is no batch of a DynamoDB stream.
/// An event of another function would be lost if it was accepted.
pub fn event(event: &RawValue) -> Result<StreamEvent, EventError> {
    batch(event, EventKind::TableStream, "stream-recovery")
}

/// Delivers for the tasks of a batch, side by side, and reports the first record that is to come
/// again, if any is. `deadline` is the end of the invocation.
pub async fn handle(
    event: StreamEvent,
    deadline: Timestamp,
    engine: &Engine,
) -> DynamoDbEventResponse {
    let mut seen = HashSet::new();
    // A task that has changed twice is looked at once: for the first of its records, so that none is
    // passed over if that fails.
    let tasks: Vec<(usize, TaskKey)> = event
        .records
        .iter()
        .enumerate()
        .filter_map(|(place, record)| {
            let task = record.task();
            if task.is_none() {
                let sequence_number = record.sequence_number();
                error!(
                    event = "stream_record_malformed",
                    sequence_number,
                    "the record names no task and is skipped: check the filter of the mapping"
                );
            }
            task.map(|task| (place, task))
        })
        .filter(|(_, task)| seen.insert(task.clone()))
        .collect();
    let failed: Vec<usize> = stream::iter(tasks)
        .map(|(place, task)| {
            let span = span(&task);
            let looking = async move {
                let delivered = look_after(engine, &task, deadline).await;
                let (tenant, task) = (&task.tenant, &task.task);
                let error = chain(&delivered.err()?);
                warn!(event = "stream_record_retry", %tenant, %task, error,
                    "Lambda will redeliver this record");
                Some(place)
            };
            looking.instrument(span)
        })
        .buffer_unordered(MAX_AT_ONCE)
        .filter_map(|failed| async move { failed })
        .collect()
        .await;
    let mut response = DynamoDbEventResponse::default();
    if let Some(first) = failed.into_iter().min() {
        let mut failure = DynamoDbBatchItemFailure::default();
        // One without a number would fail the whole batch, which is as good.
        failure.item_identifier = event.records[first].sequence_number().map(str::to_owned);
        response.batch_item_failures.push(failure);
    }
    response
}

/// The span of what is done about a record. It is in the trace of the record's task, which the task
/// says.
fn span(task: &TaskKey) -> Span {
    trace_span!(
        target: trace::TARGET,
        "record",
        name = "process records",
        kind = "consumer",
        parent = field::Empty,
        faas.trigger = "datasource",
        a2a.task.id = task.task.as_str(),
        a2a.tenant = task.tenant.as_str(),
    )
}

async fn look_after(
    engine: &Engine,
    task: &TaskKey,
    deadline: Timestamp,
) -> Result<(), RecordError> {
    let outcome = deliver(engine, task, deadline).await;
    let (tenant, task) = (&task.tenant, &task.task);
    let outcome = match outcome {
        Err(error) if error.is_unreadable() => {
            let error = chain(&error);
            error!(event = "stream_task_unreadable", %tenant, %task, error,
                "the function cannot read the task and leaves it to the sweep");
            return Ok(());
        }
        outcome => outcome?,
    };
    match outcome {
        Delivered::TooLate => Err(RecordError::TooLate),
        Delivered::NoSuchTask => {
            warn!(event = "stream_record_without_task", %tenant, %task,
                "the record names a task that does not exist");
            Ok(())
        }
        outcome => {
            info!(event = "stream_record_done", %tenant, %task, ?outcome,
                "the function has handled the record");
            Ok(())
        }
    }
}
