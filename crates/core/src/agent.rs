//! The trait of agents, and the list of a deployment's agents.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use a2a_lambda_protocol::{AgentExtension, AgentProvider, AgentSkill, Json, Timestamp};
use async_trait::async_trait;
use serde::Serialize;

use crate::head::{Impatience, Patience};
use crate::ids::Tenant;
use crate::policy::{Policy, Retries};
use crate::reply::Reply;
use crate::turn::Turn;

/// An agent: it is given a turn, shows its output, and returns the end of the turn.
///
/// A turn can run again from its beginning, if its process or machine dies. So an agent should make
/// its requests to other systems repeatable, for instance by [`Turn::idempotency_key`].
#[async_trait]
pub trait Agent: Send + Sync + 'static {
    /// The agent's description for its card. Each process asks for it once.
    fn profile(&self) -> AgentProfile;

    /// Runs one turn.
    ///
    /// # Errors
    /// A [`Failure`] says whether the turn may be retried. An error that is passed on by `?` may
    /// be, and its text is not shown to the user.
    async fn run(&self, turn: &Turn) -> Result<End, Failure>;

    /// The retries of failed turns; `None` for those of the deployment's policy.
    fn retries(&self) -> Option<Retries> {
        None
    }

    /// Brings [`profile`](Self::profile) up to date, for an agent whose profile is kept elsewhere. It is
    /// called before a request is answered, so it must be fast nearly always. Returns whether the
    /// profile is another one now: then it is asked for again.
    async fn renew_profile(&self) -> bool {
        false
    }

    /// Whether the agent is [told](Self::canceled) of canceled tasks.
    fn hears_of_cancels(&self) -> bool {
        false
    }

    /// Passes the cancel of a task on to wherever its work is done. The task is over: the turn shows
    /// nothing, and its input, its checkpoint and its recorded steps are those that the cancel found.
    ///
    /// It is called at least once for a cancel that was answered, and perhaps while
    /// [`run`](Self::run) is at work in another process.
    ///
    /// # Errors
    /// A retryable [`Failure`]: it is called again later, a few times.
    async fn canceled(&self, _turn: &Turn) -> Result<(), Failure> {
        Ok(())
    }
}

/// The description of an agent for its card (spec section 4.4.1). [`text`](Self::text) makes one;
/// then each field may be set.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AgentProfile {
    /// Its name, for people.
    pub name: String,
    /// Its purpose, for people and agents.
    pub description: String,
    /// Its version.
    pub version: String,
    /// Its skills; at least one.
    pub skills: Vec<AgentSkill>,
    /// The media types that it accepts; at least one.
    pub input_modes: Vec<String>,
    /// The media types that it produces; at least one.
    pub output_modes: Vec<String>,
    /// Whether it may answer with a direct message ([`End::Message`]). If so, a stream is held back
    /// until the agent has shown something or [`Policy::direct_wait`](crate::Policy::direct_wait)
    /// is over: a stream that has begun with a task cannot become a message.
    pub answers_directly: bool,
    /// The optional parts of A2A that its clients are offered.
    pub offers: Offers,
    /// The extensions that it supports (spec section 4.6).
    pub extensions: Vec<AgentExtension>,
    /// The additions for authenticated callers (spec section 3.1.11).
    pub extended: Option<ExtendedProfile>,
    /// Its provider.
    pub provider: Option<AgentProvider>,
    /// The URL of its documentation.
    pub documentation_url: Option<String>,
    /// The URL of its icon.
    pub icon_url: Option<String>,
}

/// The optional parts of A2A that an agent's clients are offered (spec section 3.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offers {
    /// Streams.
    pub streaming: bool,
    /// Push notifications.
    pub push_notifications: bool,
}

impl Default for Offers {
    fn default() -> Self {
        Self { streaming: true, push_notifications: true }
    }
}

/// The additions of the extended agent card to the public one.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ExtendedProfile {
    /// A description in place of the public one, if there is one.
    pub description: Option<String>,
    /// Further skills.
    pub skills: Vec<AgentSkill>,
}

impl AgentProfile {
    /// The profile of an agent for plain text, with one skill of the same name.
    pub fn text(name: &str, description: &str, version: &str) -> Self {
        let skill = AgentSkill {
            id: name.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            tags: vec!["text".to_owned()],
            ..AgentSkill::default()
        };
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            version: version.to_owned(),
            skills: vec![skill],
            input_modes: vec!["text/plain".to_owned()],
            output_modes: vec!["text/plain".to_owned()],
            answers_directly: false,
            offers: Offers::default(),
            extensions: Vec::new(),
            extended: None,
            provider: None,
            documentation_url: None,
            icon_url: None,
        }
    }
}

