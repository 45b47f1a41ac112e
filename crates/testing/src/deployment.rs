//! The deployment behind a [`Bed`](crate::Bed)'s agent: arriving signals start invocations of
//! runners, a sweep runs each minute, and time passes.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{
    Agents, Attended, Clock as _, Company, Queue as _, Runner, Signal, TaskKey, TaskStore as _,
    sweep,
};
use a2a_lambda_protocol::Timestamp;
use tokio::task::{JoinError, JoinSet};

use crate::gate::said;
use crate::{Call, Doubles, Fault, FaultyStore, Hold, TaskView};

/// How long the signal of a failed invocation stays hidden.
const HIDDEN: Duration = Duration::from_secs(30);

/// How often the sweep comes, and how long its invocations last.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How often other invocations may continue at one time before the deployment gives up: far more
/// often than any work needs.
const TURNS_OF_OTHERS: usize = 10_000;

/// A later time than any.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// The deployment.
pub(crate) struct Deployment {
    pub(crate) doubles: Doubles,
    pub(crate) agents: Agents,
    invocation: Duration,
    settles_within: Duration,
    processes: tokio::sync::Mutex<Processes>,
    crashing: Arc<Mutex<Crashing>>,
}

/// The invocations that are under way.
#[derive(Default)]
struct Processes {
    set: JoinSet<Ended>,
    /// How many runners are at each task.
    at: BTreeMap<TaskKey, usize>,
    /// When the last sweep began.
    swept_at: Option<Timestamp>,
}

/// The end of an invocation.
enum Ended {
    Swept,
    /// A runner's invocation, and whether its signal is redelivered.
    Ran(Signal, bool),
}

