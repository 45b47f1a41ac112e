//! One run of a plan: operations and faults, then healing, then the end of every accepted task.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use a2a_lambda_core::MemoryStore;
use tokio::task::JoinSet;

use crate::client;
use crate::functions::{die_at_intervals, execute, sweep_at_intervals};
use crate::ground::{Store, Stores};
use crate::journal::Tally;
use crate::oracle::Violation;
use crate::panics::quietly;
use crate::plan::Plan;
use crate::weather::Weather;
use crate::world::{Setup, World};
use a2a_lambda_testing::Random;

/// The most time from the world's healing to the end of all accepted tasks. The longest scripts
/// park for an hour in all.
const SETTLES_WITHIN: Duration = Duration::from_hours(4);

/// The most time after that until each push is acknowledged or given up. Receivers ask for at most
/// a day, up to twelve times.
const PUSHED_WITHIN: Duration = Duration::from_hours(14 * 24);

/// How long the run continues after that: late signals must change nothing.
const AFTERMATH: Duration = Duration::from_mins(2);

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first violation.
    pub violation: Option<Violation>,
    /// The counts of the run.
    pub tally: Tally,
    /// How long tasks waited from their runner's death to the next runner, in milliseconds.
    pub recovered_ms: Vec<u64>,
    /// The run's events, if the setup asks for them.
    pub journal: Vec<String>,
}

/// Runs a plan on the memory store.
pub fn run(plan: &Plan, setup: Setup) -> Report {
    run_on(plan, setup, async |_| {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        Stores { truth: store.clone(), shown: store }
    })
}

/// Runs a plan on the store that `make` creates.
pub fn run_on<F>(plan: &Plan, setup: Setup, make: impl FnOnce(Weather) -> F) -> Report
where
    F: Future<Output = Stores>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap_or_else(|error| unreachable!("a runtime without threads or sockets: {error}"));
    quietly(|| {
        let report = runtime.block_on(async {
            let weather = Weather::new(plan);
            let stores = make(weather.clone()).await;
            carry_out(World::new(plan, setup, stores, weather), plan).await
        });
        // This ends the actors that are still running, without a panic.
        drop(runtime);
        report
    })
}

async fn carry_out(world: World, plan: &Plan) -> Report {
    let world = Arc::new(world);
    let mut actors = JoinSet::new();
    let count = Arc::new(AtomicU32::new(0));
    for _ in 0..plan.settings.executors.max(1) {
        actors.spawn(execute(world.clone(), count.clone()));
    }
    actors.spawn(sweep_at_intervals(world.clone()));
    actors.spawn(die_at_intervals(world.clone()));
    tokio::select! {
        biased;
        () = world.violated.notified() => {}
        () = all(plan, &world) => {}
    }
    actors.shutdown().await;
    let violation = world.take_violation();
    let journal = world.take_journal();
    let (tally, recovered_ms) = (journal.tally, world.take_recovered());
    Report { violation, tally, recovered_ms, journal: journal.into_lines() }
}

async fn all(plan: &Plan, world: &Arc<World>) {
    let mut clients = JoinSet::new();
    for op in &plan.ops {
        clients.spawn(client::perform(world.clone(), op.clone()));
    }
    while clients.join_next().await.is_some() {}
    let mut rng = Random::derive(plan.seed, "heal");
    tokio::time::sleep(Duration::from_millis(rng.within(0, 30_000))).await;
    world.heal();
    let settled = async {
        while !world.is_settled() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let pushed = async {
        while let Some(next_ms) = world.next_push_ms() {
            let pause = next_ms.saturating_sub(world.now_ms()).max(1_000);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    };
    if tokio::time::timeout(SETTLES_WITHIN, settled).await.is_ok()
        && tokio::time::timeout(PUSHED_WITHIN, pushed).await.is_ok()
    {
        tokio::time::sleep(AFTERMATH).await;
    }
    world.judge_end();
}
