//! Messages to a task that exists.

use a2a_lambda_protocol::ErrorKind;
use serde_json::json;

use crate::support::{BINDINGS, World, follow_up, send, with};

#[tokio::test(start_paused = true)]
async fn a_follow_up_takes_the_context_of_its_task() {
    for binding in BINDINGS {
        let world = World::new();
        let task = world.task(binding, "tck-input-required").await;
        let id = task["id"].as_str().unwrap();
        let params = follow_up(id, "tck-complete-task");
        let answer = world.call(binding, "SendMessage", params).await.ok();
        let done = &answer["task"];
        assert_eq!((&done["id"], &done["contextId"]), (&task["id"], &task["contextId"]));
        assert_eq!(done["status"]["state"], "TASK_STATE_COMPLETED");
        assert_eq!(done["status"]["message"]["parts"][0]["text"], "Hello from TCK");
        for message in done["history"].as_array().unwrap() {
            assert_eq!(message["contextId"], task["contextId"], "{message}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_may_name_the_context_and_not_another() {
    for binding in BINDINGS {
        let world = World::new();
        let task = world.task(binding, "tck-input-required").await;
        let params = follow_up(task["id"].as_str().unwrap(), "tck-input-required");
        let wrong = with(params.clone(), "/message/contextId", json!("another"));
        let answer = world.call(binding, "SendMessage", wrong).await;
        answer.names_fields(ErrorKind::InvalidParams, &["message.contextId"], "another context");
        let right = with(params, "/message/contextId", task["contextId"].clone());
        world.call(binding, "SendMessage", right).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_over_takes_no_messages() {
    for text in ["tck-complete-task", "tck-reject-task"] {
        for binding in BINDINGS {
            let world = World::new();
            let id = world.task_id(text).await;
            let answer = world.call(binding, "SendMessage", follow_up(&id, "more")).await;
            answer.refused_as(ErrorKind::UnsupportedOperation, text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_context_of_the_client_s_holds_its_tasks_together() {
    for binding in BINDINGS {
        let world = World::new();
        for _ in 0..2 {
            let params = with(send("hello"), "/message/contextId", json!("my-context"));
            let result = world.call(binding, "SendMessage", params).await.ok();
            assert_eq!(result["task"]["contextId"], "my-context");
        }
        world.task(binding, "elsewhere").await;
        let listed = world.call(binding, "ListTasks", json!({ "contextId": "my-context" })).await;
        assert_eq!(listed.ok()["totalSize"], 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_message_id_twice_makes_two_tasks() {
    for binding in BINDINGS {
        let world = World::new();
        let (one, other) = (world.task(binding, "hi").await, world.task(binding, "hi").await);
        assert_ne!(one["id"], other["id"]);
    }
}
