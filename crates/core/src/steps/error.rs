//! Why a step has no result.

use std::error::Error;
use std::time::Duration;

use a2a_lambda_protocol::Timestamp;

use crate::push::VaultError;
use crate::reply::Reply;
use crate::store::StoreError;

/// Why a step has no result. An agent passes it on by `?`: the runner knows which of them end the
/// turn, fail the attempt or fail the task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// A callback has no answer yet. Passed on, it ends the turn, and nothing runs until then.
    #[error("the turn waits for a callback until {until}")]
    Suspended {
        /// The latest time of the next turn.
        until: Timestamp,
    },
    /// The invocation is about to end. Passed on, it ends the turn, and the scope goes on in another
    /// invocation.
    #[error("the invocation ends before the step {step:?} could begin")]
    OutOfTime {
        /// The step's name.
        step: String,
    },
    /// The turn is over: the task was canceled, or another runner has it.
    #[error("the turn is over")]
    Over,
    /// The work failed, and may succeed in another attempt. Nothing is recorded.
    #[error("the step {step:?} failed for now")]
    Attempt {
        /// The step's name.
        step: String,
        /// The text for the user if no attempt succeeds.
        reason: Option<Reply>,
        /// The cause, for the log.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The work failed for good, and this is recorded: every attempt sees it.
    #[error("{reason}")]
    Failed {
        /// The step's name.
        step: String,
        /// The reason.
        reason: String,
    },
    /// An at-most-once step was begun, and its process ended before the outcome was recorded. It is not
    /// begun again (invariant I12).
    #[error("the step {step:?} was interrupted, and its outcome is unknown")]
    Unknown {
        /// The step's name.
        step: String,
    },
    /// An at-most-once step was begun with other arguments. It is not begun again (I12).
    #[error("the step {step:?} was begun with other arguments before")]
    Diverged {
        /// The step's name.
        step: String,
    },
    /// The scope has as many steps as it may have (I10).
    #[error("the step {step:?} is one more than the {most} that the agent may take before it ends")]
    TooMany {
        /// The step's name.
        step: String,
        /// How many it may have.
        most: usize,
    },
    /// The result is too large, and so is the scope for a record of that.
    #[error(
        "the result of the step {step:?} is too large ({bytes} bytes, {limit} {of}): store it \
         elsewhere, and return where it is"
    )]
    TooLarge {
        /// The step's name.
        step: String,
        /// Its size in bytes of JSON.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
        /// The kind of limit: that of a step, or the rest of the scope's.
        of: &'static str,
    },
    /// The name is empty, too long, or begins with `@`.
    #[error(
        "a step cannot be called {step:?}: a name has 1 to {MAX_NAME_BYTES} bytes and no leading @"
    )]
    Name {
        /// The name.
        step: String,
    },
    /// The arguments or the result do not serialize, or the recorded result has another form.
    #[error("the arguments or the result of the step {step:?} have the wrong form")]
    Form {
        /// The step's name.
        step: String,
        /// The mistake.
        #[source]
        source: serde_json::Error,
    },
    /// An item of memory or a session value is too large.
    #[error("{what} is too large ({bytes} bytes, {limit} at most)")]
    TooMuch {
        /// The name of the large part.
        what: &'static str,
        /// Its size in bytes of JSON.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The key of a session value is empty, too long, or begins with `@`.
    #[error("{key:?} is no session key: a key has 1 to 64 bytes and no leading @")]
    SessionKey {
        /// The key.
        key: String,
    },
    /// The scope is older than the store keeps its records.
    #[error("the agent's steps are kept for {} days: a checkpoint must end the scope before", .life.as_secs() / 86_400)]
    TooOld {
        /// How long a scope with records may last.
        life: Duration,
    },
    /// Functions of an earlier release are in use.
    #[error(
        "steps need the stored format 4, and the deployment does not write it yet (STORED_FORMAT)"
    )]
    NotYet,
    /// The deployment has no URL for callbacks.
    #[error("callbacks need the URL of the webhook function (CALLBACK_URL)")]
    NoCallbackUrl,
    /// The token of a callback could not be sealed or opened.
    #[error("the token of a callback could not be sealed or opened")]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The longest name of a step, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 64;

impl StepError {
    /// Whether another attempt has the same result: the task fails, and the user reads the text.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Failed { .. }
            | Self::Unknown { .. }
            | Self::Diverged { .. }
            | Self::TooMany { .. }
            | Self::TooLarge { .. }
            | Self::Name { .. }
            | Self::Form { .. }
            | Self::TooMuch { .. }
            | Self::SessionKey { .. }
            | Self::TooOld { .. }
            | Self::NotYet
            | Self::NoCallbackUrl => true,
            Self::Vault(error) => !matches!(error, VaultError::Unavailable(_)),
            Self::Store(error) => error.certainly_not_applied(),
            Self::Suspended { .. } | Self::OutOfTime { .. } | Self::Over | Self::Attempt { .. } => {
                false
            }
        }
    }

    /// Whether nothing went wrong: the turn waits, or has no time, or is over.
    pub(crate) fn is_no_failure(&self) -> bool {
        matches!(self, Self::Suspended { .. } | Self::OutOfTime { .. } | Self::Over)
    }

    /// The step error that an error was made of: of a step inside another, the inner one's.
    pub(crate) fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        let mut found = None;
        while let Some(error) = next {
            found = error.downcast_ref().or(found);
            next = error.source();
        }
        found
    }
}
