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
use a2a_lambda_protocol::FIRST_SEGMENTS;

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
        Self { wanted, variables, card: None, retries: None, limits }
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
        if ["ssm:", "secretsmanager:", "s3:"].iter().any(|place| text.starts_with(place)) {
            let what = "it is kept in AWS, where only a deployed function reads it";
            return Err(AgentsError::List(what.to_owned()));
        }
        let listed = match text.strip_prefix("file:") {
            Some(path) => list::parse(&contents(path)?)?,
            None if text.trim_start().starts_with('{') => list::parse(text)?,
            None => {
                for item in text.split(',').map(str::trim) {
                    let (tenant, agent) = divided(item);
                    spec.add(tenant, Item::plain(Wanted::parse(agent)?))?;
                }
                return Ok(spec);
            }
        };
        for (at, listed) in listed.into_iter().enumerate() {
            let Listed { tenant, agent, variables, card, retries, limits } = listed;
            let wanted = Wanted::parse(&agent)?;
            if let Some(field) = wanted.lacks(&limits) {
                let what = format!("agents[{at}].limits.{field}: the agent has no such limit");
                return Err(AgentsError::List(what));
            }
            spec.add(tenant.as_deref(), Item { wanted, variables, card, retries, limits })?;
        }
        Ok(spec)
    }

    fn add(&mut self, tenant: Option<&str>, item: Item) -> Result<(), AgentsError> {
        let Some(name) = tenant else {
            return match self.default.replace(item) {
                None => Ok(()),
                Some(_) => Err(AgentsError::Twice("all other tenants".to_owned())),
            };
        };
        if FIRST_SEGMENTS.contains(&name) {
            return Err(AgentsError::Path(name.to_owned()));
        }
        let tenant =
            Tenant::parse(name).map_err(|error| AgentsError::Tenant(name.to_owned(), error))?;
        match self.by_tenant.insert(tenant, item) {
            None => Ok(()),
            Some(_) => Err(AgentsError::Twice(format!("the tenant {name:?}"))),
        }
    }
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
