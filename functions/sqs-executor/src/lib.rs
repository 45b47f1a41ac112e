//! The function that runs agents: a batch of SQS records comes in, each a signal that says "attend
//! to this task", and each is attended to alone.

mod config;

use std::sync::Arc;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::ids::{TaskId, Tenant};
use a2a_lambda_core::{Agents, Attended, Engine, RunError, Runner, Signal};
use a2a_lambda_protocol::Timestamp;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{Instrument as _, error, info, warn};

pub use config::context;

/// How many records of a batch are attended to at once.
const MAX_AT_ONCE: usize = 16;

/// What the handler needs: made once, at cold start.
#[derive(Debug, Clone)]
pub struct Context {
    runner: Runner,
}

impl Context {
    /// The context of a function that runs these agents.
    pub fn new(engine: Engine, agents: Agents) -> Self {
        Self { runner: Runner::new(engine, agents) }
    }
}

/// A record that is not a signal.
#[derive(Debug, thiserror::Error)]
enum BadRecord {
    #[error("the record has no body")]
    NoBody,
    #[error("the body is not a signal")]
    NotASignal(#[source] serde_json::Error),
    #[error("the signal's task or tenant cannot be one")]
    BadId(#[source] a2a_lambda_core::ids::InvalidId),
}

/// Why a record is to come again.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Bad(#[from] BadRecord),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("too little of the invocation was left to begin")]
    TooLate,
    #[error("the record was not attended to before the invocation's end, or its runner broke")]
    Broken,
}

/// Attends to the records of a batch, and reports those that are to come again. One record's
/// failure is its own.
///
/// `deadline` is the end of the invocation.
pub async fn handle(event: SqsEvent, deadline: Timestamp, context: &Context) -> SqsBatchResponse {
    let permits = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut running = JoinSet::new();
    let mut records = Vec::new();
    for record in event.records {
        let message_id = record.message_id.clone().unwrap_or_default();
        let (runner, permits) = (context.runner.clone(), permits.clone());
        let attending = async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await.map_err(|_| RecordError::Broken)?;
            attend(&runner, &record, deadline).await
        };
        // In the invocation's span, not in one of its own: a log line shows the fields of its
        // innermost span only, and the request's id must be among them.
        let task = running.spawn(attending.in_current_span());
        records.push((task.id(), message_id));
    }
    let mut response = SqsBatchResponse::default();
    while let Some(joined) = running.join_next_with_id().await {
        let (id, result) = match joined {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(RecordError::Broken)),
        };
        let Err(error) = result else { continue };
        let message_id =
            records.iter().find(|(task, _)| *task == id).map(|(_, name)| name.as_str());
        let message_id = message_id.unwrap_or_default();
        error!(message_id, error = chain(&error), "the record is to come again");
        response.add_failure(message_id);
    }
    response
}

async fn attend(
    runner: &Runner,
    record: &SqsMessage,
    deadline: Timestamp,
) -> Result<(), RecordError> {
    let signal = parse(record)?;
    let message_id = record.message_id.as_deref();
    let (tenant, task) = (&signal.tenant, &signal.task_id);
    match runner.attend(&signal.key(), deadline).await {
        Ok(Attended::TooLate) => {
            warn!(message_id, %tenant, %task, "signal not attended to: too late");
            Err(RecordError::TooLate)
        }
        Ok(Attended::NoSuchTask) => {
            warn!(message_id, %tenant, %task, "a signal for a task that does not exist");
            Ok(())
        }
        Ok(outcome) => {
            info!(message_id, %tenant, %task, ?outcome, "signal done");
            Ok(())
        }
        Err(error) => {
            warn!(message_id, %tenant, %task, "signal not attended to");
            Err(error.into())
        }
    }
}

fn parse(record: &SqsMessage) -> Result<Signal, BadRecord> {
    let body = record.body.as_deref().ok_or(BadRecord::NoBody)?;
    let signal: Signal = serde_json::from_str(body).map_err(BadRecord::NotASignal)?;
    Tenant::parse(signal.tenant.as_str()).map_err(BadRecord::BadId)?;
    TaskId::parse(signal.task_id.as_str()).map_err(BadRecord::BadId)?;
    Ok(signal)
}
