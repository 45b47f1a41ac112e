#![doc = include_str!("../README.md")]

#[cfg(feature = "a2a")]
mod a2a;
#[cfg(feature = "http")]
mod account;
#[cfg(feature = "fixtures")]
mod approval;
mod built_in;
#[cfg(any(feature = "a2a", feature = "http"))]
mod client;
#[cfg(feature = "fixtures")]
mod conformance;
#[cfg(any(feature = "a2a", feature = "http"))]
mod digits;
mod echo;
mod error;
#[cfg(any(feature = "a2a", feature = "http"))]
mod failed_call;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "lambda")]
mod lambda;
#[cfg(feature = "fixtures")]
mod ledger;
mod list;
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
#[cfg(any(feature = "a2a", feature = "http"))]
mod url;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::push::Secret;
use a2a_lambda_core::{Agent, Agents, Policy, Retries};
#[cfg(any(feature = "a2a", feature = "http"))]
use a2a_lambda_https::Transport;
#[cfg(feature = "http")]
use a2a_lambda_runtime::SystemClock;
#[cfg(feature = "process")]
use a2a_lambda_runtime::table::AGENT_COMMAND;
#[cfg(feature = "http")]
use a2a_lambda_runtime::table::Text;
use a2a_lambda_runtime::table::{AGENT, MAX_ATTEMPTS};
use a2a_lambda_runtime::{ConfigError, Variables};

use self::list::{Adapted, Limits, OwnRetries};
use self::spec::{Item, Spec, Wanted};

#[cfg(feature = "fixtures")]
pub use approval::Approval;
#[cfg(feature = "fixtures")]
pub use conformance::Conformance;
pub use echo::Echo;
pub use error::AgentsError;
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

/// Whether the text of `AGENT` names agents: one for every tenant (`echo`), or some for tenants of
/// their own and perhaps one for all others (`acme=conformance,echo`). Without an agent for all
/// others, other tenants are not served. It can be a list in JSON, or `file:` and the path of one.
///
/// # Errors
/// When the text is not of this form or names an agent that is not there.
pub fn check(text: &str) -> Result<(), AgentsError> {
    Spec::parse(text).map(drop)
}

/// The agents that the variable `AGENT` names, or the text that it [refers](a2a_lambda_runtime::secrets)
/// to.
///
/// # Errors
/// When it is not set, cannot be read or [names no agents](check), or a variable of one of them cannot
/// be used.
pub async fn from_variables(variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    let text = variables.required(&AGENT)?;
    let text = variables.resolved_document(AGENT.about.name, text).await?;
    let spec = Spec::parse(text.reveal()).map_err(refused)?;
    let mut makers = Makers {
        variables,
        #[cfg(any(feature = "a2a", feature = "http"))]
        transport: Arc::new(client::AtFirstCall::default()),
        by_variables: BTreeMap::new(),
        #[cfg(feature = "process")]
        ports: Ports::new(),
    };
    let mut agents = match spec.default {
        Some(item) => Agents::new(makers.make(item).await?),
        None => Agents::closed(),
    };
    for (tenant, item) in spec.by_tenant {
        agents = agents.with(tenant, makers.make(item).await?);
    }
    Ok(agents)
}

/// `AGENT` names no agents. An entry of a list says enough of itself.
fn refused(error: AgentsError) -> ConfigError {
    if !matches!(error, AgentsError::Entry { .. }) {
        return ConfigError::because(&AGENT, error);
    }
    let what = "a list of agents that can be used".to_owned();
    ConfigError::Invalid { variable: AGENT.about.name, what, source: Some(error.into()) }
}

