//! Inline execution: the agent runs in the invocation of the waiting sender.
//!
//! Lease, commits and recovery are the same as for a signaled runner. The commit that creates a task
//! claims it, too. The signal is sent only if the work takes longer than a moment: it arrives after
//! the lease of a runner that died has ended. The sweep finds a task without one. Shortly before the
//! sender's time ends, the runner hands unfinished work to another invocation. Nothing runs after
//! the answer.

use std::convert::Infallible;
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
use crate::ids::LeaseToken;
use crate::push::{Beside, Seen};
use crate::run::{AFTER_LEASE, Attended, MIN_RUN, Runner};
use crate::store::Snapshot;

/// The part of the sender's time that is reserved for a turn's last commit and the answer.
const ANSWER_MARGIN: Duration = Duration::from_secs(1);

/// How long the work may take before the signal is sent. Most tasks end by then, and need none.
const NET_AFTER: Duration = Duration::from_secs(1);

/// A runner at work on a task while its sender waits.
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
    /// The same operations with inline execution: the agent of a waiting or streaming sender runs
    /// in this process, as long as the sender waits. Stream recovery delivers the pushes of such a
    /// task.
    #[must_use]
    pub fn inline(self, agents: Agents) -> Self {
        let inline = Some(Runner::new(self.engine.clone(), agents));
        Self { inline, ..self }
    }

    /// The runner for a sender that waits until then, and the runner's deadline. `None` if there is
    /// too little time, or inline execution is off.
    pub(super) fn inline_until(&self, until: Timestamp) -> Option<(&Runner, Timestamp)> {
        let runner = self.inline.as_ref()?;
        let Engine { clock, policy, .. } = &self.engine;
        let needed = ANSWER_MARGIN + policy.stop_margin + MIN_RUN;
        let has_time = until.saturating_since(clock.now()) > needed;
        has_time.then_some((runner, until.saturating_sub(ANSWER_MARGIN)))
    }

    /// Carries out the signals of an accepted message. If its agent is about to run inline, its
    /// [`Work`] sends them.
    pub(super) async fn signal_accepted(&self, head: &Head, signals: &[Timestamp], inline: bool) {
        if !inline {
            self.engine.carry_out_or_leave(head, signals).await;
        }
    }
}

impl Work {
    /// Begins to run an accepted task. `lease`: the runner holds the task already.
    pub(super) fn begin(
        runner: &Runner,
        accepted: Snapshot,
        lease: Option<LeaseToken>,
        deadline: Timestamp,
    ) -> Self {
        let runner = runner.clone();
        let (beside, seen) = Beside::sender(accepted.clone(), runner.engine().clock.now());
        let attending = async move {
            let head = accepted.head.clone();
            let engine = runner.engine();
            let net = [engine.clock.now().saturating_add(engine.policy.lease + AFTER_LEASE)];
            let late = async {
                engine.clock.sleep(NET_AFTER).await;
                engine.carry_out_or_leave(&head, &net).await;
                pending::<Infallible>().await
            };
            let attended = tokio::select! {
                biased;
                attended = runner.attend_for_sender(accepted, lease, deadline, &beside) => attended,
                never = late => match never {},
            };
            match attended {
                Ok(Attended::TooLate | Attended::Suspect) => {
                    engine.carry_out_or_leave(&head, &[engine.clock.now()]).await;
                }
                Ok(_) => {}
                Err(error) => {
                    let (tenant, task, error) = (&head.key.tenant, &head.key.task, chain(&error));
                    warn!(event = "inline_failed", %tenant, %task, error,
                        "the runner of a waiting sender failed, and another takes the task over");
                    engine.carry_out_or_leave(&head, &net).await;
                }
            }
        };
        Self { attending: Some(Box::pin(attending)), seen }
    }

    /// Works until the runner shows a new state of the task. `None` when the runner is done and has
    /// shown everything.
    ///
    /// The future can be dropped at any time: the next call continues the work.
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

    /// Works to the end, or for at most `longest`. Returns the state that the runner showed last,
    /// if any.
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
