//! The function as the process that Lambda starts.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::ids::WriteId;
use a2a_lambda_core::machine::{Stamp, Submission};
use a2a_lambda_core::{Head, Owner, TaskId, TaskKey, TaskStore, Tenant, Terms};
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_local::embedded::EmbeddedDynamoDb;
use a2a_lambda_local::endpoint::Endpoint;
use a2a_lambda_local::queue::{Queue, QueueConfig};
use a2a_lambda_local::runtime_api::{Bootstrap, Invocation, RuntimeApi};
use a2a_lambda_protocol::{Message, Timestamp};
use serde_json::Value;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_scheduled-recovery");
const EVENT: &str = include_str!("events/schedule.json");
const TABLE: &str = "tasks";

/// How long an invocation may take: far more than is needed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A task that was accepted long ago, and whose signal was lost.
fn forgotten() -> a2a_lambda_core::Change {
    let submission = Submission {
        key: TaskKey { tenant: Tenant::default(), task: TaskId::parse("forgotten").unwrap() },
        owner: Owner::parse("alice").unwrap(),
        context: a2a_lambda_core::ContextId::parse("context").unwrap(),
        message: Message { message_id: "m1".to_owned(), ..Message::default() },
        terms: Terms::default(),
        sender_waits_until: None,
        request: None,
    };
    let stamp = Stamp {
        now: Timestamp::from_millis(1_700_000_000_000),
        write: WriteId::new("write"),
        signal_grace: Duration::from_mins(1),
        lease: Duration::from_secs(30),
    };
    Head::submit(submission, &stamp)
}

#[tokio::test]
async fn a_lost_signal_is_sent_again() {
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
    let aws = Endpoint::start(database, queue.clone()).await.unwrap();
    let api = RuntimeApi::start().await.unwrap();
    let variables = [
        ("TABLE_NAME", TABLE.to_owned()),
        ("QUEUE_URL", aws.queue_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", aws.url()),
        ("AWS_ENDPOINT_URL_SQS", aws.url()),
    ];
    let bootstrap = Bootstrap::spawn(EXECUTABLE, variables, &api).unwrap();

    for expected in [1, 0] {
        let answer: Value = match api.invoke(EVENT, PATIENCE).await {
            Invocation::Response { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
            other => panic!("{other:?}\n{}", bootstrap.lines().join("\n")),
        };
        assert_eq!((&answer["lostSignals"], &answer["failed"]), (&expected.into(), &0.into()));
        let signals = queue.receive(10, PATIENCE, Duration::ZERO).await.unwrap();
        assert_eq!(signals.len(), expected);
        assert!(signals.iter().all(|signal| signal.body.contains("forgotten")));
    }
    for line in bootstrap.lines() {
        serde_json::from_str::<Value>(&line).unwrap();
    }
}
