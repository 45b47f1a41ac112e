//! A deliverer's view of its task, and the view's age (invariant I14).
//!
//! A push config is silent once the answer to its deletion or replacement is sent. So a deliverer
//! begins a push only by a view that is younger than [`Policy::push_view`], and the answer to a
//! delete waits for longer than that. The age counts from the time at which a read or a commit
//! *began*. While updates follow each other closely, each commit renews the view, and no read is
//! needed.
//!
//! If the store takes longer to answer than that, no read is ever young enough. Then the deliverer
//! claims the task's pushes with a wider view, up to [`MAX_PUSH_VIEW`]. The request that deletes a
//! config commits on top of that claim. So it knows the wider view and waits for longer.
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

/// How often the deliverer reads the task for one push while reads fail.
const READS: usize = 3;

/// How often the deliverer reads the task for one push while reads are slow.
const LATE_READS: usize = 2;

/// A deliverer's view of its task.
pub(super) struct View {
    token: ClaimToken,
    incarnation: Option<Incarnation>,
    retention: Option<Retention>,
    known: Mutex<Known>,
}

struct Known {
    /// Whether the task is gone.
    is_lost: bool,
    /// When the task expires, if that is known.
    expires_at: Option<Timestamp>,
    revision: Revision,
    configs: Vec<Registration>,
    /// The end of the deliverer's claim, if it has one.
    claimed_until: Option<Timestamp>,
    /// The greatest age of the view at the begin of a push, as the claim says. The usual age
    /// applies if it is greater.
    longest: Duration,
    /// When the read or the commit behind the view began; `None` if that is unknown.
    as_of: Option<Timestamp>,
    /// A read that was made for a push, and that the delivery has not adopted.
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

    /// Notes that the task is gone.
    pub(super) fn lose(&self) {
        self.known().is_lost = true;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.known().is_lost
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No code panics while it holds the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adopts the task as it was at a time, or later.
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

    /// The read that was made for a push since the last call.
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
            // If the clock was set back, the known time may lie in the future.
            known.as_of = Some(as_of);
        }
        known.read = Some(snapshot);
    }

    /// Whether a config may be pushed to, by the view; `None` if the view is too old.
    fn allows(&self, registration: &Registration, now: Timestamp, policy: &Policy) -> Option<bool> {
        let known = self.known();
        if known.is_lost || known.expires_at.is_some_and(|at| at <= now) {
            return Some(false);
        }
        // A time after now says nothing about the age: the clock was set back.
        let as_of = known.as_of.filter(|as_of| *as_of <= now)?;
        let is_young = now.saturating_since(as_of) < known.longest.max(policy.push_view);
        // The next claimant may have a clock that is ahead, and a narrower view.
        let taken_from = now.saturating_add(policy.clock_skew);
        let is_claimed = known.claimed_until.is_some_and(|until| until > taken_from);
        is_young.then(|| is_claimed && known.configs.contains(registration))
    }
}

/// Why it is unknown whether a push is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The store failed.
    NotRead,
    /// The store answered after this long.
    Late(Duration),
}

/// Whether a push to one config is still wanted.
pub(super) struct StillWanted<'a> {
    engine: &'a Engine,
    task: &'a TaskKey,
    registration: &'a Registration,
    view: Arc<View>,
    unknown: Mutex<Option<Unknown>>,
    /// When the read in flight began.
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

    /// Why the push was held back, if the store did not answer in time or failed.
    pub(super) fn unknown(&self) -> Option<Unknown> {
        *self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long the read in flight has waited for its answer.
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

    /// Reads the task until the view decides. After a late answer it reads once more: further reads
    /// would only add to the store's load.
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
