//! The client that pushes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use a2a_lambda_core::push::Secret;
use a2a_lambda_core::{Answer, Clock, Ids, NotAdmitted, Push, PushError, Wanted, Webhook};
use a2a_lambda_https::{
    Client, ClientConfig, Destination, Dial, Error, Gate, Guard, Limits, Open, Refused, Repeat,
    Request, Resolve, Response, Roots, WallClock,
};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use crate::config::WebhookConfig;
use crate::headers::{check_credentials, headers};
use crate::jwt::JwtSigner;
use crate::signatures::SigningKeys;

/// How much of an answer's body is read, so that its connection can be used again; one with more is
/// closed.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// How long the rest of an answer's body is waited for.
const BODY_TIMEOUT: Duration = Duration::from_millis(200);
/// How much of the answer to a challenge is read: more than a token has, it cannot be.
const MAX_CHALLENGE_BYTES: usize = 1024;
/// The longest that a receiver can ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(7 * 24);
/// The characters that a token in a query keeps unencoded.
const OF_TOKEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// POSTs pushes to their receivers. There is one per process: clones share its connections.
///
/// Its TLS is set up when it is made, in less than a millisecond. It connects at the first push.
#[derive(Clone)]
pub struct HttpWebhook(Arc<Inner>);

struct Inner {
    guard: Arc<Guard>,
    client: Client,
    ids: Arc<dyn Ids>,
    user_agent: HeaderValue,
    signing_keys: SigningKeys,
    jwt: Option<JwtSigner>,
    /// How long the answer to a challenge may take, if there are challenges.
    challenge: Option<Duration>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The `User-Agent` cannot be in a header.
    #[error("the user agent must be of visible ASCII")]
    UserAgent,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl HttpWebhook {
    /// By the machine's network. Challenges are made of the ids. A party that can predict them can
    /// answer for others. By the clock the client notices that the machine stood still.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(
        config: WebhookConfig,
        ids: Arc<dyn Ids>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WebhookError> {
        Self::over(config, ids, ClientConfig::new(Arc::new(Wall(clock))))
    }

    /// By another network: names are looked up and connections are opened by these. The guard
    /// checks challenges as it checks pushes.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn with_network(
        config: WebhookConfig,
        ids: Arc<dyn Ids>,
        clock: Arc<dyn Clock>,
        resolve: Arc<dyn Resolve>,
        dial: Arc<dyn Dial>,
    ) -> Result<Self, WebhookError> {
        let client = ClientConfig { resolve, dial, ..ClientConfig::new(Arc::new(Wall(clock))) };
        Self::over(config, ids, client)
    }

    fn over(
        config: WebhookConfig,
        ids: Arc<dyn Ids>,
        client: ClientConfig,
    ) -> Result<Self, WebhookError> {
        let user_agent = HeaderValue::from_str(&config.user_agent).ok();
        let user_agent = user_agent.filter(|_| config.user_agent.is_ascii());
        let user_agent = user_agent.ok_or(WebhookError::UserAgent)?;
        let guard = Arc::new(Guard {
            allow_http: config.allow_http,
            allow_local: config.allow_local,
            allowed_hosts: config.allowed_hosts,
            allowed_ports: config.allowed_ports,
        });
        let client = Client::new(ClientConfig {
            guard: Some(guard.clone()),
            roots: Roots::Public(config.extra_roots),
            ..client
        });
        Ok(Self(Arc::new(Inner {
            guard,
            client: client.map_err(WebhookError::Tls)?,
            ids,
            user_agent,
            signing_keys: config.signing_keys,
            jwt: config.jwt,
            challenge: config.challenge.then_some(config.challenge_timeout),
        })))
    }
}

/// The time of day for an outgoing client, by the clock of the core.
pub struct Wall(pub Arc<dyn Clock>);

impl WallClock for Wall {
    fn now_ms(&self) -> i64 {
        self.0.now().as_millis()
    }
}

/// A request is wanted while its push is.
struct WhileWanted<'a>(&'a dyn Wanted);

#[async_trait]
impl Gate for WhileWanted<'_> {
    async fn is_open(&self) -> bool {
        self.0.is_still_wanted().await
    }
}

#[async_trait]
impl Webhook for HttpWebhook {
    async fn admit(&self, url: &str) -> Result<(), NotAdmitted> {
        let destination = self.0.guard.check(url).map_err(|refused| not_admitted(&refused))?;
        match self.0.challenge {
            Some(limit) => self.0.challenge(&destination.uri, limit).await,
            None => Ok(()),
        }
    }

    fn check_credentials(&self, scheme: &str, credentials: &Secret) -> Result<(), NotAdmitted> {
        check_credentials(scheme, credentials)
    }

