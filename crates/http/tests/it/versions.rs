//! `A2A-Version`.

use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Answer, BINDINGS, Binding, World, request, send};

/// Every operation, with parameters that are in order.
fn operations() -> [(&'static str, Value); 11] {
    let config = json!({ "taskId": "t", "id": "c", "url": "https://client.example" });
    [
        ("SendMessage", send("hi")),
        ("SendStreamingMessage", send("hi")),
        ("GetTask", json!({ "id": "t" })),
        ("ListTasks", json!({})),
        ("CancelTask", json!({ "id": "t" })),
        ("SubscribeToTask", json!({ "id": "t" })),
        ("CreateTaskPushNotificationConfig", config),
        ("GetTaskPushNotificationConfig", json!({ "taskId": "t", "id": "c" })),
        ("ListTaskPushNotificationConfigs", json!({ "taskId": "t" })),
        ("DeleteTaskPushNotificationConfig", json!({ "taskId": "t", "id": "c" })),
        ("GetExtendedAgentCard", json!({})),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_operation_refuses_other_versions() {
    let world = World::new();
    for binding in BINDINGS {
        for (operation, params) in operations() {
            // An empty value stands for a header that is not sent.
            for version in ["", "0.3", "0.3.0", "1", "1.1", "2.0", "v1.0", "1.0.x", "latest"] {
                let headers = [("A2A-Version", version)];
                let answer = world.call_with(binding, operation, params.clone(), &headers).await;
                let why = format!("{operation} {version}");
                answer.refused_as(ErrorKind::VersionNotSupported, &why);
            }
        }
    }
    let listed = world.call(Binding::Rest, "ListTasks", json!({})).await.ok();
    assert_eq!(listed["totalSize"], 0, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn a_patch_part_does_not_count() {
    for binding in BINDINGS {
        for version in ["1.0", "1.0.0", "1.0.1", " 1.0", "1.0.12"] {
            let headers = [("a2a-version", version)];
            World::new().call_with(binding, "ListTasks", json!({}), &headers).await.ok();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_version_can_be_a_query_parameter() {
    let call = json!({ "jsonrpc": "2.0", "id": "r1", "method": "ListTasks" }).to_string();
    let none = &[("A2A-Version", "")][..];
    let old = &[("A2A-Version", "0.3")][..];
    for (query, headers, accepted) in [
        ("A2A-Version=1.0", none, true),
        ("a2a-version=1.0.1", none, true),
        ("A2A-Version=1%2E0&pageSize=1", none, true),
        ("A2A-Version=0.3", none, false),
        ("A2A-Version=", none, false),
        ("A2A-Version", none, false),
        ("version=1.0", none, false),
        // The header comes first.
        ("A2A-Version=1.0", old, false),
    ] {
        for binding in BINDINGS {
            let request = match binding {
                Binding::JsonRpc => {
                    request("POST", &format!("/?{query}"), call.clone().into(), headers)
                }
                Binding::Rest => request("GET", &format!("/tasks?{query}"), "".into(), headers),
            };
            let response = World::new().request(request).await;
            let answer = Answer::of(binding, &json!("r1"), &response);
            if accepted {
                answer.ok();
            } else {
                answer.refused_as(ErrorKind::VersionNotSupported, query);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_says_which_version_is_served() {
    for binding in BINDINGS {
        let headers = [("A2A-Version", "0.3")];
        let answer = World::new().call_with(binding, "ListTasks", json!({}), &headers).await;
        let error = answer.refused_as(ErrorKind::VersionNotSupported, "0.3").to_string();
        assert!(error.contains(r#""supportedVersions":"1.0""#), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_card_is_for_every_version() {
    let request = request("GET", "/.well-known/agent-card.json", "".into(), &[("A2A-Version", "")]);
    assert_eq!(World::new().request(request).await.status(), 200);
}
