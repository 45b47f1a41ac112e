//! A queue, and a timer.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use a2a_lambda_core::{Clock, Company, Queue, Runner, Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tokio::sync::Notify;

use crate::INVOCATION;

/// A signal that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The signal.
    pub signal: Signal,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it arrives.
    pub at: Timestamp,
}

impl Sent {
    /// How long after it was sent it arrives.
    pub fn delay(&self) -> Duration {
        self.at.saturating_since(self.sent_at)
    }
}

/// A queue or a timer that keeps signals until the test takes them, or [runs
/// them](Self::are_run_by).
pub struct Signals {
    clock: Arc<dyn Clock>,
    start: Timestamp,
    state: Mutex<State>,
    came: Notify,
    runner: OnceLock<Runner>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sent>,
    is_down: bool,
    latency: Duration,
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signals").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Signals {
    /// The longest delay of a signal, as on SQS.
    pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let start = clock.now();
        let state = Mutex::default();
        Self { clock, start, state, came: Notify::new(), runner: OnceLock::new() }
    }

    /// From now on a signal is not kept: when it arrives, an invocation of this runner begins, as a
    /// task of the test's runtime. The runner's report is dropped. The first runner stays.
    pub fn are_run_by(&self, runner: Runner) {
        let _ = self.runner.set(runner);
    }

    /// From now on, sending takes this long.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// From now on, sending fails, or no longer does.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// Takes all signals, for any time.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state().sent)
    }

    /// Takes all signals: how long after this was made they arrive.
    pub fn take_times(&self) -> Vec<Duration> {
        self.take().iter().map(|sent| sent.at.saturating_since(self.start)).collect()
    }

    /// Takes the signals that arrive by this time.
    pub fn take_arrived(&self, by: Timestamp) -> Vec<Signal> {
        let mut state = self.state();
        let (arrived, rest) =
            std::mem::take(&mut state.sent).into_iter().partition(|sent: &Sent| sent.at <= by);
        state.sent = rest;
        Vec::into_iter(arrived).map(|sent: Sent| sent.signal).collect()
    }

    /// When the next signal arrives of those that are kept.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.state().sent.iter().map(|sent| sent.at).min()
    }

    /// Returns when a signal was sent since this was last called.
    pub async fn came(&self) {
        self.came.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn add(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        let sent_at = self.clock.now();
        let latency = self.state().latency;
        if !latency.is_zero() {
            self.clock.sleep(latency).await;
        }
        if self.state().is_down {
            return Err(SignalError("the test says so".into()));
        }
        if let Some(runner) = self.runner.get() {
            let (runner, key) = (runner.clone(), signal.key());
            tokio::spawn(async move {
                let clock = &runner.engine().clock;
                clock.sleep(at.saturating_since(clock.now())).await;
                let deadline = clock.now().saturating_add(INVOCATION);
                // A store that fails is the test's doing, and not for the runner to report.
                let _ = runner.attend(&key, deadline, Company::Alone).await;
            });
            return Ok(());
        }
        self.state().sent.push(Sent { signal: signal.clone(), sent_at, at });
        self.came.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Queue for Signals {
    fn longest_delay(&self) -> Duration {
        Self::LONGEST_DELAY
    }

    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        assert!(delay <= Self::LONGEST_DELAY, "{delay:?} is longer than a queue can wait");
        self.add(signal, self.clock.now().saturating_add(delay)).await
    }
}

#[async_trait]
impl Timer for Signals {
    async fn signal_at(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        self.add(signal, at).await
    }
}