/// The agent of a list's entry cannot be made. `is_own` says whether the entry has a variable of this name.
fn refused_entry(entry: usize, error: &ConfigError, is_own: impl Fn(&str) -> bool) -> ConfigError {
    let variable = |name: &str| list::place(entry, &format!(".variables.{name}"));
    let (at, what) = match error {
        ConfigError::Missing { variable: name, what } if list::setting(name).is_some() => {
            (variable(name), format!("it is not set, nor is the function's: it must be {what}"))
        }
        ConfigError::Invalid { variable: name, what, source } if is_own(name) => {
            let reason = source.as_deref().map(|source| format!(": {}", chain(source)));
            (variable(name), format!("it must be {what}{}", reason.unwrap_or_default()))
        }
        ConfigError::Unread { variable: name, source } if is_own(name) => {
            let reason = chain(&**source);
            (variable(name), format!("it could not be read from its store: {reason}"))
        }
        error => (list::place(entry, ""), chain(error)),
    };
    refused(AgentsError::Entry { at, what })
}

/// The process at each port that an item names, and the entry that named it first.
#[cfg(feature = "process")]
type Ports = BTreeMap<std::num::NonZeroU16, (usize, Arc<process::Keeper>)>;

/// A maker for each set of variables.
struct Makers<'v> {
    variables: &'v Variables<'v>,
    /// All agents that call share their connections.
    #[cfg(any(feature = "a2a", feature = "http"))]
    transport: Arc<dyn Transport>,
    /// Boxed, since a maker is empty without the features.
    by_variables: BTreeMap<BTreeMap<String, String>, Box<Maker>>,
    #[cfg(feature = "process")]
    ports: Ports,
}

impl Makers<'_> {
    async fn make(&mut self, item: Item) -> Result<Arc<dyn Agent>, ConfigError> {
        let Item { entry, wanted, variables, card, retries, limits } = item;
        let names: Vec<String> = variables.keys().cloned().collect();
        let told = |error: ConfigError| match entry {
            Some(entry) => refused_entry(entry, &error, |name| names.iter().any(|own| own == name)),
            None => error,
        };
        let maker = match self.by_variables.entry(variables) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let mut values = BTreeMap::new();
                for (name, value) in place.key() {
                    let Some((name, is_secret)) = list::setting(name) else { continue };
                    let value = if is_secret {
                        self.variables.resolved(name, value.clone()).await.map_err(told)?
                    } else {
                        Secret::new(value.clone())
                    };
                    values.insert(name, value);
                }
                let maker = self.variables.with_values(&values, |variables| {
                    Maker::from_variables(
                        variables,
                        #[cfg(any(feature = "a2a", feature = "http"))]
                        &self.transport,
                    )
                });
                place.insert(Box::new(maker.map_err(told)?))
            }
        };
        #[cfg(feature = "process")]
        if let Wanted::Process(Some(port)) = wanted {
            let claimed = maker.claim(port, entry.unwrap_or_default(), &mut self.ports);
            claimed.map_err(refused)?;
        }
        let agent = maker.make(wanted, &limits).map_err(told)?;
        let retries = match retries {
            Some(retries) => Some(self.retries(&*agent, retries)?),
            None => None,
        };
        if card.is_none() && retries.is_none() {
            return Ok(agent);
        }
        Ok(Arc::new(Adapted { agent, card, retries }))
    }

    /// The retries of an agent, where the operator's leave some of its own, or of the deployment's.
    fn retries(&self, agent: &dyn Agent, retries: OwnRetries) -> Result<Retries, ConfigError> {
        let of_all = self.variables.number(&MAX_ATTEMPTS)?;
        let of_all = Retries {
            max_attempts: u32::try_from(of_all).unwrap_or(u32::MAX),
            ..Policy::default().retries()
        };
        Ok(retries.over(agent.retries().unwrap_or(of_all)))
    }
}

/// Makes agents. A process is made once, however many tenants it serves.
struct Maker {
    #[cfg(feature = "a2a")]
    remote: a2a::Settings,
    /// Or the variable that it lacks.
    #[cfg(feature = "http")]
    account: Result<account::Account, &'static Text>,
    #[cfg(feature = "http")]
    calls: http::Calls,
    #[cfg(feature = "process")]
    command: Option<process::Command>,
    #[cfg(feature = "process")]
    processes: BTreeMap<Option<std::num::NonZeroU16>, Arc<process::Keeper>>,
}

