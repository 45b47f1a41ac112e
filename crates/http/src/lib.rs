#![doc = include_str!("../README.md")]
//!
//! Both bindings share a base URL, and lead to the same operations with the same checks. No request
//! can make this crate panic.

mod answer;
mod binding;
mod body;
mod card;
mod config;
mod cors;
mod envelope;
mod exchange;
mod extensions;
mod hops;
mod json_rpc;
mod media_type;
mod newer;
mod operation;
mod query;
mod rest;
mod rights;
mod route;
mod service;
mod sse;
#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "v0_3")]
mod v0_3;
mod visitor;

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_protocol::{A2aError, ErrorKind};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, header};

use crate::binding::{
    PROTOCOL_JSON, check_encoding, error_response, json, log_error, method_not_allowed,
    not_supported, version, without_mark,
};
use crate::body::whole;
use crate::exchange::Exchange;
use crate::route::{Found, Target};
use crate::service::tenant_named;

pub use body::{Body, EventStream};
pub use card::{CardSigner, SigningKeyError};
pub use config::HttpConfig;
pub use cors::{Cors, OriginError};
pub use extensions::{DELIVERY_EXTENSION, GENERATION_EXTENSION, WORK_EXTENSION};
pub use rights::{Grant, Scopes, Tenants};
pub use service::Bindings;
pub use visitor::{Principal, Visitor};

impl Bindings {
    /// Answers a request. There is always an answer. An error has the form of the request's
    /// binding, or of HTTP+JSON for a path that neither binding has.
    pub async fn handle(&self, parts: &Parts, body: &Bytes, visitor: &Visitor) -> Response<Body> {
        let mut response = match self.public_keys(parts) {
            Some(response) => whole(response),
            None => self.answer(parts, &without_mark(body), visitor).await,
        };
        // Everything but the public card and keys is private to its caller and changes.
        let cache = response.headers_mut().entry(header::CACHE_CONTROL);
        cache.or_insert(HeaderValue::from_static("no-store"));
        response
    }

    async fn answer(&self, parts: &Parts, body: &Bytes, visitor: &Visitor) -> Response<Body> {
        let (found, version) = self.asked(parts);
        whole(match (found, version) {
            (Found::Target(Target::JsonRpc { tenant }), version) => {
                return self.json_rpc(parts, body, &tenant, version, visitor).await;
            }
            (Found::Target(Target::Rest(call)), Ok(version)) => {
                let mut exchange = Exchange::new(parts, visitor, version);
                let mut response = self.rest(call, body, &mut exchange).await;
                exchange.add_headers(response.headers_mut());
                return response;
            }
            (Found::Target(Target::Rest(call)), Err(error)) => {
                log_error(call.operation.name(), &error);
                error_response(&error)
            }
            (Found::Target(Target::Card { tenant }), _) => self.card(parts, &tenant, visitor).await,
            (Found::OtherMethod(allowed), _) => method_not_allowed(&parts.method, allowed),
            (Found::Nothing, version) => {
                let text = format!("there is nothing at {} {}", parts.method, parts.uri.path());
                let error = A2aError::new(ErrorKind::MethodNotFound, text);
                rest::error_response_in(version.unwrap_or_default(), &error)
            }
        })
    }

    /// The target of a request, and the version of its answer. The version is an error if it is not
    /// served at all, or not at this path.
    fn asked(&self, parts: &Parts) -> (Found, Result<ProtocolVersion, A2aError>) {
        let method = &parts.method;
        let segments = route::segments(parts.uri.path());
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let serves_old = self.config.serves_v0_3();
        #[cfg(feature = "v0_3")]
        let old = || v0_3::find_path(method, &segments).filter(|_| serves_old);
        #[cfg(not(feature = "v0_3"))]
        let old = || None;
        let version = version(parts, serves_old);
        let is_old = matches!(version, Ok(ProtocolVersion::V0_3));
        if is_old && let Some(found) = old() {
            return (found, version);
        }
        let not_here = |text| Err(not_supported(text, serves_old));
        match route::find(method, &segments) {
            found @ Found::Target(Target::Rest(_)) if is_old => {
                (found, not_here("this is a path of A2A 1.0, not of 0.3"))
            }
            Found::Nothing => match old() {
                Some(Found::Target(target)) if self.is_served(&target) => {
                    let text =
                        "this URL is of A2A 0.3, not of 1.0: leave the tenant to the request";
                    (Found::Target(target), version.and_then(|_| not_here(text)))
                }
                _ => (Found::Nothing, Ok(ProtocolVersion::V1_0)),
            },
            found => (found, version),
        }
    }

    /// Any segment could be a tenant's. Those with an agent are.
    fn is_served(&self, target: &Target) -> bool {
        match target {
            Target::JsonRpc { tenant } => {
                tenant_named(tenant).is_ok_and(|tenant| self.agents.names(&tenant))
            }
            Target::Card { .. } | Target::Rest(_) => true,
        }
    }

    /// Answers a request with an error that arose outside the bindings, in the form of the
    /// request's binding.
    pub fn refuse(&self, parts: &Parts, body: &Bytes, error: &A2aError) -> Response<Bytes> {
        log_error("broken off", error);
        match self.asked(parts) {
            (Found::Target(Target::JsonRpc { .. }), version) => {
                json_rpc::error_response_to(parts, &without_mark(body), &version, error)
            }
            (_, version) => rest::error_response_in(version.unwrap_or_default(), error),
        }
    }

    /// Refuses a body that is too large or compressed.
    pub(crate) fn check_body(&self, parts: &Parts, body: &Bytes) -> Result<(), A2aError> {
        if !body.is_empty() {
            check_encoding(parts)?;
        }
        let (bytes, limit) = (body.len(), self.config.max_body_bytes);
        if bytes > limit {
            let text = format!("the body has {bytes} bytes; the limit is {limit}");
            return Err(A2aError::new(ErrorKind::PayloadTooLarge, text));
        }
        Ok(())
    }
}

/// Answers an unreadable request with an error in the form of its binding. Its JSON-RPC id is
/// unknown.
pub fn refuse(method: &Method, path: &str, error: &A2aError) -> Response<Bytes> {
    log_error("unread", error);
    let segments = route::segments(path);
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match route::find(method, &segments) {
        Found::Target(Target::JsonRpc { .. }) => answer::error_response(None, error),
        _ => error_response(error),
    }
}

/// The answer for an event of a front door that is not supported. Its binding is unknown.
pub fn not_implemented(text: &str) -> Response<Bytes> {
    let mut body = A2aError::new(ErrorKind::MethodNotFound, text).to_status();
    body.error.code = 501;
    json(501, PROTOCOL_JSON, &body)
}
