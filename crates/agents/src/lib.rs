#![doc = include_str!("../README.md")]

#[cfg(feature = "a2a")]
mod a2a;
#[cfg(feature = "fixtures")]
mod approval;
mod built_in;
#[cfg(feature = "fixtures")]
mod conformance;
mod echo;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "fixtures")]
mod ledger;
#[cfg(feature = "fixtures")]
mod paced;
#[cfg(feature = "fixtures")]
mod poison;
#[cfg(feature = "process")]
mod process;
mod spec;
#[cfg(feature = "fixtures")]
mod steps;
#[cfg(feature = "fixtures")]
mod strict;

use std::sync::Arc;

use a2a_lambda_core::{Agent, Agents};
use a2a_lambda_runtime::table::AGENT;
#[cfg(feature = "process")]
use a2a_lambda_runtime::table::AGENT_COMMAND;
use a2a_lambda_runtime::{ConfigError, Variables};

use self::spec::{Spec, Wanted};

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
pub use spec::AgentsError;
#[cfg(feature = "fixtures")]
pub use steps::Steps;
#[cfg(feature = "fixtures")]
pub use strict::Strict;

/// Whether the text of `AGENT` names agents: one for every tenant (`echo`), or some for tenants of
/// their own and perhaps one for all others (`acme=conformance,echo`). Without an agent for all
/// others, other tenants are not served.
///
/// # Errors
/// When the text is not of this form or names an agent that is not there.
pub fn check(text: &str) -> Result<(), AgentsError> {
    Spec::parse(text).map(drop)
}

/// The agents that the variable `AGENT` names.
///
/// # Errors
/// When it is not set or [names no agents](check), or a variable of one of them cannot be used.
pub fn from_variables(variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    let spec = variables.read(&AGENT, Spec::parse)?;
    let Spec { default, by_tenant } = spec.ok_or_else(|| ConfigError::missing(&AGENT))?;
    let mut maker = Maker::from_variables(variables)?;
    let agents = match default {
        Some(wanted) => Agents::new(maker.make(wanted)?),
        None => Agents::closed(),
    };
    by_tenant
        .into_iter()
        .try_fold(agents, |agents, (tenant, wanted)| Ok(agents.with(tenant, maker.make(wanted)?)))
}

/// Makes agents. A process is made once, however many tenants it serves.
struct Maker {
    #[cfg(feature = "a2a")]
    remote: a2a::Settings,
    #[cfg(feature = "http")]
    calls: http::Calls,
    #[cfg(feature = "process")]
    command: Option<process::Command>,
    #[cfg(feature = "process")]
    processes: std::collections::BTreeMap<Option<std::num::NonZeroU16>, Arc<dyn Agent>>,
}

impl Maker {
    #[cfg_attr(
        not(any(feature = "a2a", feature = "http")),
        expect(unused_variables, clippy::unnecessary_wraps)
    )]
    fn from_variables(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            #[cfg(feature = "a2a")]
            remote: a2a::Settings::from_variables(variables)?,
            #[cfg(feature = "http")]
            calls: http::Calls::from_variables(variables)?,
            #[cfg(feature = "process")]
            command: process::Command::from_variables(variables)?,
            #[cfg(feature = "process")]
            processes: std::collections::BTreeMap::new(),
        })
    }

    #[cfg_attr(not(feature = "process"), expect(clippy::unnecessary_wraps))]
    #[cfg_attr(
        not(any(feature = "a2a", feature = "http")),
        expect(clippy::unused_self, clippy::needless_pass_by_value)
    )]
    fn make(&mut self, wanted: Wanted) -> Result<Arc<dyn Agent>, ConfigError> {
        match wanted {
            Wanted::BuiltIn(make) => Ok(make()),
            #[cfg(feature = "a2a")]
            Wanted::A2a(place) => Ok(Arc::new(a2a::A2aAgent::new(self.remote.clone(), &place))),
            #[cfg(feature = "http")]
            Wanted::Http(target) => Ok(Arc::new(http::HttpAgent::new(self.calls.clone(), target))),
            #[cfg(feature = "process")]
            Wanted::Process(port) => {
                if let Some(agent) = self.processes.get(&port) {
                    return Ok(agent.clone());
                }
                let command = self.command.clone();
                let command = command.ok_or_else(|| ConfigError::missing(&AGENT_COMMAND))?;
                let agent = process::ProcessAgent::new(self.calls.clone(), command, port);
                let agent: Arc<dyn Agent> = Arc::new(agent);
                self.processes.insert(port, agent.clone());
                Ok(agent)
            }
        }
    }
}

