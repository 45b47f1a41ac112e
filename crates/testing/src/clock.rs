//! The clock of tests.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use a2a_lambda_core::Clock;
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tokio::sync::Notify;

/// How often a sleep of a [skipping](TestClock::skipping) clock lets others go first.
const TURNS_OF_OTHERS: usize = 1_000;

/// A clock that a test moves. It never asks the machine for the time.
#[derive(Debug)]
pub struct TestClock {
    start: Timestamp,
    moved_ms: AtomicI64,
    moved: Notify,
    way: Way,
}

/// The way in which time passes.
#[derive(Debug)]
enum Way {
    Tokio(tokio::time::Instant),
    ByHand,
    Skipping,
}

impl TestClock {
    /// The time at which a clock begins that is not told otherwise: a day in November 2023.
    pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    /// A clock that goes with tokio's time. Where that is paused, as in
    /// `#[tokio::test(start_paused = true)]`, the time jumps to the first of those who wait when all
    /// do. It must be made within the runtime.
    pub fn by_tokio() -> Self {
        Self::new(Way::Tokio(tokio::time::Instant::now()))
    }

    /// A clock that stands until it is [moved](Self::advance). A sleeper waits for that.
    pub fn by_hand() -> Self {
        Self::new(Way::ByHand)
    }

    /// A clock that only moves by sleeps and by the test: a sleep moves it at once. A sleep first
    /// lets all ready work continue, so that a time limit does not precede its work.
    pub fn skipping() -> Self {
        Self::new(Way::Skipping)
    }

    fn new(way: Way) -> Self {
        Self { start: Self::START, moved_ms: AtomicI64::new(0), moved: Notify::new(), way }
    }

    /// The same clock, which begins at this time.
    #[must_use]
    pub fn starting_at(self, start: Timestamp) -> Self {
        Self { start, ..self }
    }

    /// The time at which the clock began.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// How long the clock has gone.
    pub fn passed(&self) -> Duration {
        self.now().saturating_since(self.start)
    }

    /// Moves the clock forwards. A sleeper by tokio's time does not notice.
    pub fn advance(&self, time: Duration) {
        self.step(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    }

    /// Sets the clock forwards, or back.
    pub fn step(&self, millis: i64) {
        self.moved_ms.fetch_add(millis, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets the clock to this time.
    pub fn set(&self, now: Timestamp) {
        self.step(now.as_millis() - self.now().as_millis());
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = match &self.way {
            Way::Tokio(begin) => i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX),
            Way::ByHand | Way::Skipping => 0,
        };
        let moved = self.moved_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(self.start.as_millis() + passed + moved)
    }

    async fn sleep(&self, duration: Duration) {
        match &self.way {
            Way::Tokio(_) => {
                // Tokio rounds up to its own milliseconds, which may begin elsewhere than the
                // clock's. So the sleep is shorter, and ends with the clock's milliseconds.
                let whole = Duration::from_nanos(999_999);
                let millis = duration.saturating_add(whole).as_millis();
                let millis = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
                tokio::time::sleep(millis.saturating_sub(whole)).await;
            }
            Way::ByHand => {
                let until = self.now().saturating_add(duration);
                loop {
                    // It hears of moves from here on, before it reads the time.
                    let moved = self.moved.notified();
                    if self.now() >= until {
                        return;
                    }
                    moved.await;
                }
            }
            Way::Skipping => {
                for _ in 0..TURNS_OF_OTHERS {
                    tokio::task::yield_now().await;
                }
                self.advance(duration);
            }
        }
    }
}
