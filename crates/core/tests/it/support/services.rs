//! Time, ids, queue and timer.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use a2a_lambda_core::env::MAX_QUEUE_DELAY;
use a2a_lambda_core::{Clock, Ids, Queue, Signal, SignalError, Timer};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;

/// Tokio's paused time as a [`Clock`], which can be set forwards or back beside it.
#[derive(Debug)]
pub(crate) struct TestClock {
    start: tokio::time::Instant,
    step_ms: AtomicI64,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        Self { start: tokio::time::Instant::now(), step_ms: AtomicI64::new(0) }
    }

    /// The moment at which each test begins.
    pub(crate) fn epoch() -> Timestamp {
        Timestamp::from_millis(1_000_000_000_000)
    }

    /// Sets the clock, without any time passing.
    pub(crate) fn step(&self, millis: i64) {
        self.step_ms.fetch_add(millis, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.start.elapsed().as_millis()).unwrap();
        let step = self.step_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(Self::epoch().as_millis() + passed + step)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// `id-1`, `id-2`, …
#[derive(Debug, Default)]
pub(crate) struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn fresh(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// A queue or a timer that keeps what it is given until the test takes it.
#[derive(Debug)]
pub(crate) struct SentSignals {
    sent: Mutex<Vec<(Signal, Timestamp)>>,
    down: AtomicBool,
    latency: Mutex<Duration>,
    clock: Arc<TestClock>,
}

impl SentSignals {
    pub(crate) fn new(clock: Arc<TestClock>) -> Self {
        Self {
            sent: Mutex::default(),
            down: AtomicBool::new(false),
            latency: Mutex::default(),
            clock,
        }
    }

    /// From now on, sending takes this long.
    pub(crate) fn set_latency(&self, latency: Duration) {
        *self.latency.lock().unwrap() = latency;
    }

    /// From now on, sending fails, or no longer does.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Takes all signals, whenever they are to arrive: how long after the test's begin they do.
    pub(crate) fn take(&self) -> Vec<Duration> {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap());
        sent.into_iter().map(|(_, at)| at.saturating_since(TestClock::epoch())).collect()
    }

    /// Takes the signals that arrive by now.
    pub(crate) fn take_arrived(&self, now: Timestamp) -> Vec<Signal> {
        let mut sent = self.sent.lock().unwrap();
        let (arrived, rest) = std::mem::take(&mut *sent).into_iter().partition(|s| s.1 <= now);
        *sent = rest;
        Vec::into_iter(arrived).map(|(signal, _)| signal).collect()
    }

    fn add(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(SignalError("it is down".into()));
        }
        self.sent.lock().unwrap().push((signal.clone(), at));
        Ok(())
    }
}

#[async_trait]
impl Queue for SentSignals {
    async fn send(&self, signal: &Signal, delay: Duration) -> Result<(), SignalError> {
        assert!(delay <= MAX_QUEUE_DELAY, "{delay:?} is longer than a queue can wait");
        let at = self.clock.now().saturating_add(delay);
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        self.add(signal, at)
    }
}

#[async_trait]
impl Timer for SentSignals {
    async fn signal_at(&self, signal: &Signal, at: Timestamp) -> Result<(), SignalError> {
        self.add(signal, at)
    }
}
