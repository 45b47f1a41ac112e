//! Hundreds of tasks, run by processes that are killed at random: none is lost, and none is run
//! twice at a time.
//!
//! By default it is small. For more: `KILLS_TASKS=2000`.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

#[expect(dead_code, reason = "each test has use for a part of it")]
mod shared;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_aws_emulator::queue::MAX_WAIT;
use a2a_lambda_core::store::DUE_SHARDS;
use a2a_lambda_core::{Entry, Event, Signal, TaskKey, sweep};
use a2a_lambda_protocol::{TaskState, Timestamp};
use a2a_lambda_runtime::process_environment;
use a2a_lambda_testing::Random;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::shared::{Aws, Client, Ended, Executor, LEASE, PATIENCE, WORK, now, percentile, seeded};

const TASKS: usize = 200;
const PROCESSES: u32 = 6;

/// How many tasks there are for each kill.
const TASKS_PER_KILL: usize = 12;

/// How long between kills, in milliseconds.
const KILL_EVERY: (u64, u64) = (200, 500);

/// How long a signal may take before the sweep sends another.
const GRACE: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The time until the queue redelivers every second message of a killed process: before its lease
/// expires. The others come when the process has said.
const TOO_EARLY: Duration = Duration::from_secs(3);

/// How long a commit that a process had sent before it was killed can take to be made.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// A process that was killed.
struct Kill {
    at: Timestamp,
    /// The tasks of the signals that it got.
    given: Vec<TaskKey>,
}

/// A place for a process: who is in it can be killed while it is busy.
#[derive(Default)]
struct Seat(Mutex<Option<oneshot::Sender<()>>>);

/// Keeps a place filled, and its process fed.
async fn serve(aws: Arc<Aws>, seat: Arc<Seat>, kills: Arc<Mutex<Vec<Kill>>>) {
    let mut executor = Executor::start(&aws).await;
    loop {
        let batch = aws.batch(MAX_WAIT).await;
        if batch.is_empty() {
            continue;
        }
        let (kill, killed) = oneshot::channel();
        *seat.0.lock().unwrap() = Some(kill);
        let ended = tokio::select! {
            biased;
            Ok(()) = killed => None,
            ended = executor.invoke(&batch, PATIENCE) => Some(ended),
        };
        *seat.0.lock().unwrap() = None;
        if let Some(ended) = ended {
            assert!(matches!(ended, Ended::Answered(_)), "it was not killed, but {ended:?}");
            aws.settle(&batch, &ended);
            continue;
        }
        let at = now();
        executor.0.kill().await;
        let task = |body: &str| serde_json::from_str::<Signal>(body).unwrap().key();
        let given = batch.iter().map(|message| task(&message.body)).collect();
        kills.lock().unwrap().push(Kill { at, given });
        for message in batch.iter().step_by(2) {
            // It may have been sent on and deleted.
            let _ = aws.queue.change_visibility(&message.receipt_handle, TOO_EARLY);
        }
        executor = Executor::start(&aws).await;
    }
}

/// Kills processes that are busy, one after the other.
async fn kill_at_random(seats: &[Arc<Seat>], number: usize, mut dice: Random) {
    let mut kills = 0;
    while kills < number {
        sleep(Duration::from_millis(dice.within(KILL_EVERY.0, KILL_EVERY.1 - 1))).await;
        let is_busy = |seat: &&Arc<Seat>| seat.0.lock().unwrap().is_some();
        let busy: Vec<_> = seats.iter().filter(is_busy).collect();
        if busy.is_empty() {
            continue;
        }
        let chosen = busy[dice.place(busy.len())].0.lock().unwrap().take();
        // It may have answered just now.
        if chosen.is_some_and(|kill| kill.send(()).is_ok()) {
            kills += 1;
        }
    }
}

/// Sweeps until it is dropped.
async fn sweep_on(client: &Client) {
    loop {
        sleep(SWEEP_EVERY).await;
        let swept = sweep(client.engine(), now().saturating_add(PATIENCE)).await;
        assert!(swept.errors.is_empty() && !swept.more, "{swept:?}");
    }
}

/// Waits until no task is open any more.
async fn all_ended(client: &Client) {
    let forever = Timestamp::from_millis(i64::MAX);
    let mut shard = 0;
    while shard < DUE_SHARDS {
        // Every unfinished task has a due time.
        if client.engine().store.due(shard, forever, None, 1).await.unwrap().is_empty() {
            shard += 1;
        } else {
            sleep(Duration::from_millis(250)).await;
        }
    }
}

