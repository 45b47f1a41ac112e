//! The functions as processes that are killed at random, against a receiver of pushes that fails,
//! hangs, resets and redirects at random. Each config gets each entry, in order, and nothing twice
//! without a reason (invariant I6).
//!
//! By default it is small. For more: `HOSTILE_TASKS=2000`, and `HOSTILE_SEED` for another course of
//! events.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

mod cloud;
mod load;
mod oracle;
mod receiver;
#[expect(dead_code, reason = "each test has use for a part of it")]
#[path = "../../../sqs-executor/tests/shared/mod.rs"]
mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_runtime::process_environment;
use tokio::time::{Instant, timeout};

use crate::cloud::{Cloud, Kills};
use crate::receiver::Receiver;
use crate::shared::killing::all_ended;
use crate::shared::{Aws, seeded};

const TASKS: usize = 200;
const SEED: u64 = 7;

/// How many tasks there are for each kill.
const TASKS_PER_KILL: usize = 20;

/// How long a signal may take before the sweep sends another. With the shortest claims it is how
/// long a kill holds up a task's pushes.
const GRACE: Duration = Duration::from_secs(5);

/// More than enough failures in a row for any receiver to come through.
const WAITS: &str = "1,1,1,1,2,2,2,2,3,3,3,3,5,5,5,5,8,8,8,8";

const VARIABLES: [(&str, &str); 11] = [
    ("AGENT", load::AGENTS),
    ("LOG_LEVEL", "warn"),
    ("MAX_ATTEMPTS", "20"),
    ("PUSH_ALLOW_HTTP", "true"),
    ("PUSH_ALLOW_LOCAL", "true"),
    ("PUSH_CLAIM_SECONDS", "6"),
    ("PUSH_SECRETS_KEY", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="),
    ("PUSH_TIMEOUT_SECONDS", "1"),
    ("PUSH_WAITS_SECONDS", WAITS),
    ("SIGNAL_GRACE_SECONDS", "5"),
    // Tasks that are over are not due.
    ("TASK_RETENTION_DAYS", "0"),
];

fn number(variable: &str, default: u64) -> u64 {
    process_environment(variable).map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_push_arrives_when_receivers_fail_and_processes_die() {
    let tasks = usize::try_from(number("HOSTILE_TASKS", TASKS as u64)).unwrap();
    let mut dice = seeded(number("HOSTILE_SEED", SEED));
    let aws = Arc::new(Aws::start(None, &VARIABLES).await);
    let client = aws.client(GRACE);
    let receiver = Arc::new(Receiver::start(dice.fork()).await);
    let kills = Kills::new(tasks / TASKS_PER_KILL, dice.fork());
    let begin = Instant::now();
    let cloud = Cloud { aws: aws.clone(), receiver: receiver.clone(), kills: kills.clone() };
    let mut running = cloud::run(&cloud);
    let work = async {
        let made = load::work(tasks, &aws, &client, &receiver, &mut dice).await;
        let made_in = begin.elapsed();
        all_ended(&client).await;
        (made, made_in)
    };
    let limit = Duration::from_mins(2) + Duration::from_millis(300) * u32::try_from(tasks).unwrap();
    let (made, made_in) = tokio::select! {
        done = timeout(limit, work) => done.expect("all is done some time"),
        Some(broken) = running.join_next() => panic!("{broken:?}"),
    };
    let took = begin.elapsed();
    running.shutdown().await;

    let (seen, kills) = (receiver.take(), kills.take());
    assert_eq!((seen.followed, &seen.others[..]), (0, &[][..]), "requests that are no pushes");
    let report = oracle::check(&client, &made, &seen, &kills).await;

    let (all, canceled) = (made.tasks.len(), made.canceled);
    println!("{all} tasks, {canceled} of them canceled, in {took:?}; all made in {made_in:?}");
    let (configs, entries, parcels) = (report.configs, report.entries, report.parcels);
    println!("{configs} configs were sent {entries} entries in {parcels} pushes");
    let posts = seen.arrivals.len() + seen.unread;
    let outcomes = report.outcomes.iter().map(|(outcome, count)| (outcome.name(), count));
    let outcomes: Vec<_> = outcomes.collect();
    println!("{posts} POSTs: {} reset unread, {outcomes:?}", seen.unread);
    let oracle::Report { by_receiver, by_kill_before, by_kill_after, .. } = report;
    let (latest_arrival, latest_kill) = (report.latest_arrival, report.latest_kill);
    println!(
        "sent again: {by_receiver} for what the receiver did, {by_kill_before} as the sender was \
         killed before the answer (at most {latest_arrival} ms before it was read), {by_kill_after} \
         as it was before it had noted the answer (at most {latest_kill} ms after it)"
    );
    let mut by_function: BTreeMap<_, usize> = BTreeMap::new();
    for kill in &kills {
        *by_function.entry(kill.function).or_default() += 1;
    }
    println!("{} kills: {by_function:?}", kills.len());

    let unexplained = &report.unexplained;
    assert!(unexplained.is_empty(), "{}: {}", unexplained.len(), unexplained.join("\n\n"));
    assert_eq!(made.tasks.len(), tasks);
    assert!(by_function.len() > 1, "nobody was killed to speak of");
}
