//! One request to an agent, and its answer.

use std::time::Duration;

use a2a_lambda_https::{
    Answer, Chunks as _, EventLimits, EventReader, Limits, Repeat, Request, Transport,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use tokio::time::{Instant, timeout_at};

use super::Fault;
use super::contract::Reader;
use super::outcome::Outcome;
use super::shown::Shown;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest event, and the largest body of an error that is looked at, in bytes.
const MAX_EVENT_BYTES: usize = 256 * 1024;
const MAX_ERROR_BYTES: usize = 4 * 1024;
/// How long the body of an error may take.
const ERROR_WITHIN: Duration = Duration::from_secs(5);
/// The most events of an answer.
const MAX_EVENTS: usize = 20_000;

/// A request to an agent, before it is sent.
pub(super) struct Exchange {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether the agent may take it now, and answer later.
    pub(super) may_defer: bool,
    /// Whether it may arrive twice.
    pub(super) repeat: Repeat,
    /// How long the agent may be silent.
    pub(super) silence: Duration,
    /// How long it may take as a whole.
    pub(super) limit: Duration,
    /// The largest answer, in bytes.
    pub(super) answer_bytes: usize,
}

/// The bounds of an answer that is one value.
#[derive(Clone, Copy)]
struct Bounds {
    bytes: usize,
    ends: Instant,
    limit: Duration,
}

impl Exchange {
    /// Sends the request, and shows the answer as it comes. Dropping the future closes the
    /// connection.
    pub(super) async fn carry_out(
        self,
        transport: &dyn Transport,
        mut reader: Reader,
        mut shown: Shown<'_>,
    ) -> Result<Outcome, Fault> {
        let Self { uri, headers, body, may_defer, repeat, silence, limit, answer_bytes } = self;
        let ends = Instant::now() + limit;
        let limits = Limits {
            total: limit,
            connect: CONNECT.min(limit),
            head: silence.min(limit),
            between_chunks: silence,
        };
        let media_type = HeaderValue::from_static("application/json");
        let mut request = Request::new(Method::POST, uri, limits);
        request.headers = headers;
        request.repeat = repeat;
        let request = request.with_body(media_type, body);
        let answer = transport.exchange(&request).await.map_err(Fault::before_head)?;
        if may_defer && answer.status == StatusCode::ACCEPTED {
            // The body does not matter: the answer comes by the callback. Unread bytes close the
            // connection.
            let _ = answer.whole(MAX_ERROR_BYTES, ERROR_WITHIN).await;
            return Ok(Outcome::Accepted);
        }
        if answer.status != StatusCode::OK {
            return Err(refused(answer, &reader).await);
        }
        match media_type_of(&answer.headers).as_str() {
            "text/event-stream" => {
                let bounds = EventLimits {
                    event_bytes: MAX_EVENT_BYTES.min(answer_bytes),
                    total_bytes: answer_bytes,
                    idle: silence,
                    ends,
                };
                events(answer, &mut reader, bounds, limit, &mut shown).await?;
            }
            "application/json" => {
                let bounds = Bounds { bytes: answer_bytes, ends, limit };
                whole(answer, &mut reader, bounds, &mut shown).await?;
            }
            other => {
                let what = format!("its media type is {other:?}");
                return Err(Fault::NotContract { at: 0, what });
            }
        }
        shown.finish().await
    }
}

/// The media type of an answer, without parameters.
fn media_type_of(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether the end of an answer can be told from a cut: its chunks, or its length, say where it is.
fn tells_its_end(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

/// The fault that an answer with another status stands for.
async fn refused(answer: Answer, reader: &Reader) -> Fault {
    let status = answer.status.as_u16();
    let body = answer.whole(MAX_ERROR_BYTES, ERROR_WITHIN).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let said = reader.failure(status, &body);
    said.unwrap_or_else(|| Fault::Refused { status, body: body.chars().take(200).collect() })
}

/// Shows an answer that is one JSON value.
async fn whole(
    mut answer: Answer,
    reader: &mut Reader,
    Bounds { bytes, ends, limit }: Bounds,
    shown: &mut Shown<'_>,
) -> Result<(), Fault> {
    let mut body = Vec::new();
    loop {
        let chunk = timeout_at(ends, answer.body.chunk()).await;
        let chunk = chunk.map_err(|_| Fault::TooSlow { what: "the answer", limit })?;
        let Some(chunk) = chunk.map_err(|error| Fault::in_body(error, body.len()))? else { break };
        if body.len() + chunk.len() > bytes {
            return Err(Fault::TooLarge(format!("it has more than {bytes} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    let text = std::str::from_utf8(&body).map_err(|error| Fault::NotContract {
        at: error.valid_up_to(),
        what: "it is not UTF-8".to_owned(),
    })?;
    let said = match reader.whole(text) {
        // The error is at the last byte: there could be more.
        Err(Fault::NotContract { at, .. })
            if at + 1 >= text.len() && !tells_its_end(&answer.headers) =>
        {
            Err(Fault::Cut { at: text.len(), source: None })
        }
        said => said,
    };
    shown.hold_back();
    for said in said? {
        shown.show(said, 0).await?;
    }
    Ok(())
}

/// Shows the events of an answer, each as it comes.
async fn events(
    answer: Answer,
    reader: &mut Reader,
    bounds: EventLimits,
    limit: Duration,
    shown: &mut Shown<'_>,
) -> Result<(), Fault> {
    let tells_its_end = tells_its_end(&answer.headers);
    let mut events = EventReader::new(answer.body, bounds);
    for _ in 0..=MAX_EVENTS {
        let at = events.taken_bytes();
        let next = events.next().await;
        let next = next.map_err(|error| Fault::in_stream(error, events.read_bytes(), limit))?;
        let Some(event) = next else {
            if reader.may_end(tells_its_end || shown.has_ended()) {
                return Ok(());
            }
            let source = "nothing says that the answer ends there: no event of its contract, and \
                          neither chunks nor a length";
            return Err(Fault::Cut { at, source: Some(source.into()) });
        };
        for said in reader.event(&event.data, at)? {
            shown.show(said, at).await?;
        }
        if reader.is_over() {
            return Ok(());
        }
    }
    Err(Fault::TooLarge(format!("it has more than {MAX_EVENTS} events")))
}
