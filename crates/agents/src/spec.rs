//! The grammar of `AGENT`.
//!
//! ```text
//! AGENT  = item *( "," item )
//! item   = [ tenant "=" ] name [ ":" argument ]
//! ```
//!
//! A comma ends an item: in a URL it is written `%2C`. The first equals sign of an item divides only
//! if no colon is before it. A tenant's name has neither character, so all else of an item may have
//! both. A text that begins with `{` is a list of agents in JSON. So is the file of `file:PATH`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Read;

use a2a_lambda_core::Tenant;
use a2a_lambda_core::engine::chain;
use a2a_lambda_protocol::FIRST_SEGMENTS;
#[cfg(feature = "process")]
use a2a_lambda_runtime::table::AGENT_COMMAND;
#[cfg(any(feature = "lambda", feature = "process"))]
use a2a_lambda_runtime::table::HTTP_AGENT_AUTHORIZATION;

use crate::built_in::{BUILT_IN, MakeAgent};
use crate::error::AgentsError;
use crate::list::{self, Card, Limits, Listed, MAX_BYTES, OwnRetries};

/// An agent that an item names.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// One of those that have no argument.
    BuiltIn(MakeAgent),
    /// The A2A agent at a URL.
    #[cfg(feature = "a2a")]
    A2a(crate::a2a::Place),
    /// The agent at a URL.
    #[cfg(feature = "http")]
    Http(Box<crate::http::Target>),
    /// The agent in the runtime of `AgentCore`.
    #[cfg(feature = "http")]
    AgentCore(crate::http::Hosted),
    /// The agent that is a Lambda function.
    #[cfg(feature = "lambda")]
    Lambda(crate::lambda::Function),
    /// The agent in a process, at this port; `None` for a free one.
    #[cfg(feature = "process")]
    Process(Option<std::num::NonZeroU16>),
}

/// An agent, with its own settings.
pub(crate) struct Item {
    /// Its number among the entries of a list in JSON, if it comes from one.
    pub(crate) entry: Option<usize>,
    pub(crate) wanted: Wanted,
    /// Variables of agents, for this one.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) card: Option<Card>,
    pub(crate) retries: Option<OwnRetries>,
    pub(crate) limits: Limits,
}

impl Item {
    /// An agent of which nothing else is said.
    fn plain(wanted: Wanted) -> Self {
        let (variables, limits) = (BTreeMap::new(), Limits::default());
        Self { entry: None, wanted, variables, card: None, retries: None, limits }
    }
}

/// The agents that `AGENT` names.
#[derive(Default)]
pub(crate) struct Spec {
    /// For the tenants that have none of their own; `None` if those are not served.
    pub(crate) default: Option<Item>,
    pub(crate) by_tenant: BTreeMap<Tenant, Item>,
}

impl Spec {
    /// Reads the text of `AGENT`, or the file that it names.
    pub(crate) fn parse(text: &str) -> Result<Self, AgentsError> {
        let mut spec = Self::default();
        let text = unmarked(text);
        if ["ssm:", "secretsmanager:", "s3:"].iter().any(|place| text.starts_with(place)) {
            let what = "it is kept in AWS, where only a deployed function reads it";
            return Err(AgentsError::List(what.to_owned()));
        }
        let listed = match text.strip_prefix("file:") {
            Some(path) => list::parse(unmarked(&contents(path)?))?,
            None if text.trim_start().starts_with(['{', '[']) => list::parse(text)?,
            None => {
                for item in text.split(',').map(str::trim) {
                    let (tenant, agent) = divided(item);
                    spec.add(tenant, Item::plain(Wanted::parse(agent)?))?;
                }
                return Ok(spec);
            }
        };
        for (at, listed) in listed.into_iter().enumerate() {
            spec.add_listed(at, listed)?;
        }
        Ok(spec)
    }

    /// Adds an entry of a list. An error names it.
    fn add_listed(&mut self, at: usize, listed: Listed) -> Result<(), AgentsError> {
        let refused =
            |field: &str, what: String| AgentsError::Entry { at: list::place(at, field), what };
        let Listed { tenant, agent, variables, card, retries, limits } = listed;
        let wanted = Wanted::parse(&agent).map_err(|error| refused(".agent", chain(&error)))?;
        if let Some(field) = wanted.lacks(&limits) {
            let what = "the agent has no such limit".to_owned();
            return Err(refused(&format!(".limits.{field}"), what));
        }
        if let Some(name) = variables.keys().find(|name| !wanted.reads(name)) {
            let what = "the agent does not read it".to_owned();
            return Err(refused(&format!(".variables.{name}"), what));
        }
        let item = Item { entry: Some(at), wanted, variables, card, retries, limits };
        match self.add(tenant.as_deref(), item) {
            Err(Unadded::Bad(error)) => Err(refused(".tenant", chain(&error))),
            Err(Unadded::Twice(error, first)) => {
                let field = if tenant.is_some() { ".tenant" } else { "" };
                let also = first.map(|first| format!("; {} is one, too", list::place(first, "")));
                Err(refused(field, format!("{error}{}", also.unwrap_or_default())))
            }
            Ok(()) => Ok(()),
        }
    }

