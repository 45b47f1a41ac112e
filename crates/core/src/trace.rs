//! Trace contexts: they connect the work of several processes to one trace.
//!
//! Work in a trace is a span of `tracing` with the target [`TARGET`]. Its fields are attributes by
//! OpenTelemetry's names, with four exceptions: `name`, `kind`, `parent` (the context of another
//! process) and `context` (the span's own). In a process without a layer for them they cost
//! nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use tracing::Span;

use crate::digest::fnv1a;

/// The target of these spans, and of no others.
pub const TARGET: &str = "span";

/// A W3C trace context, the value of a `traceparent` header: version 00, trace id, parent id, flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceContext(String);

impl TraceContext {
    /// Reads a context from a header. A malformed one is `None`, as the standard says: a new trace
    /// begins. Of a later version, only the fields of version 00 are kept.
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let version = hex(fields.next()?, 2)?;
        let (trace, parent) = (hex(fields.next()?, 32)?, hex(fields.next()?, 16)?);
        let flags = hex(fields.next()?, 2)?;
        let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
        let has_more = fields.next().is_some();
        if version == "ff" || (version == "00" && has_more) || is_zero(trace) || is_zero(parent) {
            return None;
        }
        Some(Self(format!("00-{trace}-{parent}-{flags}")))
    }

    /// The context of work in the same trace, which `name` stands for.
    pub fn child(&self, name: &str) -> Self {
        // The parent is a number of 64 bits and never zero.
        let parent = fnv1a(format!("{}/{name}", self.0).as_bytes()).max(1);
        let (head, flags) = (&self.0[..35], &self.0[53..]);
        Self(format!("{head}-{parent:016x}-{flags}"))
    }

    /// The context of the span with this id, of 16 hexadecimal digits, in the same trace. Any other id
    /// leaves the context as it is.
    #[must_use]
    pub fn with_span(&self, id: &str) -> Self {
        let (head, flags) = (&self.0[..35], &self.0[53..]);
        Self::parse(&format!("{head}-{id}-{flags}")).unwrap_or_else(|| self.clone())
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }

    /// The id of the span: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.0[36..52]
    }

    /// Whether the trace is recorded. Its first span decided that.
    pub fn is_sampled(&self) -> bool {
        self.0
            .bytes()
            .next_back()
            .and_then(|b| char::from(b).to_digit(16))
            .is_some_and(|flags| flags & 1 == 1)
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Puts the current span into a trace that it did not know at its start, such as that of a task
/// that was read. A span with a parent stays in its own trace, because its parent caused it. Call
/// it before the current span has children.
pub(crate) fn join(trace: Option<&TraceContext>) {
    if let Some(trace) = trace {
        Span::current().record("parent", trace.as_str());
    }
}

/// Lowercase hexadecimal digits, exactly this many.
fn hex(text: &str, digits: usize) -> Option<&str> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(is_hex)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_context_is_kept_and_a_malformed_one_is_not() {
        for header in [CONTEXT, &format!(" {CONTEXT} ")] {
            assert_eq!(TraceContext::parse(header).unwrap().as_str(), CONTEXT);
        }
        let later = CONTEXT.replacen("00", "01", 1) + "-more";
        assert_eq!(TraceContext::parse(&later).unwrap().as_str(), CONTEXT);
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            &format!("{CONTEXT}-more"),
            &CONTEXT.to_uppercase(),
            &CONTEXT.replacen("00", "ff", 1),
            &CONTEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &CONTEXT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &CONTEXT.replace("4bf", "é"),
            &CONTEXT.replace('4', "g"),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_child_is_of_the_same_trace() {
        let context = TraceContext::parse(CONTEXT).unwrap();
        let child = context.child("push");
        assert_eq!(TraceContext::parse(child.as_str()).as_ref(), Some(&child));
        assert_eq!((&child.as_str()[..36], &child.as_str()[52..]), (&CONTEXT[..36], "-01"));
        assert_ne!(child, context);
        assert_eq!(child, context.child("push"));
        assert_eq!(child.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let other = context.with_span("0123456789abcdef");
        assert_eq!((other.trace_id(), other.span_id()), (context.trace_id(), "0123456789abcdef"));
        assert_eq!(context.with_span("0000000000000000"), context);
        assert!(context.is_sampled());
        let unsampled = TraceContext::parse(&CONTEXT.replace("-01", "-02")).unwrap();
        assert!(!unsampled.is_sampled());
        assert_ne!(child, context.child("another"));
    }
}
