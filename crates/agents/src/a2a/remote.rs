//! The address of the remote agent, and its card.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use a2a_lambda_client::{
    BadHeader, CardCache, Client, Config, Credentials, Error, Interface, Limits,
};
use a2a_lambda_core::{AgentProfile, Clock as _, StopReason, Turn};
use a2a_lambda_https::{Transport, WallClock};
use a2a_lambda_protocol::{AgentCard, AgentSkill};
use a2a_lambda_runtime::SystemClock;
use a2a_lambda_signing::VerifyingKeys;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;
use tracing::warn;

use super::fault::Fault;
use super::message::{hop_of, passed_on};
use crate::url::{self, NoUrl};

/// How long a card is used before it is asked for again, and how long none is asked for after a failure.
const FRESH: Duration = Duration::from_mins(5);
const FAILED: Duration = Duration::from_secs(30);
/// How long a client of this agent waits for the remote card.
const CARD_WITHIN: Duration = Duration::from_secs(2);

/// How long a message may be unanswered: servers that know no immediate answer work meanwhile.
const ANSWER: Duration = Duration::from_mins(5);
/// How long a stream may be silent. Servers without comments on the line are so while a model thinks.
const IDLE: Duration = Duration::from_mins(2);
const CONNECT: Duration = Duration::from_secs(10);

/// The longest stream, in bytes.
const MAX_STREAM_BYTES: usize = 64 << 20;

/// The header that names the agents that a request has come through.
const HOPS_HEADER: &str = "a2a-hops";

/// The most skills, and extensions, of a card that are shown.
const MAX_SKILLS: usize = 64;

/// The URL of a remote agent, to which its card's path is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(String);

impl Place {
    /// The agent at a URL of `http` or `https`, without a query.
    pub(crate) fn parse(url: &str) -> Result<Self, NoUrl> {
        if url::parse("a2a", url)?.query().is_some() {
            return Err(NoUrl::Query);
        }
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }

    pub(super) fn url(&self) -> &str {
        &self.0
    }
}

/// The credentials of this header `Authorization`.
pub(super) fn with_authorization(value: &str) -> Result<Credentials, BadHeader> {
    Credentials::none().header("authorization", value)
}

/// A remote agent.
pub(super) struct Remote {
    transport: Arc<dyn Transport>,
    url: String,
    authorization: Option<String>,
    card_keys: Option<Arc<VerifyingKeys>>,
    answer_bytes: usize,
    cards: CardCache,
    known: Mutex<Known>,
    /// Held by the client of this agent that has the card fetched. Others wait for that card: in a
    /// circle of agents they may all be one client's.
    fetching: AsyncMutex<()>,
}

/// The facts known about a remote agent.
#[derive(Default)]
struct Known {
    agent: Option<Arc<Found>>,
    /// The one whose card was served last. A turn finds the agent, too, and nobody hears of that.
    served: Option<Arc<Found>>,
    /// When it was asked for its card last, in milliseconds, and whether in vain.
    asked_ms: Option<i64>,
    failed: bool,
}

/// A remote agent as its card says.
struct Found {
    card: AgentCard,
    interface: Interface,
}

/// A remote agent that is asked for a turn.
pub(super) struct Asked {
    pub(super) client: Client,
    pub(super) streams: bool,
    pub(super) pushes: bool,
}

