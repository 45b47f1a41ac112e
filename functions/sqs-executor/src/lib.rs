#![doc = include_str!("../README.md")]
//!
//! The tasks of a batch share a process. A task that ends the process (by an abort, by taking all
//! memory or all time) takes the others with it, once. From then on all of them are suspects, and
//! each of them runs alone. The function sends a suspect's signal on, marked, so that other
//! invocations take the suspects at once. An invocation that receives a marked signal runs that
//! task only, and sends the rest of its batch on.
//!
//! While it works, the function keeps its records hidden in the queue for little longer than a
//! lease. So if its process dies, SQS redelivers them when the leases of their tasks expire, and
//! not only after the visibility timeout of the queue.
//!
//! During a rollout or a rollback, a record's signal or task can be of a release that this one does
//! not read. It is hidden for minutes, so that it does not end as a dead letter before an executor
//! of that release has received it. If the store is overloaded, a record is hidden for longer each
//! time, so that tasks that are under way have room to end.

mod bootstrap;
mod config;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_aws::{EventError, EventKind, batch};
use a2a_lambda_core::engine::chain;
use a2a_lambda_core::{
    AFTER_LEASE, Attended, BadSignal, Company, RunError, Runner, Signal, SignalError, trace,
};
use a2a_lambda_protocol::Timestamp;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span, error, info, trace_span, warn};

pub use bootstrap::main;
pub use config::{Context, context};

/// How many records of a batch are attended to at once.
const MAX_AT_ONCE: usize = 16;

/// How long a signal that comes alone may take before its record is hidden. Most are done by then,
/// and cost no request.
const HIDDEN_AFTER: Duration = Duration::from_secs(1);

/// For how long a record of another release is hidden when it is received for the first time. That
/// doubles each time, up to [`POSTPONED_MOST`].
const POSTPONED_FIRST: Duration = Duration::from_mins(1);

/// For how long a record of another release is hidden at most.
const POSTPONED_MOST: Duration = Duration::from_hours(1);

/// For how long a record is hidden at most that an overloaded store has refused. The first time it
/// is hidden for a lease, which the task may have been left under, and then for twice as long. More
/// would leave an index idle after a burst: see `docs/scale.md`.
const OVERLOADED_MOST: Duration = Duration::from_mins(2);

/// A record as SQS has delivered it.
#[derive(Debug, Clone)]
struct Receipt {
    message_id: String,
    handle: String,
    /// The trace that the signal's sender was in.
    traceparent: Option<String>,
    /// How often SQS has delivered the record.
    count: u32,
}

/// A record, and the signal in it.
#[derive(Debug, Clone)]
struct Record {
    receipt: Receipt,
    signal: Signal,
}

/// The receipt handles of records that have not failed, by their message ids.
type Open = Mutex<BTreeMap<String, String>>;

/// A record that is not a signal.
#[derive(Debug, thiserror::Error)]
enum BadRecord {
    #[error("the record has no body")]
    NoBody,
    #[error(transparent)]
    Signal(#[from] BadSignal),
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
    #[error("the task is for another invocation, and no signal could be sent")]
    NotSentOn(#[from] SignalError),
    #[error("the record was not handled before the invocation's end, or its runner panicked")]
    Broken,
}

impl RecordError {
    /// Whether an executor of another release can attend to the record.
    fn is_of_other_release(&self) -> bool {
        match self {
            Self::Bad(BadRecord::Signal(error)) => matches!(error, BadSignal::OtherRelease(_)),
            Self::Run(error) => error.is_of_other_release(),
            _ => false,
        }
    }

    /// Whether the task store is overloaded.
    fn is_throttled(&self) -> bool {
        matches!(self, Self::Run(error) if error.is_throttled())
    }

    /// Whether SQS is to redeliver the record as soon as a lease of its task has ended.
    fn comes_soon(&self) -> bool {
        !self.is_of_other_release() && !self.is_throttled()
    }
}

/// Reads an event of this function.
///
/// # Errors
/// When it is not a batch of an SQS queue. An event of another function would be lost if it was
/// accepted.
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
        let receipt = Receipt::of(&message);
        match parse(&message) {
            Ok(signal) => records.push(Record { receipt, signal }),
            Err(error) => report(&receipt, Err(error.into()), context, &mut response).await,
        }
    }
    if let Some(suspect) = records.iter().position(|record| record.signal.alone) {
        let suspect = records.swap_remove(suspect);
        // Before the suspect begins: it may end the process.
        send_all_on(records, context, &mut response).await;
        records = vec![suspect];
    }
    let receipts = records.iter().map(|of| &of.receipt);
    let receipts = receipts.map(|of| (of.message_id.clone(), of.handle.clone()));
    let open = Mutex::new(receipts.collect());
    // Several records share a request, and one's task may end the process of the others.
    let first = if records.len() > 1 { Duration::ZERO } else { HIDDEN_AFTER };
    let mut hidden = Hidden { open: &open, context, first: Some(first), is_refused: false };
    if records.iter().any(Record::may_kill) {
        hidden.renew().await;
    }
    tokio::select! {
        biased;
        // First: the request is on its way before a task is claimed, and costs its agent no time.
        never = hidden.keep() => match never {},
        () = attend_to_all(records, deadline, context, &open, &mut response) => {}
    }
    response
}

