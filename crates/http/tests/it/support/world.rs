use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::{Conformance, Echo, Strict};
use a2a_lambda_core::{
    Agent, Agents, Clock, Engine, Operations, Owner, Runner, StoreError, Tenant,
};
use a2a_lambda_http::{Bindings, Body, Grant, HttpConfig, Principal, Visitor};
use a2a_lambda_protocol::{MutualTlsSecurityScheme, SecurityScheme};
use a2a_lambda_testing::{Doubles, Fault, FaultyStore, Manner, TestClock};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use serde_json::{Value, json};

use super::stream::Events;
use super::{Answer, Binding, call_request, request, send};

/// The bindings over a store in memory, and a visitor. It must be made within a runtime whose time
/// is paused.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bindings: Bindings,
    pub(crate) visitor: Visitor,
    pub(crate) engine: Engine,
    clock: Arc<TestClock>,
    store: Arc<FaultyStore>,
}

impl World {
    /// With the conformance agent. The tenants `echo` and `strict` always have the agents of these
    /// names.
    pub(crate) fn new() -> Self {
        Self::with_agent(Conformance)
    }

    /// With a task of a text, and its id.
    pub(crate) async fn with_task(text: &str) -> (Self, String) {
        let world = Self::new();
        let id = world.task_id(text).await;
        (world, id)
    }

    pub(crate) fn with_agent(agent: impl Agent) -> Self {
        Self::with_agents(agents(agent))
    }

    pub(crate) fn with_agents(agents: Agents) -> Self {
        Self::with(agents, HttpConfig::default())
    }

    /// With a store that answers everything with the same error.
    pub(crate) fn with_broken_store(error: fn() -> StoreError) -> Self {
        let world = Self::new();
        world.store.plan(move |_| Some(Fault::Fail(error)));
        world
    }

    pub(crate) fn with_config(config: HttpConfig) -> Self {
        Self::with(agents(Conformance), config)
    }

    /// A deployment whose card says how to authenticate, and so has an extended card.
    pub(crate) fn with_scheme() -> Self {
        Self::with_scheme_and(HttpConfig::default())
    }

    /// The same, with the rest of this configuration.
    pub(crate) fn with_scheme_and(config: HttpConfig) -> Self {
        let scheme = SecurityScheme::MutualTls(MutualTlsSecurityScheme::default());
        let security_schemes = [("mtls".to_owned(), scheme)].into();
        Self::with_config(HttpConfig { security_schemes, ..config })
    }

    pub(crate) fn with_agent_and_config(agent: impl Agent, config: HttpConfig) -> Self {
        Self::with(agents(agent), config)
    }

    fn with(agents: Agents, config: HttpConfig) -> Self {
        let Doubles { clock, store, queue, receivers, engine, .. } = Doubles::new();
        receivers.set_others(Manner::Down);
        queue.are_run_by(Runner::new(engine.clone(), agents.clone()));
        let visitor = Visitor {
            principal: Principal::Somebody(Owner::parse("alice").unwrap()),
            grant: Grant::default(),
            base_url: "https://agents.example".to_owned(),
            answer_by: None,
        };
        let bindings = Bindings::new(Operations::new(engine.clone()), agents, config);
        Self { bindings, visitor, engine, clock, store }
    }

    /// The same world, for somebody else.
    pub(crate) fn as_visitor(&self, owner: &str) -> Self {
        self.as_principal(Principal::Somebody(Owner::parse(owner).unwrap()))
    }

    /// The same world, for this principal.
    pub(crate) fn as_principal(&self, principal: Principal) -> Self {
        let visitor = Visitor { principal, ..self.visitor.clone() };
        Self { visitor, ..self.clone() }
    }

    /// The same world, for a visitor who may do this.
    pub(crate) fn with_grant(&self, grant: Grant) -> Self {
        Self { visitor: Visitor { grant, ..self.visitor.clone() }, ..self.clone() }
    }

    /// The same world, for a visitor whose answer must be on its way after this time.
    pub(crate) fn in_a_hurry(&self, left: Duration) -> Self {
        let answer_by = Some(self.clock.now().saturating_add(left));
        Self { visitor: Visitor { answer_by, ..self.visitor.clone() }, ..self.clone() }
    }

    /// Sends any request, and leaves it to the test to read the answer.
    pub(crate) async fn open(&self, request: Request<Bytes>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        self.bindings.handle(&parts, &body, &self.visitor).await
    }

    /// Sends any request. A stream is read to its end.
    pub(crate) async fn request(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = self.open(request).await.into_parts();
        let bytes = match body {
            Body::Whole(bytes) => bytes,
            Body::Events(events) => events.collect::<Vec<_>>().await.concat().into(),
        };
        Response::from_parts(head, bytes)
    }

    /// Sends a request of version 1.0.
    pub(crate) async fn http(&self, method: &str, target: &str, body: &str) -> Response<Bytes> {
        self.request(request(method, target, body.to_owned().into(), &[])).await
    }

    /// Sends a JSON-RPC body as it is.
    pub(crate) async fn json_rpc(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        self.request(request("POST", "/", body.into(), &[])).await
    }

    /// The answer of HTTP+JSON to a request of version 1.0.
    pub(crate) async fn rest(&self, method: &str, target: &str, body: &str) -> Answer {
        Answer::of(Binding::Rest, &Value::Null, &self.http(method, target, body).await)
    }

    /// Calls an operation by its JSON-RPC name.
    pub(crate) async fn call(&self, binding: Binding, operation: &str, params: Value) -> Answer {
        self.call_with(binding, operation, params, &[]).await
    }

    /// As [`call`](Self::call), with headers.
    pub(crate) async fn call_with(
        &self,
        binding: Binding,
        operation: &str,
        params: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = call_request(binding, operation, params, headers);
        let response = self.request(request).await;
        Answer::of(binding, &json!("r1"), &response)
    }

    /// Calls an operation that must answer with a stream.
    pub(crate) async fn stream(&self, binding: Binding, operation: &str, params: Value) -> Events {
        self.stream_with(binding, operation, params, &[]).await
    }

    /// As [`stream`](Self::stream), with headers.
    pub(crate) async fn stream_with(
        &self,
        binding: Binding,
        operation: &str,
        params: Value,
        headers: &[(&str, &str)],
    ) -> Events {
        let request = call_request(binding, operation, params, headers);
        Events::of(binding, json!("r1"), self.open(request).await)
    }

    /// Sends a text for a new task, and returns the task as it settled.
    pub(crate) async fn task(&self, binding: Binding, text: &str) -> Value {
        let result = self.call(binding, "SendMessage", send(text)).await.ok();
        assert!(result["task"]["id"].is_string(), "{result}");
        result["task"].clone()
    }

    /// The same, for its id.
    pub(crate) async fn task_id(&self, text: &str) -> String {
        let task = self.task(Binding::Rest, text).await;
        task["id"].as_str().unwrap().to_owned()
    }
}

fn agents(others: impl Agent) -> Agents {
    let tenant = |name| Tenant::parse(name).unwrap();
    Agents::new(Arc::new(others))
        .with(tenant("echo"), Arc::new(Echo))
        .with(tenant("strict"), Arc::new(Strict))
}
