//! EventBridge Scheduler as the timer.

use std::error::Error;
use std::fmt::Write as _;

use a2a_lambda_core::{Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, SqsParameters, Target,
};
use sha2::{Digest, Sha256};

use crate::clients::AtFirstUse;

/// How much of a digest makes a name: at 128 bits no two are the same by chance.
const DIGEST_BYTES: usize = 16;

/// One-time schedules, each of which sends a signal to the queue and is deleted then. They are
/// precise to a minute.
///
/// A schedule's name stands for its task and time, so that asking again makes no second one.
///
/// The function's role must be allowed `scheduler:CreateSchedule` in the group, and `iam:PassRole`
/// of the role that Scheduler assumes; that one, `sqs:SendMessage` to the queue. The group must
/// exist.
#[derive(Debug, Clone)]
pub struct SchedulerTimer {
    client: AtFirstUse<Client>,
    group: String,
    role_arn: String,
    queue_arn: String,
}

impl SchedulerTimer {
    /// Schedules in this group, which send to this SQS queue by this role.
    pub fn new(
        client: AtFirstUse<Client>,
        group: impl Into<String>,
        role_arn: impl Into<String>,
        queue_arn: impl Into<String>,
    ) -> Self {
        let (group, role_arn, queue_arn) = (group.into(), role_arn.into(), queue_arn.into());
        Self { client, group, role_arn, queue_arn }
    }

    async fn schedule(
        &self,
        signal: &Signal,
        at: Timestamp,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let at = whole_second(at);
        let target = Target::builder()
            .arn(&self.queue_arn)
            .role_arn(&self.role_arn)
            .input(serde_json::to_string(signal)?)
            .sqs_parameters(SqsParameters::builder().message_group_id(signal.group()).build())
            .build()?;
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build()?;
        // The SDK adds a fresh ClientToken, by which its own retries are one request.
        let made = self
            .client
            .create_schedule()
            .name(name(signal, at))
            .group_name(&self.group)
            .schedule_expression(expression(at))
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match made {
            Err(error)
                if !error
                    .as_service_error()
                    .is_some_and(CreateScheduleError::is_conflict_exception) =>
            {
                Err(error.into())
            }
            // A conflict: the schedule exists, by a request whose answer was lost or by another
            // runner.
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Timer for SchedulerTimer {
    async fn signal_at(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        self.schedule(signal, at).await.map_err(SignalError)
    }
}

/// Schedules know whole seconds. Rounded up: a signal that arrives early is sent again.
fn whole_second(at: Timestamp) -> Timestamp {
    let millis = at.as_millis();
    let missing = (1_000 - millis.rem_euclid(1_000)) % 1_000;
    Timestamp::from_millis(millis.saturating_add(missing))
}

/// `at(2026-01-31T12:00:00)`: without a time zone it is UTC.
fn expression(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split_once('.').map_or(text.as_str(), |(seconds, _)| seconds);
    format!("at({seconds})")
}

/// A name has at most 64 letters, digits, `-`, `_` and `.`; tenants and ids can be longer and have
/// others.
fn name(signal: &Signal, at: Timestamp) -> String {
    let mut hash = Sha256::new();
    for field in [signal.tenant.as_str(), signal.task_id.as_str()] {
        // With their lengths, so that no two pairs of fields are the same bytes.
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.update(at.as_millis().to_be_bytes());
    let mut name = "a2a-".to_owned();
    for byte in hash.finalize().iter().take(DIGEST_BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests;
