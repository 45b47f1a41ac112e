//! Spans: which trace and which span a part of the work is in, and the spans that have ended.
//!
//! A span of ours is a span of `tracing` with the target [`TARGET`]. Its fields are attributes by
//! OpenTelemetry's names, but for these: `parent` is the `traceparent` of a remote parent,
//! `context` the span's own. `name` is a longer name than the span's, and `kind` its kind, unless
//! it is `internal`. A `parent` that is recorded later puts a span that is the root of its trace
//! into that of the parent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use a2a_lambda_core::trace::TARGET;
use a2a_lambda_core::{Ids, TraceContext};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::parts::{SharedClock, in_registry};

/// The most spans that an invocation keeps. More are counted.
const MAX_SPANS: usize = 512;

/// The most bytes of an attribute.
const MAX_VALUE: usize = 256;

/// The place of a span: its own context, and the span above it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) context: TraceContext,
    /// The id of the span above; `None` at the root of a trace.
    pub(super) parent: Option<String>,
}

impl Place {
    pub(super) fn trace_id(&self) -> &str {
        self.context.trace_id()
    }

    pub(super) fn span_id(&self) -> &str {
        self.context.span_id()
    }
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) began_ms: i64,
    pub(super) until_ms: i64,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
}

/// OpenTelemetry's kind of a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Internal,
    Server,
    Client,
    Consumer,
}

/// A span under way.
struct Open {
    began_ms: i64,
    /// Its name, if that is not the span's own.
    name: Option<String>,
    kind: Kind,
    attributes: Vec<(&'static str, Attribute)>,
}

/// The spans of an invocation that have ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) spans: Vec<Ended>,
    pub(super) left_out: u32,
}

impl Spans {
    /// Keeps the spans that end in a span, which is an invocation's.
    pub(super) fn keep_of(&self, span: &Span) {
        in_registry(span, |span| span.extensions_mut().insert(self.clone()));
    }

    fn add(&self, span: Ended) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.spans.len() < MAX_SPANS {
            kept.spans.push(span);
        } else {
            kept.left_out = kept.left_out.saturating_add(1);
        }
    }

    pub(super) fn take(&self) -> Kept {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The layer that knows where spans are, and keeps them where traces are switched on.
pub(super) struct Places {
    pub(super) clock: SharedClock,
    pub(super) ids: Arc<dyn Ids>,
    /// Whether spans of our own are made. Otherwise a span with a remote parent stays in that
    /// trace.
    pub(super) are_on: bool,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("are_on", &self.are_on).finish_non_exhaustive()
    }
}

impl Places {
    fn place(&self, above: Option<Place>, fields: &Fields) -> Option<Place> {
        let remote = fields.parent.as_deref().and_then(TraceContext::parse);
        if !self.are_on {
            let context = fields.context.as_deref().and_then(TraceContext::parse);
            let context = context.or(remote).or(above.map(|above| above.context))?;
            return Some(Place { context, parent: None });
        }
        let above = remote.or(above.map(|above| above.context));
        let own = fields.context.as_deref().and_then(TraceContext::parse);
        let context = own.or_else(|| match &above {
            Some(above) => Some(above.with_span(&self.hex(16))),
            None => TraceContext::parse(&format!("00-{}-{}-01", self.hex(32), self.hex(16))),
        })?;
        let parent = above.map(|above| above.span_id().to_owned());
        Some(Place { context, parent })
    }

    /// Random hexadecimal digits, of a fresh id without its dashes.
    fn hex(&self, digits: usize) -> String {
        let mut hex = self.ids.fresh();
        hex.retain(|c| c.is_ascii_hexdigit());
        // The last digits: those in front have the version of the id.
        let from = hex.len().saturating_sub(digits);
        hex.split_off(from)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Places {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if span.metadata().target() != TARGET {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let above = span.parent().and_then(|above| place_in(above.scope()));
        let Some(place) = self.place(above, &fields) else { return };
        let mut extensions = span.extensions_mut();
        extensions.insert(place);
        if self.are_on {
            let began_ms = self.clock.0.now().as_millis();
            let Fields { name, kind, attributes, .. } = fields;
            extensions.insert(Open { began_ms, name, kind, attributes });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if span.metadata().target() != TARGET {
            return;
        }
        let mut fields = Fields::default();
        values.record(&mut fields);
        let mut extensions = span.extensions_mut();
        if let Some(remote) = fields.parent.as_deref().and_then(TraceContext::parse) {
            let joined = match extensions.get_mut::<Place>() {
                // The root of a trace that has begun with it.
                Some(place) if self.are_on && place.parent.is_none() => {
                    let parent = Some(remote.span_id().to_owned());
                    Some(Place { context: remote.with_span(place.span_id()), parent })
                }
                None => Some(Place { context: remote, parent: None }),
                Some(_) => None,
            };
            if let Some(joined) = joined {
                extensions.replace(joined);
            }
        }
        if let Some(open) = extensions.get_mut::<Open>() {
            open.attributes.extend(fields.attributes);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let (open, place) = {
            let mut extensions = span.extensions_mut();
            (extensions.remove::<Open>(), extensions.get_mut::<Place>().cloned())
        };
        let (Some(open), Some(place)) = (open, place) else { return };
        if !place.context.is_sampled() {
            return;
        }
        let spans = span.scope().find_map(|span| span.extensions().get::<Spans>().cloned());
        if let Some(spans) = spans {
            let Open { began_ms, name, kind, attributes } = open;
            let name = name.unwrap_or_else(|| span.name().to_owned());
            let until_ms = self.clock.0.now().as_millis();
            spans.add(Ended { place, name, kind, began_ms, until_ms, attributes });
        }
    }
}

/// The `traceparent` of the present span, for work elsewhere that it causes. `None` outside of a
/// trace.
pub fn traceparent() -> Option<TraceContext> {
    let place = in_registry(&Span::current(), |span| place_in(span.scope()));
    place.flatten().map(|place| place.context)
}

/// The place of the innermost span of these.
pub(super) fn place_in<'a, S: LookupSpan<'a> + 'a>(
    mut innermost_first: impl Iterator<Item = SpanRef<'a, S>>,
) -> Option<Place> {
    innermost_first.find_map(|span| span.extensions().get::<Place>().cloned())
}

#[derive(Default)]
struct Fields {
    parent: Option<String>,
    context: Option<String>,
    name: Option<String>,
    kind: Kind,
    attributes: Vec<(&'static str, Attribute)>,
}

impl Fields {
    fn text(&mut self, field: &Field, value: &str) {
        match field.name() {
            "parent" => self.parent = Some(value.to_owned()),
            "context" => self.context = Some(value.to_owned()),
            "name" => self.name = Some(bounded(value)),
            "kind" => {
                self.kind = match value {
                    "server" => Kind::Server,
                    "client" => Kind::Client,
                    "consumer" => Kind::Consumer,
                    _ => Kind::Internal,
                }
            }
            name => {
                self.attributes.push((name, Attribute::Text(bounded(value))));
            }
        }
    }
}

fn bounded(value: &str) -> String {
    value[..value.floor_char_boundary(MAX_VALUE)].to_owned()
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push((field.name(), Attribute::Number(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i64(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes.push((field.name(), Attribute::Flag(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}