/// Until when the deployment goes on.
#[derive(Clone, Copy)]
pub(crate) enum Done<'k> {
    /// This task does nothing more by itself, and no runner works on it.
    Quiet(&'k TaskKey),
    /// Nobody is at this task.
    NobodyIsAt(&'k TaskKey),
    /// It is this time.
    At(Timestamp),
    /// For ever.
    Never,
}

/// A crash that is wanted, and the steps of runners.
#[derive(Debug, Default)]
struct Crashing {
    steps: Vec<String>,
    wanted: Option<Wanted>,
    has_crashed: bool,
}

#[derive(Debug)]
struct Wanted {
    /// How many steps are left, the one of the crash included.
    steps: usize,
    after: bool,
}

impl Crashing {
    /// Records a step, and decides the fate of its runner.
    fn step(&mut self, step: String, hold: Hold) -> Option<Fault> {
        self.steps.push(step);
        let wanted = self.wanted.as_mut()?;
        wanted.steps -= 1;
        if wanted.steps > 0 {
            return None;
        }
        let after = wanted.after;
        self.wanted = None;
        self.has_crashed = true;
        Some(if after { Fault::HoldAnswer(hold) } else { Fault::HoldRequest(hold) })
    }
}

/// A runner's step in words; `None` if it only reads, or is only about pushes.
fn step_of(call: Call<'_>) -> Option<String> {
    if let Some(record) = call.step {
        return Some(format!("record {}: {}", record.name, record.state.name()));
    }
    let (before, change) = call.commit?;
    let is_about_the_task = !change.entries().is_empty() || before.phase != change.head().phase;
    is_about_the_task.then(|| said(change))
}

impl Deployment {
    pub(crate) fn new(
        doubles: Doubles,
        agents: Agents,
        invocation: Duration,
        settles_within: Duration,
    ) -> Self {
        Self {
            doubles,
            agents,
            invocation,
            settles_within,
            processes: tokio::sync::Mutex::default(),
            crashing: Arc::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.doubles.clock.now()
    }

    fn crashing(&self) -> MutexGuard<'_, Crashing> {
        self.crashing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn crash_at(&self, step: usize, after: bool) {
        assert!(step > 0, "the first step is 1");
        let crashing = &mut *self.crashing();
        crashing.wanted = Some(Wanted { steps: step, after });
        crashing.has_crashed = false;
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.crashing().has_crashed
    }

    pub(crate) fn steps(&self) -> Vec<String> {
        self.crashing().steps.clone()
    }

    /// The task as it is stored.
    pub(crate) async fn view(&self, key: &TaskKey) -> TaskView {
        match self.doubles.memory.read(key, Depth::Full).await {
            Ok(Some(snapshot)) => TaskView::new(snapshot, self.doubles.clock.start(), self.now()),
            other => panic!("the task {key} is not there any more: {other:?}"),
        }
    }

    /// Lets the deployment go on while something else is done.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            done = &mut work => done,
            () = self.go_on(Done::Never) => unreachable!("it goes on for ever"),
        }
    }

    /// Lets the deployment go on. Invocations that still run when this returns, or is dropped, stay
    /// so.
    pub(crate) async fn go_on(&self, done: Done<'_>) {
        let processes = &mut *self.processes.lock().await;
        let late = self.now().saturating_add(self.settles_within);
        loop {
            while let Some(ended) = processes.set.try_join_next() {
                self.ended(processes, ended).await;
            }
            let now = self.now();
            let mut arrived = self.doubles.queue.take_arrived(now);
            arrived.extend(self.doubles.timer.take_arrived(now));
            for signal in arrived {
                self.begin(processes, signal);
            }
            let sweep_at = self.sweep_at(processes).await;
            if sweep_at.is_some_and(|at| at <= now) {
                self.begin_sweep(processes);
                continue;
            }
            let until = match done {
                Done::Quiet(key) | Done::NobodyIsAt(key) => {
                    let is_quiet = match done {
                        Done::Quiet(key) => self.view(key).await.is_quiet(),
                        _ => true,
                    };
                    if is_quiet && !processes.at.contains_key(key) {
                        return;
                    }
                    if now >= late {
                        let view = self.view(key).await;
                        panic!("the task is not settled after {:?}\n{view}", self.settles_within);
                    }
                    late
                }
                Done::At(until) if until <= now => {
                    for _ in 0..TURNS_OF_OTHERS {
                        tokio::task::yield_now().await;
                    }
                    match processes.set.try_join_next() {
                        Some(ended) => self.ended(processes, ended).await,
                        None if self.next_signal().is_some_and(|at| at <= now) => {}
                        None => return,
                    }
                    continue;
                }
                Done::At(until) => until,
                Done::Never => NEVER,
            };
            let next = self.next_signal().into_iter().chain(sweep_at).fold(until, Timestamp::min);
            tokio::select! {
                biased;
                Some(ended) = processes.set.join_next() => self.ended(processes, ended).await,
                () = self.doubles.queue.came() => {}
                () = self.doubles.timer.came() => {}
                () = self.until(next) => {}
            }
        }
    }

    /// When the next signal arrives.
    fn next_signal(&self) -> Option<Timestamp> {
        let signals = [self.doubles.queue.next_at(), self.doubles.timer.next_at()];
        signals.into_iter().flatten().min()
    }

    async fn until(&self, time: Timestamp) {
        if time == NEVER {
            std::future::pending::<()>().await;
        }
        self.doubles.clock.sleep(time.saturating_since(self.now())).await;
    }

    async fn ended(&self, processes: &mut Processes, ended: Result<Ended, JoinError>) {
        let (signal, comes_again) = match ended {
            Ok(Ended::Swept) => return,
            Ok(Ended::Ran(signal, comes_again)) => (signal, comes_again),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => panic!("an invocation was called off: {error}"),
            },
        };
        let key = signal.key();
        let left = processes.at.get(&key).map_or(0, |runners| runners - 1);
        if left == 0 {
            processes.at.remove(&key);
        } else {
            processes.at.insert(key, left);
        }
        if comes_again && let Err(error) = self.doubles.queue.send(&signal, HIDDEN).await {
            panic!("the queue of a bed fails: {error}");
        }
    }

    /// Begins an invocation of a runner. It ends at any point if it must crash.
    fn begin(&self, processes: &mut Processes, signal: Signal) {
        let hold = Hold::new();
        let store = Arc::new(FaultyStore::new(self.doubles.store.clone()));
        let crashing = self.crashing.clone();
        store.plan(move |call| {
            let step = step_of(call)?;
            crashing.lock().unwrap_or_else(PoisonError::into_inner).step(step, hold)
        });
        let engine = self.doubles.engine.clone().over(store);
        let runner = Runner::new(engine, self.agents.clone());
        let deadline = self.now().saturating_add(self.invocation);
        *processes.at.entry(signal.key()).or_default() += 1;
        processes.set.spawn(async move {
            let key = signal.key();
            let comes_again = tokio::select! {
                biased;
                () = hold.reached() => false,
                attended = Box::pin(runner.attend(&key, deadline, Company::Alone)) => {
                    matches!(attended, Err(_) | Ok(Attended::TooLate))
                }
            };
            Ended::Ran(signal, comes_again)
        });
    }

    fn begin_sweep(&self, processes: &mut Processes) {
        let now = self.now();
        processes.swept_at = Some(now);
        let engine = self.doubles.healthy();
        processes.set.spawn(async move {
            sweep(&engine, now.saturating_add(SWEEP_EVERY)).await;
            Ended::Swept
        });
    }

    /// When the next sweep comes that finds something: at a whole minute since the beginning.
    async fn sweep_at(&self, processes: &Processes) -> Option<Timestamp> {
        let mut first: Option<Timestamp> = None;
        for shard in self.doubles.memory.due_shards().all() {
            let found = self.doubles.memory.due(shard, NEVER, None, 1).await.unwrap_or_default();
            let due = found.first().map(|task| task.due);
            first = first.into_iter().chain(due).min();
        }
        let swept_at = processes.swept_at.map(|at| at.saturating_add(SWEEP_EVERY));
        let earliest = first?.max(swept_at.unwrap_or(self.doubles.clock.start()));
        let since = earliest.saturating_since(self.doubles.clock.start());
        let minutes = since.as_millis().div_ceil(SWEEP_EVERY.as_millis());
        let whole = u64::try_from(minutes).unwrap_or(u64::MAX).saturating_mul(60_000);
        Some(self.doubles.clock.start().saturating_add(Duration::from_millis(whole)))
    }
}
