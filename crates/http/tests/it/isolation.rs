//! Owners and tenants do not see each other.

use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, World, call_request, operations_on, send, with};

/// Every operation on a task, by its owner's elsewhere and by others, is answered byte for byte as
/// on one that does not exist; and the task is as it was.
#[tokio::test(start_paused = true)]
async fn neither_tenants_nor_owners_see_each_other_s_tasks_by_any_operation() {
    let alice = World::new();
    let params = with(send("tck-input-required"), "/tenant", json!("acme"));
    let sent = alice.call(Binding::Rest, "SendMessage", params).await.ok();
    let id = sent["task"]["id"].as_str().unwrap().to_owned();
    let config = json!({
        "tenant": "acme", "taskId": id, "id": "c", "url": "https://client.example",
    });
    alice.call(Binding::Rest, "CreateTaskPushNotificationConfig", config).await.ok();
    let before = seen(&alice, &id).await;
    let missing = "x".repeat(id.len());
    for (who, tenant) in [("alice", ""), ("alice", "other"), ("alice", "echo"), ("bob", "acme")] {
        let world = alice.as_visitor(who);
        for ((operation, own), (_, unknown)) in
            operations_on(&id).into_iter().zip(operations_on(&missing))
        {
            let (own, unknown) = match operation {
                "GetExtendedAgentCard" | "ListTasks" => continue,
                "SendMessage" | "SendStreamingMessage" => (
                    with(own, "/message/taskId", json!(id)),
                    with(unknown, "/message/taskId", json!(missing)),
                ),
                _ => (own, unknown),
            };
            for binding in BINDINGS {
                let ask = |params| {
                    let params = with(params, "/tenant", json!(tenant));
                    world.request(call_request(binding, operation, params, &[]))
                };
                let (foreign, absent) = (ask(own.clone()).await, ask(unknown.clone()).await);
                let text = String::from_utf8(foreign.body().to_vec()).unwrap();
                assert!(text.contains("TASK_NOT_FOUND"), "{operation} {who} {tenant}: {text}");
                assert_eq!(text.replace(&id, &missing).as_bytes(), absent.body(), "{operation}");
                assert_eq!(foreign.status(), absent.status(), "{operation}");
                assert_eq!(foreign.headers(), absent.headers(), "{operation}");
            }
        }
        for binding in BINDINGS {
            let listed = world.call(binding, "ListTasks", json!({ "tenant": tenant })).await.ok();
            assert_eq!(listed["totalSize"], 0, "{who} {tenant}");
        }
    }
    assert_eq!(seen(&alice, &id).await, before, "nobody changed anything");
}

/// The owner's view of the task.
async fn seen(world: &World, id: &str) -> (Value, Value) {
    let params = json!({ "tenant": "acme", "id": id });
    let task = world.call(Binding::Rest, "GetTask", params).await.ok();
    let params = json!({ "tenant": "acme", "taskId": id });
    let configs = world.call(Binding::Rest, "ListTaskPushNotificationConfigs", params).await.ok();
    assert_eq!(configs["configs"].as_array().unwrap().len(), 1);
    (task, configs)
}

#[tokio::test(start_paused = true)]
async fn page_tokens_lead_to_no_tasks_of_others() {
    for binding in BINDINGS {
        let alice = World::new();
        for _ in 0..3 {
            let params = with(send("hi"), "/tenant", json!("acme"));
            alice.call(binding, "SendMessage", params).await.ok();
        }
        let params = json!({ "tenant": "acme", "pageSize": 1 });
        let page = alice.call(binding, "ListTasks", params).await.ok();
        for (who, tenant) in [("bob", "acme"), ("alice", "other")] {
            let params = json!({ "tenant": tenant, "pageToken": page["nextPageToken"] });
            let page = alice.as_visitor(who).call(binding, "ListTasks", params).await.ok();
            assert_eq!(page["tasks"], json!([]), "{who} {tenant}");
        }
    }
}
