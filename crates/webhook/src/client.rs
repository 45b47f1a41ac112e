//! The client that pushes.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use a2a_lambda_core::push::Secret;
use a2a_lambda_core::{Answer, Ids, NotAdmitted, Push, PushError, Wanted, Webhook};
use a2a_lambda_protocol::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use crate::config::WebhookConfig;
use crate::dial::{Connector, Dial, DialError, Dialer, Resolve, SystemNetwork};
use crate::guard::{Destination, Guard};
use crate::headers::{check_credentials, headers};
use crate::jwt::JwtSigner;
use crate::signatures::SigningKeys;

/// How long an idle connection is kept. Servers close theirs after 60 seconds and more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many idle connections are kept for one receiver.
const MAX_IDLE_PER_HOST: usize = 4;
/// The most that an answer's head can have, in bytes; what is read at once can be as much again.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How much of an answer's body is read, so that its connection can be used again; one with more is
/// closed.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// How much of the answer to a challenge is read: more than a token has, it cannot be.
const MAX_CHALLENGE_BYTES: usize = 1024;
/// The longest that a receiver can ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(7 * 24);
/// What a token in a query need not have encoded.
const OF_TOKEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// POSTs pushes to their receivers. There is one per process: clones share its connections.
///
/// Its TLS is set up when it is made, in less than a millisecond; nothing is connected until the
/// first push. It belongs to the tokio runtime that makes the first push: its idle connections end
/// with that runtime.
#[derive(Clone)]
pub struct HttpWebhook(Arc<Inner>);

struct Inner {
    guard: Arc<Guard>,
    client: Client<Connector, Full<Bytes>>,
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
    /// By the machine's network. The ids are what challenges are made of: whoever foresees them can
    /// answer for others.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: WebhookConfig, ids: Arc<dyn Ids>) -> Result<Self, WebhookError> {
        Self::with_network(config, ids, Arc::new(SystemNetwork), Arc::new(SystemNetwork))
    }

    /// By another network: names are looked up and connections are opened by these. What they are
    /// asked for, and what they may answer, is guarded as ever.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn with_network(
        config: WebhookConfig,
        ids: Arc<dyn Ids>,
        resolve: Arc<dyn Resolve>,
        dial: Arc<dyn Dial>,
    ) -> Result<Self, WebhookError> {
        let user_agent = HeaderValue::from_str(&config.user_agent).ok();
        let user_agent = user_agent.filter(|_| config.user_agent.is_ascii());
        let user_agent = user_agent.ok_or(WebhookError::UserAgent)?;
        let tls = config.extra_roots.tls().map_err(WebhookError::Tls)?;
        let guard = Arc::new(Guard {
            allow_http: config.allow_http,
            allow_local: config.allow_local,
            allowed_hosts: config.allowed_hosts,
            allowed_ports: config.allowed_ports,
        });
        let dialer = Dialer { guard: guard.clone(), resolve, dial };
        // A request that found a connection closed before any of it was written is sent on another:
        // that is the client's default, and still one attempt.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(Connector(HttpsConnector::from((dialer, tls))));
        Ok(Self(Arc::new(Inner {
            guard,
            client,
            ids,
            user_agent,
            signing_keys: config.signing_keys,
            jwt: config.jwt,
            challenge: config.challenge.then_some(config.challenge_timeout),
        })))
    }
}

#[async_trait]
impl Webhook for HttpWebhook {
    async fn admit(&self, url: &str) -> Result<(), NotAdmitted> {
        let destination = self.0.guard.check(url)?;
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
        let Destination { uri, origin } =
            self.0.guard.check(&push.url).map_err(PushError::Refused)?;
        let mut headers = headers(&push, &origin, &self.0.signing_keys, self.0.jwt.as_ref())?;
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        let mut request = Request::new(Full::new(Bytes::from(push.body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        // Asked early: this client cannot tell yet when its connection is up.
        if !wanted.is_still_wanted().await {
            return Err(PushError::Withdrawn);
        }
        timeout(push.timeout, self.0.exchange(request, push.at))
            .await
            .unwrap_or(Err(PushError::TimedOut(push.timeout)))
    }
}

impl Inner {
    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        at: Timestamp,
    ) -> Result<Answer, PushError> {
        let response =
            self.client.request(request).await.map_err(|error| match refused(&error) {
                Some(refused) => PushError::Refused(refused.clone()),
                None => PushError::Unreachable(error.into()),
            })?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), at);
        // An answer that breaks off is none: it may have been another's, whose rest got lost. One
        // that is too long is, but its connection ends here.
        match Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await {
            Err(error) if !error.is::<http_body_util::LengthLimitError>() => {
                Err(PushError::Unreachable(error))
            }
            Ok(_) | Err(_) => Ok(Answer { status, retry_after }),
        }
    }

    /// Asks whoever is at a URL whether pushes are wanted there. What it says otherwise is not
    /// passed on: the caller may be someone who must not read it.
    async fn challenge(&self, uri: &Uri, limit: Duration) -> Result<(), NotAdmitted> {
        let token = self.ids.fresh();
        let uri = with_token(uri, &token)
            .ok_or_else(|| NotAdmitted("the URL cannot have a query added".to_owned()))?;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::USER_AGENT, self.user_agent.clone());
        let plain_text = HeaderValue::from_static("text/plain");
        request.headers_mut().insert(header::ACCEPT, plain_text);
        let said = timeout(limit, self.ask(request)).await.unwrap_or_else(|_| {
            let text = format!("the receiver did not answer in {} ms", limit.as_millis());
            Err(NotAdmitted(text))
        })?;
        if said.trim_ascii() == token.as_bytes() {
            return Ok(());
        }
        let text = "the receiver must answer a GET with the validationToken of the query, as text";
        Err(NotAdmitted(text.to_owned()))
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Bytes, NotAdmitted> {
        let response = self.client.request(request).await.map_err(|error| {
            let unreachable = || NotAdmitted("the receiver cannot be reached".to_owned());
            refused(&error).cloned().unwrap_or_else(unreachable)
        })?;
        if !response.status().is_success() {
            let text =
                "the receiver must answer a GET with a validationToken in the query with 200";
            return Err(NotAdmitted(text.to_owned()));
        }
        let body = Limited::new(response.into_body(), MAX_CHALLENGE_BYTES).collect().await;
        let unread = |_| NotAdmitted("the receiver's answer to a GET cannot be read".to_owned());
        Ok(body.map_err(unread)?.to_bytes())
    }
}

/// Why the dialer connects to none of a host's addresses, if that is the reason.
fn refused<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a NotAdmitted> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(DialError::Refused(reason)) = error.downcast_ref::<DialError>() {
            return Some(reason);
        }
        next = error.source();
    }
    None
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

/// How long the receiver wants to be left alone (RFC 9110 section 10.2.3): seconds, or a date. What
/// is neither says nothing.
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
