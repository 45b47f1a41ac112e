//! The result of a command.

use a2a_lambda_protocol::Timestamp;

use crate::head::Head;
use crate::log::Entry;

/// The outcome of a command: the head and entries to commit atomically, and the signals after that.
///
/// Only the state machine makes one, so that no store or handler decides a transition.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub(super) head: Head,
    pub(super) entries: Vec<Entry>,
    pub(super) signals: Vec<Timestamp>,
    pub(super) over_lease: Option<Timestamp>,
}

impl Change {
    /// The head from here on.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The same new task, in place of one of the same id that has expired.
    #[must_use]
    pub fn in_place_of(mut self, expired: &Head) -> Self {
        self.head.has_leftovers |= !expired.is_alone();
        self
    }

    /// The entries that are added to the log.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The times of signals for a runner, in the past for "at once". Each signal can be lost or
    /// repeated: the due index brings the task up again.
    pub fn signals(&self) -> &[Timestamp] {
        &self.signals
    }

    /// The end of the expired lease that the change overrides, if it does: it may only be committed
    /// if the holder has not renewed the lease in the meantime.
    pub fn over_lease(&self) -> Option<Timestamp> {
        self.over_lease
    }
}
