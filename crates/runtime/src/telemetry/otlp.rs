//! Spans as OTLP in JSON: one message at the end of an invocation.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use a2a_lambda_core::engine::chain;
use a2a_lambda_https::{Client, ClientConfig, Limits, Open, Repeat, Request};
use a2a_lambda_webhook::Wall;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::{Value, json};
use tracing::debug;

use super::parts::{Names, Out, SharedClock};
use super::spans::{Attribute, Ended, Kept, Kind};

/// How long spans may hold up an answer.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// The largest answer of a collector that is read.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// The target of spans.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// A collector.
    Collector(Uri),
    /// The log.
    Log,
}

/// Tells spans.
#[derive(Debug)]
pub(super) struct Traces {
    names: Names,
    way: Way,
    out: Out,
    clock: SharedClock,
    client: OnceLock<Option<Client>>,
}

impl Traces {
    pub(super) fn new(names: Names, way: Way, out: Out, clock: SharedClock) -> Self {
        Self { names, way, out, clock, client: OnceLock::new() }
    }

    /// Tells the spans of an invocation. It takes [`PATIENCE`] at most and drops failures: a task
    /// must neither wait for a trace nor fail for one.
    pub(super) async fn tell(&self, kept: Kept) {
        if kept.spans.is_empty() {
            return;
        }
        let message = self.message(&kept).to_string();
        match &self.way {
            Way::Log => (self.out.0)(&message),
            Way::Collector(url) => tokio::select! {
                biased;
                told = self.post(url, message) => if let Err(error) = told {
                    debug!(error, "the spans of an invocation were not taken");
                },
                () = self.clock.0.sleep(PATIENCE) => {
                    debug!("the spans of an invocation were not taken in time");
                }
            },
        }
    }

    async fn post(&self, url: &Uri, message: String) -> Result<(), String> {
        let client = self.client.get_or_init(|| {
            Client::new(ClientConfig::new(Arc::new(Wall(self.clock.0.clone())))).ok()
        });
        let client = client.as_ref().ok_or("there is no client")?;
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let request = Request {
            method: Method::POST,
            uri: url.clone(),
            headers,
            body: Bytes::from(message),
            // A collector knows a span that it gets twice by its id.
            repeat: Repeat::Safe,
            // The clock ends it sooner.
            limits: Limits::within(10 * PATIENCE),
        };
        let answer = client.send(&request, &Open).await.map_err(|error| chain(&error))?;
        let status = answer.status;
        // So that the connection can be used again.
        let _ = answer.body.all(MAX_ANSWER_BYTES).await;
        if status.is_success() { Ok(()) } else { Err(format!("the collector answered {status}")) }
    }

    /// An `ExportTraceServiceRequest`, as OTLP has it in JSON: ids are hexadecimal, and numbers of 64
    /// bits are texts.
    fn message(&self, kept: &Kept) -> Value {
        let resource = [
            ("service.name", Attribute::Text(self.names.service.clone())),
            ("faas.name", Attribute::Text(self.names.function.clone())),
            ("cloud.provider", Attribute::Text("aws".to_owned())),
            ("cloud.platform", Attribute::Text("aws_lambda".to_owned())),
        ];
        let spans: Vec<_> = kept.spans.iter().map(span).collect();
        let scope = json!({ "name": "a2a-lambda", "version": env!("CARGO_PKG_VERSION") });
        if kept.left_out > 0 {
            debug!(left_out = kept.left_out, "an invocation had too many spans");
        }
        json!({ "resourceSpans": [{
            "resource": { "attributes": attributes(&resource) },
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        }] })
    }
}

fn span(ended: &Ended) -> Value {
    let Ended { place, name, kind, began_ms, until_ms, attributes: of } = ended;
    let nanos = |millis: i64| format!("{millis}000000");
    let kind = match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Consumer => 5,
    };
    // Of the codes only that of an error is set by who is traced.
    let is_error = of.iter().any(|(name, _)| *name == "error.type");
    let mut span = json!({
        "traceId": place.trace_id(),
        "spanId": place.span_id(),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanos(*began_ms),
        "endTimeUnixNano": nanos(*until_ms),
        "attributes": attributes(of),
        "status": if is_error { json!({ "code": 2 }) } else { json!({}) },
    });
    if let (Some(parent), Some(span)) = (&place.parent, span.as_object_mut()) {
        span.insert("parentSpanId".to_owned(), json!(parent));
    }
    span
}

fn attributes(of: &[(&'static str, Attribute)]) -> Value {
    let each = of.iter().map(|(name, value)| {
        let value = match value {
            Attribute::Text(text) => json!({ "stringValue": text }),
            Attribute::Number(number) => json!({ "intValue": number.to_string() }),
            Attribute::Flag(flag) => json!({ "boolValue": flag }),
        };
        json!({ "key": name, "value": value })
    });
    each.collect()
}