/// The end of a turn. Each end has a function that makes it.
/// [`with_checkpoint`](Self::with_checkpoint) and [`until`](Self::until) add to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum End {
    /// The task is completed. Results belong into artifacts, not into this message (spec
    /// section 3.7).
    Completed(Reply),
    /// The agent will not do the task.
    Rejected(Reply),
    /// The agent needs something from its user, and goes on with the next message.
    InputRequired {
        /// The question.
        question: Reply,
        /// The value that the agent gets back in its next turn.
        checkpoint: Option<Json>,
        /// The user's time to answer; `None` for any time.
        patience: Option<Patience>,
    },
    /// The agent needs credentials, and goes on with the next message.
    AuthRequired {
        /// The request for credentials.
        question: Reply,
        /// The value that the agent gets back in its next turn.
        checkpoint: Option<Json>,
        /// The user's time to answer; `None` for any time.
        patience: Option<Patience>,
    },
    /// The answer is just a message, and there was no need of a task. Only on a first turn that
    /// has shown nothing; in a later turn there is a task, and the message completes it.
    Message(Reply),
    /// Nothing is to be done before a time; waiting costs nothing. A message wakes the task before.
    /// Without a checkpoint the scope stays open, as with [`Continue`](Self::Continue).
    ParkUntil {
        /// When to go on.
        wake_at: Timestamp,
        /// The value that the agent gets back in its next turn.
        checkpoint: Option<Json>,
    },
    /// There is more to do than fits into one run: run again. Without a checkpoint, the next turn is
    /// given the same messages and finds the steps that are recorded; see [`steps`](crate::steps).
    Continue {
        /// The value that the agent gets back in its next turn.
        checkpoint: Option<Json>,
    },
}

impl End {
    /// Completed, without a message.
    pub fn completed() -> Self {
        Self::Completed(Reply::default())
    }

    /// The checkpoint for the next turn.
    pub(crate) fn checkpoint(&self) -> Option<&Json> {
        match self {
            Self::InputRequired { checkpoint, .. }
            | Self::AuthRequired { checkpoint, .. }
            | Self::ParkUntil { checkpoint, .. }
            | Self::Continue { checkpoint } => checkpoint.as_ref(),
            Self::Completed(_) | Self::Rejected(_) | Self::Message(_) => None,
        }
    }

    /// Whether a wait for the user ends by itself with another turn.
    pub(crate) fn wakes_by_itself(&self) -> bool {
        match self {
            Self::InputRequired { patience, .. } | Self::AuthRequired { patience, .. } => {
                patience.is_some_and(|patience| patience.then == Impatience::Wake)
            }
            _ => false,
        }
    }

    /// The agent will not do the task, for this reason.
    pub fn rejected(reason: impl Into<Reply>) -> Self {
        Self::Rejected(reason.into())
    }

    /// A question to the user, without a limit on the time to answer.
    pub fn input_required(question: impl Into<Reply>) -> Self {
        Self::InputRequired { question: question.into(), checkpoint: None, patience: None }
    }

    /// A request for credentials.
    pub fn auth_required(question: impl Into<Reply>) -> Self {
        Self::AuthRequired { question: question.into(), checkpoint: None, patience: None }
    }

    /// A direct message, without a task.
    pub fn message(reply: impl Into<Reply>) -> Self {
        Self::Message(reply.into())
    }

    /// The next turn is at this time, or when a message comes before.
    pub fn park_until(wake_at: Timestamp) -> Self {
        Self::ParkUntil { wake_at, checkpoint: None }
    }

    /// The next turn is at once, and finds the steps that are recorded.
    pub fn again() -> Self {
        Self::Continue { checkpoint: None }
    }

    /// The next turn is at once, with this checkpoint.
    ///
    /// # Errors
    /// When the checkpoint cannot be written as JSON.
    pub fn continue_with<T: Serialize + ?Sized>(checkpoint: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::Continue { checkpoint: Some(Json::from_value(checkpoint)?) })
    }

    /// Leaves a checkpoint for the next turn, which finds it by
    /// [`Turn::checkpoint`](crate::Turn::checkpoint). An end that has no next turn stays as it is.
    ///
    /// # Errors
    /// When the checkpoint cannot be written as JSON.
    pub fn with_checkpoint<T: Serialize + ?Sized>(
        mut self,
        left: &T,
    ) -> Result<Self, serde_json::Error> {
        let left = Json::from_value(left)?;
        match &mut self {
            Self::InputRequired { checkpoint, .. }
            | Self::AuthRequired { checkpoint, .. }
            | Self::ParkUntil { checkpoint, .. }
            | Self::Continue { checkpoint } => *checkpoint = Some(left),
            Self::Completed(_) | Self::Rejected(_) | Self::Message(_) => {}
        }
        Ok(self)
    }

    /// Gives the user of a question, or of a request for credentials, this long. Any other end stays
    /// as it is.
    pub fn until(mut self, until: Timestamp, then: Impatience) -> Self {
        if let Self::InputRequired { patience, .. } | Self::AuthRequired { patience, .. } =
            &mut self
        {
            *patience = Some(Patience { until, then });
        }
        self
    }
}

