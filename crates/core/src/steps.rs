//! Durable steps: an agent's own work, recorded as it is done.
//!
//! A model call costs money and a tool call has effects. So an agent makes each in a step, by
//! [`Turn::step`](crate::Turn::step). The result is recorded before the agent uses it. When the agent
//! runs again, from its top, each recorded step answers from its record (invariant I11).
//!
//! **Scope.** Records belong to a scope: the turns from the one that is given messages up to an end
//! that waits for the user, ends the task or leaves a checkpoint. A turn that ends by itself without a
//! checkpoint leaves its scope open: the next turn is given the same messages, and finds the records.
//! A message that comes meanwhile is the next scope's, unless the agent asks for it by
//! [`Turn::inbox`](crate::Turn::inbox).
//!
//! **Names.** A record is found by the step's name, the digest of its arguments, and how often the run
//! has made the same step before. A step inside another's work is told apart by the outer step. An
//! at-most-once step is found by its name and its number among those of the name: begun once with
//! other arguments, or inside a step that has other ones now, it is not begun again (I12).
//!
//! **Storage.** Each record is an item beside the task. The first writer wins, so two runners that
//! work on a task at once use the same results. Records are no part of the log, and clients do not see
//! them. The store deletes them after [`Policy::scope_life`](crate::Policy::scope_life), or with the
//! task.

mod callback;
mod error;
mod fact;
mod journal;
pub mod record;
mod step;
mod token;

pub use callback::{Answer, Callback};
pub use error::StepError;
pub(crate) use fact::recorded;
pub(crate) use journal::{Journal, Left};
pub use record::{Put, RecordKey, Resolution, ScopeKey, StepRecord, StepRecords, StepState};
pub use step::{Recorded, Semantics, Step, StepRun};
pub(crate) use token::Token;
