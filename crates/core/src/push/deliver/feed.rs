//! A runner shows its commits to the deliverer beside it.

use a2a_lambda_protocol::Timestamp;
use tokio::sync::watch;

use super::wide::Wide;
use crate::engine::Engine;
use crate::ids::ClaimToken;
use crate::store::Snapshot;

/// The task as a runner has read or committed it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(super) snapshot: Snapshot,
    /// When the read or the commit began.
    pub(super) as_of: Timestamp,
}

/// The runner's end: it shows the deliverer beside its agent what it reads and commits.
#[derive(Debug)]
pub(crate) struct Beside {
    token: ClaimToken,
    /// The view that its deliverer needs.
    wide: Wide,
    shown: watch::Sender<Option<Box<Shown>>>,
}

impl Beside {
    /// The runner's end, and the deliverer's. Delivery ends when the runner's end is dropped.
    pub(crate) fn new(engine: &Engine) -> (Self, Feed) {
        let (shown, seen) = watch::channel(None);
        let token = ClaimToken::new(engine.ids.fresh());
        let wide = Wide::default();
        (Self { token, wide: wide.clone(), shown }, Feed { wide, shown: Some(seen) })
    }

    /// The deliverer's secret.
    pub(crate) fn token(&self) -> &ClaimToken {
        &self.token
    }

    /// The token by which the runner's next commit claims the mark for the deliverer, with as wide a view
    /// as it needs.
    pub(crate) fn pusher(&self) -> ClaimToken {
        self.wide.claims_as(&self.token)
    }

    /// Shows the task as it is now, by a read or a commit that began at `as_of`.
    pub(crate) fn show(&self, snapshot: &Snapshot, as_of: Timestamp) {
        let newest = self.shown.borrow().as_ref().map(|shown| shown.snapshot.head.revision);
        let is_news = newest.is_none_or(|newest| newest < snapshot.head.revision);
        // One that has had configs is shown that they are gone.
        if is_news && (snapshot.head.pushes.is_some() || newest.is_some()) {
            let snapshot = snapshot.clone();
            self.shown.send_replace(Some(Box::new(Shown { snapshot, as_of })));
        }
    }
}

/// The deliverer's end. A deliverer that is beside no runner reads the task itself while attempts are
/// under way.
#[derive(Debug)]
pub(crate) struct Feed {
    wide: Wide,
    shown: Option<watch::Receiver<Option<Box<Shown>>>>,
}

impl Feed {
    /// Of a deliverer that is beside no runner.
    pub(super) fn none() -> Self {
        Self { wide: Wide::default(), shown: None }
    }

    /// What the runner shows next; `None` when it is done.
    pub(super) async fn next(&mut self) -> Option<Shown> {
        let shown = self.shown.as_mut()?;
        if shown.changed().await.is_err() {
            self.shown = None;
            return None;
        }
        shown.borrow_and_update().as_deref().cloned()
    }

    /// What the runner claims with.
    pub(super) fn wide(&self) -> &Wide {
        &self.wide
    }

    pub(super) fn is_open(&self) -> bool {
        self.shown.is_some()
    }
}
