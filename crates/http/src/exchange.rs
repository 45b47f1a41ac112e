//! One request and its answer: the operations' inputs from it, and their additions to it.

use std::sync::OnceLock;

use a2a_lambda_core::{AgentProfile, Generation, ProtocolVersion, TraceContext};
use a2a_lambda_protocol::{A2aError, ErrorKind};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::binding::{header_texts, single};
use crate::extensions::{self, Offered};
use crate::visitor::Visitor;

const EXTENSIONS_HEADER: &str = "a2a-extensions";

/// The header's name in 0.3.
const EXTENSIONS_HEADER_0_3: &str = "x-a2a-extensions";

/// W3C Trace Context.
const TRACE_HEADER: &str = "traceparent";

const LAST_EVENT_HEADER: &str = "Last-Event-ID";

/// A request under way.
pub(crate) struct Exchange<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) visitor: &'a Visitor,
    /// The request's version of A2A.
    pub(crate) version: ProtocolVersion,
    /// The generation that a task must be newer than.
    pub(crate) newer_than: Option<Generation>,
    /// The active extensions, once the operation has negotiated them.
    active: OnceLock<Vec<String>>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(parts: &'a Parts, visitor: &'a Visitor, version: ProtocolVersion) -> Self {
        Self { parts, visitor, version, newer_than: None, active: OnceLock::new() }
    }

    /// Settles which extensions are active: those that the client requests and the agent has (spec
    /// section 4.6.3).
    pub(crate) fn negotiate(
        &self,
        profile: &AgentProfile,
        is_offered: Offered,
    ) -> Result<Vec<String>, A2aError> {
        let mut asked = Vec::new();
        for name in [EXTENSIONS_HEADER, EXTENSIONS_HEADER_0_3] {
            for line in header_texts(self.parts, name)? {
                asked.extend(line.split(',').map(str::trim).filter(|uri| !uri.is_empty()));
            }
        }
        let missing = |uri: &str| !asked.contains(&uri);
        let own = &profile.extensions;
        if let Some(needed) = own.iter().find(|it| it.required && missing(&it.uri)) {
            let text = format!(
                "the agent requires the extension {}: name it in A2A-Extensions",
                needed.uri
            );
            return Err(A2aError::new(ErrorKind::ExtensionSupportRequired, text)
                .with_metadata("extension", needed.uri.clone()));
        }
        let offered = own.iter().map(|it| it.uri.as_str()).chain(extensions::ours(is_offered));
        let active = offered.filter(|uri| !missing(uri)).map(str::to_owned);
        Ok(self.active.get_or_init(|| active.collect()).clone())
    }

    /// Tells the client which extensions are active.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        let active = self.active.get().map(|active| active.join(", ")).unwrap_or_default();
        if let Ok(value) = HeaderValue::from_str(&active)
            && !active.is_empty()
        {
            let name = match self.version {
                ProtocolVersion::V1_0 => EXTENSIONS_HEADER,
                ProtocolVersion::V0_3 => EXTENSIONS_HEADER_0_3,
            };
            headers.insert(name, value);
        }
    }

    /// The trace of the request, if its header is valid.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        TraceContext::parse(single(self.parts, TRACE_HEADER).ok()??)
    }

    /// The newest event that the client of a resumed stream has received.
    pub(crate) fn last_event(&self) -> Result<Option<Generation>, A2aError> {
        // A client without an event may send an empty header, as a client without a version may.
        let Some(text) = single(self.parts, LAST_EVENT_HEADER)? else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let number = number.ok_or_else(|| {
            A2aError::invalid_field("Last-Event-ID", "is not the id of an event of ours")
        })?;
        Ok(Some(Generation(number)))
    }
}
