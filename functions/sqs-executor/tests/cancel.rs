//! A canceled task: its agent learns of it soon, in any process, and nothing is added afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used)] // In a helper, too, a panic is a test that fails.

#[expect(dead_code, reason = "each test has use for a part of it")]
mod shared;

use std::collections::HashMap;
use std::time::Duration;

use a2a_lambda_aws_emulator::queue::MAX_WAIT;
use a2a_lambda_core::{Position, TaskKey};
use a2a_lambda_protocol::TaskState;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::shared::{Aws, Client, Executor, PATIENCE, percentile, seeded};

const PROCESSES: usize = 10;
const TASKS: usize = 100;

/// No sweep is made here, so that the time of its signals is of no interest.
const GRACE: Duration = Duration::from_mins(1);

/// The task is canceled within this time of its beginning. Its agent then works for longer than the
/// promised delay.
const CANCELED_WITHIN_MS: u64 = 1_900;

/// When the agents of so many tasks were told to stop, by the log as it comes.
async fn told_to_stop(executor: &Executor, count: usize) -> HashMap<String, Instant> {
    let mut told: HashMap<String, Instant> = HashMap::new();
    while told.len() < count {
        let is_news = |line: &str| task_told(line).is_some_and(|task| !told.contains_key(&task));
        let line = executor.0.bootstrap.line(is_news, PATIENCE).await;
        let at = Instant::now();
        let line = line.expect("a line for each task");
        told.insert(task_told(&line).unwrap(), at);
    }
    told
}

fn task_told(line: &str) -> Option<String> {
    // Most lines need not be parsed.
    line.contains("agent_stopped").then(|| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["why"], "Canceled", "{line}");
        line["task"].as_str().unwrap().to_owned()
    })
}

/// Calls a task off a while after it was begun. Returns when that was answered.
async fn cancel(client: Client, key: TaskKey, after: Duration) -> (TaskKey, Instant, Position) {
    assert_eq!(client.begun(&key).await.status.state, TaskState::Working);
    tokio::time::sleep(after).await;
    client.cancel(&key).await;
    let at = Instant::now();
    let position = client.head(&key).await.position;
    (key, at, position)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_at_work_are_told_within_two_seconds_and_add_nothing() {
    let aws = Aws::start(None, &[("AGENT", "conformance")]).await;
    let client = aws.client(GRACE);
    let mut dice = seeded(7);
    let mut executors = Vec::new();
    for _ in 0..PROCESSES {
        let executor = Executor::start(&aws).await;
        // It is ready when it has answered.
        assert!(executor.answer(&[]).await.is_empty());
        executors.push(executor);
    }
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        // It always sleeps for four seconds.
        tasks.push(client.submit("test-resubscribe-message-id", "hi").await);
    }
    let mut invocations = JoinSet::new();
    for executor in executors {
        let batch = aws.batch(MAX_WAIT).await;
        assert_eq!(batch.len(), TASKS / PROCESSES);
        invocations.spawn(async move {
            tokio::join!(executor.answer(&batch), told_to_stop(&executor, batch.len()))
        });
    }
    let mut cancels = JoinSet::new();
    for key in tasks {
        let after = Duration::from_millis(dice.below(CANCELED_WITHIN_MS));
        cancels.spawn(cancel(client.clone(), key, after));
    }
    let canceled = cancels.join_all().await;
    let mut told = HashMap::new();
    for (failures, told_by_one) in invocations.join_all().await {
        assert!(failures.is_empty(), "{failures:?}");
        told.extend(told_by_one);
    }

    let mut took = Vec::new();
    for (key, at, position) in &canceled {
        // The runner can have read it before the answer came here.
        took.push(told[key.task.as_str()].saturating_duration_since(*at));
        let ended = client.ended(key).await;
        assert_eq!((ended.state(), ended.claims()), (TaskState::Canceled, 1));
        assert_eq!(ended.snapshot.head.position, *position, "{key}");
    }
    assert_eq!(took.len(), TASKS);
    let (p50, p99) = (percentile(&took, 50), percentile(&took, 99));
    println!("canceled to told: p50 {p50:?}, p99 {p99:?}, max {:?}", percentile(&took, 100));
    assert!(p99 < Duration::from_secs(2), "I7: {p99:?}");
}

#[tokio::test]
async fn the_agent_of_a_task_that_was_canceled_in_the_queue_is_not_run() {
    let aws = Aws::start(None, &[("AGENT", "poison")]).await;
    let client = aws.client(GRACE);
    let mut tasks = Vec::new();
    for _ in 0..5 {
        // Nothing would be left of a process that ran it.
        tasks.push(client.submit("m1", "abort").await);
    }
    for key in &tasks {
        client.cancel(key).await;
    }
    let executor = Executor::start(&aws).await;
    let batch = aws.batch(MAX_WAIT).await;
    assert_eq!(batch.len(), tasks.len());
    assert!(executor.answer(&batch).await.is_empty());
    for key in &tasks {
        let ended = client.ended(key).await;
        assert_eq!((ended.state(), ended.claims()), (TaskState::Canceled, 0));
        assert_eq!(ended.snapshot.head.position.0, 2, "its message, and its end");
    }
}
