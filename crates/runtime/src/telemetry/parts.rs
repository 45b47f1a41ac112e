//! The parts that lines, metrics and traces share.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use a2a_lambda_core::Clock;
use tracing::Span;
use tracing_subscriber::registry::{LookupSpan as _, Registry, SpanRef};

/// The names of the sender.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) service: String,
    pub(super) function: String,
}

/// The output of lines.
#[derive(Clone)]
pub(super) struct Out(pub(super) Arc<dyn Fn(&str) + Send + Sync>);

impl Out {
    pub(super) fn stdout() -> Self {
        Self(Arc::new(|line| {
            // If it is closed, there is nowhere to say so.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }))
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}

#[derive(Clone)]
pub(super) struct SharedClock(pub(super) Arc<dyn Clock>);

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Does something with a span as the registry has it, if it is there.
pub(super) fn in_registry<T>(
    span: &Span,
    with: impl FnOnce(SpanRef<'_, Registry>) -> T,
) -> Option<T> {
    span.with_subscriber(|(id, dispatch)| {
        dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id)).map(with)
    })?
}
