//! Why a command is refused.

use a2a_lambda_protocol::Timestamp;

/// A command that the task's present state does not allow. Nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {phase} task does not allow {command}: {refusal}")]
pub struct IllegalTransition {
    /// The command's name.
    pub command: &'static str,
    /// The name of the phase that the task is in.
    pub phase: &'static str,
    /// Why.
    pub refusal: Refusal,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The task is over (invariant I1).
    #[error("the task is over")]
    Ended,
    /// Another runner holds a live lease (I3).
    #[error("another runner holds it until {until}")]
    HeldBy {
        /// When that lease ends, unless it is renewed.
        until: Timestamp,
    },
    /// The lease is not, or no longer, the one that the task is run under (I3).
    #[error("the lease is not held")]
    StaleLease,
    /// It is too early.
    #[error("nothing is to be done before {at}")]
    NotBefore {
        /// When to try again.
        at: Timestamp,
    },
    /// The task waits for its user.
    #[error("it waits for its user")]
    WaitsForUser,
    /// The task is not over.
    #[error("the task is not over")]
    NotEnded,
    /// A direct message may only be the first thing that an agent says.
    #[error("a direct message is only possible on a first turn that has shown nothing")]
    NotFirst,
    /// The message was accepted before, or another one under the same idempotency key (I9).
    #[error("a message with this idempotency key was accepted before")]
    Repeated,
    /// The deliverer's claim is long and wide enough.
    #[error("the claim needs no change")]
    Suffices,
    /// The scope is over, and its callbacks with it.
    #[error("the scope is over")]
    ScopeEnded,
    /// There is nothing of the kind to end.
    #[error("there is no lease")]
    NoLease,
    /// A settlement implies the cursor, which must be written first.
    #[error("what its receiver has had is not written yet")]
    CursorUnwritten,
    /// The task has the most push configs that it may have.
    #[error("the task has {most} push configs already")]
    TooManyConfigs {
        /// The most push configs of a task.
        most: usize,
    },
    /// The task has no such push config.
    #[error("the task has no such push config")]
    NoSuchConfig,
    /// Each push config has been sent everything.
    #[error("nothing is to be pushed")]
    NothingToPush,
    /// The log has undelivered entries again.
    #[error("something was added since")]
    News,
}
