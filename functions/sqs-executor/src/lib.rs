//! The function that runs agents: a batch of SQS records comes in, each a signal that says "attend
//! to this task", and each is attended to for itself.
//!
//! The tasks of a batch share a process. A task that ends it (by an abort, by taking all memory or
//! all time) takes the others with it, once: from then on all of them are suspects, and each of
//! them runs alone. The function sends a suspect's signal on, marked, so that other invocations
//! take the suspects at once. An invocation that receives a marked signal runs that task only, and
//! sends the rest of its batch on.

mod config;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws::{EventError, EventKind, batch};
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::ids::{TaskId, Tenant};
use a2a_lambda_core::{Agents, Attended, Company, Engine, RunError, Runner, Signal, SignalError};
use a2a_lambda_protocol::Timestamp;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use serde_json::value::RawValue;
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

/// A record, and the signal in it.
#[derive(Debug, Clone)]
struct Record {
    message_id: String,
    signal: Signal,
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

/// Why SQS must redeliver a record.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Bad(#[from] BadRecord),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("too little of the invocation was left to begin")]
    TooLate,
    #[error("the task is for another invocation, which was not told")]
    NotSentOn(#[from] SignalError),
    #[error("the record was not attended to before the invocation's end, or its runner broke")]
    Broken,
}

/// Reads an event of this function's.
///
/// # Errors
/// When it is no batch of an SQS queue.
/// An event of another function would be lost if it was accepted.
pub fn event(event: &RawValue) -> Result<SqsEvent, EventError> {
    batch(event, EventKind::Queue, "sqs-executor")
}

/// Attends to the records of a batch, and reports those that SQS must redeliver. One record's
/// failure is its own.
///
/// `deadline` is the end of the invocation.
pub async fn handle(event: SqsEvent, deadline: Timestamp, context: &Context) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let mut records = Vec::new();
    for message in event.records {
        let message_id = message.message_id.clone().unwrap_or_default();
        match parse(&message) {
            Ok(signal) => records.push(Record { message_id, signal }),
            Err(error) => report(&message_id, Err(error.into()), &mut response),
        }
    }
    let runner = &context.runner;
    if let Some(suspect) = records.iter().position(|record| record.signal.alone) {
        let suspect = records.swap_remove(suspect);
        // Before the suspect begins: it may end the process.
        let sent_on = join_all(records.iter().map(|record| send_on(runner, &record.signal))).await;
        for (record, sent_on) in records.iter().zip(sent_on) {
            report(&record.message_id, sent_on.map_err(RecordError::from), &mut response);
        }
        records = vec![suspect];
    }
    attend_to_all(records, deadline, runner, &mut response).await;
    response
}

/// Gives a task to another invocation.
async fn send_on(runner: &Runner, signal: &Signal) -> Result<(), SignalError> {
    runner.engine().queue.send(signal, Duration::ZERO).await
}

/// Attends to records at the same time.
async fn attend_to_all(
    records: Vec<Record>,
    deadline: Timestamp,
    runner: &Runner,
    response: &mut SqsBatchResponse,
) {
    let company = if records.len() > 1 { Company::Others } else { Company::Alone };
    let permits = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut running = JoinSet::new();
    let mut by_task = HashMap::new();
    for record in records {
        let message_id = record.message_id.clone();
        let (runner, permits) = (runner.clone(), permits.clone());
        let attending = async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await.map_err(|_| RecordError::Broken)?;
            attend(&runner, record, deadline, company).await
        };
        // In the invocation's span, not in one of its own: a log line shows the fields of its
        // innermost span only, and the request's id must be among them.
        let task = running.spawn(attending.in_current_span());
        by_task.insert(task.id(), message_id);
    }
    while let Some(joined) = running.join_next_with_id().await {
        let (id, result) = match joined {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(RecordError::Broken)),
        };
        if let Some(message_id) = by_task.remove(&id) {
            report(&message_id, result, response);
        }
    }
}

fn report(message_id: &str, done: Result<(), RecordError>, response: &mut SqsBatchResponse) {
    if let Err(error) = done {
        error!(message_id, error = chain(&error), "SQS will redeliver this record");
        response.add_failure(message_id);
    }
}

async fn attend(
    runner: &Runner,
    record: Record,
    deadline: Timestamp,
    company: Company,
) -> Result<(), RecordError> {
    let Record { message_id, signal } = record;
    let (tenant, task) = (&signal.tenant, &signal.task_id);
    match runner.attend(&signal.key(), deadline, company).await {
        Ok(Attended::TooLate) => {
            warn!(message_id, %tenant, %task, "signal not attended to: too late");
            Err(RecordError::TooLate)
        }
        Ok(Attended::NoSuchTask) => {
            warn!(message_id, %tenant, %task, "a signal for a task that does not exist");
            Ok(())
        }
        Ok(Attended::Suspect) => {
            warn!(message_id, %tenant, %task, "a runner died at the task: it is sent on, to run alone");
            Ok(send_on(runner, &signal.alone()).await?)
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
