//! The function as the process that Lambda starts: its protocol, its log and its end.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::queue::{Queue, QueueConfig};
use a2a_lambda_aws_emulator::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use a2a_lambda_core::head::Interruption;
use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::{Pause, Stamp, Submission, TurnEnd};
use a2a_lambda_core::store::{Committed, Depth, Guard};
use a2a_lambda_core::{
    Change, Command, ContextId, Head, LeaseToken, Owner, Retention, Signal, TaskId, TaskKey,
    TaskStore, Tenant, Terms,
};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_protocol::{Message, Timestamp};
use serde_json::Value;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_scheduled-recovery");
const EVENT: &str = include_str!("events/schedule.json");
const CUSTOM_EVENT: &str = include_str!("events/custom.json");
const TABLE: &str = "tasks";

/// How long an invocation may take: far more than is needed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A task that was accepted long ago, and whose signal was lost.
fn forgotten() -> Change {
    submitted("forgotten", None)
}

fn submitted(task: &str, retention: Option<Retention>) -> Change {
    let submission = Submission {
        key: TaskKey { tenant: Tenant::default(), task: TaskId::parse(task).unwrap() },
        owner: Owner::parse("alice").unwrap(),
        context: ContextId::parse("context").unwrap(),
        message: Message { message_id: "m1".to_owned(), ..Message::default() },
        terms: Terms::default(),
        sender_waits_until: None,
        request: None,
        pushes: None,
        trace: None,
    };
    Head::submit(submission, &stamp("write", retention))
}

fn stamp(write: &str, retention: Option<Retention>) -> Stamp {
    Stamp {
        now: Timestamp::from_millis(1_700_000_000_000),
        write: WriteId::new(write),
        signal_grace: Duration::from_mins(1),
        lease: Duration::from_secs(30),
        push_claim: Duration::from_secs(30),
        retention,
        pusher: None,
    }
}

/// Stores a task that has waited for its user since long ago.
async fn waiting(store: &DynamoDbStore) {
    let retention = Some(Retention {
        ended: Some(Duration::from_hours(24 * 30)),
        waiting: Some(Duration::from_hours(24 * 90)),
        purge_after: Duration::from_hours(1),
    });
    let change = submitted("waiting", retention);
    store.create(&change).await.unwrap();
    let (key, token) = (&change.head().key, LeaseToken::new("lease"));
    let claim = Command::Claim { token: token.clone(), max_attempts: 5 };
    let pause = Pause::ForUser {
        interruption: Interruption::InputRequired,
        message: None,
        checkpoint: None,
        patience: None,
    };
    let given = change.head().position;
    let park = Command::Park { turn: TurnEnd { token, given, updates: Vec::new() }, pause };
    for (write, command) in [("claim", claim), ("park", park)] {
        let base = store.read(key, Depth::Tail).await.unwrap().unwrap();
        let change = base.head.apply(command, &stamp(write, retention)).unwrap();
        let guard = Guard { revision: base.head.revision, leased_until: change.over_lease() };
        let done = store.commit(&base, guard, &change).await.unwrap();
        assert!(matches!(done, Committed::Done(_)), "{done:?}");
    }
}

struct Aws {
    endpoint: Endpoint,
    queue: Arc<Queue>,
    store: DynamoDbStore,
}

/// An account with one task, whose signal was lost.
async fn aws() -> Aws {
    let database = EmbeddedDynamoDb::memory().unwrap();
    create_table(&database.client(), TABLE).await.unwrap();
    let store = DynamoDbStore::new(database.client(), TABLE);
    store.create(&forgotten()).await.unwrap();
    let config = QueueConfig {
        capacity: NonZeroUsize::new(10).unwrap(),
        max_receive_count: None,
        dead_letter_capacity: NonZeroUsize::MIN,
    };
    let queue = Arc::new(Queue::new(config, || 0));
    Aws { endpoint: Endpoint::start(database, queue.clone()).await.unwrap(), queue, store }
}