impl Remote {
    /// The agent at a place. One of the keys must have signed its card, if some are given, and its answers
    /// have at most this many bytes.
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        authorization: Option<String>,
        card_keys: Option<Arc<VerifyingKeys>>,
        answer_bytes: usize,
        place: &Place,
    ) -> Self {
        Self {
            transport,
            url: place.url().to_owned(),
            authorization,
            card_keys,
            answer_bytes,
            cards: CardCache::new(Arc::new(SystemClock)),
            known: Mutex::default(),
            fetching: AsyncMutex::default(),
        }
    }

    /// A client of the agent for a turn: its requests say which agents have passed the message on.
    pub(super) async fn asked(&self, turn: &Turn, hop: &str) -> Result<Asked, Fault> {
        let found = if let Some(found) = self.fresh() {
            found
        } else {
            tokio::select! {
                biased;
                found = self.look() => found?,
                () = must_stop(turn) => return Err(Fault::Stopped),
            }
        };
        let header = |credentials: Credentials, name: &str, value: &str| {
            credentials.header(name, value).map_err(|error| Fault::Ours(error.into()))
        };
        let mut credentials = self.credentials();
        credentials = header(credentials, HOPS_HEADER, &passed_on(&turn.hops(), hop))?;
        if let Some(trace) = a2a_lambda_runtime::traceparent() {
            credentials = header(credentials, "traceparent", &trace.to_string())?;
        }
        let left = turn.deadline().saturating_since(turn.now());
        let limits = Limits {
            answer_bytes: self.answer_bytes,
            event_bytes: self.answer_bytes,
            stream_bytes: MAX_STREAM_BYTES,
            answer: ANSWER.min(left.max(CONNECT)),
            connect: CONNECT,
            idle: IDLE,
            stream: left.max(CONNECT),
            // Another attempt sends it again.
            resends: 0,
            ..Limits::default()
        };
        let extensions = turn.extensions().iter().filter(|it| !is_own(it)).cloned().collect();
        let config = Config { credentials, limits, extensions, ..Config::default() };
        let is_offered = |offer: Option<bool>| offer == Some(true);
        let capabilities = &found.card.capabilities;
        Ok(Asked {
            client: Client::new(self.transport.clone(), found.interface.clone(), config),
            streams: is_offered(capabilities.streaming),
            pushes: is_offered(capabilities.push_notifications),
        })
    }

    /// Brings the card up to date, if it is old. Returns whether it is another one than was served.
    pub(super) async fn renew(&self) -> bool {
        if self.lock().is_old()
            && let Ok(_fetching) = timeout(CARD_WITHIN, self.fetching.lock()).await
            && self.lock().is_old()
        {
            self.ask_for_card().await;
        }
        self.lock().is_unserved()
    }

    async fn ask_for_card(&self) {
        let (fault, of, error) = match timeout(CARD_WITHIN, self.look()).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => {
                let of = Fault::from(error);
                let error = self.redacted(a2a_lambda_core::engine::chain(&of));
                (of.name(), of.whose(), error)
            }
            Err(_) => {
                self.lock().asked(true);
                let within = CARD_WITHIN.as_secs();
                ("too_slow", "agent", format!("there was no card within {within} s"))
            }
        };
        warn!(
            event = "remote_card_missing",
            fault, of, error, "the remote agent's card could not be fetched"
        );
    }

    /// The agent as it was found, if that is not long ago.
    fn fresh(&self) -> Option<Arc<Found>> {
        let known = self.lock();
        let is_fresh = known.age().is_some_and(|age| age < FRESH);
        known.agent.clone().filter(|_| is_fresh && !known.failed)
    }

    /// Finds the agent, as a turn does.
    #[cfg(test)]
    pub(super) async fn find(&self) {
        assert!(self.look().await.is_ok());
    }

    /// Fetches the card. An old one counts where there is no new one. The request has a hop, so that a
    /// proxy that is asked does not ask for a card in turn, which may be this one's.
    async fn look(&self) -> Result<Arc<Found>, Error> {
        let limits = Limits { answer: CONNECT, connect: CONNECT, ..Limits::default() };
        let credentials = self.credentials().header(HOPS_HEADER, &hop_of(&self.url));
        let credentials = credentials.map_err(|error| Error::Request(error.to_string()))?;
        let config = Config { credentials, limits, ..Config::default() };
        let transport = self.transport.clone();
        let keys = self.card_keys.as_deref();
        let looked = Client::connect(transport, &self.url, config, keys, &self.cards).await;
        let mut known = self.lock();
        match looked {
            Ok((client, card)) => {
                let interface = client.interface().clone();
                let found = Arc::new(Found { card, interface });
                known.asked(false);
                known.agent = Some(found.clone());
                Ok(found)
            }
            Err(error) => {
                known.asked(true);
                known.agent.clone().filter(|_| error.is_retryable()).ok_or(error)
            }
        }
    }

    fn credentials(&self) -> Credentials {
        let given = self.authorization.as_deref().map(with_authorization);
        // It was checked at the start.
        given.and_then(Result::ok).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text for the log without the credentials, which a server may have repeated.
    pub(super) fn redacted(&self, text: String) -> String {
        let Some(authorization) = &self.authorization else { return text };
        let secret = authorization.split_once(' ').map_or(authorization.as_str(), |it| it.1);
        if secret.is_empty() { text } else { text.replace(secret, "<secret>") }
    }

    /// The profile that the card gives; one that says nothing while there is no card.
    pub(super) fn profile(&self) -> AgentProfile {
        let found = {
            let mut known = self.lock();
            let found = known.agent.clone();
            known.served = found;
            known.agent.clone()
        };
        let mut profile =
            AgentProfile::text("a2a", "An A2A agent elsewhere", env!("CARGO_PKG_VERSION"));
        profile.input_modes = vec!["*/*".to_owned()];
        profile.output_modes = vec!["*/*".to_owned()];
        let Some(found) = found else { return profile };
        let card = found.card.clone();
        let or = |given: Vec<String>| if given.is_empty() { vec!["*/*".to_owned()] } else { given };
        profile.name = card.name;
        profile.description = card.description;
        profile.version = card.version;
        profile.provider = card.provider;
        profile.documentation_url = card.documentation_url;
        profile.icon_url = card.icon_url;
        profile.input_modes = or(card.default_input_modes);
        profile.output_modes = or(card.default_output_modes);
        profile.extensions = card.capabilities.extensions;
        profile.extensions.retain(|it| !is_own(&it.uri));
        profile.extensions.truncate(MAX_SKILLS);
        if !card.skills.is_empty() {
            let skills = card.skills.into_iter().take(MAX_SKILLS);
            // They are of the remote agent's schemes.
            let without = |it| AgentSkill { security_requirements: Vec::new(), ..it };
            profile.skills = skills.map(without).collect();
        }
        profile
    }
}

/// Whether an extension is a server's own, here as there, and no agent's.
fn is_own(extension: &str) -> bool {
    extension.starts_with("urn:a2a-lambda:")
}

impl Known {
    /// Whether the card is another one than was served.
    fn is_unserved(&self) -> bool {
        match (&self.agent, &self.served) {
            (Some(agent), Some(served)) => agent.card != served.card,
            (agent, _) => agent.is_some(),
        }
    }

    fn asked(&mut self, failed: bool) {
        self.asked_ms = Some(WallClock::now_ms(&SystemClock));
        self.failed = failed;
    }

    /// Whether the card is to be asked for again.
    fn is_old(&self) -> bool {
        let longest = if self.failed { FAILED } else { FRESH };
        self.age().is_none_or(|age| age >= longest)
    }

    /// How long ago the card was asked for.
    fn age(&self) -> Option<Duration> {
        let asked = self.asked_ms?;
        let age = SystemClock.now().as_millis().saturating_sub(asked);
        // The clock may have stepped back.
        u64::try_from(age).ok().map(Duration::from_millis)
    }
}

/// Returns when the remote agent is of no use any more. A canceled turn goes on for the little time that
/// it has: the remote task must be known to be canceled.
pub(super) async fn must_stop(turn: &Turn) {
    if turn.stopped().await == StopReason::Canceled {
        std::future::pending::<()>().await;
    }
}
