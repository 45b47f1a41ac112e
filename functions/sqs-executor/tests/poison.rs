//! The harm that one task, or one record, can do to others: processes that it ends, and dead
//! letters.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

#[expect(dead_code, reason = "each test has use for a part of it")]
mod shared;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_aws_emulator::queue::{MAX_WAIT, QueueDepth};
use a2a_lambda_core::{AFTER_LEASE, Event, TaskKey};
use a2a_lambda_protocol::{TaskState, Timestamp};
use serde_json::json;
use tokio::task::JoinSet;

use crate::shared::{Aws, Client, Ended, Ending, Executor, LEASE, PATIENCE, WORK, now};

const MAX_ATTEMPTS: usize = 3;

/// Far more batches than there can be.
const MAX_BATCHES: usize = 100;

/// No sweep is made here, so that the time of its signals is of no interest.
const GRACE: Duration = Duration::from_mins(1);

/// How long to look for messages that must not be there.
const NOTHING_COMES: Duration = Duration::from_secs(1);

/// How long the innocent tasks of a batch may take together when they run again. Each works for a
/// second, so that one by one they would take twice this, and side by side they take a fraction.
const SIDE_BY_SIDE: Duration = Duration::from_secs(4);

const INNOCENTS: usize = 9;

async fn aws() -> Aws {
    Aws::start(None, &[("AGENT", "poison"), ("MAX_ATTEMPTS", "3")]).await
}

/// Feeds processes until no message is left, each batch to one that is free or new, each invocation
/// with this limit. Returns when processes ended, all of them like this.
async fn feed(aws: &Arc<Aws>, limit: Duration, end: &Ended) -> Vec<Timestamp> {
    let mut free = Vec::new();
    let mut busy = JoinSet::new();
    let mut deaths = Vec::new();
    for _ in 0..MAX_BATCHES {
        let mut next = std::pin::pin!(aws.batch(MAX_WAIT));
        let batch = loop {
            tokio::select! {
                biased;
                Some(invoked) = busy.join_next() => {
                    match invoked.unwrap() {
                        (Ended::Answered(_), executor) => free.push(executor),
                        (ended, _) => {
                            assert_eq!(ended, *end);
                            deaths.push(now());
                        }
                    }
                    if busy.is_empty() && aws.queue.depth() == QueueDepth::default() {
                        return deaths;
                    }
                }
                batch = &mut next => break batch,
            }
        };
        if batch.is_empty() {
            continue;
        }
        let (aws, executor) = (aws.clone(), free.pop());
        busy.spawn(async move {
            let mut executor = match executor {
                Some(executor) => executor,
                None => Executor::start(&aws).await,
            };
            let ended = executor.invoke(&batch, limit).await;
            aws.settle(&batch, &ended);
            (ended, executor)
        });
    }
    panic!("there are messages after {MAX_BATCHES} batches: {:?}", aws.queue.depth());
}

/// When the last attempt at a task was begun, and when it ended.
fn last_attempt(ended: &Ending) -> (Timestamp, Timestamp) {
    let first_chunk = ended
        .snapshot
        .tail
        .iter()
        .rfind(|entry| matches!(&entry.event, Event::Artifact(chunk) if !chunk.append));
    (first_chunk.unwrap().at, ended.snapshot.head.status_at)
}

/// A task with this text amid others. The others survive it: they run again once, at once, and side
/// by side.
async fn survive(poison: &str, limit: Duration, end: &Ended) {
    let aws = Arc::new(aws().await);
    let client = aws.client(GRACE);
    let mut innocents = Vec::new();
    for _ in 0..INNOCENTS {
        innocents.push(client.submit("m1", "work").await);
    }
    let killer = client.submit("m1", poison).await;
    let deaths = feed(&aws, limit, end).await;
    assert_eq!(deaths.len(), MAX_ATTEMPTS, "an attempt each");
    let ended = client.ended(&killer).await;
    assert_eq!(ended.state(), TaskState::Failed);
    assert_eq!(ended.message(), "gave up after 3 attempts: in 3 of them the process died");
    let mut again = Vec::new();
    for task in &innocents {
        let ended = client.ended(task).await;
        assert_eq!((ended.state(), ended.work().as_str()), (TaskState::Completed, WORK));
        assert!(ended.claims() <= 2, "{task}: {} claims", ended.claims());
        again.push(last_attempt(&ended));
    }
    let first_begin = again.iter().map(|(begin, _)| *begin).min().unwrap();
    let last_end = again.iter().map(|(_, end)| *end).max().unwrap();
    let (after, took) =
        (first_begin.saturating_since(deaths[0]), last_end.saturating_since(first_begin));
    println!("{INNOCENTS} mates of {poison:?}: again after {after:?}, all done {took:?} later");
    assert!(took < SIDE_BY_SIDE, "{took:?}");
    // No sweep runs here: SQS redelivered their own messages.
    assert!(after < LEASE + AFTER_LEASE + SIDE_BY_SIDE, "{after:?}");
}

#[tokio::test]
async fn a_task_that_ends_its_process_costs_the_others_one_attempt() {
    survive("abort", PATIENCE, &Ended::Died).await;
}

#[tokio::test]
async fn a_task_that_never_lets_go_of_its_process_costs_the_others_one_attempt() {
    survive("loop", Duration::from_secs(8), &Ended::TimedOut).await;
}

/// Feeds a process until no message is left. Returns its reports, batch by batch.
async fn feed_living(aws: &Aws, executor: &Executor) -> Vec<BTreeSet<String>> {
    let mut reports = Vec::new();
    for _ in 0..MAX_BATCHES {
        let batch = aws.batch(NOTHING_COMES).await;
        if batch.is_empty() {
            return reports;
        }
        let failures = executor.answer(&batch).await;
        reports.push(failures.clone());
        aws.settle(&batch, &Ended::Answered(failures));
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
