//! The HTTP bindings of A2A in an axum server, such as in a container, over the table and the queue of
//! a deployment. The function `sqs-executor` of that deployment runs the agents; it is built with the
//! same ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use a2a_lambda::http::{Bindings, Grant, Owner, Principal, Visitor};
use a2a_lambda::prelude::*;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;

/// Repeats its input.
struct Echo;

#[async_trait]
impl Agent for Echo {
    fn profile(&self) -> AgentProfile {
        AgentProfile::text("echo", "Says what it is told", "1.0.0")
    }

    async fn run(&self, turn: &Turn) -> Result<End, Failure> {
        turn.chunked("echo").finish([Part::text(turn.text())]).await?;
        Ok(End::completed())
    }
}

/// The deployment's agents.
///
/// # Errors
/// Never: these need nothing of the configuration.
#[expect(clippy::unused_async, reason = "other agents read secrets here")]
pub async fn agents(_variables: &Variables<'_>) -> Result<Agents, ConfigError> {
    Ok(Agents::new(Arc::new(Echo)))
}

/// The callers, by their tokens. A server in earnest would check the tokens of an issuer.
pub struct Callers {
    /// The URL at which clients reach the server, for the agent card.
    pub public_url: String,
    /// Owners of tasks, by their tokens.
    pub owners: BTreeMap<String, Owner>,
}

impl Callers {
    fn visitor(&self, headers: &HeaderMap) -> Visitor {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = authorization.and_then(|it| it.strip_prefix("Bearer "));
        let owner = token.and_then(|token| self.owners.get(token)).cloned();
        Visitor {
            principal: owner.map_or(Principal::Nobody, Principal::Somebody),
            grant: Grant::default(),
            base_url: self.public_url.clone(),
            answer_by: None,
        }
    }
}

/// The server: the bindings for all paths but one of its own.
pub fn app(bindings: Bindings, callers: Callers) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .fallback_service(bindings)
        .layer(from_fn_with_state(Arc::new(callers), introduce))
}

/// Tells the bindings who calls.
async fn introduce(
    State(callers): State<Arc<Callers>>,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = callers.visitor(request.headers());
    request.extensions_mut().insert(visitor);
    next.run(request).await
}
