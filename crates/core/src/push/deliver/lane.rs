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
    /// Whether the last attempt of this process was acknowledged: the config knows of all that was
    /// sent since.
    pub(super) is_clean: bool,
    /// Not before this time, for a reason that is not the receiver's.
    pub(super) later: Option<Timestamp>,
    /// How often in a row the store took too long to tell whether a push is wanted.
    pub(super) late: u32,
    /// The entry after which the log was read for it, since the deliverer last waited.
    pub(super) read_after: Option<Position>,
}

impl Lane {
    pub(super) fn new(config: PushConfig) -> Self {
        Self {
            config,
            is_busy: false,
            is_outdated: false,
            is_clean: false,
            later: None,
            late: 0,
            read_after: None,
        }
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
