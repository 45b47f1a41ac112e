//! The HTTP bindings of A2A 1.0: JSON-RPC (spec section 9), HTTP+JSON (section 11) and the agent
//! card (section 8). An [`http::Request`] comes in, an operation is carried out, and an
//! [`http::Response`] goes out; how the bytes travel is the caller's affair.
//!
//! Both bindings are served at the same base URL and lead to the same operations with the same
//! checks. Nothing that a client sends can make this panic.

mod binding;
mod card;
mod json_rpc;
mod media_type;
mod rest;
mod route;
mod service;

use std::fmt;

use a2a_lambda_core::{Agents, Operations, Owner};
use a2a_lambda_protocol::{A2aError, ErrorKind, Timestamp};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};

use crate::binding::{PROTOCOL_JSON, error_response, log_error};
use crate::route::{Found, Target};

/// How the bindings are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// The largest body that is taken, in bytes.
    pub max_body_bytes: usize,
    /// How long clients may keep the agent card without asking again, in seconds.
    pub card_max_age_s: u32,
    /// When the agent card last changed, if that is known: the time of the deployment.
    pub card_modified: Option<Timestamp>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { max_body_bytes: 1024 * 1024, card_max_age_s: 300, card_modified: None }
    }
}

/// What is known of a request beside the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The principal that the front door authenticated.
    pub owner: Owner,
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
    pub async fn handle(&self, request: Request<Bytes>, visitor: &Visitor) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        match route::find(&parts.method, parts.uri.path()) {
            Found::Target(Target::JsonRpc) => self.json_rpc(&parts, &body, visitor).await,
            Found::Target(Target::Card { tenant }) => self.card(&parts, &tenant, visitor),
            Found::Target(Target::Rest(call)) => self.rest(call, &parts, &body, visitor).await,
            Found::OtherMethod(allowed) => method_not_allowed(&parts.method, allowed),
            Found::Nothing => {
                let text = format!("there is nothing at {} {}", parts.method, parts.uri.path());
                error_response(&A2aError::new(ErrorKind::MethodNotFound, text))
            }
        }
    }

    /// Refuses a body that is too large.
    fn check_body(&self, body: &Bytes) -> Result<(), A2aError> {
        let (bytes, limit) = (body.len(), self.config.max_body_bytes);
        if bytes > limit {
            let text = format!("the body has {bytes} bytes; the limit is {limit}");
            return Err(A2aError::new(ErrorKind::PayloadTooLarge, text));
        }
        Ok(())
    }
}

/// Answers a request with an error that was found before the bindings could, in the form of the
/// binding that it was meant for. The request's JSON-RPC id is not known then.
///
/// An unauthenticated request is 401 in both.
pub fn refuse(method: &Method, path: &str, error: &A2aError) -> Response<Bytes> {
    log_error("unread", error);
    let mut response = match route::find(method, path) {
        Found::Target(Target::JsonRpc) => json_rpc::error_response(None, error),
        _ => error_response(error),
    };
    if error.kind == ErrorKind::Unauthenticated {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}

fn method_not_allowed(method: &Method, allowed: &'static str) -> Response<Bytes> {
    let text = format!("{method} is not possible here; {allowed} is");
    let mut body = A2aError::new(ErrorKind::MethodNotFound, text).to_status();
    body.error.code = 405;
    let mut response = binding::json(405, PROTOCOL_JSON, &body);
    response.headers_mut().insert(header::ALLOW, http::HeaderValue::from_static(allowed));
    response
}