impl Maker {
    #[cfg_attr(
        not(any(feature = "a2a", feature = "http")),
        expect(unused_variables, clippy::unnecessary_wraps)
    )]
    fn from_variables(
        variables: &Variables<'_>,
        #[cfg(any(feature = "a2a", feature = "http"))] transport: &Arc<dyn Transport>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            #[cfg(feature = "a2a")]
            remote: a2a::Settings::from_variables(variables, transport.clone())?,
            #[cfg(feature = "http")]
            account: account::Account::from_variables(variables)?,
            #[cfg(feature = "http")]
            calls: http::Calls::from_variables(variables, transport.clone())?,
            #[cfg(feature = "process")]
            command: process::Command::from_variables(variables)?,
            #[cfg(feature = "process")]
            processes: BTreeMap::new(),
        })
    }

    /// The process at a port, of the item at this place. Items with one command share it. The messages
    /// of an item with another one would reach the agent that has the port.
    #[cfg(feature = "process")]
    fn claim(
        &mut self,
        port: std::num::NonZeroU16,
        at: usize,
        ports: &mut Ports,
    ) -> Result<(), AgentsError> {
        // Making the agent tells of a command that is missing.
        let Some(command) = &self.command else { return Ok(()) };
        let new =
            || process::Keeper::new(command.clone(), Some(port), self.calls.transport.clone());
        let (first, keeper) = ports.entry(port).or_insert_with(|| (at, Arc::new(new())));
        if !keeper.starts(command) {
            let (first, second) = (at.min(*first), at.max(*first));
            return Err(AgentsError::List(format!(
                "agents[{first}] and agents[{second}]: both are at port {port}, and their commands \
                 or environments differ: give each a port of its own, or none"
            )));
        }
        self.processes.entry(Some(port)).or_insert_with(|| keeper.clone());
        Ok(())
    }

    /// The account, which agents of AWS need.
    #[cfg(feature = "http")]
    fn account(&self) -> Result<&account::Account, ConfigError> {
        self.account.as_ref().map_err(|missing| ConfigError::missing(missing))
    }

    #[cfg_attr(not(feature = "http"), expect(clippy::unnecessary_wraps))]
    #[cfg_attr(
        not(any(feature = "a2a", feature = "http")),
        expect(unused_variables, clippy::unused_self, clippy::needless_pass_by_value)
    )]
    fn make(&mut self, wanted: Wanted, limits: &Limits) -> Result<Arc<dyn Agent>, ConfigError> {
        #[cfg(feature = "http")]
        let calls = self.calls.clone().within(limits);
        match wanted {
            Wanted::BuiltIn(make) => Ok(make()),
            #[cfg(feature = "a2a")]
            Wanted::A2a(place) => {
                let settings = self.remote.clone().within(limits);
                Ok(Arc::new(a2a::A2aAgent::new(settings, &place)))
            }
            #[cfg(feature = "http")]
            Wanted::Http(target) if self.calls.signs => {
                let (account, clock) = (self.account()?, Arc::new(SystemClock));
                Ok(Arc::new(http::HttpAgent::signed(&calls, *target, account, clock)?))
            }
            #[cfg(feature = "http")]
            Wanted::Http(target) => Ok(Arc::new(http::HttpAgent::new(calls, *target))),
            #[cfg(feature = "http")]
            Wanted::AgentCore(agent) => {
                let (account, clock) = (self.account()?, Arc::new(SystemClock));
                Ok(Arc::new(http::HttpAgent::hosted(&calls, &agent, account, clock)?))
            }
            #[cfg(feature = "lambda")]
            Wanted::Lambda(function) => {
                let (account, clock) = (self.account()?, Arc::new(SystemClock));
                Ok(Arc::new(lambda::LambdaAgent::new(calls, &function, account, clock)?))
            }
            #[cfg(feature = "process")]
            Wanted::Process(port) => {
                let keeper = match self.processes.entry(port) {
                    Entry::Occupied(known) => known.get().clone(),
                    Entry::Vacant(place) => {
                        let command = self.command.clone();
                        let command =
                            command.ok_or_else(|| ConfigError::missing(&AGENT_COMMAND))?;
                        let keeper = process::Keeper::new(command, port, calls.transport.clone());
                        place.insert(Arc::new(keeper)).clone()
                    }
                };
                Ok(Arc::new(process::ProcessAgent::new(calls, keeper)))
            }
        }
    }
}

