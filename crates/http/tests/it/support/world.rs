use std::fmt::Write as _;
use std::sync::Arc;

use a2a_lambda_agents::{Conformance, Echo};
use a2a_lambda_core::{
    Agent, Agents, Engine, MemoryStore, Operations, Owner, Policy, Runner, TaskStore, Tenant,
};
use a2a_lambda_http::{Bindings, HttpConfig, Visitor};
use bytes::Bytes;
use http::{Method, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::services::{CountingIds, Runners, TestClock};
use super::{Answer, Binding, send};

/// The tenant that has the echo agent whatever the others have.
const ECHO_TENANT: &str = "echo";

/// The bindings over a store in memory, and a visitor. It must be made within a runtime whose time
/// is paused.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bindings: Bindings,
    pub(crate) visitor: Visitor,
}

impl World {
    /// With the conformance agent; the tenant `echo` has the echo agent.
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(Conformance), Arc::new(MemoryStore::new()), HttpConfig::default())
    }

    pub(crate) fn with_agent(agent: impl Agent) -> Self {
        Self::with(Arc::new(agent), Arc::new(MemoryStore::new()), HttpConfig::default())
    }

    pub(crate) fn with_store(store: impl TaskStore) -> Self {
        Self::with(Arc::new(Conformance), Arc::new(store), HttpConfig::default())
    }

    pub(crate) fn with_config(config: HttpConfig) -> Self {
        Self::with(Arc::new(Conformance), Arc::new(MemoryStore::new()), config)
    }

    fn with(agent: Arc<dyn Agent>, store: Arc<dyn TaskStore>, config: HttpConfig) -> Self {
        let runners = Arc::new(Runners::default());
        let engine = Engine {
            store,
            queue: runners.clone(),
            timer: runners.clone(),
            clock: Arc::new(TestClock::new()),
            ids: Arc::new(CountingIds::default()),
            policy: Arc::new(Policy::default()),
        };
        let echo = Tenant::parse(ECHO_TENANT).unwrap();
        let agents = Agents::new(agent).with(echo, Arc::new(Echo));
        runners.are(Runner::new(engine.clone(), agents.clone()));
        let visitor = Visitor {
            owner: Owner::parse("alice").unwrap(),
            base_url: "https://agents.example".to_owned(),
            answer_by: None,
        };
        Self { bindings: Bindings::new(Operations::new(engine), agents, config), visitor }
    }

    /// The same world, for somebody else.
    pub(crate) fn as_visitor(&self, owner: &str) -> Self {
        let visitor = Visitor { owner: Owner::parse(owner).unwrap(), ..self.visitor.clone() };
        Self { visitor, ..self.clone() }
    }

    /// Sends any request.
    pub(crate) async fn request(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.bindings.handle(request, &self.visitor).await
    }

    /// Sends a request of version 1.0.
    pub(crate) async fn http(&self, method: &str, target: &str, body: &str) -> Response<Bytes> {
        self.request(request(method, target, body.to_owned().into(), &[])).await
    }

    /// Sends a JSON-RPC body as it is.
    pub(crate) async fn json_rpc(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        self.request(request("POST", "/", body.into(), &[])).await
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

/// A request of version 1.0, unless `headers` say another.
pub(crate) fn request(
    method: &str,
    target: &str,
    body: Bytes,
    headers: &[(&str, &str)],
) -> Request<Bytes> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("a2a-version")) {
        request = request.header("A2A-Version", "1.0");
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// The request for an operation. In HTTP+JSON the ids are in the path, and the rest in the query of
/// a GET, or in the body.
pub(crate) fn call_request(
    binding: Binding,
    operation: &str,
    mut params: Value,
    headers: &[(&str, &str)],
) -> Request<Bytes> {
    if binding == Binding::JsonRpc {
        let call = json!({ "jsonrpc": "2.0", "id": "r1", "method": operation, "params": params });
        return request("POST", "/", call.to_string().into(), headers);
    }
    let mut path = |name: &str| {
        let taken = params.as_object_mut().and_then(|params| params.remove(name));
        let text = taken.and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
        utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
    };
    let (method, target) = match operation {
        "SendMessage" => ("POST", "/message:send".to_owned()),
        "SendStreamingMessage" => ("POST", "/message:stream".to_owned()),
        "GetTask" => ("GET", format!("/tasks/{}", path("id"))),
        "ListTasks" => ("GET", "/tasks".to_owned()),
        "CancelTask" => ("POST", format!("/tasks/{}:cancel", path("id"))),
        "SubscribeToTask" => ("GET", format!("/tasks/{}:subscribe", path("id"))),
        "CreateTaskPushNotificationConfig" => {
            ("POST", format!("/tasks/{}/pushNotificationConfigs", path("taskId")))
        }
        "ListTaskPushNotificationConfigs" => {
            ("GET", format!("/tasks/{}/pushNotificationConfigs", path("taskId")))
        }
        "GetTaskPushNotificationConfig" => {
            let (task, id) = (path("taskId"), path("id"));
            ("GET", format!("/tasks/{task}/pushNotificationConfigs/{id}"))
        }
        "DeleteTaskPushNotificationConfig" => {
            let (task, id) = (path("taskId"), path("id"));
            ("DELETE", format!("/tasks/{task}/pushNotificationConfigs/{id}"))
        }
        "GetExtendedAgentCard" => ("GET", "/extendedAgentCard".to_owned()),
        other => panic!("{other} has no route"),
    };
    if method == "POST" {
        return request(method, &target, params.to_string().into(), headers);
    }
    request(method, &(target + &query(&params)), Bytes::new(), headers)
}

fn query(params: &Value) -> String {
    let mut query = String::new();
    for (name, value) in params.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = utf8_percent_encode(&text, NON_ALPHANUMERIC);
        let divider = if query.is_empty() { '?' } else { '&' };
        write!(query, "{divider}{name}={value}").unwrap();
    }
    query
}
