use std::error::Error;
use std::time::Duration;

use a2a_lambda_core::{Owner, Signal, TaskId, TaskKey, Tenant};
use a2a_lambda_runtime::Reader;

use super::*;
use crate::test_server::{self, SENT, TestResult, serve};

const ROLE: (&str, &str) = ("SCHEDULER_ROLE_ARN", "arn:aws:iam::123456789012:role/scheduler");
const QUEUE: (&str, &str) = ("QUEUE_ARN", "arn:aws:sqs:eu-central-1:123456789012:signals");

/// The engine of a function that has these variables beside those that it must have.
fn engine_with(endpoint: &str, more: &[(&str, &str)]) -> Result<Engine, ConfigError> {
    let lookup = |name: &str| match name {
        "TABLE_NAME" => Some("tasks".to_owned()),
        "QUEUE_URL" => Some(format!("{endpoint}/123456789012/signals")),
        name => {
            let found = more.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned()).or(test_server::variable(name, endpoint))
        }
    };
    engine(&Variables::new(Reader::ScheduledRecovery, &lookup))
}

/// The requests to AWS for a signal at a time that is too far away for SQS.
async fn far_signal(more: &[(&str, &str)]) -> Result<String, Box<dyn Error + Send + Sync>> {
    // An answer that suits either service.
    let (address, served) = serve(&[SENT]).await?;
    let engine = engine_with(&format!("http://{address}"), more)?;
    let key = TaskKey { tenant: Tenant::parse("acme")?, task: TaskId::parse("t1")? };
    let in_an_hour = engine.clock.now().saturating_add(Duration::from_hours(1));
    let signal = Signal::new(&key, &Owner::parse("alice")?);
    engine.send(&signal, in_an_hour).await?;
    Ok(served.await??.remove(0))
}

#[tokio::test]
async fn a_far_signal_hops_without_a_role_and_is_a_schedule_with_one() -> TestResult {
    let hop = far_signal(&[("SCHEDULER_ROLE_ARN", ""), ("QUEUE_ARN", "")]).await?;
    assert!(
        hop.contains("AmazonSQS.SendMessage") && hop.contains(r#""DelaySeconds":900"#),
        "{hop}"
    );
    let of_owner = r#""MessageGroupId":"46ec638c86401bf75d7fe7f186eec6b7""#;
    assert!(hop.contains(of_owner), "{hop}");

    for (more, group) in [
        (&[ROLE, QUEUE][..], r#""GroupName":"default""#),
        (&[ROLE, QUEUE, ("SCHEDULE_GROUP", "a2a-prod_1.x")], r#""GroupName":"a2a-prod_1.x""#),
    ] {
        let schedule = far_signal(more).await?;
        assert!(schedule.starts_with("POST /schedules/a2a-"), "{schedule}");
        for part in [group, ROLE.1, QUEUE.1, of_owner] {
            assert!(schedule.contains(part), "{part}: {schedule}");
        }
    }
    Ok(())
}

#[test]
fn half_a_configuration_of_schedules_is_refused() {
    let group = ("SCHEDULE_GROUP", "a2a");
    let long = "x".repeat(65);
    for (more, expected) in [
        (&[ROLE][..], "QUEUE_ARN is not set: it must be the ARN of the SQS queue of signals"),
        (&[QUEUE], "QUEUE_ARN must be unset, or SCHEDULER_ROLE_ARN set"),
        (&[group], "SCHEDULE_GROUP must be unset, or SCHEDULER_ROLE_ARN set"),
        (&[("SCHEDULER_ROLE_ARN", "scheduler"), QUEUE], "SCHEDULER_ROLE_ARN must be an ARN"),
        (
            &[ROLE, ("QUEUE_ARN", "https://sqs/signals")],
            "QUEUE_ARN must be the ARN of the SQS queue",
        ),
        (&[ROLE, QUEUE, ("SCHEDULE_GROUP", "a b")], "SCHEDULE_GROUP must be 1 to 64 letters"),
        (&[ROLE, QUEUE, ("SCHEDULE_GROUP", &long)], "SCHEDULE_GROUP must be 1 to 64 letters"),
    ] {
        let error = engine_with("http://localhost", more).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the environment variable {expected}")), "{error}");
    }
}
