//! The runner's feed: it shows its commits to the deliverer, or the waiting sender, beside it.

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

/// The task as a runner last showed it.
pub(crate) type Seen = watch::Receiver<Option<Box<Shown>>>;

/// The runner's end: it shows the tasks that it reads and commits.
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

    /// The runner's end, and the end of a sender that waits in the same process and knows this state of
    /// the task. There is no deliverer: stream recovery sends the pushes.
    pub(crate) fn sender(snapshot: Snapshot, as_of: Timestamp) -> (Self, Seen) {
        let (shown, seen) = watch::channel(Some(Box::new(Shown { snapshot, as_of })));
        (Self { token: None, wide: Wide::default(), shown }, seen)
    }

    /// Whether a sender is beside the runner. Then the sender's time ends the turn.
    pub(crate) fn is_sender(&self) -> bool {
        self.token.is_none()
    }

    /// The token by which the runner's next commit claims the mark for the deliverer, with the view
    /// that it needs.
    pub(crate) fn pusher(&self) -> Option<ClaimToken> {
        self.token.as_ref().map(|token| self.wide.claims_as(token))
    }

    /// Shows the task as it is now, by a read or a commit that began at `as_of`.
    pub(crate) fn show(&self, snapshot: &Snapshot, as_of: Timestamp) {
        let newest = self.shown.borrow().as_ref().map(|shown| {
            let head = &shown.snapshot.head;
            (head.incarnation.clone(), head.revision)
        });
        // A later task of the id is no news of this one.
        let is_news = newest.as_ref().is_none_or(|(incarnation, newest)| {
            *incarnation == snapshot.head.incarnation && *newest < snapshot.head.revision
        });
        // A task that had configs is shown when they are gone.
        if is_news && (self.is_sender() || snapshot.head.pushes.is_some() || newest.is_some()) {
            let snapshot = snapshot.clone();
            self.shown.send_replace(Some(Box::new(Shown { snapshot, as_of })));
        }
    }
}

/// The deliverer's end. A deliverer without a runner reads the task itself while attempts are in
/// flight.
#[derive(Debug)]
pub(crate) struct Feed {
    wide: Wide,
    /// Whether the deliverer knows the outcome of each attempt that it left behind.
    pub(super) knows_all: bool,
    shown: Option<Seen>,
}

impl Feed {
    /// The feed of a deliverer without a runner.
    pub(super) fn none() -> Self {
        Self { wide: Wide::default(), knows_all: true, shown: None }
    }

    /// The next state that the runner shows; `None` when the runner is done.
    pub(super) async fn next(&mut self) -> Option<Shown> {
        let shown = self.shown.as_mut()?;
        if shown.changed().await.is_err() {
            self.shown = None;
            return None;
        }
        shown.borrow_and_update().as_deref().cloned()
    }

    /// The view that the runner claims with.
    pub(super) fn wide(&self) -> &Wide {
        &self.wide
    }

    pub(super) fn is_open(&self) -> bool {
        self.shown.is_some()
    }
}