    fn add(&mut self, tenant: Option<&str>, item: Item) -> Result<(), Unadded> {
        let Some(name) = tenant else {
            return match self.default.replace(item) {
                None => Ok(()),
                Some(first) => {
                    let error = AgentsError::Twice("all other tenants".to_owned());
                    Err(Unadded::Twice(error, first.entry))
                }
            };
        };
        if FIRST_SEGMENTS.contains(&name) {
            return Err(Unadded::Bad(AgentsError::Path(name.to_owned())));
        }
        let tenant = Tenant::parse(name)
            .map_err(|error| Unadded::Bad(AgentsError::Tenant(name.to_owned(), error)))?;
        match self.by_tenant.insert(tenant, item) {
            None => Ok(()),
            Some(first) => {
                let error = AgentsError::Twice(format!("the tenant {name:?}"));
                Err(Unadded::Twice(error, first.entry))
            }
        }
    }
}

/// Why an item cannot be added.
enum Unadded {
    /// Its tenant cannot be one.
    Bad(AgentsError),
    /// Another item, perhaps an entry of a list, has the same tenant.
    Twice(AgentsError, Option<usize>),
}

impl From<Unadded> for AgentsError {
    fn from(error: Unadded) -> Self {
        let (Unadded::Bad(error) | Unadded::Twice(error, _)) = error;
        error
    }
}

/// The text without the mark of UTF-8 that some editors write at its begin.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The text of a file with a list: in a function its path is below that of the zip.
fn contents(path: &str) -> Result<String, AgentsError> {
    let read = || {
        let mut text = String::new();
        // One byte more tells that it is too large.
        File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    read().map_err(|error| AgentsError::List(format!("the file {path:?}: {error}")))
}

/// An item's tenant, if it names one, and its agent.
fn divided(item: &str) -> (Option<&str>, &str) {
    match item.split_once('=') {
        Some((tenant, agent)) if !tenant.contains(':') => (Some(tenant.trim()), agent.trim()),
        _ => (None, item),
    }
}

impl Wanted {
    /// A limit that this agent cannot have, if it is given one.
    fn lacks(&self, limits: &Limits) -> Option<&'static str> {
        let bytes = limits.answer_bytes.map(|_| "answerBytes");
        let call = limits.call.map(|_| "callSeconds");
        match self {
            Self::BuiltIn(_) => bytes.or(call),
            // A variable of its own bounds the wait for it.
            #[cfg(feature = "a2a")]
            Self::A2a(_) => call,
            #[cfg(feature = "http")]
            Self::Http(_) | Self::AgentCore(_) => None,
            #[cfg(feature = "lambda")]
            Self::Lambda(_) => None,
            #[cfg(feature = "process")]
            Self::Process(_) => None,
        }
    }

    /// Whether this agent reads the variable of agents of this name.
    #[cfg_attr(not(any(feature = "a2a", feature = "http")), expect(unused_variables))]
    fn reads(&self, name: &str) -> bool {
        #[cfg(feature = "http")]
        let of_http = name.starts_with("HTTP_AGENT_");
        // Calls of a function are always signed, and a process gets no token.
        #[cfg(any(feature = "lambda", feature = "process"))]
        let of_ours = of_http && name != HTTP_AGENT_AUTHORIZATION.about.name;
        match self {
            Self::BuiltIn(_) => false,
            #[cfg(feature = "a2a")]
            Self::A2a(_) => name.starts_with("A2A_AGENT_"),
            #[cfg(feature = "http")]
            Self::Http(_) | Self::AgentCore(_) => of_http,
            #[cfg(feature = "lambda")]
            Self::Lambda(_) => of_ours,
            #[cfg(feature = "process")]
            Self::Process(_) => of_ours || name == AGENT_COMMAND.about.name,
        }
    }

    fn parse(agent: &str) -> Result<Self, AgentsError> {
        let (name, argument) = match agent.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (agent, None),
        };
        let refused = |source: Box<dyn Error + Send + Sync>| AgentsError::Argument {
            agent: name.to_owned(),
            what: source.to_string(),
        };
        match (name, argument) {
            #[cfg(feature = "a2a")]
            ("a2a", url) => {
                let place = crate::a2a::Place::parse(url.unwrap_or_default());
                place.map(Self::A2a).map_err(|error| refused(error.into()))
            }
            #[cfg(feature = "http")]
            ("http", url) => {
                let target = crate::http::Target::parse(url.unwrap_or_default());
                target
                    .map(|target| Self::Http(Box::new(target)))
                    .map_err(|error| refused(error.into()))
            }
            #[cfg(feature = "http")]
            ("agentcore", arn) => {
                let agent = crate::http::Hosted::parse(arn.unwrap_or_default());
                agent.map(Self::AgentCore).map_err(|error| refused(error.into()))
            }
            #[cfg(feature = "lambda")]
            ("lambda", function) => {
                let function = crate::lambda::Function::parse(function.unwrap_or_default());
                function.map(Self::Lambda).map_err(|error| refused(error.into()))
            }
            #[cfg(feature = "process")]
            ("process", None) => Ok(Self::Process(None)),
            #[cfg(feature = "process")]
            ("process", Some(port)) => match port.parse() {
                Ok(port) => Ok(Self::Process(Some(port))),
                Err(_) => Err(refused("its port must be a number from 1 to 65535".into())),
            },
            (name, argument) => {
                let found = BUILT_IN.iter().find(|(known, _)| *known == name);
                let (_, make) = found.ok_or_else(|| AgentsError::Unknown(name.to_owned()))?;
                match argument {
                    None => Ok(Self::BuiltIn(*make)),
                    Some(_) => Err(refused("nothing follows its name".into())),
                }
            }
        }
    }
}
