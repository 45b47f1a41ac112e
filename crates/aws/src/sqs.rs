//! SQS as the queue, and, by hops, as the timer.

use std::time::Duration;

use a2a_lambda_core::{Queue, Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_runtime::traceparent;
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::clients::AtFirstUse;

/// The longest delay that SQS takes.
pub const MAX_SQS_DELAY: Duration = Duration::from_mins(15);

/// A standard SQS queue.
///
/// As a timer it hops. SQS delays a signal by 15 minutes at most, so a later one arrives after 15
/// minutes, and the runner that finds it early sends the next. A day's wait is 96 messages.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    pub(crate) client: AtFirstUse<Client>,
    pub(crate) url: String,
}

impl SqsQueue {
    /// The queue at this URL.
    pub fn new(client: AtFirstUse<Client>, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

#[async_trait]
impl Queue for SqsQueue {
    fn longest_delay(&self) -> Duration {
        MAX_SQS_DELAY
    }

    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        let body = serde_json::to_string(signal).map_err(|error| SignalError(error.into()))?;
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        let mut request = request.message_group_id(signal.group());
        // Not in the body: an older executor refuses fields that it does not know.
        if let Some(trace) = traceparent() {
            let value = MessageAttributeValue::builder().data_type("String");
            let value = value.string_value(trace.as_str()).build();
            let value = value.map_err(|error| SignalError(error.into()))?;
            request = request.message_attributes("traceparent", value);
        }
        let seconds = delay_seconds(delay);
        if seconds > 0 {
            request = request.delay_seconds(seconds);
        }
        request.send().await.map(drop).map_err(|error| SignalError(error.into()))
    }
}

#[async_trait]
impl Timer for SqsQueue {
    async fn signal_at(&self, signal: &Signal, _at: Timestamp) -> Result<(), SignalError> {
        self.send(signal, MAX_SQS_DELAY).await
    }
}

/// A signal that arrives early is sent again.
fn delay_seconds(delay: Duration) -> i32 {
    whole_seconds(delay.min(MAX_SQS_DELAY))
}

/// SQS counts in whole seconds. Rounded up.
pub(crate) fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1_000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_rounded_up_and_bounded() {
        for (millis, seconds) in
            [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (900_000, 900), (9_000_000, 900)]
        {
            assert_eq!(delay_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
    }
}