/// Keeps records hidden in the queue for little longer than a lease from now. Those that are done
/// stay hidden, too: the mapping deletes them when all are. One that has failed is redelivered
/// meanwhile.
struct Hidden<'a> {
    open: &'a Open,
    context: &'a Context,
    /// When the first request is made; `None` if it was made.
    first: Option<Duration>,
    is_refused: bool,
}

impl Hidden<'_> {
    async fn keep(&mut self) -> Infallible {
        let engine = self.context.runner.engine();
        if let Some(first) = self.first {
            engine.clock.sleep(first).await;
            self.renew().await;
        }
        loop {
            // As often as a lease is renewed.
            engine.clock.sleep(engine.policy.lease / 3).await;
            self.renew().await;
        }
    }

    async fn renew(&mut self) {
        self.first = None;
        let receipts: Vec<String> = lock(self.open).values().cloned().collect();
        let lease = self.context.runner.engine().policy.lease;
        let hidden = self.context.records.redeliver(&receipts, lease + AFTER_LEASE).await;
        if let Err(error) = hidden
            && !self.is_refused
        {
            // Once for each invocation.
            self.is_refused = true;
            let error = chain(&error);
            warn!(
                event = "records_not_hidden",
                error,
                "the executor could not hide its records: if it dies, the sweep recovers its tasks"
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the tasks of these records to other invocations.
async fn send_all_on(records: Vec<Record>, context: &Context, response: &mut SqsBatchResponse) {
    let runner = &context.runner;
    let sent = join_all(records.iter().map(|record| send_on(runner, &record.signal))).await;
    let mut receipts = Vec::new();
    for (record, sent) in records.into_iter().zip(sent) {
        let sent_on = sent.is_ok();
        report(&record.receipt, sent.map_err(RecordError::from), context, response).await;
        if sent_on {
            receipts.push(record.receipt.handle);
        }
    }
    // The mapping would do it when this invocation has ended well. If it does not, these records
    // would be redelivered as often as the suspect's, and end as dead letters.
    if let Err(error) = context.records.delete(&receipts).await {
        warn!(
            event = "records_not_deleted",
            error = chain(&error),
            "the executor could not delete records that it sent on: SQS may redeliver them"
        );
    }
}

/// Gives a task to another invocation.
async fn send_on(runner: &Runner, signal: &Signal) -> Result<(), SignalError> {
    runner.engine().queue.send(signal, Duration::ZERO).await
}

/// Attends to records at the same time.
async fn attend_to_all(
    records: Vec<Record>,
    deadline: Timestamp,
    context: &Context,
    open: &Open,
    response: &mut SqsBatchResponse,
) {
    let company = if records.len() > 1 { Company::Others } else { Company::Alone };
    let permits = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut running = JoinSet::new();
    let mut by_task = HashMap::new();
    for record in records {
        let receipt = record.receipt.clone();
        let (runner, permits) = (context.runner.clone(), permits.clone());
        let attending = async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await.map_err(|_| RecordError::Broken)?;
            attend(&runner, record, deadline, company).await
        };
        // Its span is in the invocation's.
        let task = running.spawn(attending.instrument(receipt.span()));
        by_task.insert(task.id(), receipt);
    }
    while let Some(joined) = running.join_next_with_id().await {
        let (id, result) = match joined {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(RecordError::Broken)),
        };
        if let Some(receipt) = by_task.remove(&id) {
            if let Err(failure) = &result {
                lock(open).remove(&receipt.message_id);
                // It may not be hidden yet, and would come back after the queue's own timeout.
                if company == Company::Alone && failure.comes_soon() {
                    let lease = context.runner.engine().policy.lease;
                    hide(&receipt, lease + AFTER_LEASE, context).await;
                }
            }
            report(&receipt, result, context, response).await;
        }
    }
}

async fn report(
    receipt: &Receipt,
    done: Result<(), RecordError>,
    context: &Context,
    response: &mut SqsBatchResponse,
) {
    let Err(failure) = done else { return };
    let (message_id, error) = (&*receipt.message_id, chain(&failure));
    if failure.is_of_other_release() {
        let hidden = receipt.postponed();
        let seconds = hidden.as_secs();
        error!(
            event = "record_hidden",
            message_id,
            error,
            seconds,
            "another release wrote this record, and SQS will redeliver it later"
        );
        hide(receipt, hidden, context).await;
    } else if failure.is_throttled() {
        let engine = context.runner.engine();
        let hidden = receipt.doubled(engine.policy.lease + AFTER_LEASE, OVERLOADED_MOST);
        // Never less than the lease.
        let hidden = hidden + engine.jittered(hidden) / 2;
        let seconds = hidden.as_secs();
        warn!(
            event = "record_postponed",
            message_id,
            error,
            seconds,
            "the task store is overloaded, and SQS will redeliver this record later"
        );
        hide(receipt, hidden, context).await;
    } else {
        error!(event = "record_retry", message_id, error, "SQS will redeliver this record");
    }
    response.add_failure(message_id);
}

async fn hide(receipt: &Receipt, hidden: Duration, context: &Context) {
    let receipts = [receipt.handle.clone()];
    if let Err(error) = context.records.redeliver(&receipts, hidden).await {
        warn!(
            event = "record_not_hidden",
            message_id = &*receipt.message_id,
            error = chain(&error),
            "the executor could not hide the record: SQS will redeliver it sooner"
        );
    }
}

async fn attend(
    runner: &Runner,
    record: Record,
    deadline: Timestamp,
    company: Company,
) -> Result<(), RecordError> {
    let Record { receipt, signal } = record;
    let is_redelivered = receipt.is_redelivered();
    let message_id = receipt.message_id;
    let (tenant, task) = (&signal.tenant, &signal.task_id);
    match runner.attend(&signal.key(), deadline, company).await {
        Ok(Attended::TooLate) => {
            warn!(event = "signal_too_late", message_id, %tenant, %task,
                "too little time was left to run the task");
            Err(RecordError::TooLate)
        }
        Ok(Attended::NoSuchTask) => {
            warn!(event = "signal_without_task", message_id, %tenant, %task,
                "the signal names a task that does not exist");
            Ok(())
        }
        Ok(Attended::Suspect) => {
            warn!(event = "suspect_sent_on", message_id, %tenant, %task,
                "a runner died at the task, and the executor sends it on to run alone");
            Ok(send_on(runner, &signal.alone()).await?)
        }
        Ok(Attended::HeldBy { until }) if is_redelivered => {
            info!(event = "task_held", message_id, %tenant, %task, %until,
                "another runner holds the task, and a new signal follows the lease's end");
            Ok(runner.look_again(&signal, until).await?)
        }
        Ok(outcome) => {
            info!(event = "signal_done", message_id, %tenant, %task, ?outcome,
                "the executor has handled the signal");
            Ok(())
        }
        Err(error) => {
            warn!(event = "signal_failed", message_id, %tenant, %task,
                "the executor could not handle the signal");
            Err(error.into())
        }
    }
}

impl Record {
    /// Whether its task may end the process before a parallel request has been sent: a runner of it
    /// may have died before.
    fn may_kill(&self) -> bool {
        self.receipt.is_redelivered() || self.signal.alone
    }
}

impl Receipt {
    fn of(message: &SqsMessage) -> Self {
        let count = message.attributes.get("ApproximateReceiveCount");
        let traceparent = message.message_attributes.get("traceparent");
        Self {
            message_id: message.message_id.clone().unwrap_or_default(),
            handle: message.receipt_handle.clone().unwrap_or_default(),
            traceparent: traceparent.and_then(|of| of.string_value.clone()),
            count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        }
    }

    /// The span of the record's handling.
    fn span(&self) -> Span {
        trace_span!(
            target: trace::TARGET,
            "signal",
            name = "process signals",
            kind = "consumer",
            parent = self.traceparent.as_deref(),
            messaging.system = "aws_sqs",
            messaging.operation.name = "process",
            messaging.message.id = &*self.message_id,
            a2a.receive_count = self.count,
        )
    }

    /// Whether SQS has delivered the record before. Its earlier runner may have died.
    fn is_redelivered(&self) -> bool {
        self.count > 1
    }

    /// For how long the record is hidden if it is of another release.
    fn postponed(&self) -> Duration {
        self.doubled(POSTPONED_FIRST, POSTPONED_MOST)
    }

    /// The first time when SQS has delivered the record once, and twice as long each further time.
    fn doubled(&self, first: Duration, most: Duration) -> Duration {
        let doubled = 2_u32.saturating_pow(self.count.saturating_sub(1));
        first.saturating_mul(doubled).min(most)
    }
}

fn parse(record: &SqsMessage) -> Result<Signal, BadRecord> {
    let body = record.body.as_deref().ok_or(BadRecord::NoBody)?;
    Ok(Signal::from_json(body)?)
}