#[cfg(all(test, feature = "fixtures", feature = "process", feature = "a2a"))]
mod tests {
    use a2a_lambda_core::Tenant;

    use super::*;
    use crate::built_in::BUILT_IN;

    async fn made(text: &str) -> Result<Agents, ConfigError> {
        let lookup = |name: &str| match name {
            "AGENT" => Some(text.to_owned()),
            "AGENT_COMMAND" => Some("python3 agent.py".to_owned()),
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        from_variables(&Variables::local(&lookup)).await
    }

    #[test]
    fn an_unknown_agent_s_error_lists_the_agents() {
        let error = check("nobody").unwrap_err();
        let names = "echo, conformance, strict, poison, paced, ledger, approval, steps, a2a:URL, http:URL, \
             agentcore:ARN, lambda:FUNCTION, process";
        assert_eq!(error.to_string(), format!("no agent is named \"nobody\"; there are: {names}"));
    }

    #[tokio::test]
    async fn there_is_no_agent_by_default() {
        let error = from_variables(&Variables::local(&|_: &str| None)).await.unwrap_err();
        assert!(
            error.to_string().starts_with("the environment variable AGENT is not set"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn agents_are_configured_for_tenants() {
        let name = |agents: &Agents, tenant: &str| {
            let tenant = Tenant::parse(tenant).unwrap();
            agents.of(&tenant).map(|agent| agent.profile().name)
        };
        for (text, default, acme) in [
            ("conformance", Some("conformance"), Some("conformance")),
            ("acme=conformance, echo", Some("echo"), Some("conformance")),
            ("acme=conformance", None, Some("conformance")),
            ("=echo", Some("echo"), None),
            (r#"{"agents": [{"tenant": "", "agent": "echo"}]}"#, Some("echo"), None),
            (r#"{"agents": [{"tenant": null, "agent": "echo"}]}"#, Some("echo"), Some("echo")),
            ("=echo,acme = conformance", Some("echo"), Some("conformance")),
            ("http:https://a.example", Some("http"), Some("http")),
            ("http:http://[::1]:8080/x?tenant=acme&a=b:c", Some("http"), Some("http")),
            ("acme=http:https://a.example/?q=a%2Cb, process:8080", Some("process"), Some("http")),
            (
                "lambda:agent:live,acme=agentcore:arn:aws:bedrock-agentcore:x:123456789012:runtime/a",
                Some("lambda"),
                Some("http"),
            ),
            ("acme=process,http:https://a.example/invocations", Some("http"), Some("process")),
            ("a2a:https://a.example/b/", Some("a2a"), Some("a2a")),
            ("acme=a2a:http://[::1]:9000,echo", Some("echo"), Some("a2a")),
        ] {
            let agents = made(text).await.unwrap();
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
            "lambda",
            "lambda:",
            "agentcore:",
            "agentcore:a",
            "process:",
            "process:0",
            "process:65536",
            "s3:",
            "s3:my-bucket/agents.json",
            r#"{"default": "echo"}"#,
            "[\"echo\"]",
        ] {
            assert!(check(text).is_err() && made(text).await.is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_list_gives_each_agent_a_card_and_variables() {
        let list = r#"{"agents": [
            {"agent": "http:https://a.example", "card": {"name": "Travel"},
             "variables": {"HTTP_AGENT_SILENCE_SECONDS": "5"}},
            {"tenant": "acme", "agent": "process", "limits": {"answerBytes": 4096, "callSeconds": 9}},
            {"tenant": "b", "agent": "process", "variables": {"AGENT_COMMAND": "python3 b.py"},
             "retries": {"attempts": 3}},
            {"tenant": "c", "agent": "a2a:https://c.example", "limits": {"answerBytes": 4096},
             "retries": {"mostSeconds": 10}}]}"#;
        let folder = std::env::temp_dir().join(format!("a2a-lambda-list-{}", std::process::id()));
        // With the mark of UTF-8, as some editors write it.
        std::fs::write(&folder, format!("\u{feff}{list}")).unwrap();
        for text in [list.to_owned(), format!("file:{}", folder.display())] {
            let agents = made(&text).await.unwrap();
            let of = |tenant: &str| agents.of(&Tenant::parse(tenant).unwrap()).unwrap().clone();
            assert_eq!(of("").profile().name, "Travel");
            let retries = |tenant: &str| {
                let retries = of(tenant).retries();
                retries.map(|it| (it.max_attempts, it.first.as_secs(), it.most.as_secs()))
            };
            assert_eq!(
                ["acme", "b", "c"].map(retries),
                [None, Some((3, 1, 300)), Some((12, 1, 10))],
                "what is left out is the agent's, or the deployment's"
            );
        }
        std::fs::remove_file(&folder).unwrap();
        for (text, said) in [
            ("file:/nowhere.json", "/nowhere.json"),
            ("ssm:/agents", "could not be read"),
            ("s3:my-bucket/agents.json", "could not be read"),
            ("s3:agents.json", "must be `s3:BUCKET/KEY`"),
        ] {
            let error = chain(&made(text).await.unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[tokio::test]
    async fn a_port_is_one_command_s() {
        let of = |first: &str, second: &str, variables: &str| {
            format!(
                r#"{{"agents": [{{"tenant": "z", "agent": "{first}"}}, {{"agent": "echo"}},
                {{"tenant": "b", "agent": "{second}", "variables": {{{variables}}}}}]}}"#
            )
        };
        let (other, silence) =
            (r#""AGENT_COMMAND": "python3 b.py""#, r#""HTTP_AGENT_SILENCE_SECONDS": "5""#);
        for (list, is_refused) in [
            (of("process:8080", "process:8080", other), true),
            (of("process:8080", "process:8080", silence), false),
            (of("process:8080", "process:8080", ""), false),
            (of("process:8080", "process:8081", other), false),
            (of("process", "process", other), false),
            (of("process:8080", "process", other), false),
        ] {
            let error = made(&list).await.err().map(|error| chain(&error)).unwrap_or_default();
            let names_both = error.contains("agents[0] and agents[2]: both are at port 8080");
            assert_eq!((names_both, error.is_empty()), (is_refused, !is_refused), "{list} {error}");
        }
    }

    #[tokio::test]
    async fn one_process_serves_several_tenants() {
        let command = |name: &str| (name == "AGENT_COMMAND").then(|| "python3 a.py".to_owned());
        let transport: Arc<dyn Transport> = Arc::new(client::AtFirstCall::default());
        let mut maker = Maker::from_variables(&Variables::local(&command), &transport).unwrap();
        let limits = Limits { answer_bytes: Some(4_096), ..Limits::default() };
        for limits in [Limits::default(), limits] {
            for port in [None, std::num::NonZeroU16::new(8080)] {
                maker.make(Wanted::Process(port), &limits).unwrap();
            }
        }
        assert_eq!(maker.processes.len(), 2, "one for each port");
        let no_command = |name: &str| (name == "AGENT").then(|| "process".to_owned());
        let error = from_variables(&Variables::local(&no_command)).await;
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("the environment variable AGENT_COMMAND is not set"), "{error}");
        // Only agents of AWS need an account.
        let no_account = |name: &str| (name == "AGENT").then(|| "lambda:a".to_owned());
        let error = from_variables(&Variables::local(&no_account)).await;
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("the environment variable AWS_REGION is not set"), "{error}");
    }

    #[tokio::test]
    async fn every_profile_fills_a_card() {
        let external = ["a2a:https://a.example", "http:https://a.example", "lambda:a", "process"];
        let names = BUILT_IN.iter().map(|(name, _)| *name).chain(external);
        for name in names {
            let profile = made(name).await.unwrap().profile(&Tenant::default()).unwrap().clone();
            assert!(!profile.name.is_empty() && !profile.description.is_empty(), "{name}");
            assert!(!profile.skills.is_empty(), "{name}");
            assert!(!profile.input_modes.is_empty() && !profile.output_modes.is_empty(), "{name}");
        }
    }
}
