//! Agents whose processes are killed at random: what a durable step has recorded is not done again.
//!
//! By default it is small. For more: `EFFECTS_TASKS=300`.

#![allow(clippy::unwrap_used)] // In a helper, too, a panic is a test that fails.

#[expect(dead_code, reason = "each test has use for a part of it")]
mod shared;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_agents::LEDGER_STEPS;
use a2a_lambda_protocol::TaskState;
use a2a_lambda_runtime::process_environment;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::shared::killing::{Kill, Seat, all_ended, kill_at_random, serve, sweep_on};
use crate::shared::{Aws, now, seeded};

const TASKS: usize = 40;
const PROCESSES: u32 = 6;

/// How many processes are busy when one is killed. The last tasks would never end if each process were
/// killed at once.
const FEWEST_BUSY: usize = 3;

/// How long a signal may take before the sweep sends another.
const GRACE: Duration = Duration::from_secs(5);

/// The ledger's counts for one kind of agent.
#[derive(Debug, Default, PartialEq)]
struct Told {
    /// Effects of a step that was recorded before.
    after_record: usize,
    /// Effects of an at-least-once step beside its first.
    repeated: usize,
    /// Effects of an at-most-once step beside its first.
    once_repeated: usize,
    /// How often an agent was told that an at-most-once step was interrupted.
    unknown: usize,
    /// How many steps there are.
    steps: usize,
}

fn told(ledger: &str) -> Told {
    let mut told = Told::default();
    let mut steps: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for line in ledger.lines() {
        let (step, what) = line.rsplit_once(' ').unwrap();
        let (effects, is_recorded) = steps.entry(step).or_default();
        match what {
            "recorded" => *is_recorded = true,
            "unknown" => told.unknown += 1,
            _ => {
                told.after_record += usize::from(*is_recorded);
                let again = usize::from(*effects > 0);
                *effects += 1;
                if what == "once" { told.once_repeated += again } else { told.repeated += again }
            }
        }
    }
    told.steps = steps.len();
    told
}

/// Runs tasks of the ledger agent while processes are killed. Returns its ledger, and the kills that
/// each task has seen in all.
async fn run(how: &str, wanted: usize) -> (Told, usize) {
    let kept = ("TASK_RETENTION_DAYS", "0");
    let aws = [("AGENT", "ledger"), ("MAX_ATTEMPTS", "50"), ("LOG_LEVEL", "warn"), kept];
    let aws = Arc::new(Aws::start(None, &aws).await);
    let client = aws.client(GRACE);
    let folder = std::env::temp_dir().join(format!("ledger-{how}-{}", std::process::id()));
    let path = folder.to_str().unwrap();
    let _ = std::fs::remove_file(path);
    let mut tasks = Vec::new();
    for _ in 0..wanted {
        tasks.push(client.submit("m1", &format!("{how} {path}")).await);
    }
    let kills = Arc::new(Mutex::new(Vec::new()));
    let seats: Vec<Arc<Seat>> = (0..PROCESSES).map(|_| Arc::default()).collect();
    let mut cloud = JoinSet::new();
    for seat in &seats {
        cloud.spawn(serve(aws.clone(), seat.clone(), kills.clone()));
    }
    let work = async {
        tokio::select! {
            () = all_ended(&client) => {}
            () = kill_at_random(&seats, usize::MAX, FEWEST_BUSY, seeded(41)) => {}
        }
    };
    let began = now();
    let limit =
        Duration::from_mins(2) + Duration::from_millis(600) * u32::try_from(wanted).unwrap();
    tokio::select! {
        done = timeout(limit, work) => done.unwrap(),
        Some(broken) = cloud.join_next() => panic!("{broken:?}"),
        () = sweep_on(&client) => {}
    }
    let lasted = now().saturating_since(began);
    cloud.shutdown().await;
    for key in &tasks {
        assert_eq!(client.ended(key).await.state(), TaskState::Completed, "{key}");
    }
    let ledger = std::fs::read_to_string(path).unwrap();
    std::fs::remove_file(path).unwrap();
    let told = told(&ledger);
    assert_eq!(told.steps, usize::try_from(LEDGER_STEPS).unwrap() * wanted, "of each task");
    let kills = kills.lock().unwrap();
    let seen = kills.iter().map(|kill| kill.given.len()).sum();
    let since = |kill: &Kill| kill.at.saturating_since(began);
    println!(
        "{how}: {wanted} tasks in {lasted:.1?}; {} kills, from {:.1?} to {:.1?}; {seen} times a task \
         lost its process: {told:?}",
        kills.len(),
        kills.first().map(since),
        kills.last().map(since),
    );
    (told, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_is_not_done_again_when_processes_die() {
    let wanted = process_environment("EFFECTS_TASKS").map_or(TASKS, |it| it.parse().unwrap());
    let (durable, killed) = run("durable", wanted).await;
    let Told { after_record, once_repeated, .. } = durable;
    assert_eq!((after_record, once_repeated), (0, 0));
    assert!(durable.repeated <= killed, "at most one step of a task at each kill");
    assert!(killed > 0, "nothing was killed");
    let (plain, _) = run("plain", wanted).await;
    assert!(plain.repeated > durable.repeated, "without steps the whole turn is done again");
}
