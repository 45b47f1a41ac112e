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

use a2a_lambda_core::{Entry, Event, TaskKey};
use a2a_lambda_protocol::{TaskState, Timestamp};
use a2a_lambda_runtime::process_environment;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::shared::killing::{Kill, SWEEP_EVERY, Seat, all_ended, kill_at_random, serve, sweep_on};
use crate::shared::{Aws, LEASE, WORK, percentile, seeded};

const TASKS: usize = 200;
const PROCESSES: u32 = 6;

/// How many tasks there are for each kill.
const TASKS_PER_KILL: usize = 12;

/// How long a signal may take before the sweep sends another.
const GRACE: Duration = Duration::from_secs(5);

/// How long a commit that a process had sent before it was killed can take to be made.
const IN_FLIGHT: Duration = Duration::from_secs(1);

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
        kill_at_random(&seats, to_kill, 1, seeded(40)).await;
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
