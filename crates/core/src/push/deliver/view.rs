//! What a deliverer knows of its task, and since when (invariant I14).
//!
//! A push config that is deleted or replaced must be silent once that is answered. So a deliverer
//! begins a push only by what it has known for less than [`Policy::push_view`], and the answer to a
//! delete waits for longer than that. The age counts from when a read or a commit *began*. Where
//! updates follow each other closely, each commit brings the task along, and no read is needed.
//!
//! Where the store takes longer to answer than that, no read would ever be young enough. Then the
//! deliverer claims the task's pushes with a wider view, up to [`MAX_PUSH_VIEW`]. Whoever deletes a
//! config commits on top of that claim, and so knows of it, and waits for longer.
//!
//! [`MAX_PUSH_VIEW`]: crate::head::MAX_PUSH_VIEW
//! [`Policy::push_view`]: crate::Policy::push_view

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use tracing::debug;

use crate::engine::{Engine, chain};
use crate::head::Head;
use crate::ids::{ClaimToken, Incarnation, Registration, Revision, TaskKey};
use crate::policy::{Policy, Retention};
use crate::push::Wanted;
use crate::store::{Depth, Snapshot};

/// How often the task is read for one push, where reads fail.
const READS: usize = 3;

/// How often the task is read for one push, where reads take too long.
const LATE_READS: usize = 2;

/// What a deliverer knows of its task.
pub(super) struct View {
    token: ClaimToken,
    incarnation: Option<Incarnation>,
    retention: Option<Retention>,
    known: Mutex<Known>,
}

struct Known {
    /// Whether the task is there no more.
    is_lost: bool,
    /// When the task expires, if that is known.
    expires_at: Option<Timestamp>,
    revision: Revision,
    configs: Vec<Registration>,
    /// The end of the deliverer's claim, if it has one.
    claimed_until: Option<Timestamp>,
    /// How old it may be when a push is begun: at least this much, where the claim has it.
    longest: Duration,
    /// When the read or the commit began that brought it; `None` if nobody knows.
    as_of: Option<Timestamp>,
    /// What was read for a push, and the delivery has not taken over.
    read: Option<Snapshot>,
}

impl View {
    pub(super) fn new(
        token: &ClaimToken,
        head: &Head,
        as_of: Option<Timestamp>,
        retention: Option<Retention>,
    ) -> Self {
        let known = Known {
            is_lost: false,
            expires_at: head.expires_at(retention.as_ref()),
            revision: head.revision,
            configs: head.registrations().to_vec(),
            claimed_until: head.pushed_until(token),
            longest: head.push_view(Duration::ZERO).unwrap_or_default(),
            as_of,
            read: None,
        };
        let incarnation = head.incarnation.clone();
        Self { token: token.clone(), incarnation, retention, known: Mutex::new(known) }
    }

    /// Takes note that the task is there no more.
    pub(super) fn lose(&self) {
        self.known().is_lost = true;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.known().is_lost
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
            known.expires_at = head.expires_at(self.retention.as_ref());
            known.configs = head.registrations().to_vec();
            known.claimed_until = head.pushed_until(&self.token);
            known.longest = head.push_view(Duration::ZERO).unwrap_or_default();
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
        if snapshot.head.incarnation != self.incarnation {
            return self.lose();
        }
        self.see(&snapshot.head, Some(as_of));
        let mut known = self.known();
        if snapshot.head.revision >= known.revision {
            // What was known may be of a time that is still to come, if the clock was set back.
            known.as_of = Some(as_of);
        }
        known.read = Some(snapshot);
    }

    /// Whether a config may be pushed to, by what is known; `None` if that is too old.
    fn allows(&self, registration: &Registration, now: Timestamp, policy: &Policy) -> Option<bool> {
        let known = self.known();
        if known.is_lost || known.expires_at.is_some_and(|at| at <= now) {
            return Some(false);
        }
        // A clock that was set back says nothing of the age.
        let as_of = known.as_of.filter(|as_of| *as_of <= now)?;
        let is_young = now.saturating_since(as_of) < known.longest.max(policy.push_view);
        // Who takes the claim over may have a clock that is ahead, and have a narrower view.
        let taken_from = now.saturating_add(policy.clock_skew);
        let is_claimed = known.claimed_until.is_some_and(|until| until > taken_from);
        is_young.then(|| is_claimed && known.configs.contains(registration))
    }
}

/// Why nobody could tell whether a push is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The store failed.
    NotRead,
    /// The store told, and took this long.
    Late(Duration),
}

/// Whether a push to one config is still wanted.
pub(super) struct StillWanted<'a> {
    engine: &'a Engine,
    task: &'a TaskKey,
    registration: &'a Registration,
    view: Arc<View>,
    unknown: Mutex<Option<Unknown>>,
    /// When the read began that is under way.
    asked: Mutex<Option<Timestamp>>,
}

impl<'a> StillWanted<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        task: &'a TaskKey,
        registration: &'a Registration,
        view: Arc<View>,
    ) -> Self {
        Self {
            engine,
            task,
            registration,
            view,
            unknown: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Why the push was held back, if only because the store did not tell in time.
    pub(super) fn unknown(&self) -> Option<Unknown> {
        *self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long the store has been asked without an answer, if it is being asked.
    pub(super) fn asks_for(&self) -> Option<Duration> {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.map(|asked| self.engine.clock.now().saturating_since(asked))
    }

    fn set_asked(&self, at: Option<Timestamp>) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn allows(&self) -> Option<bool> {
        self.view.allows(self.registration, self.engine.clock.now(), &self.engine.policy)
    }

    /// Reads the task until it tells. A store that answers late is asked once more: another late
    /// answer would only add to its load.
    async fn tell(&self) -> Result<bool, Unknown> {
        let mut late = Vec::new();
        for _ in 0..READS {
            if let Some(allowed) = self.allows() {
                return Ok(allowed);
            }
            if late.len() >= LATE_READS {
                break;
            }
            let as_of = self.engine.clock.now();
            self.set_asked(Some(as_of));
            let read = self.engine.look(self.task, Depth::Tail).await;
            self.set_asked(None);
            match read {
                Ok(Some(snapshot)) => {
                    late.push(self.engine.clock.now().saturating_since(as_of));
                    self.view.read(snapshot, as_of);
                }
                Ok(None) => {
                    self.view.lose();
                    return Ok(false);
                }
                Err(error) => debug!(error = chain(&error), "not read before a push"),
            }
        }
        self.allows().ok_or_else(|| late.into_iter().max().map_or(Unknown::NotRead, Unknown::Late))
    }
}

#[async_trait]
impl Wanted for StillWanted<'_> {
    async fn is_still_wanted(&self) -> bool {
        let told = self.tell().await;
        *self.unknown.lock().unwrap_or_else(PoisonError::into_inner) = told.err();
        told.unwrap_or(false)
    }
}