/// A turn that went wrong.
#[derive(Debug)]
pub struct Failure {
    pub(crate) retryable: bool,
    pub(crate) reason: Option<Reply>,
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// The turn may succeed when it is tried again. The user reads the reason if it never does.
    pub fn retryable(reason: impl Into<Reply>) -> Self {
        Self { retryable: true, reason: Some(reason.into()), source: None }
    }

    /// The turn will not succeed: the task fails at once, and the user reads the reason.
    pub fn permanent(reason: impl Into<Reply>) -> Self {
        Self { retryable: false, reason: Some(reason.into()), source: None }
    }

    /// Keeps the cause for the log. The user does not see it.
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// Any error fails the attempt, and the turn may be retried. Its text may be unfit for users, so it
/// goes only into the log.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { retryable: true, reason: None, source: Some(Box::new(error)) }
    }
}

/// The agents of a deployment: one for each tenant that has its own, and perhaps one for all others.
#[derive(Clone)]
pub struct Agents {
    /// Serves the tenants that have no agent of their own; `None` if those are not served.
    default: Option<Served>,
    by_tenant: BTreeMap<Tenant, Served>,
}

/// An agent, and its profile after the first request for it.
#[derive(Clone)]
struct Served {
    agent: Arc<dyn Agent>,
    profile: Arc<Mutex<Profile>>,
}

/// A profile as it was last asked for.
#[derive(Default)]
struct Profile {
    known: Option<Arc<AgentProfile>>,
    /// Whether it was ever renewed.
    changes: bool,
}

impl From<Arc<dyn Agent>> for Served {
    fn from(agent: Arc<dyn Agent>) -> Self {
        Self { agent, profile: Arc::default() }
    }
}

impl Served {
    fn lock(&self) -> MutexGuard<'_, Profile> {
        self.profile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn profile(&self) -> Arc<AgentProfile> {
        if let Some(known) = &self.lock().known {
            return known.clone();
        }
        // Outside of the lock: an agent may panic.
        let profile = Arc::new(self.agent.profile());
        self.lock().known.get_or_insert(profile).clone()
    }
}

impl Agents {
    /// One agent for every tenant.
    pub fn new(default: Arc<dyn Agent>) -> Self {
        Self { default: Some(default.into()), by_tenant: BTreeMap::new() }
    }

    /// No agent for any tenant, as the start of a closed set: it serves only the tenants that get
    /// an agent by [`with`](Self::with).
    pub fn closed() -> Self {
        Self { default: None, by_tenant: BTreeMap::new() }
    }

    /// Gives a tenant an agent of its own.
    pub fn with(mut self, tenant: Tenant, agent: Arc<dyn Agent>) -> Self {
        self.by_tenant.insert(tenant, agent.into());
        self
    }

    /// Whether a tenant is served: requests for others are refused.
    pub fn serves(&self, tenant: &Tenant) -> bool {
        self.served(tenant).is_some()
    }

    /// Whether a tenant has an agent of its own.
    pub fn names(&self, tenant: &Tenant) -> bool {
        self.by_tenant.contains_key(tenant)
    }

    /// The agent that serves a tenant; `None` if the tenant is not served.
    pub fn of(&self, tenant: &Tenant) -> Option<&Arc<dyn Agent>> {
        self.served(tenant).map(|served| &served.agent)
    }

    /// The profile of the agent that serves a tenant. An agent is asked once, and again when it has
    /// [renewed](Agent::renew_profile) the profile.
    pub fn profile(&self, tenant: &Tenant) -> Option<Arc<AgentProfile>> {
        self.served(tenant).map(Served::profile)
    }

    /// Lets the agent that serves a tenant renew its profile.
    pub async fn renew_profile(&self, tenant: &Tenant) {
        let Some(served) = self.served(tenant) else { return };
        if served.agent.renew_profile().await {
            let mut profile = served.lock();
            *profile = Profile { known: None, changes: true };
        }
    }

    /// Whether a tenant's profile has changed in the life of this process.
    pub fn has_renewed(&self, tenant: &Tenant) -> bool {
        self.served(tenant).is_some_and(|served| served.lock().changes)
    }

    /// Whether the agent that serves a tenant is told of canceled tasks.
    pub fn hears_of_cancels(&self, tenant: &Tenant) -> bool {
        self.of(tenant).is_some_and(|agent| agent.hears_of_cancels())
    }

    fn served(&self, tenant: &Tenant) -> Option<&Served> {
        self.by_tenant.get(tenant).or(self.default.as_ref())
    }

    /// The retries of failed turns of a tenant's agent.
    pub(crate) fn retries(&self, tenant: &Tenant, policy: &Policy) -> Retries {
        let own = self.of(tenant).and_then(|agent| agent.retries());
        let retries = own.unwrap_or_else(|| policy.retries());
        Retries { max_attempts: retries.max_attempts.max(1), ..retries }
    }
}

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agents").field("tenants", &self.by_tenant.keys()).finish_non_exhaustive()
    }
}
