//! A config, and where its delivery stands in this process.

use a2a_lambda_protocol::Timestamp;

use crate::ids::Position;
use crate::push::PushConfig;

/// A config, and where its delivery stands in this process. Configs are delivered to side by side,
/// and to each one thing at a time.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) config: PushConfig,
    /// Whether an attempt is under way.
    pub(super) is_busy: bool,
    /// Whether the config was another one, or gone, when the configs were read again during that.
    pub(super) is_outdated: bool,
    /// How many pushes from the cursor on may have been made before, at most, by this deliverer or
    /// another. They are made again as they were.
    pub(super) repeats: u32,
    /// How many pushes were acknowledged since the config was last written.
    pub(super) unnoted: u32,
    /// Not before this time, for a reason that is not the receiver's.
    pub(super) later: Option<Timestamp>,
    /// How often in a row the store took too long to tell whether a push is wanted.
    pub(super) late: u32,
    /// The entry after which the log was read for it, since the deliverer last waited.
    pub(super) read_after: Option<Position>,
}

impl Lane {
    /// `repeats` is how many pushes others may have made of which the config knows nothing.
    pub(super) fn new(config: PushConfig, repeats: u32) -> Self {
        Self {
            config,
            is_busy: false,
            is_outdated: false,
            repeats,
            unnoted: 0,
            later: None,
            late: 0,
            read_after: None,
        }
    }

    /// Whether it is time to write what was acknowledged.
    pub(super) fn is_to_be_noted(&self, now: Timestamp) -> bool {
        self.unnoted > 0 && !self.is_busy && self.later.is_none_or(|later| later <= now)
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