    async fn post(&self, push: Push, wanted: &dyn Wanted) -> Result<Answer, PushError> {
        // Again: a config may be older than the present settings.
        let Destination { uri, origin } = self
            .0
            .guard
            .check(&push.url)
            .map_err(|error| PushError::Refused(not_admitted(&error)))?;
        let mut headers = headers(&push, &origin, &self.0.signing_keys, self.0.jwt.as_ref())?;
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        // A little less than the caller's limit: it must hear which of the parts took too long.
        let spare = (push.timeout / 20).min(2 * BODY_TIMEOUT);
        let request = Request {
            method: Method::POST,
            uri,
            headers,
            body: Bytes::from(push.body),
            // Receivers know a push that comes twice by its id.
            repeat: Repeat::Safe,
            limits: Limits::within(push.timeout.saturating_sub(spare)),
        };
        let response = self.0.client.send(&request, &WhileWanted(wanted)).await;
        let Response { status, headers, body } =
            response.map_err(|error| push_error(error, push.timeout))?;
        body.drop_within(MAX_BODY_BYTES, BODY_TIMEOUT.min(spare / 2)).await;
        Ok(Answer { status: status.as_u16(), retry_after: retry_after(&headers, push.at) })
    }
}

impl Inner {
    /// Asks the receiver at a URL whether it wants pushes. The caller does not get the rest of the
    /// answer, because the caller may not be allowed to read it.
    async fn challenge(&self, uri: &Uri, limit: Duration) -> Result<(), NotAdmitted> {
        let token = self.ids.fresh();
        let uri = with_token(uri, &token)
            .ok_or_else(|| NotAdmitted("the URL cannot have a query added".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, self.user_agent.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/plain"));
        let request = Request {
            method: Method::GET,
            uri,
            headers,
            body: Bytes::new(),
            repeat: Repeat::Safe,
            limits: Limits::within(limit),
        };
        let answered = timeout(limit, self.ask(&request, token.as_bytes())).await;
        if answered.unwrap_or_else(|_| Err(too_slow(limit)))? {
            return Ok(());
        }
        let text = "the receiver must answer a GET with the validationToken of the query, as text";
        Err(NotAdmitted(text.to_owned()))
    }

    /// Whether the answer is the token.
    async fn ask(&self, request: &Request, token: &[u8]) -> Result<bool, NotAdmitted> {
        let response = self.client.send(request, &Open).await;
        let Response { status, mut body, .. } = response.map_err(|error| match error {
            Error::Refused(refused) => not_admitted(&refused),
            Error::TimedOut { limit, .. } => too_slow(limit),
            Error::Ours(_) => {
                NotAdmitted("the receiver could not be asked now: try again later".to_owned())
            }
            Error::BadAnswer(_) => NotAdmitted("the receiver's answer is malformed".to_owned()),
            _ => NotAdmitted("the receiver cannot be reached".to_owned()),
        })?;
        if !status.is_success() {
            let text =
                "the receiver must answer a GET with a validationToken in the query with 200";
            return Err(NotAdmitted(text.to_owned()));
        }
        let unread = || NotAdmitted("the receiver's answer to a GET cannot be read".to_owned());
        let mut said = BytesMut::new();
        loop {
            let is_token = said.trim_ascii() == token;
            // A receiver that has said the token has answered, whether or not its body ends.
            let limit = if is_token { BODY_TIMEOUT } else { request.limits.total };
            let Ok(chunk) = timeout(limit, body.chunk()).await else { return Ok(is_token) };
            match chunk.map_err(|_| unread())? {
                None => return Ok(is_token),
                Some(chunk) if said.len() + chunk.len() > MAX_CHALLENGE_BYTES => {
                    return Err(unread());
                }
                Some(chunk) => said.extend_from_slice(&chunk),
            }
        }
    }
}

fn too_slow(limit: Duration) -> NotAdmitted {
    NotAdmitted(format!("the receiver did not answer in {} ms", limit.as_millis()))
}

fn not_admitted(refused: &Refused) -> NotAdmitted {
    NotAdmitted(refused.to_string())
}

fn push_error(error: Error, limit: Duration) -> PushError {
    match error {
        Error::Refused(refused) => PushError::Refused(not_admitted(&refused)),
        Error::Withheld => PushError::Withdrawn,
        Error::Ours(error) => PushError::Ours(error),
        Error::TimedOut { .. } => PushError::TimedOut(limit),
        Error::Unreachable(error) => PushError::Unreachable(error.into()),
        Error::BadAnswer(error) => PushError::BadAnswer(error),
        error => PushError::Unreachable(error.into()),
    }
}

/// The URL with a token behind its query.
fn with_token(uri: &Uri, token: &str) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let between = match uri.query() {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    let token = utf8_percent_encode(token, OF_TOKEN);
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{path}{between}validationToken={token}").parse().ok();
    Uri::from_parts(parts).ok()
}

/// How long the receiver wants to be left alone (RFC 9110 section 10.2.3): seconds, or a date. A
/// body that is neither says nothing.
fn retry_after(headers: &HeaderMap, at: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than a number can hold is more than the most.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let date = Timestamp::from_millis(i64::try_from(date.as_millis()).unwrap_or(i64::MAX));
    Some(date.saturating_since(at).min(MAX_RETRY_AFTER))
}

impl fmt::Debug for HttpWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpWebhook")
            .field("guard", &self.0.guard)
            .field("signing_keys", &self.0.signing_keys)
            .field("jwt", &self.0.jwt)
            .finish_non_exhaustive()
    }
}