/// An attempt in its log: from its first chunk, which restarts the artifact, to its last.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    from: Timestamp,
    to: Timestamp,
}

fn attempts(log: &[Entry]) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for entry in log {
        let Event::Artifact(chunk) = &entry.event else { continue };
        match attempts.last_mut() {
            Some(attempt) if chunk.append => attempt.to = entry.at,
            _ => {
                assert!(!chunk.append, "nothing is added to what nobody began");
                attempts.push(Attempt { from: entry.at, to: entry.at });
            }
        }
    }
    attempts
}

/// How long after their kills attempts were followed by another. Every attempt that was not the
/// last one must have been killed.
fn recoveries(key: &TaskKey, log: &[Entry], kills: &[&Kill]) -> Vec<Duration> {
    let attempts = attempts(log);
    let pairs = attempts.iter().zip(attempts.iter().skip(1));
    let times = pairs.map(|(lost, next)| {
        let killed = kills
            .iter()
            .find(|kill| kill.at.saturating_add(IN_FLIGHT) >= lost.to && kill.at <= next.from);
        let Some(killed) = killed else {
            panic!("{key}: {lost:?} was not killed, and is followed by {next:?}");
        };
        next.from.saturating_since(killed.at)
    });
    times.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_task_completes_with_a_whole_log_when_processes_die() {
    // Tasks that are over are kept for ever: they are not due.
    let kept = ("TASK_RETENTION_DAYS", "0");
    let aws = [("AGENT", "poison"), ("MAX_ATTEMPTS", "20"), ("LOG_LEVEL", "warn"), kept];
    let aws = Arc::new(Aws::start(None, &aws).await);
    let client = aws.client(GRACE);
    let mut tasks = Vec::new();
    let wanted = process_environment("KILLS_TASKS").map_or(TASKS, |it| it.parse().unwrap());
    let to_kill = wanted / TASKS_PER_KILL;
    for _ in 0..wanted {
        tasks.push(client.submit("m1", "work").await);
    }
    let begin = Instant::now();
    let kills = Arc::new(Mutex::new(Vec::new()));
    let seats: Vec<Arc<Seat>> = (0..PROCESSES).map(|_| Arc::default()).collect();
    let mut cloud = JoinSet::new();
    for seat in &seats {
        cloud.spawn(serve(aws.clone(), seat.clone(), kills.clone()));
    }
    let work = async {
        kill_at_random(&seats, to_kill, seeded(40)).await;
        all_ended(&client).await;
    };
    let limit =
        Duration::from_mins(2) + Duration::from_millis(300) * u32::try_from(wanted).unwrap();
    tokio::select! {
        done = timeout(limit, work) => done.expect("all tasks come to their end"),
        Some(broken) = cloud.join_next() => panic!("{broken:?}"),
        () = sweep_on(&client) => {}
    }
    let took = begin.elapsed();
    cloud.shutdown().await;

    let mut kills = std::mem::take(&mut *kills.lock().unwrap());
    kills.sort_by_key(|kill| kill.at);
    assert_eq!(kills.len(), to_kill);
    let mut recovered = Vec::new();
    let mut by_claims: BTreeMap<u64, usize> = BTreeMap::new();
    for key in &tasks {
        let ended = client.ended(key).await;
        assert_eq!((ended.state(), ended.work().as_str()), (TaskState::Completed, WORK), "{key}");
        let its_kills: Vec<_> = kills.iter().filter(|kill| kill.given.contains(key)).collect();
        let again = recoveries(key, &ended.snapshot.tail, &its_kills);
        // There may have been more: attempts that showed nothing before they were killed.
        let claims = ended.claims();
        assert!(again.len() < usize::try_from(claims).unwrap(), "{key}");
        assert!(claims <= its_kills.len() as u64 + 1, "{key}: {claims} claims, unasked for");
        *by_claims.entry(claims).or_default() += 1;
        recovered.extend(again);
    }
    let [min, p50, max] = [0, 50, 100].map(|percent| percentile(&recovered, percent));
    println!("{wanted} tasks and {to_kill} kills in {took:?}; tasks by claims: {by_claims:?}");
    println!("{} recovered: min {min:?}, p50 {p50:?}, max {max:?}", recovered.len());
    // The runners have found the killed tasks by then, and then run them one by one: a second each,
    // in all processes.
    let found = LEASE + GRACE + 2 * SWEEP_EVERY;
    let one_by_one = Duration::from_secs(recovered.len() as u64) / PROCESSES;
    assert!(max < found + 2 * one_by_one, "{max:?}");
}
