//! What one task, or one record, can do to others: processes that it ends, and dead letters.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

#[expect(dead_code, reason = "each test has use for a part of it")]
mod shared;

use std::collections::BTreeSet;
use std::time::Duration;

use a2a_lambda_core::TaskKey;
use a2a_lambda_local::queue::{MAX_WAIT, QueueDepth};
use a2a_lambda_protocol::TaskState;
use serde_json::json;

use crate::shared::{Aws, Client, Ended, Executor, PATIENCE, WORK, now};

const MAX_ATTEMPTS: usize = 3;

/// Far more batches than there can be.
const MAX_BATCHES: usize = 20;

/// No sweep is made here, so that the time of its signals is of no interest.
const GRACE: Duration = Duration::from_mins(1);

/// How long to look for messages that must not be there.
const NOTHING_COMES: Duration = Duration::from_secs(1);

/// How long what a process had sent before it died can take to be done.
const IN_FLIGHT: Duration = Duration::from_secs(1);

async fn aws() -> Aws {
    Aws::start(None, &[("AGENT", "poison"), ("MAX_ATTEMPTS", "3")]).await
}

/// Feeds one process after the other until no message is left, each invocation with this limit.
/// Returns how many processes ended, all of them like this.
async fn feed(
    aws: &Aws,
    client: &Client,
    tasks: &[TaskKey],
    limit: Duration,
    end: &Ended,
) -> usize {
    let mut executor = Executor::start(aws).await;
    let mut deaths = 0;
    for _ in 0..MAX_BATCHES {
        if aws.queue.depth() == QueueDepth::default() {
            return deaths;
        }
        let batch = aws.batch(MAX_WAIT).await;
        let ended = executor.invoke(&batch, limit).await;
        let mut after_death = Duration::ZERO;
        if !matches!(ended, Ended::Answered(_)) {
            assert_eq!(ended, *end);
            deaths += 1;
            executor = Executor::start(aws).await;
            after_death = leases_end_in(client, tasks).await;
        }
        aws.settle(&batch, &ended, after_death);
    }
    panic!("there are messages after {MAX_BATCHES} batches: {:?}", aws.queue.depth());
}

/// How long until none of these tasks is held any more by a process that died.
async fn leases_end_in(client: &Client, tasks: &[TaskKey]) -> Duration {
    let mut last = now();
    for task in tasks {
        last = last.max(client.head(task).await.leased_until().unwrap_or(last));
    }
    last.saturating_since(now()) + IN_FLIGHT
}

/// A task with this text amid four others, which survive what it does.
async fn survive(poison: &str, limit: Duration, end: &Ended) {
    let aws = aws().await;
    let client = aws.client(GRACE);
    let mut tasks = Vec::new();
    for text in ["work", "work", poison, "work", "work"] {
        tasks.push(client.submit("m1", text).await);
    }
    let deaths = feed(&aws, &client, &tasks, limit, end).await;
    assert_eq!(deaths, MAX_ATTEMPTS, "an attempt each");
    for (place, task) in tasks.iter().enumerate() {
        let ended = client.ended(task).await;
        if place == 2 {
            assert_eq!(ended.state(), TaskState::Failed);
            let says = "gave up after 3 attempts: in 3 of them the process died";
            assert_eq!(ended.message(), says);
        } else {
            assert_eq!((ended.state(), ended.work().as_str()), (TaskState::Completed, WORK));
            assert!(ended.claims() <= 2, "{place}: {} claims", ended.claims());
        }
    }
}

#[tokio::test]
async fn a_task_that_ends_its_process_costs_the_others_one_attempt() {
    survive("abort", PATIENCE, &Ended::Died).await;
}

#[tokio::test]
async fn a_task_that_never_lets_go_of_its_process_costs_the_others_one_attempt() {
    survive("loop", Duration::from_secs(8), &Ended::TimedOut).await;
}

/// Feeds a process until no message is left. Returns what it reported, batch by batch.
async fn feed_living(aws: &Aws, executor: &Executor) -> Vec<BTreeSet<String>> {
    let mut reports = Vec::new();
    for _ in 0..MAX_BATCHES {
        let batch = aws.batch(NOTHING_COMES).await;
        if batch.is_empty() {
            return reports;
        }
        let failures = executor.answer(&batch).await;
        reports.push(failures.clone());
        aws.settle(&batch, &Ended::Answered(failures), Duration::ZERO);
    }
    panic!("there are messages after {MAX_BATCHES} batches: {:?}", aws.queue.depth());
}

async fn works(client: &Client, count: usize) -> Vec<TaskKey> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        tasks.push(client.submit("m1", "work").await);
    }
    tasks
}

#[tokio::test]
async fn a_record_that_is_no_signal_is_reported_each_time_and_ends_as_a_dead_letter() {
    let aws = Aws::start(Some(3), &[("AGENT", "poison")]).await;
    let client = aws.client(GRACE);
    let bodies = ["hello".to_owned(), json!({}).to_string(), json!({ "taskId": "" }).to_string()];
    let send = |body: &String| aws.queue.send(body.clone(), Duration::ZERO).unwrap();
    let bad: BTreeSet<_> = bodies.iter().map(send).collect();
    let tasks = works(&client, 2).await;

    let executor = Executor::start(&aws).await;
    assert_eq!(feed_living(&aws, &executor).await, [bad.clone(), bad.clone(), bad]);
    let dead = aws.queue.dead_letters();
    assert_eq!(dead.iter().map(|letter| &letter.body).collect::<Vec<_>>(), bodies.each_ref());
    assert!(dead.iter().all(|letter| letter.receive_count == 3), "{dead:?}");
    for task in &tasks {
        assert_eq!(client.ended(task).await.work(), WORK);
    }
}

#[tokio::test]
async fn a_redrive_puts_work_back() {
    let aws = Aws::start(Some(3), &[("AGENT", "poison")]).await;
    let client = aws.client(GRACE);
    let tasks = works(&client, 3).await;
    // A deployment that does not reach its table: nothing can be done with any record.
    let astray = Executor::start_with(&aws, &[("TABLE_NAME", "another-table")]).await;
    let reports = feed_living(&aws, &astray).await;
    assert_eq!(reports.iter().map(BTreeSet::len).collect::<Vec<_>>(), [3, 3, 3]);
    assert_eq!(aws.queue.depth().dead, 3);
    for task in &tasks {
        assert_eq!(client.head(task).await.state(), TaskState::Submitted);
    }

    assert_eq!(aws.queue.redrive(), 3);
    let executor = Executor::start(&aws).await;
    assert_eq!(feed_living(&aws, &executor).await, [BTreeSet::new()]);
    for task in &tasks {
        let ended = client.ended(task).await;
        assert_eq!((ended.work().as_str(), ended.claims()), (WORK, 1));
    }
}
