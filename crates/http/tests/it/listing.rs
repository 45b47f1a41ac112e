//! `ListTasks`.

use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, World};

async fn list(world: &World, binding: Binding, params: Value) -> Value {
    world.call(binding, "ListTasks", params).await.ok()
}

#[tokio::test(start_paused = true)]
async fn a_page_always_has_all_its_fields() {
    for binding in BINDINGS {
        let page = list(&World::new(), binding, json!({})).await;
        let empty = json!({ "tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0 });
        assert_eq!(page, empty, "{binding:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_are_found_by_state_context_and_time() {
    for binding in BINDINGS {
        let world = World::new();
        let done = world.task(binding, "tck-complete-task").await;
        tokio::time::advance(std::time::Duration::from_secs(10)).await;
        let waiting = world.task(binding, "tck-input-required").await;
        let (one, both) =
            (vec![waiting["id"].clone()], vec![waiting["id"].clone(), done["id"].clone()]);
        for (params, found) in [
            (json!({ "status": "TASK_STATE_INPUT_REQUIRED" }), one.clone()),
            (json!({ "status": "TASK_STATE_FAILED" }), vec![]),
            (json!({ "status": "TASK_STATE_UNSPECIFIED" }), both.clone()),
            (json!({ "contextId": waiting["contextId"] }), one.clone()),
            (json!({ "contextId": "unknown" }), vec![]),
            (json!({ "statusTimestampAfter": waiting["status"]["timestamp"] }), one.clone()),
            (json!({ "statusTimestampAfter": "2001-01-01T00:00:00+02:00" }), both.clone()),
            (json!({ "statusTimestampAfter": "2100-01-01T00:00:00Z" }), vec![]),
            (json!({ "contextId": done["contextId"], "status": "TASK_STATE_FAILED" }), vec![]),
        ] {
            let page = list(&world, binding, params.clone()).await;
            let ids: Vec<_> =
                page["tasks"].as_array().unwrap().iter().map(|t| t["id"].clone()).collect();
            assert_eq!(ids, found, "{params}");
            assert_eq!(page["totalSize"], found.len(), "{params}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_were_never_given_out_are_refused() {
    for binding in BINDINGS {
        for token in ["x", "!!", "e30", "eyJ0IjoxfQ", "ä", "%00", "0"] {
            let answer =
                World::new().call(binding, "ListTasks", json!({ "pageToken": token })).await;
            answer.names_fields(ErrorKind::InvalidParams, &["pageToken"], token);
        }
    }
}
