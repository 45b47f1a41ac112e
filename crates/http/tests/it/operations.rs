//! Send, get, list, cancel: the same over both bindings.

use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{BINDINGS, World, send, send_and_leave, with};

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_with_the_task_that_it_came_to() {
    for (text, state) in [
        ("tck-complete-task", "TASK_STATE_COMPLETED"),
        ("tck-input-required", "TASK_STATE_INPUT_REQUIRED"),
        ("tck-reject-task", "TASK_STATE_REJECTED"),
        ("test-resubscribe-message-id", "TASK_STATE_COMPLETED"),
        ("anything", "TASK_STATE_COMPLETED"),
    ] {
        for binding in BINDINGS {
            let task = World::new().task(binding, text).await;
            assert_eq!(task["status"]["state"], state, "{binding:?} {text}");
            let time = task["status"]["timestamp"].as_str().unwrap();
            assert!(time.starts_with("2023-11-14T22:13:") && time.ends_with('Z'), "{time}");
            assert_eq!(task["history"][0]["parts"][0]["text"], text);
            assert_eq!(task["history"][0]["taskId"], task["id"]);
            assert_eq!(task["history"][0]["contextId"], task["contextId"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_conformance_agent_makes_each_kind_of_artifact() {
    for (text, part) in [
        ("tck-artifact-text", json!({ "text": "Generated text content" })),
        (
            "tck-artifact-file",
            json!({ "raw": "dGNr", "mediaType": "text/plain", "filename": "output.txt" }),
        ),
        (
            "tck-artifact-file-url",
            json!({
                "url": "https://example.com/output.txt",
                "mediaType": "text/plain",
                "filename": "output.txt",
            }),
        ),
        ("tck-artifact-data", json!({ "data": { "key": "value", "count": 42 } })),
    ] {
        for binding in BINDINGS {
            let task = World::new().task(binding, text).await;
            assert_eq!(task["artifacts"][0]["parts"], json!([part]), "{binding:?} {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_can_answer_with_a_message_and_no_task() {
    for binding in BINDINGS {
        let world = World::new();
        let result = world.call(binding, "SendMessage", send("tck-message-response")).await.ok();
        assert_eq!(result.as_object().unwrap().len(), 1, "{result}");
        assert_eq!(result["message"]["role"], "ROLE_AGENT");
        assert_eq!(result["message"]["parts"][0]["text"], "Direct message response");
        assert_eq!(result["message"].get("taskId"), None, "{result}");
        let listed = world.call(binding, "ListTasks", json!({})).await.ok();
        assert_eq!(listed["totalSize"], 0, "there is no task: {listed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_does_not_wait_gets_the_task_as_submitted() {
    for binding in BINDINGS {
        // The agent is not one that may answer with a message, which would be waited for.
        let params = with(send_and_leave("hello"), "/tenant", json!("echo"));
        let task = World::new().call(binding, "SendMessage", params).await.ok();
        assert_eq!(task["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_is_read_as_it_was_answered_over_both_bindings() {
    for (binding, text) in BINDINGS.into_iter().zip(["tck-artifact-data", "tck-artifact-file"]) {
        let world = World::new();
        let task = world.task(binding, text).await;
        for binding in BINDINGS {
            let read = world.call(binding, "GetTask", json!({ "id": task["id"] })).await.ok();
            assert_eq!(read, task);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_is_called_off_once() {
    for binding in BINDINGS {
        let (world, id) = World::with_task("tck-input-required").await;
        let task = world.call(binding, "CancelTask", json!({ "id": id })).await.ok();
        assert_eq!(task["status"]["state"], "TASK_STATE_CANCELED");
        let read = world.call(binding, "GetTask", json!({ "id": id })).await.ok();
        assert_eq!(read, task);
        let again = world.call(binding, "CancelTask", json!({ "id": id })).await;
        again.refused_as(ErrorKind::TaskNotCancelable, "it is over");
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_cancellation_may_be_absent_or_say_more() {
    let world = World::new();
    for body in ["", " \r\n", "{}", r#"{"metadata":{"why":"enough"},"id":"another"}"#] {
        let id = world.task_id("tck-input-required").await;
        let task = world.rest("POST", &format!("/tasks/{id}:cancel"), body).await.ok();
        assert_eq!(task["id"], id.as_str(), "the path names the task");
        assert_eq!(task["status"]["state"], "TASK_STATE_CANCELED");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_tasks_are_not_found() {
    let long = "x".repeat(256);
    let world = World::new();
    for binding in BINDINGS {
        for id in ["nobody-made-this", "ä/ö", "a b", "%2F", "..", "*", long.as_str()] {
            for operation in ["GetTask", "CancelTask"] {
                let answer = world.call(binding, operation, json!({ "id": id })).await;
                answer.refused_as(ErrorKind::TaskNotFound, id);
            }
            let params = with(send("hello"), "/message/taskId", json!(id));
            let answer = world.call(binding, "SendMessage", params).await;
            answer.refused_as(ErrorKind::TaskNotFound, id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn history_is_cut_to_the_length_that_is_asked_for() {
    for binding in BINDINGS {
        let (world, id) = World::with_task("tck-input-required").await;
        let params = with(send("tck-complete-task"), "/message/taskId", json!(id));
        world.call(binding, "SendMessage", params).await.ok();
        for (length, texts) in [
            (json!(null), &["tck-input-required", "Please go on.", "tck-complete-task"][..]),
            (json!(0), &[]),
            (json!(1), &["tck-complete-task"]),
            (json!("2"), &["Please go on.", "tck-complete-task"]),
            (json!(100), &["tck-input-required", "Please go on.", "tck-complete-task"]),
        ] {
            let params = match &length {
                Value::Null => json!({ "id": id }),
                length => json!({ "id": id, "historyLength": length }),
            };
            let task = world.call(binding, "GetTask", params).await.ok();
            let history = task["history"].as_array().map(Vec::as_slice).unwrap_or_default();
            let read: Vec<_> =
                history.iter().map(|m| m["parts"][0]["text"].as_str().unwrap()).collect();
            assert_eq!(read, texts, "{binding:?} {length}");
            assert_eq!(task.get("history").is_none(), texts.is_empty(), "0 omits the field");
        }
    }
}
