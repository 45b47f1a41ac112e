//! Operations of capabilities that the card does not claim, and media types that the agent does
//! not.

use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Answer, BINDINGS, Binding, World, send, with};

#[tokio::test(start_paused = true)]
async fn what_is_not_claimed_is_refused() {
    use ErrorKind::{PushNotificationNotSupported, UnsupportedOperation};
    let world = World::new();
    let id = world.task_id("tck-input-required").await;
    for (operation, params, kind) in [
        ("SendStreamingMessage", send("hi"), UnsupportedOperation),
        ("SubscribeToTask", json!({ "id": id }), UnsupportedOperation),
        ("GetExtendedAgentCard", json!({}), UnsupportedOperation),
        (
            "CreateTaskPushNotificationConfig",
            json!({ "taskId": id, "url": "https://client.example" }),
            PushNotificationNotSupported,
        ),
        (
            "GetTaskPushNotificationConfig",
            json!({ "taskId": id, "id": "c" }),
            PushNotificationNotSupported,
        ),
        ("ListTaskPushNotificationConfigs", json!({ "taskId": id }), PushNotificationNotSupported),
        (
            "DeleteTaskPushNotificationConfig",
            json!({ "taskId": id, "id": "c" }),
            PushNotificationNotSupported,
        ),
    ] {
        for binding in BINDINGS {
            let answer = world.call(binding, operation, params.clone()).await;
            answer.refused_as(kind, operation);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subscribing_has_two_methods_and_may_have_no_body() {
    let world = World::new();
    for (method, target, body) in [
        ("GET", "/tasks/t:subscribe", ""),
        ("POST", "/tasks/t:subscribe", ""),
        ("POST", "/tasks/t:subscribe", "{}"),
        ("POST", "/acme/tasks/t:subscribe", "not JSON"),
        ("GET", "/acme/tasks/t:subscribe/", ""),
    ] {
        let response = world.http(method, target, body).await;
        let answer = Answer::of(Binding::Rest, &Value::Null, &response);
        answer.refused_as(ErrorKind::UnsupportedOperation, target);
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_config_that_comes_with_a_message_is_refused_and_the_message_with_it() {
    let config = json!({ "taskPushNotificationConfig": { "url": "https://client.example" } });
    for binding in BINDINGS {
        let world = World::new();
        let params = with(send("hi"), "/configuration", config.clone());
        let answer = world.call(binding, "SendMessage", params).await;
        answer.refused_as(ErrorKind::PushNotificationNotSupported, "inline");
        let listed = world.call(binding, "ListTasks", json!({})).await.ok();
        assert_eq!(listed["totalSize"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_media_type_that_the_agent_does_not_take_is_refused() {
    // The echo agent takes text/plain, the conformance agent takes everything.
    for (tenant, media_type, accepted) in [
        ("echo", "text/plain", true),
        ("echo", "text/plain; charset=utf-8", true),
        ("echo", "TEXT/PLAIN", true),
        ("echo", "", true),
        ("echo", "text/html", false),
        ("echo", "image/png", false),
        ("echo", "*/*", false),
        ("echo", "nonsense", false),
        ("", "image/png", true),
    ] {
        for binding in BINDINGS {
            let part = json!({ "text": "hi", "mediaType": media_type });
            // The second part counts as the first does.
            let parts = json!([{ "text": "plain" }, part]);
            let params = with(send("hi"), "/message/parts", parts);
            let params = with(params, "/tenant", json!(tenant));
            let answer = World::new().call(binding, "SendMessage", params).await;
            if accepted {
                answer.ok();
            } else {
                answer.refused_as(ErrorKind::ContentTypeNotSupported, media_type);
            }
        }
    }
}
