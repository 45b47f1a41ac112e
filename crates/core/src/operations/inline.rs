//! Inline execution: the agent runs in the invocation of the sender that waits for it.
//!
//! Lease, commits and recovery are those of a runner that a signal has woken. The signal is still
//! sent, for the time when the lease of a dead runner has ended. What is unfinished shortly before
//! the sender's time is over is handed to another invocation. Nothing runs after the answer.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use tracing::warn;

use super::Operations;
use crate::agent::Agents;
use crate::engine::{Engine, chain};
use crate::env::Clock;
use crate::head::Head;
use crate::push::{Beside, Seen};
use crate::run::{AFTER_LEASE, Attended, MIN_RUN, Runner};
use crate::store::Snapshot;

/// What is kept free of the sender's time for the last commit of a turn and for the answer.
const ANSWER_MARGIN: Duration = Duration::from_secs(1);

/// A task that is attended to while its sender waits.
pub(super) struct Work {
    attending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    seen: Seen,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("is_done", &self.attending.is_none()).finish_non_exhaustive()
    }
}

impl Operations {
    /// The same, but a sender that waits, or follows its message by a stream, has its agent run right
    /// here, as long as it waits. Pushes of such a task are left to stream recovery.
    #[must_use]
    pub fn inline(self, agents: Agents) -> Self {
        let inline = Some(Runner::new(self.engine.clone(), agents));
        Self { inline, ..self }
    }

    /// Who runs the agent of a sender that waits until then: `None` where there is not the time, or
    /// inline execution is off.
    pub(super) fn inline_until(&self, until: Timestamp) -> Option<(&Runner, Timestamp)> {
        let runner = self.inline.as_ref()?;
        let Engine { clock, policy, .. } = &self.engine;
        let needed = ANSWER_MARGIN + policy.stop_margin + MIN_RUN;
        let has_time = until.saturating_since(clock.now()) > needed;
        has_time.then_some((runner, until.saturating_sub(ANSWER_MARGIN)))
    }

    /// Carries out the signals of a message that was accepted. Where its agent is about to run inline,
    /// the signal is for a runner that takes over when this process has died.
    pub(super) async fn signal_accepted(&self, head: &Head, signals: &[Timestamp], inline: bool) {
        let net = self.engine.clock.now().saturating_add(self.engine.policy.lease + AFTER_LEASE);
        let signals = signals.iter().map(|at| if inline { (*at).max(net) } else { *at });
        self.engine.carry_out_or_leave(head, &signals.collect::<Vec<_>>()).await;
    }
}

impl Work {
    /// Begins to attend to a task that was accepted as this.
    pub(super) fn begin(runner: &Runner, accepted: Snapshot, deadline: Timestamp) -> Self {
        let (beside, seen) = Beside::sender();
        let runner = runner.clone();
        let attending = async move {
            let head = accepted.head.clone();
            let attended = runner.attend_for_sender(accepted, deadline, &beside).await;
            let is_left = match attended {
                Ok(attended) => matches!(attended, Attended::TooLate | Attended::Suspect),
                Err(error) => {
                    let (tenant, task, error) = (&head.key.tenant, &head.key.task, chain(&error));
                    warn!(event = "inline_failed", %tenant, %task, error,
                        "the runner of a waiting sender failed, and another takes the task over");
                    false
                }
            };
            if is_left {
                let now = [runner.engine().clock.now()];
                runner.engine().carry_out_or_leave(&head, &now).await;
            }
        };
        Self { attending: Some(Box::pin(attending)), seen }
    }

    /// Works until the runner shows the task anew. `None` when the runner is done and has shown
    /// everything.
    ///
    /// The future can be dropped at any time: the next one works on.
    pub(super) async fn news(&mut self) -> Option<Snapshot> {
        loop {
            tokio::select! {
                biased;
                () = working(&mut self.attending) => self.attending = None,
                changed = self.seen.changed() => {
                    changed.ok()?;
                    return self.seen.borrow_and_update().as_ref().map(|shown| shown.snapshot.clone());
                }
            }
        }
    }

    /// Works to the end, or for this long. Returns the task as it was shown last, if it was shown.
    pub(super) async fn end(&mut self, clock: &dyn Clock, longest: Duration) -> Option<Snapshot> {
        let mut newest = None;
        let mut over = clock.sleep(longest);
        loop {
            tokio::select! {
                biased;
                news = self.news() => match news {
                    Some(_) => newest = news,
                    None => return newest,
                },
                () = &mut over => return newest,
            }
        }
    }
}

async fn working(attending: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match attending {
        Some(attending) => attending.await,
        None => pending().await,
    }
}
