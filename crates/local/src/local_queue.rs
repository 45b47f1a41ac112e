//! The in-process queue as the core sees it.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::env::MAX_QUEUE_DELAY;
use a2a_lambda_core::{Queue, Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

use crate::queue;

/// Sends signals by an in-process queue. As a timer it hops, as the one on SQS does.
#[derive(Clone)]
pub(crate) struct LocalQueue(pub(crate) Arc<queue::Queue>);

#[async_trait]
impl Queue for LocalQueue {
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let body = serde_json::to_string(signal).map_err(|error| SignalError(error.into()))?;
        self.0.send(body, delay).map(drop).map_err(|error| SignalError(error.into()))
    }
}

#[async_trait]
impl Timer for LocalQueue {
    async fn signal_at(&self, signal: &Signal, _at: Timestamp) -> Result<(), SignalError> {
        self.send(signal, MAX_QUEUE_DELAY).await
    }
}