#[cfg(all(test, feature = "fixtures", feature = "process", feature = "a2a"))]
mod tests {
    use a2a_lambda_core::Tenant;

    use super::*;
    use crate::built_in::BUILT_IN;

    fn made(text: &str) -> Result<Agents, ConfigError> {
        let lookup = |name: &str| match name {
            "AGENT" => Some(text.to_owned()),
            "AGENT_COMMAND" => Some("python3 agent.py".to_owned()),
            _ => None,
        };
        from_variables(&Variables::local(&lookup))
    }

    #[test]
    fn an_unknown_agent_s_error_lists_the_agents() {
        let error = check("nobody").unwrap_err();
        let names = "echo, conformance, strict, poison, paced, ledger, approval, steps, a2a:URL, http:URL, process";
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
            ("http:https://a.example", Some("http"), Some("http")),
            ("http:http://[::1]:8080/x?tenant=acme&a=b:c", Some("http"), Some("http")),
            ("acme=http:https://a.example/?q=a%2Cb, process:8080", Some("process"), Some("http")),
            ("acme=process,http:https://a.example/invocations", Some("http"), Some("process")),
            ("a2a:https://a.example/b/", Some("a2a"), Some("a2a")),
            ("acme=a2a:http://[::1]:9000,echo", Some("echo"), Some("a2a")),
        ] {
            let agents = made(text).unwrap();
            let expected = (default.map(str::to_owned), acme.map(str::to_owned));
            assert_eq!((name(&agents, ""), name(&agents, "acme")), expected, "{text:?}");
        }
        for text in [
            "",
            "nobody",
            "acme=",
            "acme=nobody",
            "a b=echo",
            "echo,conformance",
            "a=echo,a=echo",
            "echo:",
            "echo:x=echo",
            "http",
            "http:",
            "http:a.example",
            "http:ftp://a.example",
            "http:https://",
            "http:https://u:p@a.example",
            "http:https://a.example#f",
            "http:https://a.example/a b",
            "http:https://a.example/?q=a,b",
            "a2a",
            "a2a:",
            "a2a:a.example",
            "a2a:https://u@a.example",
            "a2a:https://a.example?q=1",
            "a2a:https://a.example#f",
            "process:",
            "process:0",
            "process:65536",
            r#"{"default": "echo"}"#,
            "[\"echo\"]",
        ] {
            assert!(check(text).is_err() && made(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_process_serves_several_tenants() {
        let agents = made("a=process,b=process,c=process:8080").unwrap();
        let of = |tenant: &str| agents.of(&Tenant::parse(tenant).unwrap()).unwrap().clone();
        assert!(Arc::ptr_eq(&of("a"), &of("b")) && !Arc::ptr_eq(&of("a"), &of("c")));
        let no_command = |name: &str| (name == "AGENT").then(|| "process".to_owned());
        let error = from_variables(&Variables::local(&no_command)).unwrap_err().to_string();
        assert!(error.starts_with("the environment variable AGENT_COMMAND is not set"), "{error}");
    }

    #[test]
    fn every_profile_fills_a_card() {
        let external = ["a2a:https://a.example", "http:https://a.example", "process"];
        let names = BUILT_IN.iter().map(|(name, _)| *name).chain(external);
        for name in names {
            let profile = made(name).unwrap().profile(&Tenant::default()).unwrap().clone();
            assert!(!profile.name.is_empty() && !profile.description.is_empty(), "{name}");
            assert!(!profile.skills.is_empty(), "{name}");
            assert!(!profile.input_modes.is_empty() && !profile.output_modes.is_empty(), "{name}");
        }
    }
}
