#![doc = include_str!("../README.md")]
//!
//! Both bindings are served at the same base URL and lead to the same operations with the same
//! checks. Nothing that a client sends can make this panic.

mod binding;
mod body;
mod card;
mod cors;
mod exchange;
mod extensions;
mod json_rpc;
mod media_type;
mod newer;
mod rest;
mod rights;
mod route;
mod service;
mod sse;
#[cfg(feature = "tower")]
mod tower;
mod v0_3;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use a2a_lambda_core::ProtocolVersion;
use a2a_lambda_core::{Agents, Operations, Owner};
use a2a_lambda_protocol::{A2aError, ErrorKind, SecurityRequirement, SecurityScheme, Timestamp};
use a2a_lambda_signing::JwkSet;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, header};

use crate::binding::{PROTOCOL_JSON, check_encoding, error_response, log_error, without_mark};
use crate::body::whole;
use crate::exchange::Exchange;
use crate::route::{Found, Target};
use crate::service::tenant_named;

pub use body::{Body, EventStream};
pub use card::{CardSigner, SigningKeyError};
pub use cors::{Cors, OriginError};
pub use extensions::{DELIVERY_EXTENSION, GENERATION_EXTENSION};
pub use rights::{Grant, Scopes, Tenants};

/// How the bindings are served.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The largest body that is taken, in bytes.
    pub max_body_bytes: usize,
    /// How long a stream is silent before it is given a comment, which keeps connections open.
    pub keep_alive: Duration,
    /// How long clients may keep the agent card and the public keys without asking again, in
    /// seconds.
    pub card_max_age_s: u32,
    /// Since when no card is another than before, if that is known: the time of the last deployment
    /// of anything that a card shows, be it the program or its configuration.
    pub card_modified: Option<Timestamp>,
    /// Who signs the agent cards, if anybody does.
    pub card_signer: Option<CardSigner>,
    /// The public keys at `/.well-known/jwks.json`, beside that of the card's signer. Without any
    /// there is nothing at that path.
    pub jwks: JwkSet,
    /// The ways to authenticate that the agent cards name. Where there are none, there is no extended
    /// card either.
    pub security_schemes: BTreeMap<String, SecurityScheme>,
    /// Which of the schemes a client needs: any one of these.
    pub security_requirements: Vec<SecurityRequirement>,
    /// Whether clients of A2A 0.3 are served, too.
    pub v0_3: bool,
    /// The scopes that operations need.
    pub scopes: Scopes,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            keep_alive: Duration::from_secs(15),
            card_max_age_s: 300,
            card_modified: None,
            card_signer: None,
            jwks: JwkSet::default(),
            security_schemes: BTreeMap::new(),
            security_requirements: Vec::new(),
            v0_3: true,
            scopes: Scopes::default(),
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// It is not known who calls. There is nothing for them but the public agent card.
    Nobody,
    /// Whoever it is: everybody is this one owner, and no more is known of them.
    Anybody(Owner),
    /// A caller that the front door has authenticated.
    Somebody(Owner),
}

impl Principal {
    /// The owner that the caller's tasks belong to.
    pub(crate) fn owner(&self) -> Result<&Owner, A2aError> {
        match self {
            Self::Nobody => Err(unauthenticated()),
            Self::Anybody(owner) | Self::Somebody(owner) => Ok(owner),
        }
    }

    /// Refuses callers that nobody has authenticated.
    pub(crate) fn authenticated(&self) -> Result<(), A2aError> {
        match self {
            Self::Nobody | Self::Anybody(_) => Err(unauthenticated()),
            Self::Somebody(_) => Ok(()),
        }
    }
}

fn unauthenticated() -> A2aError {
    A2aError::new(ErrorKind::Unauthenticated, "this is for authenticated callers only")
}

/// What is known of a request beside the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Who calls, as the front door has found out.
    pub principal: Principal,
    /// What the caller may do.
    pub grant: Grant,
    /// The URL at which clients reach this service, without a trailing slash, for the agent card.
    pub base_url: String,
    /// When the answer must be on its way at the latest.
    pub answer_by: Option<Timestamp>,
}

/// The HTTP bindings over a set of operations.
#[derive(Clone)]
pub struct Bindings {
    operations: Operations,
    agents: Agents,
    config: HttpConfig,
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bindings").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Bindings {
    /// The bindings for these agents.
    pub fn new(operations: Operations, agents: Agents, config: HttpConfig) -> Self {
        Self { operations, agents, config }
    }

    /// Answers a request. There is always an answer; errors take the form of the binding that was
    /// spoken to, HTTP+JSON for a path that neither has.
    pub async fn handle(&self, request: Request<Bytes>, visitor: &Visitor) -> Response<Body> {
        let mut response = self.answer(request, visitor).await;
        // All but the public card and keys is for its caller, and of this moment.
        let cache = response.headers_mut().entry(header::CACHE_CONTROL);
        cache.or_insert(HeaderValue::from_static("no-store"));
        response
    }

