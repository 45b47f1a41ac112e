//! The function as the process that Lambda starts: its protocol, its log and its end.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::time::Duration;

use a2a_lambda_aws_emulator::account::{Account, PATIENCE};
use a2a_lambda_core::head::Interruption;
use a2a_lambda_core::machine::{Pause, Stamp, TurnEnd};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Change, Command, Head, LeaseToken, Retention, Signal, TaskStore};
use a2a_lambda_dynamodb::DynamoDbStore;
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_testing::{carry_out, submission};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_scheduled-recovery");
const EVENT: &str = include_str!("events/schedule.json");
const CUSTOM_EVENT: &str = include_str!("events/custom.json");

/// A task that was accepted long ago.
fn submitted(task: &str, retention: Option<Retention>) -> Change {
    Head::submit(submission(task), &stamp("write", retention))
}

fn stamp(write: &str, retention: Option<Retention>) -> Stamp {
    let now = Timestamp::from_millis(1_700_000_000_000);
    Stamp { retention, ..a2a_lambda_testing::stamp(now, write) }
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
    let park = Command::Park { turn: TurnEnd::new(token, given, Vec::new()), pause };
    for (write, command) in [("claim", claim), ("park", park)] {
        let base = store.read(key, Depth::Tail).await.unwrap().unwrap();
        carry_out(store, &base, command, &stamp(write, retention)).await;
    }
}

/// An account with one task, whose signal was lost.
async fn aws() -> Account {
    let aws = Account::start(None, &[]).await;
    aws.store.create(&submitted("forgotten", None)).await.unwrap();
    aws
}

#[tokio::test]
async fn a_lost_signal_is_sent_again() {
    let aws = aws().await;
    // Not even where everything is logged is the event: the runtime would log it as a whole.
    let function = aws.function(EXECUTABLE, &[("LOG_LEVEL", "trace")]).await;
    for (event, expected) in [(EVENT, 1), (CUSTOM_EVENT, 0)] {
        let answer = function.answer(event).await;
        assert_eq!((&answer["lostSignals"], &answer["failed"]), (&expected.into(), &0.into()));
        let signals = aws.queue.receive(10, PATIENCE, Duration::ZERO).await.unwrap();
        let sent: Vec<_> =
            signals.iter().map(|signal| Signal::from_json(&signal.body).unwrap().key()).collect();
        assert_eq!(sent, vec![submitted("forgotten", None).head().key.clone(); expected]);
        let text = if expected > 0 { "tasks_swept" } else { "nothing is due" };
        let line = function.line(text).await;
        let level = if expected > 0 { "INFO" } else { "DEBUG" };
        assert_eq!(line["level"], level, "{line}");
        if expected > 0 {
            assert_eq!((&line["due"], &line["lost_signals"]), (&1.into(), &1.into()), "{line}");
        }
        assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    }
    function.log(&["aws.scheduler"]);
}

#[tokio::test]
async fn what_the_sweep_ends_is_measured() {
    let aws = aws().await;
    waiting(&aws.store).await;
    let function = aws.function(EXECUTABLE, &[("METRICS", "all")]).await;
    function.answer(EVENT).await;
    let line = function.line("CloudWatchMetrics").await;
    let measured = ["TasksCanceled", "LapsedTasks", "LostSignals", "DueTasks"];
    assert_eq!(measured.map(|name| line[name].as_u64()), [Some(1), Some(1), Some(1), Some(2)]);
}

#[tokio::test]
async fn a_table_that_is_not_there_fails_the_invocation_and_not_the_process() {
    let aws = aws().await;
    let function = aws.function(EXECUTABLE, &[("TABLE_NAME", "another-table")]).await;
    for _ in 0..2 {
        let report = function.error(EVENT).await;
        let message = report["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("the due index could not be read"), "{report}");
        assert!(message.contains("ResourceNotFoundException"), "{report}");
    }
    let line = function.line("sweep_shard_failed").await;
    assert_eq!(line["level"], "WARN", "{line}");
}

#[tokio::test]
async fn a_variable_that_is_missing_or_wrong_ends_the_process_with_a_line_that_names_it() {
    let wrong = [
        ("TABLE_NAME", ""),
        ("QUEUE_URL", ""),
        ("QUEUE_ARN", "arn:aws:sqs:eu-central-1:123456789012:signals"),
        ("SCHEDULER_ROLE_ARN", "scheduler"),
    ];
    aws().await.refuses(EXECUTABLE, &wrong).await;
}
