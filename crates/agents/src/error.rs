//! Why agents cannot be had.

use a2a_lambda_core::ids::InvalidId;

use crate::built_in::BUILT_IN;

/// The agents that configuration asks for cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentsError {
    /// No agent has this name.
    #[error("no agent is named {0:?}; there are: {names}", names = names())]
    Unknown(String),
    /// The text after the equals sign is not a tenant's name.
    #[error("{0:?} is no tenant's name")]
    Tenant(String, #[source] InvalidId),
    /// The text after the agent's name is wrong.
    #[error("the agent {agent:?} cannot be had: {what}")]
    Argument {
        /// The agent's name.
        agent: String,
        /// The reason.
        what: String,
    },
    /// A tenant has the name of a path of A2A.
    #[error("a tenant cannot be named {0:?}: it is a path of A2A")]
    Path(String),
    /// A tenant, or all others, are given two agents.
    #[error("there is more than one agent for {0}")]
    Twice(String),
    /// An entry of a list of agents in JSON cannot be used.
    #[error("{at}: {what}")]
    Entry {
        /// The place of the fault, such as `agents[1].tenant`.
        at: String,
        /// The reason. It shows no value of `variables`.
        what: String,
    },
    /// The list of agents in JSON cannot be used, or not read.
    #[error("the list of agents cannot be used: {0}")]
    List(String),
}

/// The names of the agents, and the form of their arguments.
fn names() -> String {
    let arguments: &[&str] = &[
        #[cfg(feature = "a2a")]
        "a2a:URL",
        #[cfg(feature = "http")]
        "http:URL",
        #[cfg(feature = "http")]
        "agentcore:ARN",
        #[cfg(feature = "lambda")]
        "lambda:FUNCTION",
        #[cfg(feature = "process")]
        "process",
    ];
    let names = BUILT_IN.iter().map(|(name, _)| *name).chain(arguments.iter().copied());
    names.collect::<Vec<_>>().join(", ")
}
