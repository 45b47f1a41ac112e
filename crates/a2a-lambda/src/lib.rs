#![doc = include_str!("../README.md")]

/// The names that an agent needs.
pub mod prelude {
    pub use crate::{
        Agent, AgentProfile, Agents, Artifact, ConfigError, End, Failure, Json, Part, Reply,
        StepError, StopReason, Tenant, Turn, Variables, async_trait,
    };
}

/// A2A's objects, such as [`Message`](protocol::Message) and [`AgentSkill`](protocol::AgentSkill).
pub mod protocol {
    pub use a2a_lambda_protocol::{
        AgentExtension, AgentSkill, Artifact, Json, Message, Part, PartContent, Role, Struct, Task,
        TaskState, TaskStatus, Timestamp,
    };
}

pub use a2a_lambda_core::ids::InvalidId;
pub use a2a_lambda_core::push::Secret;
pub use a2a_lambda_core::turn::Chunks;
pub use a2a_lambda_core::{
    Agent, AgentProfile, Agents, End, ExtendedProfile, Failure, Impatience, Offers, Owner,
    Patience, Reply, Retries, ShowError, StepError, StopReason, Tenant, TraceContext, Turn,
};
pub use a2a_lambda_protocol::{Artifact, Json, Part};
/// The `traceparent` of the present span: in an agent, of its turn. Send it along with requests to
/// others, so that their spans are in the same trace. `None` where `TRACES` is off.
pub use a2a_lambda_runtime::traceparent;
pub use a2a_lambda_runtime::{ConfigError, Variables};
pub use async_trait::async_trait;

/// The memory of a conversation; see [`Turn::memory`] and [`Turn::session`].
pub mod memory {
    pub use a2a_lambda_core::conversation::{
        Budget, Held, MemoryItem, Session, SessionVersion, Swap, TurnMemory,
    };
}

/// Durable steps, and callbacks; see [`Turn::step`] and [`Turn::callback`].
pub mod steps {
    pub use a2a_lambda_core::steps::{
        Answer, Callback, Recorded, Semantics, Step, StepError, StepRun,
    };
}

/// The function that API Gateway asks who calls.
#[cfg(feature = "authorizer")]
pub mod authorizer {
    pub use a2a_lambda_authorizer::main;
}

#[cfg(feature = "http")]
pub mod http;

/// All functions in one process, over an embedded DynamoDB and a queue. `cargo run` serves this.
#[cfg(feature = "local")]
pub mod local {
    pub use a2a_lambda_local::program::main;
}

/// The function that answers HTTP requests.
#[cfg(feature = "request")]
pub mod request {
    pub use a2a_lambda_request::main;
}

/// The function that recovers lost work.
#[cfg(feature = "scheduled_recovery")]
pub mod scheduled_recovery {
    pub use a2a_lambda_scheduled_recovery::main;
}

/// The function that runs agents.
#[cfg(feature = "sqs_executor")]
pub mod sqs_executor {
    pub use a2a_lambda_sqs_executor::main;
}

/// The function that delivers pushes outside of a turn.
#[cfg(feature = "stream_recovery")]
pub mod stream_recovery {
    pub use a2a_lambda_stream_recovery::main;
}

#[cfg(feature = "testing")]
pub mod testing;

/// The function that takes the answers to callbacks.
#[cfg(feature = "webhook")]
pub mod webhook {
    pub use a2a_lambda_webhook_function::main;
}

/// The Rust of the repository's pages, compiled.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/agents.md")]
    struct Agents;
    #[doc = include_str!("../../../docs/durable-agents.md")]
    struct DurableAgents;
}
