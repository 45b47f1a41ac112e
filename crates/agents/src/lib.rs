#![doc = include_str!("../README.md")]

#[cfg(feature = "fixtures")]
mod approval;
#[cfg(feature = "fixtures")]
mod conformance;
mod echo;
#[cfg(feature = "fixtures")]
mod ledger;
#[cfg(feature = "fixtures")]
mod paced;
#[cfg(feature = "fixtures")]
mod poison;
#[cfg(feature = "fixtures")]
mod steps;
#[cfg(feature = "fixtures")]
mod strict;

use std::collections::BTreeMap;
use std::sync::Arc;

use a2a_lambda_core::ids::InvalidId;
use a2a_lambda_core::{Agent, Agents, Tenant};
use a2a_lambda_protocol::FIRST_SEGMENTS;
use a2a_lambda_runtime::table::AGENT;
use a2a_lambda_runtime::{ConfigError, Variables};

#[cfg(feature = "fixtures")]
pub use approval::Approval;
#[cfg(feature = "fixtures")]
pub use conformance::Conformance;
pub use echo::Echo;
#[cfg(feature = "fixtures")]
pub use ledger::{LEDGER_STEPS, Ledger};
#[cfg(feature = "fixtures")]
pub use paced::Paced;
#[cfg(feature = "fixtures")]
pub use poison::Poison;
#[cfg(feature = "fixtures")]
pub use steps::Steps;
#[cfg(feature = "fixtures")]
pub use strict::Strict;

/// Makes an agent, at the start of the process.
pub type MakeAgent = fn() -> Arc<dyn Agent>;

/// The agents, by the names that configuration knows them by.
///
/// The feature `fixtures` adds the agents that only tests need. A function that users can reach is
/// built without it.
#[rustfmt::skip] // A line for each.
pub const AGENTS: &[(&str, MakeAgent)] = &[
    ("echo", || Arc::new(Echo)),
    #[cfg(feature = "fixtures")]
    ("conformance", || Arc::new(Conformance)),
    #[cfg(feature = "fixtures")]
    ("strict", || Arc::new(Strict)),
    #[cfg(feature = "fixtures")]
    ("poison", || Arc::new(Poison)),
    #[cfg(feature = "fixtures")]
    ("paced", || Arc::new(Paced)),
    #[cfg(feature = "fixtures")]
    ("ledger", || Arc::new(Ledger)),
    #[cfg(feature = "fixtures")]
    ("approval", || Arc::new(Approval)),
    #[cfg(feature = "fixtures")]
    ("steps", || Arc::new(Steps)),
];

/// The agents that configuration asks for cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentsError {
    /// No agent has this name.
    #[error("no agent is named {0:?}; there are: {names}", names = names())]
    Unknown(String),
    /// The text after the equals sign is not a tenant's name.
    #[error("{0:?} is no tenant's name")]
    Tenant(String, #[source] InvalidId),
    /// A tenant has the name of a path of A2A.
    #[error("a tenant cannot be named {0:?}: it is a path of A2A")]
    Path(String),
    /// A tenant, or all others, are given two agents.
    #[error("there is more than one agent for {0}")]
    Twice(String),
}

/// The agent with this name.
///
/// # Errors
/// When no agent has the name; the error lists the names.
pub fn find(name: &str) -> Result<Arc<dyn Agent>, AgentsError> {
    let found = AGENTS.iter().find(|(known, _)| *known == name);
    let (_, make) = found.ok_or_else(|| AgentsError::Unknown(name.to_owned()))?;
    Ok(make())
}

/// The agents that configuration names: one for every tenant (`echo`), or some for tenants of their
/// own and perhaps one for all others (`acme=conformance,echo`). Without an agent for all others,
/// other tenants are not served.
///
/// # Errors
/// When the text is not of this form or names an agent that is not there.
pub fn configured(text: &str) -> Result<Agents, AgentsError> {
    let mut default = None;
    let mut by_tenant = BTreeMap::new();
    for item in text.split(',').map(str::trim) {
        let Some((tenant, agent)) = item.split_once('=') else {
            if default.replace(find(item)?).is_some() {
                return Err(AgentsError::Twice("all other tenants".to_owned()));
            }
            continue;
        };
        let name = tenant.trim();
        if FIRST_SEGMENTS.contains(&name) {
            return Err(AgentsError::Path(name.to_owned()));
        }
        let tenant =
            Tenant::parse(name).map_err(|error| AgentsError::Tenant(name.to_owned(), error))?;
        if by_tenant.insert(tenant, find(agent.trim())?).is_some() {
            return Err(AgentsError::Twice(format!("the tenant {name:?}")));
        }
    }
    let agents = default.map_or_else(Agents::closed, Agents::new);
    Ok(by_tenant.into_iter().fold(agents, |agents, (tenant, agent)| agents.with(tenant, agent)))
}

/// The agents that the variable `AGENT` names.
///
/// # Errors
/// When it is not set, or [names no agents](configured).
pub fn from_variables(variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    let agents = variables.read(&AGENT, configured)?;
    agents.ok_or_else(|| ConfigError::missing(&AGENT))
}

fn names() -> String {
    AGENTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(all(test, feature = "fixtures"))]
mod tests {
    use super::*;

    #[test]
    fn agents_are_found_by_name() {
        for (name, _) in AGENTS {
            assert!(find(name).is_ok(), "{name}");
        }
        let error = find("nobody").err().unwrap();
        let names = "echo, conformance, strict, poison, paced, ledger, approval, steps";
        assert_eq!(error.to_string(), format!("no agent is named \"nobody\"; there are: {names}"));
    }

    #[test]
    fn agents_are_configured_for_tenants() {
        let name = |agents: &Agents, tenant: &str| {
            let tenant = Tenant::parse(tenant).unwrap();
            agents.of(&tenant).map(|agent| agent.profile().name)
        };
        for (text, default, acme) in [
            ("conformance", Some("conformance"), Some("conformance")),
            ("acme=conformance, echo", Some("echo"), Some("conformance")),
            ("acme=conformance", None, Some("conformance")),
            ("=echo,acme = conformance", Some("echo"), Some("conformance")),
        ] {
            let agents = configured(text).unwrap();
            let expected = (default.map(str::to_owned), acme.map(str::to_owned));
            assert_eq!((name(&agents, ""), name(&agents, "acme")), expected, "{text:?}");
        }
        for text in
            ["", "nobody", "acme=", "acme=nobody", "a b=echo", "echo,conformance", "a=echo,a=echo"]
        {
            assert!(configured(text).is_err(), "{text}");
        }
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
