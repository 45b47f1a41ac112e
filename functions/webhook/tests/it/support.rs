//! A context over a store in memory, a task that waits for a callback, and events.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::ids::TaskKey;
use a2a_lambda_core::log::fold;
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{
    Agents, CallbackAnswer, Company, End, Engine, Policy, Runner, TaskStore as _,
};
use a2a_lambda_protocol::{Json, TaskState};
use a2a_lambda_runtime::testing::ZEROS;
use a2a_lambda_runtime::vault::LocalVault;
use a2a_lambda_testing::{Doubles, Scripted, TestClock, caller, script, submit};
use a2a_lambda_webhook_function::{Context, handle};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

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

const BASE: &str = "https://agents.example/callbacks";
const PATIENCE: Duration = Duration::from_hours(1);
const INVOCATION: Duration = Duration::from_secs(30);

/// Shows the URL of a callback, and ends with the answer.
fn asks() -> Scripted {
    script!(|turn, _| {
        let callback = turn.callback("pay <invoice>", PATIENCE).await?;
        if turn.number() == 1 {
            turn.progress(callback.url()).await?;
        }
        let text = match callback.answer::<Json>().await? {
            CallbackAnswer::Given(answer) => answer.to_string(),
            CallbackAnswer::GaveUp(reason) => format!("gave up: {reason}"),
            _ => "nobody answered".to_owned(),
        };
        Ok(End::Completed(text.into()))
    })
}

/// The function's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) event: Value,
    pub(crate) status: u64,
    pub(crate) body: String,
}

impl Answer {
    /// A header, wherever the event has it; empty if it has none.
    pub(crate) fn header(&self, name: &str) -> &str {
        match &self.event["multiValueHeaders"][name] {
            Value::Null => self.event["headers"][name].as_str().unwrap_or_default(),
            values => values[0].as_str().unwrap(),
        }
    }
}

/// A deployment, and a task that waits for its callback.
pub(crate) struct World {
    pub(crate) doubles: Doubles,
    pub(crate) engine: Engine,
    pub(crate) key: TaskKey,
    /// The path of the callback.
    pub(crate) path: String,
    pub(crate) context: Context,
}

impl World {
    /// Make it within a runtime whose time is paused.
    pub(crate) async fn new() -> Self {
        let policy = Policy { callback_url: Some(BASE.to_owned()), ..Policy::default() };
        let doubles = Doubles::of(TestClock::by_tokio(), policy);
        let vault = Arc::new(LocalVault::from_base64(ZEROS).unwrap());
        let engine = Engine { vault, ..doubles.engine.clone() };
        let key = submit(&engine, &caller("", "alice"), "go").await;
        let context = Context::new(engine.clone());
        let mut world = Self { doubles, engine, key, path: String::new(), context };
        let url = world.run().await.1;
        world.path = url.replace("https://agents.example", "");
        world
    }

    /// Runs the agent. Returns the task's state and the text of its status.
    pub(crate) async fn run(&self) -> (TaskState, String) {
        let runner = Runner::new(self.engine.clone(), Agents::new(Arc::new(asks())));
        let deadline = self.engine.clock.now().saturating_add(Duration::from_mins(5));
        runner.attend(&self.key, deadline, Company::Alone).await.unwrap();
        self.told().await
    }

    pub(crate) async fn told(&self) -> (TaskState, String) {
        let found = self.doubles.memory.read(&self.key, Depth::Full).await.unwrap().unwrap();
        let status = fold(&found.head, &found.tail).status;
        let said = status.message.unwrap();
        let text =
            serde_json::to_value(&said.parts[0]).unwrap()["text"].as_str().unwrap().to_owned();
        (status.state, text)
    }

    pub(crate) async fn handle(&self, event: &Value) -> Answer {
        handled(event, &self.context, &self.engine).await
    }

    /// Sends a request by a Function URL.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut event = event!("function-url");
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(method);
        for (name, value) in headers {
            event["headers"][*name] = json!(value);
        }
        event["body"] = json!(body);
        self.handle(&event).await
    }

    /// POSTs JSON to the callback, or below it.
    pub(crate) async fn post(&self, below: &str, body: &str) -> Answer {
        let json = [("content-type", "application/json")];
        self.send("POST", &format!("{}{below}", self.path), &json, body).await
    }
}

pub(crate) async fn handled(event: &Value, context: &Context, engine: &Engine) -> Answer {
    let deadline = engine.clock.now().saturating_add(INVOCATION);
    let answer = handle(&to_raw_value(event).unwrap(), deadline, context).await.unwrap();
    let event = serde_json::to_value(answer.into_event()).unwrap();
    Answer {
        status: event["statusCode"].as_u64().unwrap(),
        body: event["body"].as_str().unwrap().to_owned(),
        event,
    }
}