fn variables(aws: &Aws) -> Vec<(&'static str, String)> {
    vec![
        ("TABLE_NAME", TABLE.to_owned()),
        ("QUEUE_URL", aws.endpoint.queue_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", aws.endpoint.url()),
        ("AWS_ENDPOINT_URL_SQS", aws.endpoint.url()),
    ]
}

#[tokio::test]
async fn a_lost_signal_is_sent_again() {
    let aws = aws().await;
    let api = RuntimeApi::start().await.unwrap();
    let mut variables = variables(&aws);
    // Not even where everything is logged is the event: the runtime would log it as a whole.
    variables.push(("LOG_LEVEL", "trace".to_owned()));
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();

    for (event, expected) in [(EVENT, 1), (CUSTOM_EVENT, 0)] {
        let answer: Value = match api.invoke(event, PATIENCE).await {
            Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{other:?}\n{}", bootstrap.lines().join("\n")),
        };
        assert_eq!((&answer["lostSignals"], &answer["failed"]), (&expected.into(), &0.into()));
        let signals = aws.queue.receive(10, PATIENCE, Duration::ZERO).await.unwrap();
        let sent: Vec<_> =
            signals.iter().map(|signal| Signal::from_json(&signal.body).unwrap().key()).collect();
        assert_eq!(sent, vec![forgotten().head().key.clone(); expected]);
        let text = if expected > 0 { "tasks_swept" } else { "nothing is due" };
        let line = bootstrap.line(|line| line.contains(text), PATIENCE).await;
        let line: Value = serde_json::from_str(&line.expect("a line about the sweep")).unwrap();
        let level = if expected > 0 { "INFO" } else { "DEBUG" };
        assert_eq!(line["level"], level, "{line}");
        if expected > 0 {
            assert_eq!((&line["due"], &line["lost_signals"]), (&1.into(), &1.into()), "{line}");
        }
        assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    }
    for line in bootstrap.lines() {
        assert!(!line.contains("aws.scheduler"), "{line}");
        serde_json::from_str::<Value>(&line).unwrap();
    }
}

#[tokio::test]
async fn what_the_sweep_ends_is_measured() {
    let aws = aws().await;
    waiting(&aws.store).await;
    let api = RuntimeApi::start().await.unwrap();
    let variables = variables(&aws).into_iter().chain([("METRICS", "all".to_owned())]);
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
    let answer = api.invoke(EVENT, PATIENCE).await;
    assert!(matches!(answer, Invocation::Response { .. }), "{answer:?}");
    let line = bootstrap.line(|line| line.contains("CloudWatchMetrics"), PATIENCE).await.unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let measured = ["TasksCanceled", "LapsedTasks", "LostSignals", "DueTasks"];
    assert_eq!(measured.map(|name| line[name].as_u64()), [Some(1), Some(1), Some(1), Some(2)]);
}

#[tokio::test]
async fn a_table_that_is_not_there_fails_the_invocation_and_not_the_process() {
    let aws = aws().await;
    let api = RuntimeApi::start().await.unwrap();
    let mut variables = variables(&aws);
    variables.push(("TABLE_NAME", "another-table".to_owned()));
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
    for _ in 0..2 {
        match api.invoke(EVENT, PATIENCE).await {
            Invocation::Error { bytes } => {
                let report: Value = serde_json::from_slice(&bytes).unwrap();
                let message = report["errorMessage"].as_str().unwrap();
                assert!(message.starts_with("the due index could not be read"), "{report}");
                assert!(message.contains("ResourceNotFoundException"), "{report}");
            }
            other => panic!("{other:?}"),
        }
    }
    let of_a_shard = |line: &str| line.contains("sweep_shard_failed");
    let line = bootstrap.line(of_a_shard, PATIENCE).await.expect("a line with the cause");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "WARN", "{line}");
}

#[tokio::test]
async fn a_variable_that_is_missing_or_wrong_ends_the_process_with_a_line_that_names_it() {
    for (variable, value) in [
        ("TABLE_NAME", ""),
        ("QUEUE_URL", ""),
        ("QUEUE_ARN", "arn:aws:sqs:eu-central-1:123456789012:signals"),
        ("SCHEDULER_ROLE_ARN", "scheduler"),
    ] {
        let aws = aws().await;
        let api = RuntimeApi::start().await.unwrap();
        // The last one of a name counts.
        let variables = variables(&aws).into_iter().chain([(variable, value.to_owned())]);
        let mut bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();
        let status = bootstrap.wait().await.unwrap();
        assert_eq!(status.code(), Some(1));
        let named = |line: &str| line.contains(variable);
        let line = bootstrap.line(named, PATIENCE).await.expect("a line that names it");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "ERROR", "{line}");
    }
}
