//! Every operation over both bindings, with one thing wrong. The faults are data: the fields and
//! their types in `schema`, the values that break a rule in `values`.

mod fields;
mod schema;
mod values;

use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, World, call_request, send, with};

/// An error, as both bindings have it (spec section 5.4).
#[derive(Debug, Clone, Copy)]
struct Expected {
    code: i64,
    status: i64,
    grpc: &'static str,
    reason: &'static str,
    /// Whether JSON-RPC gives the reason, too: for the errors that are A2A's own.
    is_a2a: bool,
}

#[rustfmt::skip] // A line for each.
mod expected {
    use super::Expected;

    pub(super) const INVALID: Expected = Expected { code: -32602, status: 400, grpc: "INVALID_ARGUMENT", reason: "INVALID_PARAMS", is_a2a: false };
    pub(super) const NOT_FOUND: Expected = Expected { code: -32001, status: 404, grpc: "NOT_FOUND", reason: "TASK_NOT_FOUND", is_a2a: true };
    pub(super) const NOT_CANCELABLE: Expected = Expected { code: -32002, status: 400, grpc: "FAILED_PRECONDITION", reason: "TASK_NOT_CANCELABLE", is_a2a: true };
    pub(super) const UNSUPPORTED: Expected = Expected { code: -32004, status: 400, grpc: "FAILED_PRECONDITION", reason: "UNSUPPORTED_OPERATION", is_a2a: true };
}

impl Expected {
    /// Panics unless this is the error.
    fn check(&self, binding: Binding, error: &Value, why: &str) {
        let reason = crate::support::reason(binding, error);
        match binding {
            Binding::JsonRpc => {
                assert_eq!(error["code"], self.code, "{why}: {error}");
                assert_eq!(reason, if self.is_a2a { self.reason } else { "" }, "{why}: {error}");
            }
            Binding::Rest => {
                // That the code is the response's status is checked where the answer is read.
                assert_eq!(error["code"], self.status, "{why}: {error}");
                assert_eq!(error["status"], self.grpc, "{why}: {error}");
                assert_eq!(reason, self.reason, "{why}: {error}");
            }
        }
    }
}

/// A world with a task of each sort, which are made in the same order and so have the same ids.
pub(crate) struct Scene {
    pub(crate) world: World,
    open: String,
    context: String,
    over: String,
    foreign: String,
    elsewhere: String,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let world = World::with_scheme();
        let open = world.task(Binding::Rest, "tck-input-required").await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let config = json!({
            "taskId": open["id"], "id": "c1", "url": "https://client.example",
        });
        world.call(Binding::Rest, "CreateTaskPushNotificationConfig", config).await.ok();
        let elsewhere = with(send("tck-input-required"), "/tenant", json!("acme"));
        let elsewhere = world.call(Binding::Rest, "SendMessage", elsewhere).await.ok();
        Self {
            open: text(&open["id"]),
            context: text(&open["contextId"]),
            over: world.task_id("tck-complete-task").await,
            foreign: world.as_visitor("bob").task_id("tck-input-required").await,
            elsewhere: text(&elsewhere["task"]["id"]),
            world,
        }
    }

    /// Fills the known values into the text of a JSON value.
    fn fill(&self, text: &str) -> Value {
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        let text = text
            .replace("$open", &self.open)
            .replace("$context", &self.context)
            .replace("$over", &self.over)
            .replace("$foreign", &self.foreign)
            .replace("$elsewhere", &self.elsewhere)
            .replace("$257", &"x".repeat(257))
            .replace("$65", &"x".repeat(65))
            .replace("$2049", &"x".repeat(2_049))
            .replace("$8193", &"x".repeat(8_193))
            .replace("$400k", &"x".repeat(400 * 1024))
            .replace("\"$101 strings\"", &list("\"s\"", 101))
            .replace("\"$1001 parts\"", &list("{\"text\":\"\"}", 1_001));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Parameters that are in order, with every field that the operation has.
    pub(crate) fn params(&self, operation: &str) -> Value {
        let base = schema::BASES.iter().find(|(operations, _)| operations.contains(&operation));
        self.fill(base.unwrap().1)
    }

    /// The state of the tasks. No wrong request may change it.
    async fn seen(&self) -> Vec<Value> {
        let bob = self.world.as_visitor("bob");
        let acme = json!({ "tenant": "acme" });
        let list = "ListTaskPushNotificationConfigs";
        let configs = json!({ "taskId": self.open });
        vec![
            self.world.call(Binding::Rest, "ListTasks", json!({})).await.ok(),
            self.world.call(Binding::Rest, "ListTasks", acme).await.ok(),
            self.world.call(Binding::Rest, list, configs).await.ok(),
            bob.call(Binding::Rest, "ListTasks", json!({})).await.ok(),
        ]
    }
}

/// Whether HTTP+JSON has a parameter in the path.
fn is_in_path(operation: &str, place: &str) -> bool {
    match operation {
        "GetTask" | "CancelTask" | "SubscribeToTask" => place == "/id",
        "CreateTaskPushNotificationConfig" | "ListTaskPushNotificationConfigs" => {
            place == "/taskId"
        }
        "GetTaskPushNotificationConfig" | "DeleteTaskPushNotificationConfig" => {
            matches!(place, "/taskId" | "/id")
        }
        _ => false,
    }
}

/// Whether HTTP+JSON has the other parameters in a query.
fn is_in_query(operation: &str) -> bool {
    ["Get", "List", "Subscribe", "Delete"].iter().any(|verb| operation.starts_with(verb))
}

#[tokio::test(start_paused = true)]
async fn the_parameters_are_in_order() {
    for (operations, _) in schema::BASES {
        for operation in *operations {
            for binding in BINDINGS {
                let scene = Scene::new().await;
                let params = scene.params(operation);
                let request = call_request(binding, operation, params, &[]);
                let response = scene.world.request(request).await;
                assert_eq!(response.status(), 200, "{operation}: {response:?}");
                let text = String::from_utf8_lossy(response.body());
                assert!(!text.contains("\"error\""), "{operation}: {text}");
            }
        }
    }
}
