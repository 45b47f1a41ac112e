//! The agents that come with a2a-lambda, and the place to add one's own: a file with an
//! [`Agent`], and a line in [`AGENTS`].

mod conformance;
mod echo;

use std::sync::Arc;

use a2a_lambda_core::Agent;

pub use conformance::Conformance;
pub use echo::Echo;

/// Makes an agent, at the start of the process.
pub type MakeAgent = fn() -> Arc<dyn Agent>;

/// The agents, by the names that configuration knows them by. The first is the default.
#[rustfmt::skip] // A line for each.
pub const AGENTS: &[(&str, MakeAgent)] = &[
    ("echo", || Arc::new(Echo)),
    ("conformance", || Arc::new(Conformance)),
];

/// No agent has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no agent is named {name:?}; there are: {}", names())]
pub struct UnknownAgent {
    /// The name that was asked for.
    pub name: String,
}

/// The agent with this name.
///
/// # Errors
/// When there is none; the error lists the names there are.
pub fn find(name: &str) -> Result<Arc<dyn Agent>, UnknownAgent> {
    let found = AGENTS.iter().find(|(known, _)| *known == name);
    let (_, make) = found.ok_or_else(|| UnknownAgent { name: name.to_owned() })?;
    Ok(make())
}

/// The agent that configuration names, the first of [`AGENTS`] if it names none.
///
/// # Errors
/// When there is no such agent.
pub fn configured(name: Option<&str>) -> Result<Arc<dyn Agent>, UnknownAgent> {
    find(name.unwrap_or(AGENTS[0].0))
}

fn names() -> String {
    AGENTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The README's example of an agent of one's own, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_found_by_name() {
        for (name, _) in AGENTS {
            assert!(find(name).is_ok(), "{name}");
        }
        let error = find("nobody").err().unwrap();
        assert_eq!(error.to_string(), "no agent is named \"nobody\"; there are: echo, conformance");
    }

    #[test]
    fn every_profile_fills_a_card() {
        for (name, make) in AGENTS {
            let profile = make().profile();
            assert!(!profile.name.is_empty() && !profile.description.is_empty(), "{name}");
            assert!(!profile.skills.is_empty(), "{name}");
            assert!(!profile.input_modes.is_empty() && !profile.output_modes.is_empty(), "{name}");
        }
    }
}