    async fn answer(&self, request: Request<Bytes>, visitor: &Visitor) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = without_mark(&body);
        let (method, path) = (&parts.method, parts.uri.path());
        if let Some(response) = self.public_keys(&parts) {
            return whole(response);
        }
        let version = binding::version(&parts, self.config.v0_3);
        if self.config.v0_3
            && let Ok(ProtocolVersion::V0_3) = version
            && let Some(found) = v0_3::find(method, path)
        {
            return self.found_v0_3(found, &parts, &body, visitor).await;
        }
        match route::find(method, path) {
            Found::Target(Target::JsonRpc { tenant }) => {
                self.json_rpc(&parts, &tenant, &body, visitor).await
            }
            Found::Target(Target::Card { tenant }) => whole(self.card(&parts, &tenant, visitor)),
            Found::Target(Target::Rest(call)) => {
                let refused = match version {
                    Ok(ProtocolVersion::V1_0) => {
                        let exchange = Exchange::new(&parts, visitor, ProtocolVersion::V1_0);
                        let mut response = self.rest(call, &body, &exchange).await;
                        exchange.add_headers(response.headers_mut());
                        return response;
                    }
                    Ok(ProtocolVersion::V0_3) => {
                        let text = "this is a path of A2A 1.0, not of 0.3";
                        binding::not_supported(text, self.config.v0_3)
                    }
                    Err(error) => error,
                };
                log_error(call.operation.name(), &refused);
                whole(error_response(&refused))
            }
            Found::OtherMethod(allowed) => whole(method_not_allowed(method, allowed)),
            Found::Nothing => {
                if let Some(target) = self.target_of_v0_3(method, path) {
                    return whole(self.only_v0_3(&parts, &target, version.err()));
                }
                let text = format!("there is nothing at {method} {path}");
                whole(error_response(&A2aError::new(ErrorKind::MethodNotFound, text)))
            }
        }
    }

    /// What of 0.3 alone is at a path. Any segment could be a tenant's; those that have an agent are.
    fn target_of_v0_3(&self, method: &Method, path: &str) -> Option<Target> {
        match v0_3::find(method, path).filter(|_| self.config.v0_3)? {
            Found::Target(Target::JsonRpc { tenant }) => {
                let is_named = tenant_named(&tenant).is_ok_and(|it| self.agents.names(&it));
                is_named.then_some(Target::JsonRpc { tenant })
            }
            Found::Target(target) => Some(target),
            Found::OtherMethod(_) | Found::Nothing => None,
        }
    }

    /// Refuses another version at a URL that is of 0.3 alone (spec section 3.6.2).
    fn only_v0_3(
        &self,
        parts: &Parts,
        target: &Target,
        unknown: Option<A2aError>,
    ) -> Response<Bytes> {
        let error = unknown.unwrap_or_else(|| {
            let text = "this URL is of A2A 0.3, not of 1.0: leave the tenant to the request";
            binding::not_supported(text, self.config.v0_3)
        });
        log_error("unread", &error);
        match target {
            Target::JsonRpc { .. } => json_rpc::unread_response(parts, None, &error),
            Target::Rest(_) | Target::Card { .. } => error_response(&error),
        }
    }

    /// Answers a request with an error that was found beside the bindings, in the form of the one
    /// that it was meant for.
    pub fn refuse(&self, parts: &Parts, body: &Bytes, error: &A2aError) -> Response<Bytes> {
        log_error("broken off", error);
        let (method, path) = (&parts.method, parts.uri.path());
        let is_old = self.config.v0_3
            && binding::version(parts, true).is_ok_and(|version| version == ProtocolVersion::V0_3);
        let old = v0_3::find(method, path).filter(|_| is_old);
        let found = old.unwrap_or_else(|| route::find(method, path));
        match found {
            Found::Target(Target::JsonRpc { .. }) => {
                json_rpc::error_response_to(parts, &without_mark(body), is_old, error)
            }
            _ if is_old => v0_3::error_response(error),
            _ => error_response(error),
        }
    }

    /// Refuses a body that is too large, or compressed.
    fn check_body(&self, parts: &Parts, body: &Bytes) -> Result<(), A2aError> {
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

/// Answers a request that could not be read, with an error in the form of the binding that it was
/// meant for. Its JSON-RPC id is not known then.
pub fn refuse(method: &Method, path: &str, error: &A2aError) -> Response<Bytes> {
    log_error("unread", error);
    match route::find(method, path) {
        Found::Target(Target::JsonRpc { .. }) => json_rpc::error_response(None, error),
        _ => error_response(error),
    }
}

/// Answers a front door that is not served, or not yet. It is not known which binding is spoken.
pub fn not_implemented(text: &str) -> Response<Bytes> {
    let mut body = A2aError::new(ErrorKind::MethodNotFound, text).to_status();
    body.error.code = 501;
    binding::json(501, PROTOCOL_JSON, &body)
}

fn method_not_allowed(method: &Method, allowed: &'static str) -> Response<Bytes> {
    let text = format!("{method} is not possible here; {allowed} is");
    let mut body = A2aError::new(ErrorKind::MethodNotFound, text).to_status();
    body.error.code = 405;
    let mut response = binding::json(405, PROTOCOL_JSON, &body);
    response.headers_mut().insert(header::ALLOW, http::HeaderValue::from_static(allowed));
    response
}
