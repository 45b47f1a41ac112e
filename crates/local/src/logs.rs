//! Logs of a program on a developer's machine: lines on the standard error output, and few of a
//! kind. A full disk or a database that fails makes each function say so many times a second.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// How many warnings or errors of a kind are written in a while.
const MOST: u32 = 5;
const WHILE: Duration = Duration::from_secs(10);

/// Begins to log. Call it once.
pub fn init(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        // They would go there as well, and a panic would follow if that is closed.
        .log_internal_errors(false)
        .with_filter(Few::default());
    tracing_subscriber::registry().with(level).with(lines).init();
}

/// Lets through few warnings and errors of a kind: those from one place of the code.
#[derive(Debug, Default)]
struct Few(Mutex<HashMap<Identifier, Kind>>);

#[derive(Debug)]
struct Kind {
    since: Instant,
    written: u32,
    left_out: u32,
}

/// A decision about a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    LeaveOut,
    /// Write it, and before it that so many of its kind were left out.
    Write {
        after: u32,
    },
}

impl Kind {
    fn new(now: Instant) -> Self {
        Self { since: now, written: 0, left_out: 0 }
    }

    fn verdict(&mut self, now: Instant) -> Verdict {
        let mut after = 0;
        if now.duration_since(self.since) >= WHILE {
            after = self.left_out;
            *self = Self::new(now);
        }
        if self.written >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return Verdict::LeaveOut;
        }
        self.written += 1;
        Verdict::Write { after }
    }
}

impl<S: Subscriber> Filter<S> for Few {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::WARN {
            return true;
        }
        let now = Instant::now();
        let verdict = {
            let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kind = event.metadata().callsite();
            kinds.entry(kind).or_insert_with(|| Kind::new(now)).verdict(now)
        };
        let Verdict::Write { after } = verdict else { return false };
        if after > 0 {
            let text = "more lines like the next were left out";
            // There is nowhere to say that it failed.
            let _ = writeln!(io::stderr(), "{after} {text}");
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn few_of_a_kind_are_written_and_the_rest_is_counted() {
        let mut kind = Kind::new(Instant::now());
        let written = |kind: &mut Kind, count| {
            let verdicts = (0..count).map(|_| kind.verdict(Instant::now()));
            verdicts.filter(|verdict| *verdict == Verdict::Write { after: 0 }).count()
        };
        assert_eq!(written(&mut kind, 100), MOST as usize);
        tokio::time::advance(WHILE).await;
        assert_eq!(kind.verdict(Instant::now()), Verdict::Write { after: 100 - MOST });
        assert_eq!(written(&mut kind, 100), MOST as usize - 1);
        tokio::time::advance(WHILE).await;
        kind.verdict(Instant::now());
        tokio::time::advance(WHILE).await;
        assert_eq!(kind.verdict(Instant::now()), Verdict::Write { after: 0 });
    }
}
