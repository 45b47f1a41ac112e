//! Lines of the log: one JSON object each, with the keys of Powertools.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::parts::{Names, Out, SharedClock, in_registry};
use super::spans::place_in;

/// The layer that writes lines.
#[derive(Debug)]
pub(super) struct Lines {
    names: Names,
    out: Out,
    clock: SharedClock,
    is_cold: Arc<AtomicBool>,
}

/// The fields of the runtime's span of an invocation.
#[derive(Debug, Default)]
struct Request {
    id: Option<String>,
    xray_trace: Option<String>,
}

impl Lines {
    pub(super) fn new(
        names: Names,
        out: Out,
        clock: SharedClock,
        is_cold: Arc<AtomicBool>,
    ) -> Self {
        Self { names, out, clock, is_cold }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut request = Request::default();
        attributes.record(&mut request);
        if request.id.is_some()
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(request);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line(Map::new());
        event.record(&mut line);
        let metadata = event.metadata();
        // Behind the event's own fields, so that none of these is another's.
        line.set("level", metadata.level().as_str());
        line.set("timestamp", self.clock.0.now().to_string());
        line.set("service", self.names.service.as_str());
        line.set("function_name", self.names.function.as_str());
        line.set("cold_start", self.is_cold.load(Ordering::Relaxed));
        line.set("target", metadata.target());
        let innermost_first = context.event_scope(event).into_iter().flatten();
        if let Some(place) = place_in(innermost_first) {
            line.set("trace_id", place.trace_id());
            line.set("span_id", place.span_id());
        }
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(request) = span.extensions().get::<Request>() {
                line.set("function_request_id", request.id.as_deref());
                line.set("xray_trace_id", request.xray_trace.as_deref());
            }
        }
        // A map of texts and values can be written.
        let text = serde_json::to_string(&line.0).unwrap_or_default();
        (self.out.0)(&text);
    }
}

/// The id of the request that a span is in.
pub(super) fn request_id(span: &Span) -> Option<String> {
    let id = in_registry(span, |span| {
        span.scope().find_map(|span| span.extensions().get::<Request>()?.id.clone())
    });
    id.flatten()
}

impl Visit for Request {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "requestId" => self.id = Some(value.to_owned()),
            // Of the header only the trace's id, as Powertools has it.
            "xrayTraceId" => {
                let root = value.split(';').find_map(|field| field.trim().strip_prefix("Root="));
                self.xray_trace = root.map(str::to_owned);
            }
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The line of an event.
struct Line(Map<String, Value>);

impl Line {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}"));
    }
}
