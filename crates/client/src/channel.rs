//! The sending of calls, and the reading of their answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use a2a_lambda_https::{
    Chunks, EventLimits, EventReader, Limits as RequestLimits, Request, Transport,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

use crate::bounds::Limits;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::interface::{Interface, Preference, Version};
use crate::read::{Form, Read, read};
use crate::receive::{Whole, is_stream};
use crate::write::{Written, write};

const USER_AGENT: &str = concat!("a2a-lambda/", env!("CARGO_PKG_VERSION"));
const VERSION_HEADER: HeaderName = HeaderName::from_static("a2a-version");
const EXTENSIONS_HEADER: HeaderName = HeaderName::from_static("a2a-extensions");
/// The name that 0.3 has for it.
const OLD_EXTENSIONS_HEADER: HeaderName = HeaderName::from_static("x-a2a-extensions");
const IDEMPOTENCY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_HEADER: HeaderName = HeaderName::from_static("last-event-id");

/// The settings of a client.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The client's credentials.
    pub credentials: Credentials,
    /// Its bounds.
    pub limits: Limits,
    /// The URIs of the extensions that it asks for.
    pub extensions: Vec<String>,
    /// The interface of a card that the client prefers.
    pub preference: Preference,
    /// Whether it follows a card to an interface at another origin than the card's, with its
    /// credentials. By default it does not.
    pub other_origins: bool,
}

/// The options of a message.
#[derive(Debug, Clone, Default)]
pub struct SendOptions {
    /// The `Idempotency-Key`, by which an agent of a2a-lambda recognizes a repetition.
    pub idempotency_key: Option<String>,
    /// Whether the client may send the message again, under the same key and id, when the connection
    /// broke before an answer came. Right for agents that recognize a repetition.
    pub repeats: bool,
}

/// The way to one interface of an agent.
pub(crate) struct Channel {
    transport: Arc<dyn Transport>,
    pub(crate) interface: Interface,
    config: Config,
    /// Of the next JSON-RPC request.
    next_id: AtomicU64,
}

/// A stream that was opened.
pub(crate) struct Opened {
    pub(crate) reader: EventReader<Box<dyn Chunks>>,
    /// The id of the JSON-RPC request that it answers.
    pub(crate) id: u64,
}

/// The parts of a request beside its call.
#[derive(Default)]
pub(crate) struct Extras<'a> {
    pub(crate) options: Option<&'a SendOptions>,
    /// The id of the last event that came of the stream to be resumed.
    pub(crate) last_event: Option<&'a str>,
}

impl Channel {
    pub(crate) fn new(transport: Arc<dyn Transport>, interface: Interface, config: Config) -> Self {
        Self { transport, interface, config, next_id: AtomicU64::new(1) }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Sends a call and reads its result.
    pub(crate) async fn call<T: Read>(&self, call: Call, extras: &Extras<'_>) -> Result<T, Error> {
        let Self { transport, interface, .. } = self;
        let limits = self.limits();
        let within = if call.waits() { limits.waiting } else { limits.answer };
        let begun = Instant::now();
        let (request, written) = self.request(call, extras, within)?;
        let answer = transport.exchange(&request).await?;
        let left = within.saturating_sub(begun.elapsed());
        let whole = Whole::of(answer, limits.answer_bytes, left).await?;
        read(whole.result(interface.binding, written.id)?, self.form())
    }

    /// Opens a stream, which may have this many bytes and must end by then.
    pub(crate) async fn open(
        &self,
        call: Call,
        extras: &Extras<'_>,
        total_bytes: usize,
        ends: Instant,
    ) -> Result<Opened, Error> {
        let Self { transport, interface, .. } = self;
        let limits = self.limits();
        let (request, written) = self.request(call, extras, limits.answer)?;
        let answer = transport.exchange(&request).await?;
        if answer.status.is_success() && is_stream(&answer.headers) {
            let Limits { event_bytes, idle, .. } = *limits;
            let limits = EventLimits { event_bytes, total_bytes, idle, ends };
            return Ok(Opened { reader: EventReader::new(answer.body, limits), id: written.id });
        }
        let whole = Whole::of(answer, limits.answer_bytes, limits.answer).await?;
        whole.result(interface.binding, written.id)?;
        Err(Error::NotA2a("it is no stream of events".to_owned()))
    }

    /// The request of a call.
    fn request(
        &self,
        call: Call,
        extras: &Extras<'_>,
        within: Duration,
    ) -> Result<(Request, Written), Error> {
        let Self { interface, config, next_id, .. } = self;
        let options = extras.options.cloned().unwrap_or_default();
        let key = options.idempotency_key.as_deref();
        let may_repeat = call.is_idempotent() || options.repeats && key.is_some();
        let is_stream = call.operation().streams();
        let written = write(call, interface, next_id.fetch_add(1, Ordering::Relaxed))?;
        let uri = written.url.parse();
        let uri = uri.map_err(|_| Error::Request("its URL is malformed".to_owned()))?;
        let mut limits = RequestLimits::within(within);
        limits.connect = config.limits.connect;
        if is_stream {
            limits.between_chunks = config.limits.idle;
        }
        let mut request = Request::new(written.method.clone(), uri, limits);
        if may_repeat {
            request = request.repeatable();
        }
        config.credentials.add_to(&mut request.headers);
        self.add_headers(&mut request.headers, is_stream, key, extras.last_event)?;
        if let Some(body) = &written.body {
            let media_type = HeaderValue::from_static(written.media_type);
            request = request.with_body(media_type, body.clone());
        }
        Ok((request, written))
    }

    fn add_headers(
        &self,
        headers: &mut HeaderMap,
        is_stream: bool,
        key: Option<&str>,
        last_event: Option<&str>,
    ) -> Result<(), Error> {
        let Self { interface, config, .. } = self;
        let accept = if is_stream {
            "text/event-stream, application/json, application/a2a+json"
        } else {
            "application/json, application/a2a+json"
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let agent = headers.entry(header::USER_AGENT);
        agent.or_insert(HeaderValue::from_static(USER_AGENT));
        headers.insert(VERSION_HEADER, HeaderValue::from_static(interface.version.name()));
        let extensions = config.extensions.join(", ");
        let extensions_header = match interface.version {
            Version::V1_0 => EXTENSIONS_HEADER,
            Version::V0_3 => OLD_EXTENSIONS_HEADER,
        };
        for (name, value) in [
            (extensions_header, Some(extensions.as_str()).filter(|it| !it.is_empty())),
            (IDEMPOTENCY_HEADER, key),
            (LAST_EVENT_HEADER, last_event.filter(|it| !it.is_empty())),
        ] {
            let Some(value) = value else { continue };
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::Request(format!("{name} must be of visible ASCII")))?;
            headers.insert(name, value);
        }
        Ok(())
    }

    pub(crate) fn form(&self) -> Form {
        Form::of(&self.interface)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("interface", &self.interface)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
