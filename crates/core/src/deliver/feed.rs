//! What a runner shows to whoever delivers beside it.

use tokio::sync::watch;

use crate::engine::Engine;
use crate::ids::LeaseToken;
use crate::store::Snapshot;

/// What a runner shows to whoever delivers beside its agent.
#[derive(Debug)]
pub(crate) struct Beside {
    token: LeaseToken,
    shown: watch::Sender<Option<Box<Snapshot>>>,
}

impl Beside {
    /// The runner's end, and the deliverer's. Delivery ends when the runner's end is dropped.
    pub(crate) fn new(engine: &Engine) -> (Self, Feed) {
        let (shown, seen) = watch::channel(None);
        let token = LeaseToken::new(engine.ids.fresh());
        (Self { token, shown }, Feed { shown: Some(seen) })
    }

    /// By whom commits of the runner are delivered.
    pub(crate) fn token(&self) -> &LeaseToken {
        &self.token
    }

    /// Shows the task as it is now.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        let known = |shown: &Option<Box<Snapshot>>| {
            shown.as_ref().is_some_and(|shown| shown.head.revision >= snapshot.head.revision)
        };
        if snapshot.head.pushes.is_some() && !known(&self.shown.borrow()) {
            self.shown.send_replace(Some(Box::new(snapshot.clone())));
        }
    }
}

/// Where a deliverer learns what is new: from the runner that it is beside. One that is beside none
/// looks for itself while attempts are under way.
#[derive(Debug)]
pub(crate) struct Feed {
    shown: Option<watch::Receiver<Option<Box<Snapshot>>>>,
}

impl Feed {
    /// Of one who is beside no runner.
    pub(super) fn none() -> Self {
        Self { shown: None }
    }

    /// What the runner shows next; `None` when it is done.
    pub(super) async fn next(&mut self) -> Option<Snapshot> {
        let shown = self.shown.as_mut()?;
        if shown.changed().await.is_err() {
            self.shown = None;
            return None;
        }
        shown.borrow_and_update().as_deref().cloned()
    }

    pub(super) fn is_open(&self) -> bool {
        self.shown.is_some()
    }
}
