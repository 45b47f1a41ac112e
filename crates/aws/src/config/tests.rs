use a2a_lambda_core::{MemoryStore, Owner, Signal, TaskId, TaskKey, Tenant};

use super::*;
use crate::test_server::{self, SENT, TestResult, serve};

fn with<T>(pairs: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
    let lookup = |name: &str| {
        pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    read(&Variables::new(&lookup))
}

#[test]
fn what_is_missing_is_named() {
    for pairs in [&[][..], &[("TABLE_NAME", "")][..]] {
        let error = with(pairs, |v| v.required("TABLE_NAME", "the name of a table")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable TABLE_NAME is not set: it must be the name of a table"
        );
    }
}

#[test]
fn the_policy_is_read() {
    assert_eq!(with(&[], policy).unwrap(), Policy::default());
    let pairs = [
        ("LEASE_SECONDS", "60"),
        ("MAX_ATTEMPTS", "3"),
        ("BLOCKING_WAIT_SECONDS", "0"),
        ("MAX_STREAM_SECONDS", "7"),
        ("DEDUPLICATE_MESSAGES", "true"),
    ];
    let read = with(&pairs, policy).unwrap();
    assert_eq!(read.lease, Duration::from_mins(1));
    assert_eq!(read.max_attempts, 3);
    assert_eq!(read.blocking_wait, Duration::ZERO);
    assert_eq!(read.max_stream, Duration::from_secs(7));
    assert!(read.deduplicate_messages);
    assert!(with(&[("DEDUPLICATE_MESSAGES", "yes")], policy).is_err());
}

#[test]
fn the_waits_of_pushes_are_read() {
    let waits = |text: &str| with(&[("PUSH_WAITS_SECONDS", text)], policy).map(|p| p.push_waits);
    for (text, expected) in [("7", &[7][..]), ("1, 2,604800", &[1, 2, 604_800])] {
        let expected: Vec<_> = expected.iter().copied().map(Duration::from_secs).collect();
        assert_eq!(waits(text).unwrap(), expected, "{text}");
    }
    assert_eq!(waits("").unwrap(), Policy::default().push_waits);
    assert_eq!(waits(&["1"; 32].join(",")).unwrap().len(), 32);
    for text in [",", "1,", "0", "604801", "1;2", "1.5", "-1", &["1"; 33].join(",")] {
        assert_eq!(
            waits(text).unwrap_err().to_string(),
            "the environment variable PUSH_WAITS_SECONDS must be 1 to 32 whole numbers from 1 to \
             604800 with commas, such as 5,30,120",
            "{text}"
        );
    }
}

#[test]
fn a_claim_outlasts_what_a_receiver_may_take() {
    for (set, expected) in [
        (&[][..], 30),
        (&[("PUSH_TIMEOUT_SECONDS", "1")], 30),
        (&[("PUSH_TIMEOUT_SECONDS", "1"), ("PUSH_CLAIM_SECONDS", "6")], 6),
        (&[("PUSH_TIMEOUT_SECONDS", "20"), ("PUSH_CLAIM_SECONDS", "6")], 60),
        (&[("PUSH_CLAIM_SECONDS", "6")], 30),
    ] {
        let policy = with(set, policy).unwrap();
        assert_eq!(policy.push_claim, Duration::from_secs(expected), "{set:?}");
    }
    let grace = with(&[("SIGNAL_GRACE_SECONDS", "5")], policy).unwrap().signal_grace;
    assert_eq!(grace, Duration::from_secs(5));
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    for value in ["5", "901", "-1", "ten", "1.5", " 30"] {
        let error = with(&[("LEASE_SECONDS", value)], policy).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable LEASE_SECONDS must be a whole number from 6 to 900",
            "{value}"
        );
    }
}

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
    engine(&Variables::new(&lookup), |_, _| MemoryStore::new())
}

/// What a signal for a time that SQS cannot wait for asks of AWS.
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
        (&[ROLE, ("QUEUE_ARN", "https://sqs/signals")], "QUEUE_ARN must be an ARN"),
        (&[ROLE, QUEUE, ("SCHEDULE_GROUP", "a b")], "SCHEDULE_GROUP must be 1 to 64 letters"),
        (&[ROLE, QUEUE, ("SCHEDULE_GROUP", &long)], "SCHEDULE_GROUP must be 1 to 64 letters"),
    ] {
        let error = engine_with("http://localhost", more).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the environment variable {expected}")), "{error}");
    }
}
