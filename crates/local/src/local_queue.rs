//! The in-process queue as the core sees it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws::{MAX_SQS_DELAY, Records, RecordsError};
use a2a_lambda_core::{Queue, Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use a2a_lambda_aws_emulator::queue::{self, ReceiptHandle};

/// Sends signals by an in-process queue. As a timer it hops, as the one on SQS does.
#[derive(Clone)]
pub(crate) struct LocalQueue(pub(crate) Arc<queue::Queue>);

#[async_trait]
impl Queue for LocalQueue {
    fn longest_delay(&self) -> Duration {
        MAX_SQS_DELAY
    }

    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let body = serde_json::to_string(signal).map_err(|error| SignalError(error.into()))?;
        self.0.send(body, delay).map(drop).map_err(|error| SignalError(error.into()))
    }
}

#[async_trait]
impl Timer for LocalQueue {
    async fn signal_at(&self, signal: &Signal, _at: Timestamp) -> Result<(), SignalError> {
        self.send(signal, MAX_SQS_DELAY).await
    }
}

#[async_trait]
impl Records for LocalQueue {
    async fn redeliver(&self, receipts: &[String], after: Duration) -> Result<(), RecordsError> {
        let hide = |handle: &ReceiptHandle| Ok(self.0.change_visibility(handle, after)?);
        each(receipts, "ChangeMessageVisibility", hide)
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), RecordsError> {
        let delete = |handle: &ReceiptHandle| {
            self.0.delete(handle);
            Ok(())
        };
        each(receipts, "DeleteMessage", delete)
    }
}

type Failure = Box<dyn Error + Send + Sync>;

/// Asks for each record. One that is refused keeps no other from it.
fn each(
    receipts: &[String],
    operation: &'static str,
    ask: impl Fn(&ReceiptHandle) -> Result<(), Failure>,
) -> Result<(), RecordsError> {
    let asked = receipts.iter().map(|receipt| ask(&receipt.parse()?));
    let refused = asked.filter_map(Result::err).last();
    refused.map_or(Ok(()), |source| Err(RecordsError { operation, source }))
}
