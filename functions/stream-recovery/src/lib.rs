#![doc = include_str!("../README.md")]
//!
//! The mapping's filter lets only such records through, `{"dynamodb": {"NewImage": {"nm": {"S":
//! ["open"]}}}}`: a runner's own deliveries, and this function's writes, do not wake it.
//!
//! A record only names a task. The function reads the task, which another deliverer may have served
//! already. A silent receiver is no failure of the record, since its next attempt has a signal.
//! When the store fails, the function reports the first failed record, and Lambda redelivers all
//! records from there on. A task that this release cannot read delays no other: the function leaves
//! it to the sweep, which may be of another release by then.

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

/// The most tasks of a batch in parallel: the pushes of each can have megabytes.
const MAX_AT_ONCE: usize = 10;

/// The reason to redeliver a record.
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
/// When it is not a batch of a DynamoDB stream. An event of another function would be lost if it
/// was accepted.
pub fn event(event: &RawValue) -> Result<StreamEvent, EventError> {
    batch(event, EventKind::TableStream, "stream-recovery")
}

/// Delivers for the tasks of a batch in parallel, and reports the first failed record, if there is
/// one. `deadline` is the end of the invocation.
pub async fn handle(
    event: StreamEvent,
    deadline: Timestamp,
    engine: &Engine,
) -> DynamoDbEventResponse {
    let mut seen = HashSet::new();
    // A task that has changed twice is read once, for the first of its records: so a failure skips
    // none of them.
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

/// The span of a record's handling. It is in the trace of the record's task, which the task says.
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
