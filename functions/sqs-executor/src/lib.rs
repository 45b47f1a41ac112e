//! The function that runs agents: a batch of SQS records comes in, each a signal that says "attend
//! to this task", and each is attended to for itself.
//!
//! The tasks of a batch share a process, and one that ends it (by an abort, by taking all memory or
//! all time) takes the others with it: once. A task at which a runner died is from then on attended
//! to when those of its batch are done, by itself.

mod config;

use std::collections::HashMap;
use std::sync::Arc;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::ids::{TaskId, Tenant};
use a2a_lambda_core::{Agents, Attended, Company, Engine, RunError, Runner, Signal};
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
    let mut response = SqsBatchResponse::default();
    let mut records: Vec<_> = event.records.into_iter().map(Arc::new).collect();
    let left = || deadline.saturating_since(context.runner.engine().clock.now());
    let enough = left() / 2;
    if records.len() > 1 {
        records = together(records, deadline, &context.runner, &mut response).await;
    }
    // If one of these takes the process with it, the others were not begun. Nor are they where those
    // before have left little time: to run out of it would cost them an attempt.
    for record in records {
        let done = if left() < enough {
            Err(RecordError::TooLate)
        } else {
            alone(record.clone(), deadline, &context.runner).await
        };
        report(&record, done, &mut response);
    }
    response
}

/// Attends to a record while nothing else is.
async fn alone(
    record: Arc<SqsMessage>,
    deadline: Timestamp,
    runner: &Runner,
) -> Result<(), RecordError> {
    let mut running = JoinSet::new();
    let attending = attend(runner.clone(), record, deadline, Company::Alone);
    running.spawn(attending.in_current_span());
    match running.join_next().await {
        Some(Ok(done)) => done.map(drop),
        _ => Err(RecordError::Broken),
    }
}

/// Attends to records at the same time; returns those that are to be attended to alone.
async fn together(
    records: Vec<Arc<SqsMessage>>,
    deadline: Timestamp,
    runner: &Runner,
    response: &mut SqsBatchResponse,
) -> Vec<Arc<SqsMessage>> {
    let permits = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut running = JoinSet::new();
    let mut by_task = HashMap::new();
    for record in records {
        let (runner, permits, own) = (runner.clone(), permits.clone(), record.clone());
        let attending = async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await.map_err(|_| RecordError::Broken)?;
            attend(runner, own, deadline, Company::Others).await
        };
        // In the invocation's span, not in one of its own: a log line shows the fields of its
        // innermost span only, and the request's id must be among them.
        let task = running.spawn(attending.in_current_span());
        by_task.insert(task.id(), record);
    }
    let mut left = Vec::new();
    while let Some(joined) = running.join_next_with_id().await {
        let (id, result) = match joined {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(RecordError::Broken)),
        };
        let Some(record) = by_task.remove(&id) else { continue };
        match result {
            Ok(Attended::Suspect) => left.push(record),
            result => report(&record, result.map(drop), response),
        }
    }
    left
}

fn report(record: &SqsMessage, done: Result<(), RecordError>, response: &mut SqsBatchResponse) {
    if let Err(error) = done {
        let message_id = record.message_id.as_deref().unwrap_or_default();
        error!(message_id, error = chain(&error), "the record is to come again");
        response.add_failure(message_id);
    }
}

async fn attend(
    runner: Runner,
    record: Arc<SqsMessage>,
    deadline: Timestamp,
    company: Company,
) -> Result<Attended, RecordError> {
    let signal = parse(&record)?;
    let message_id = record.message_id.as_deref();
    let (tenant, task) = (&signal.tenant, &signal.task_id);
    match runner.attend(&signal.key(), deadline, company).await {
        Ok(Attended::TooLate) => {
            warn!(message_id, %tenant, %task, "signal not attended to: too late");
            Err(RecordError::TooLate)
        }
        Ok(Attended::NoSuchTask) => {
            warn!(message_id, %tenant, %task, "a signal for a task that does not exist");
            Ok(Attended::NoSuchTask)
        }
        Ok(Attended::Suspect) => {
            warn!(message_id, %tenant, %task, "a runner died at it: left for later, alone");
            Ok(Attended::Suspect)
        }
        Ok(outcome) => {
            info!(message_id, %tenant, %task, ?outcome, "signal done");
            Ok(outcome)
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
