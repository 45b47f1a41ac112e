//! A context over a store in memory, and events.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_agents::Echo;
use a2a_lambda_aws::EventError;
use a2a_lambda_core::ids::{TaskId, TaskKey};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Agent, Agents, Engine, MemoryStore, TaskStore, Tenant};
use a2a_lambda_protocol::Timestamp;
use a2a_lambda_request::{Config, Context, Counters, Identity};
use a2a_lambda_runtime::RandomIds;
use a2a_lambda_testing::{Doubles, Fault, FaultyStore};
use futures_util::StreamExt;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::work::Work;

/// The event in a file of `tests/events`.
macro_rules! event {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!(
            "../events/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}
pub(crate) use event;

/// The function's whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The event that it is, or that says the same where it was streamed.
    pub(crate) event: Value,
    pub(crate) status: u64,
    /// The body as JSON, or as a text if it is a stream of events; `null` if it is empty.
    pub(crate) body: Value,
}

impl Answer {
    async fn of(answer: a2a_lambda_request::Answer) -> Self {
        let event = match answer {
            a2a_lambda_request::Answer::Buffered(response, form) => {
                serde_json::to_value(form.event(response)).unwrap()
            }
            a2a_lambda_request::Answer::Streamed(parts, chunks) => {
                let chunks: Vec<_> = chunks.map(Result::unwrap).collect().await;
                let headers = parts.headers.iter().map(|(name, value)| {
                    (name.as_str().to_owned(), json!(value.to_str().unwrap()))
                });
                json!({
                    "statusCode": parts.status.as_u16(),
                    "headers": headers.collect::<serde_json::Map<_, _>>(),
                    "body": std::str::from_utf8(&chunks.concat()).unwrap(),
                })
            }
        };
        let mut answer =
            Self { status: event["statusCode"].as_u64().unwrap(), body: Value::Null, event };
        answer.body = match answer.event["body"].as_str() {
            None | Some("") => Value::Null,
            Some(_) if answer.header("content-type") == EVENTS => answer.event["body"].clone(),
            Some(text) => serde_json::from_str(text).unwrap(),
        };
        answer
    }

    /// It asks who the caller is.
    pub(crate) fn is_challenge(&self) {
        assert_eq!(self.status, 401, "{self:?}");
        assert_eq!(self.header("www-authenticate"), "Bearer", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
    }

    /// A header, wherever the event has it; `null` if it has none.
    pub(crate) fn header(&self, name: &str) -> &Value {
        match &self.event["multiValueHeaders"][name] {
            Value::Null => &self.event["headers"][name],
            values => {
                assert_eq!(values.as_array().unwrap().len(), 1, "{values}");
                &values[0]
            }
        }
    }
}

/// The media type of a stream of events.
pub(crate) const EVENTS: &str = "text/event-stream";

/// A store that never answers.
pub(crate) fn hanging() -> Arc<FaultyStore> {
    let store = FaultyStore::default();
    store.plan(|_| Some(Fault::HangBefore));
    Arc::new(store)
}

/// A configuration that serves callers whom no authorizer has looked at.
pub(crate) fn open() -> Config {
    let identity = Identity { allow_anonymous: true, ..Identity::default() };
    Config { identity, ..Config::default() }
}

/// A function over a store in memory, with an agent without a runner.
pub(crate) struct Function {
    pub(crate) engine: Engine,
    context: Context,
}

impl Function {
    /// It is [open] to all. Make it within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        Self::with(open())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::made_of(Arc::new(MemoryStore::new()), Echo, config)
    }

    pub(crate) fn over(store: Arc<dyn TaskStore>) -> Self {
        Self::made_of(store, Echo, open())
    }

    pub(crate) fn made_of(store: Arc<dyn TaskStore>, agent: impl Agent, config: Config) -> Self {
        Self::counting_in(Counters::default(), store, agent, config)
    }

    /// A function that counts the owners' requests, streams and tasks there.
    pub(crate) fn counting_in(
        counters: Counters,
        store: Arc<dyn TaskStore>,
        agent: impl Agent,
        config: Config,
    ) -> Self {
        // Several functions may have one table.
        let ids = Arc::new(RandomIds);
        let engine = Engine { store, ids, ..Doubles::new().engine };
        let agents = Agents::new(Arc::new(agent));
        let context = Context::counting_in(counters, engine.clone(), agents, config);
        Self { engine, context }
    }

    /// Answers an event in an invocation of the usual length.
    pub(crate) async fn answer(&self, event: Value) -> Answer {
        self.answer_within(event, USUAL).await
    }

    pub(crate) async fn answer_within(&self, event: Value, invocation: Duration) -> Answer {
        Answer::of(self.begin_within(event, invocation).await).await
    }

    /// Begins to answer an event: the test reads the stream.
    pub(crate) async fn begin_within(
        &self,
        event: Value,
        invocation: Duration,
    ) -> a2a_lambda_request::Answer {
        self.try_answer_within(event, invocation).await.unwrap()
    }

    /// Begins to answer an event that may be refused as another function's.
    pub(crate) async fn try_answer(
        &self,
        event: Value,
    ) -> Result<a2a_lambda_request::Answer, EventError> {
        self.try_answer_within(event, USUAL).await
    }

    async fn try_answer_within(
        &self,
        event: Value,
        invocation: Duration,
    ) -> Result<a2a_lambda_request::Answer, EventError> {
        let deadline = self.engine.clock.now().saturating_add(invocation);
        a2a_lambda_request::handle(&to_raw_value(&event).unwrap(), deadline, &self.context).await
    }

    /// Takes a task on, as a runner would.
    pub(crate) async fn work_on(&self, task: &Value) -> Work {
        Work::on(task, &self.engine.store, &self.engine.clock).await
    }

    /// The owner of a task, as it is stored.
    pub(crate) async fn owner_of(&self, task: &Value) -> String {
        let task = TaskId::parse(task.as_str().unwrap()).unwrap();
        let key = TaskKey { tenant: Tenant::default(), task };
        let snapshot = self.engine.store.read(&key, Depth::Tail).await.unwrap().unwrap();
        snapshot.head.owner.as_str().to_owned()
    }
}

/// The owner of the task that a message makes; `None` if its sender is asked who they are.
pub(crate) async fn owner(config: Config, event: Value) -> Option<String> {
    let function = Function::with(config);
    let answer = function.answer(sending(event, "hi")).await;
    if answer.status == 401 {
        answer.is_challenge();
        assert_eq!(answer.body["error"]["status"], "UNAUTHENTICATED");
        return None;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(function.owner_of(&answer.body["task"]["id"]).await)
}

/// How long an invocation lasts if a test does not say: a little less than API Gateway waits.
pub(crate) const USUAL: Duration = Duration::from_secs(29);

pub(crate) async fn answer(event: Value, deadline: Timestamp, context: &Context) -> Answer {
    let event = to_raw_value(&event).unwrap();
    Answer::of(a2a_lambda_request::handle(&event, deadline, context).await.unwrap()).await
}

/// The event with another method and path.
pub(crate) fn at(mut event: Value, method: &str, path: &str) -> Value {
    if event["requestContext"]["http"].is_object() {
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(method);
        return event;
    }
    event["httpMethod"] = json!(method);
    if event["resource"].is_string() {
        event["requestContext"]["httpMethod"] = json!(method);
        // The stage or the mapping stays in front.
        let own = format!("/{}", event["pathParameters"]["proxy"].as_str().unwrap_or_default());
        for pointer in ["/path", "/requestContext/path"] {
            let whole = event.pointer(pointer).unwrap().as_str().unwrap();
            let front = whole.strip_suffix(own.as_str()).unwrap();
            *event.pointer_mut(pointer).unwrap() = json!(format!("{front}{path}"));
        }
        let proxy = path.trim_matches('/');
        let (resource, parameters) = match proxy {
            "" => ("/", Value::Null),
            proxy => ("/{proxy+}", json!({ "proxy": proxy })),
        };
        event["resource"] = json!(resource);
        event["requestContext"]["resourcePath"] = json!(resource);
        event["pathParameters"] = parameters;
    } else {
        event["path"] = json!(path);
    }
    event
}

/// The event as a call of JSON-RPC.
pub(crate) fn calling(event: Value, method: &str, params: &Value) -> Value {
    let mut event = at(event, "POST", "/");
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    event["body"] = json!(call.to_string());
    event
}

/// The event with the findings of the front door's authorizer.
pub(crate) fn by(mut event: Value, authorizer: &Value) -> Value {
    event["requestContext"]["authorizer"] = authorizer.clone();
    event
}

/// The findings of the JWT authorizer of an HTTP API.
pub(crate) fn jwt(claims: impl Into<Value>) -> Value {
    json!({ "jwt": { "claims": claims.into(), "scopes": null } })
}

/// The findings of a Lambda authorizer of an HTTP API.
pub(crate) fn lambda(context: impl Into<Value>) -> Value {
    json!({ "lambda": context.into() })
}

/// The findings of IAM at an HTTP API.
pub(crate) fn iam(user: impl Into<Value>) -> Value {
    json!({ "iam": { "userId": user.into(), "cognitoIdentity": null } })
}

/// The event with one more header.
pub(crate) fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    if event["headers"].is_object() {
        event["headers"][name] = json!(value);
    }
    if event["multiValueHeaders"].is_object() {
        event["multiValueHeaders"][name] = json!([value]);
    }
    event
}

/// An event of each front door, without an authorizer.
pub(crate) fn open_doors() -> [Value; 6] {
    [
        event!("http-api"),
        event!("function-url"),
        event!("rest-api"),
        event!("rest-api-mapping"),
        event!("load-balancer"),
        event!("load-balancer-multi-value"),
    ]
}

/// The event with a message for a new task.
pub(crate) fn sending(event: Value, text: &str) -> Value {
    let mut event = at(event, "POST", "/message:send");
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] });
    let configuration = json!({ "returnImmediately": true });
    event["body"] =
        json!(json!({ "message": message, "configuration": configuration }).to_string());
    event
}
