#![doc = include_str!("../README.md")]
//!
//! The core decides, the edges do. [`machine`] is pure: an event and the time go in, and a
//! [`Change`] comes out, with its signals as data. [`Operations`] serve clients, a [`Runner`] runs
//! [`Agent`]s, and a [`sweep`](sweep()) finds lost work. All three use the same [`Engine`], and so
//! the same machine.

pub mod agent;
pub mod api_key;
pub mod attempts;
pub mod conversation;
mod digest;
pub mod engine;
pub mod env;
pub mod format;
pub mod head;
pub mod ids;
pub mod invariants;
pub mod log;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod operations;
pub mod operator;
pub mod places;
pub mod policy;
pub mod push;
mod recover;
mod reply;
pub mod request_key;
pub mod restart;
pub mod run;
mod run_error;
mod run_turn;
pub mod steps;
pub mod store;
pub mod sweep;
mod terms;
pub mod trace;
pub mod turn;
mod version;
mod weight;
pub mod work;

pub use agent::{Agent, AgentProfile, Agents, End, ExtendedProfile, Failure, Offers};
pub use api_key::{ApiKey, ApiKeys};
pub use attempts::{AttemptOutcome, AttemptRecord, Attempts, RunnerName};
pub use conversation::{Budget, ConversationKey, Memory, MemoryItem};
pub use engine::Engine;
pub use env::{BadSignal, Clock, Ids, Queue, Signal, SignalError, Timer};
pub use format::{Formats, UnknownFormat};
pub use head::{Ending, Head, Impatience, Interruption, Patience, Phase};
pub use ids::{
    ClaimToken, ContextId, Generation, LeaseToken, Owner, Position, Registration, Revision, TaskId,
    TaskKey, Tenant,
};
pub use log::{Entry, Event};
pub use machine::{Change, Command};
pub use memory::MemoryStore;
pub use operations::{Caller, GetOptions, Next, Operations, SendOptions, StreamEvent, Tail};
pub use operator::{ContextDeleted, Deleted, OperateError, Operator};
pub use places::{Limits, MemoryPlaces, PlaceLimit, Places};
pub use policy::{Policy, Retention, Retries};
pub use push::{
    Always, Answer, Delivered, Mark, NotAdmitted, Nowhere, Push, PushConfig, PushConfigs,
    PushError, Pushes, Sealed, Tally, Vault, VaultError, Wanted, Webhook, deliver,
};
pub use reply::Reply;
pub use restart::{Former, Restarted, restart};
pub use run::{AFTER_LEASE, Attended, Company, Runner};
pub use run_error::RunError;
pub use steps::{
    Answer as CallbackAnswer, Callback, Semantics, Step, StepError, StepRecords, StepRun,
};
pub use store::{Snapshot, StoreError, TaskStore};
pub use sweep::{Swept, sweep};
pub use terms::{HOPS, MAX_HOPS, Terms};
pub use trace::TraceContext;
pub use turn::{ShowError, StopReason, Turn};
pub use version::ProtocolVersion;
pub use work::{ScopeWork, StepWork, TaskWork};
