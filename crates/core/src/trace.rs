//! Trace contexts: which trace something belongs to, handed on and never looked into.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::fnv1a;

/// A W3C trace context, the value of a `traceparent` header: version 00, trace id, parent id, flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceContext(String);

impl TraceContext {
    /// Takes a context from a header. What is none is `None`, as the standard has it: the trace is
    /// then begun anew. Of a later version, what version 00 has is kept.
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

    /// The context of something that is done in the same trace, and that this name stands for.
    pub fn child(&self, name: &str) -> Self {
        // The parent is a number of 64 bits, and never zero.
        let parent = fnv1a(format!("{}/{name}", self.0).as_bytes()).max(1);
        let (head, flags) = (&self.0[..35], &self.0[53..]);
        Self(format!("{head}-{parent:016x}-{flags}"))
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

/// Lowercase hexadecimal digits, so many.
fn hex(text: &str, digits: usize) -> Option<&str> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(is_hex)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_kept_and_what_is_none_is_not() {
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
        assert_ne!(child, context.child("another"));
    }
}
