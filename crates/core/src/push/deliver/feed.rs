//! A runner shows its commits to who is beside it: a deliverer, or the sender that waits for the task.

use a2a_lambda_protocol::Timestamp;
use tokio::sync::watch;

use super::wide::Wide;
use crate::ids::ClaimToken;
use crate::store::Snapshot;

/// The task as a runner has read or committed it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) snapshot: Snapshot,
    /// When the read or the commit began.
    pub(super) as_of: Timestamp,
}

/// What a runner has shown last.
pub(crate) type Seen = watch::Receiver<Option<Box<Shown>>>;

/// The runner's end: it shows who is beside its agent what it reads and commits.
#[derive(Debug)]
pub(crate) struct Beside {
    /// The deliverer's secret; `None` beside a sender.
    token: Option<ClaimToken>,
    /// The view that its deliverer needs.
    wide: Wide,
    shown: watch::Sender<Option<Box<Shown>>>,
}

impl Beside {
    /// The runner's end, and the deliverer's. Delivery ends when the runner's end is dropped.
    pub(crate) fn new(token: &ClaimToken) -> (Self, Feed) {
        let (shown, seen) = watch::channel(None);
        let wide = Wide::default();
        let beside = Self { token: Some(token.clone()), wide: wide.clone(), shown };
        (beside, Feed { wide, knows_all: true, shown: Some(seen) })
    }

    /// The runner's end, and the sender's who waits in the same process. No deliverer is there: pushes
    /// are left to stream recovery.
    pub(crate) fn sender() -> (Self, Seen) {
        let (shown, seen) = watch::channel(None);
        (Self { token: None, wide: Wide::default(), shown }, seen)
    }

    /// Whether a sender is beside the runner, whose time ends the turn.
    pub(crate) fn is_sender(&self) -> bool {
        self.token.is_none()
    }

    /// The token by which the runner's next commit claims the mark for the deliverer, with as wide a view
    /// as it needs.
    pub(crate) fn pusher(&self) -> Option<ClaimToken> {
        self.token.as_ref().map(|token| self.wide.claims_as(token))
    }

    /// Shows the task as it is now, by a read or a commit that began at `as_of`.
    pub(crate) fn show(&self, snapshot: &Snapshot, as_of: Timestamp) {
        let newest = self.shown.borrow().as_ref().map(|shown| shown.snapshot.head.revision);
        let is_news = newest.is_none_or(|newest| newest < snapshot.head.revision);
        // One that has had configs is shown that they are gone.
        if is_news && (self.is_sender() || snapshot.head.pushes.is_some() || newest.is_some()) {
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
    /// Whether its deliverer has left nothing behind of which it does not know what came of it.
    pub(super) knows_all: bool,
    shown: Option<Seen>,
}

impl Feed {
    /// Of a deliverer that is beside no runner.
    pub(super) fn none() -> Self {
        Self { wide: Wide::default(), knows_all: true, shown: None }
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
