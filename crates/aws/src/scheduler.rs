//! EventBridge Scheduler as the timer.

use a2a_lambda_core::{Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target,
};
use sha2::{Digest, Sha256};

/// One-time schedules that send a signal to the queue, and are gone then. Precise to a minute.
///
/// A schedule's name stands for its task and time: asked for again, it is the same one.
#[derive(Debug, Clone)]
pub struct SchedulerTimer {
    client: Client,
    group: String,
    role_arn: String,
    queue_arn: String,
}

impl SchedulerTimer {
    /// Schedules in this group, which send to this queue by this role.
    pub fn new(
        client: Client,
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
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let target = Target::builder()
            .arn(&self.queue_arn)
            .role_arn(&self.role_arn)
            .input(serde_json::to_string(signal)?)
            .build()?;
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build()?;
        let at = whole_second(at);
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
            Ok(_) => Ok(()),
            // It was made before, by a request whose answer was lost or by another runner.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateScheduleError::is_conflict_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
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
    Timestamp::from_millis(
        at.as_millis()
            .div_euclid(1_000)
            .saturating_add(i64::from(at.as_millis().rem_euclid(1_000) > 0))
            .saturating_mul(1_000),
    )
}

/// `at(2026-01-31T12:00:00)`, in UTC.
fn expression(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split_once(['.', 'Z']).map_or(text.as_str(), |(seconds, _)| seconds);
    format!("at({seconds})")
}

/// At most 64 of letters, digits, `-`, `_` and `.`: tenants and ids can have others.
fn name(signal: &Signal, at: Timestamp) -> String {
    let mut hash = Sha256::new();
    for field in [signal.tenant.as_str(), signal.task_id.as_str()] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.update(at.as_millis().to_be_bytes());
    hash.finalize().iter().take(16).fold(String::from("a2a-"), |mut name, byte| {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn signal(json: &str) -> Signal {
        serde_json::from_str(json).expect("a signal")
    }

    #[test]
    fn a_time_is_rounded_up_to_a_second() {
        for (given, expected) in [
            ("2026-01-31T12:00:00Z", "at(2026-01-31T12:00:00)"),
            ("2026-01-31T12:00:00.001Z", "at(2026-01-31T12:00:01)"),
            ("2026-12-31T23:59:59.999Z", "at(2027-01-01T00:00:00)"),
        ] {
            assert_eq!(expression(whole_second(at(given))), expected);
        }
    }

    #[test]
    fn a_name_stands_for_task_and_time() {
        let time = at("2026-01-31T12:00:00Z");
        let one = name(&signal(r#"{"taskId":"t"}"#), time);
        assert_eq!(one, name(&signal(r#"{"taskId":"t","traceparent":"x"}"#), time));
        let odd = signal(r#"{"taskId":"t t/\u00e9","tenant":"acme"}"#);
        for other in [
            name(&signal(r#"{"taskId":"u"}"#), time),
            name(&signal(r#"{"taskId":"t","tenant":"acme"}"#), time),
            name(&signal(r#"{"taskId":"t"}"#), at("2026-01-31T12:00:01Z")),
            name(&odd, time),
        ] {
            assert_ne!(one, other);
            assert!(other.len() <= 64);
            assert!(other.chars().all(|it| it.is_ascii_alphanumeric() || it == '-'), "{other}");
        }
    }
}
