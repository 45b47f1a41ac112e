//! What a deliverer knows of its task, and since when (invariant I14).
//!
//! A push config that is deleted or replaced must be silent once that is answered. So a deliverer
//! begins a push only by what it has known for less than [`Policy::push_view`], and the answer to a
//! delete waits for longer than that. The age counts from when a read or a commit *began*. Where
//! updates follow each other closely, each commit brings the task along, and no read is needed.
//!
//! [`Policy::push_view`]: crate::Policy::push_view

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tracing::debug;

use crate::engine::{Engine, chain};
use crate::head::Head;
use crate::ids::{LeaseToken, Registration, Revision, TaskKey};
use crate::store::{Depth, Snapshot};
use crate::webhook::Wanted;

/// How often the task is read for one push, where reads fail or take too long.
const READS: usize = 3;

/// What a deliverer knows of its task.
pub(super) struct View {
    token: LeaseToken,
    known: Mutex<Known>,
}

struct Known {
    revision: Revision,
    configs: Vec<Registration>,
    /// The end of the deliverer's claim, if it has one.
    claimed_until: Option<Timestamp>,
    /// When the read or the commit began that brought it; `None` if nobody knows.
    as_of: Option<Timestamp>,
    /// What was read for a push, and the delivery has not taken over.
    read: Option<Snapshot>,
}

impl View {
    pub(super) fn new(token: &LeaseToken, head: &Head, as_of: Option<Timestamp>) -> Self {
        let known = Known {
            revision: head.revision,
            configs: head.registrations().to_vec(),
            claimed_until: head.pushed_until(token),
            as_of,
            read: None,
        };
        Self { token: token.clone(), known: Mutex::new(known) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here panics while it holds the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of the task as it was at a time, or later.
    pub(super) fn see(&self, head: &Head, as_of: Option<Timestamp>) {
        let mut known = self.known();
        if head.revision > known.revision {
            known.revision = head.revision;
            known.configs = head.registrations().to_vec();
            known.claimed_until = head.pushed_until(&self.token);
            known.as_of = as_of;
        } else if head.revision == known.revision {
            known.as_of = known.as_of.max(as_of);
        }
    }

    /// What was read for a push since this was last called.
    pub(super) fn take_read(&self) -> Option<Snapshot> {
        self.known().read.take()
    }

    fn read(&self, snapshot: Snapshot, as_of: Timestamp) {
        self.see(&snapshot.head, Some(as_of));
        let mut known = self.known();
        if snapshot.head.revision >= known.revision {
            // What was known may be of a time that is still to come, if the clock was set back.
            known.as_of = Some(as_of);
        }
        known.read = Some(snapshot);
    }

    /// Whether a config may be pushed to, by what is known; `None` if that is too old.
    fn allows(
        &self,
        registration: &Registration,
        now: Timestamp,
        longest: Duration,
    ) -> Option<bool> {
        let known = self.known();
        // A clock that was set back says nothing of the age.
        let as_of = known.as_of.filter(|as_of| *as_of <= now)?;
        let is_young = now.saturating_since(as_of) < longest;
        let is_claimed = known.claimed_until.is_some_and(|until| until > now);
        is_young.then(|| is_claimed && known.configs.contains(registration))
    }
}

/// Whether a push to one config is still wanted.
pub(super) struct StillWanted<'a> {
    engine: &'a Engine,
    task: &'a TaskKey,
    registration: &'a Registration,
    view: Arc<View>,
    is_unknown: AtomicBool,
}

impl<'a> StillWanted<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        task: &'a TaskKey,
        registration: &'a Registration,
        view: Arc<View>,
    ) -> Self {
        Self { engine, task, registration, view, is_unknown: AtomicBool::new(false) }
    }

    /// Whether the push was only held back because the store did not tell in time.
    pub(super) fn is_unknown(&self) -> bool {
        self.is_unknown.load(Ordering::Relaxed)
    }

    fn allows(&self) -> Option<bool> {
        let longest = self.engine.policy.push_view;
        self.view.allows(self.registration, self.engine.clock.now(), longest)
    }
}

#[async_trait]
impl Wanted for StillWanted<'_> {
    async fn is_still_wanted(&self) -> bool {
        for _ in 0..READS {
            if let Some(allowed) = self.allows() {
                return allowed;
            }
            let as_of = self.engine.clock.now();
            match self.engine.store.read(self.task, Depth::Tail).await {
                Ok(Some(snapshot)) => self.view.read(snapshot, as_of),
                Ok(None) => return false,
                Err(error) => debug!(error = chain(&error), "not read before a push"),
            }
        }
        let allowed = self.allows();
        self.is_unknown.store(allowed.is_none(), Ordering::Relaxed);
        allowed.unwrap_or(false)
    }
}
