//! A config, and the state of its delivery in this process.

use a2a_lambda_protocol::Timestamp;

use crate::ids::Position;
use crate::push::PushConfig;

/// A config, and the state of its delivery in this process. A deliverer serves configs in parallel,
/// and each config one step at a time.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) config: PushConfig,
    /// Whether an attempt is in flight.
    pub(super) is_busy: bool,
    /// Whether a read during the attempt found the config replaced or gone.
    pub(super) is_outdated: bool,
    /// How many pushes after the cursor may have been sent before, at most, by this deliverer or
    /// another. They are repeated unchanged.
    pub(super) repeats: u32,
    /// How many pushes were acknowledged since the config was last written.
    pub(super) unstored: u32,
    /// No attempt before this time, for a reason that is not the receiver's.
    pub(super) later: Option<Timestamp>,
    /// How often in a row the store was too slow to confirm that a push is wanted.
    pub(super) late: u32,
    /// The entry after which the log was read for this config, since the deliverer last waited.
    pub(super) read_after: Option<Position>,
}

impl Lane {
    /// `repeats`: how many unrecorded pushes other deliverers may have sent.
    pub(super) fn new(config: PushConfig, repeats: u32) -> Self {
        Self {
            config,
            is_busy: false,
            is_outdated: false,
            repeats,
            unstored: 0,
            later: None,
            late: 0,
            read_after: None,
        }
    }

    /// Whether acknowledgements may be written now.
    pub(super) fn is_to_be_stored(&self, now: Timestamp) -> bool {
        self.unstored > 0 && !self.is_busy && self.later.is_none_or(|later| later <= now)
    }

    /// When the next attempt may be made; `None` if there is none.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let epoch = Timestamp::from_millis(0);
        let next = match &self.config.delivery.trouble {
            Some(trouble) => trouble.next?,
            None => epoch,
        };
        Some(next.max(self.later.unwrap_or(epoch)))
    }
}
