//! The log of a request: its operation and its result, and nothing of its content.

use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, Logs, World, call_request, operations, send, with};

/// Text that clients send, which does not belong into a log.
const HUSH: &str = "hush";

#[tokio::test(start_paused = true)]
async fn each_operation_logs_one_line() {
    for binding in BINDINGS {
        for (operation, params) in operations() {
            let logs = Logs::start();
            let world = World::new();
            world.request(call_request(binding, operation, params, &[])).await;
            let text = logs.text();
            let lines = text.lines().filter(|line| {
                line.contains(&format!("operation=\"{operation}\""))
                    && (line.contains("request_answered") || line.contains("request_refused"))
            });
            assert_eq!(lines.count(), 1, "{binding:?} {operation}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_not_logged() {
    let call = |method: &str| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": {} }).to_string()
    };
    for version in ["1.0", "", "0.3", "9.9", "hush"] {
        let logs = Logs::start();
        let config = a2a_lambda_http::HttpConfig { v0_3: version != "0.3", ..Default::default() };
        let world = World::with_config(config);
        for method in ["hush", "hush\nINFO forged", "SendMessage hush"] {
            let headers = [("A2A-Version", version)];
            let request = crate::support::request("POST", "/", call(method).into(), &headers);
            let response = world.request(request).await;
            assert!(response.body().starts_with(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\""));
        }
        let text = logs.text();
        assert!(!text.contains(HUSH), "{version}: {text}");
        assert!(text.contains("request_refused"), "{version}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn request_contents_are_not_logged() {
    let logs = Logs::start();
    let world = World::new();
    for binding in BINDINGS {
        for text in ["hush", "tck-input-required hush", "tck-stream-artifact-chunked hush"] {
            let params = with(send(text), "/message/metadata", json!({ "hush": "hush" }));
            for operation in ["SendMessage", "SendStreamingMessage"] {
                world.request(call_request(binding, operation, params.clone(), &[])).await;
            }
        }
        for (place, wrong) in [
            ("/message/role", json!("hush")),
            ("/message/parts", json!("hush")),
            ("/message/taskId", json!("hush")),
            ("/message/messageId", json!(["hush"])),
            ("/tenant", json!("hush hush")),
        ] {
            let params = with(send("hush"), place, wrong);
            world.request(call_request(binding, "SendMessage", params, &[])).await;
        }
        let secret = [
            ("A2A-Extensions", "hush"),
            ("Last-Event-ID", "hush"),
            ("Idempotency-Key", "hush"),
            ("Authorization", "Bearer hush"),
            ("X-Anything", "hush"),
        ];
        for (operation, params) in operations() {
            for header in secret {
                world.request(call_request(binding, operation, params.clone(), &[header])).await;
            }
        }
    }
    let wrong: [(&str, &str, &str); 5] = [
        ("GET", "/hush", ""),
        ("GET", "/hush/hush/hush", ""),
        ("GET", "/tasks/hush?hush=hush", ""),
        ("POST", "/message:send", "{\"hush\":"),
        ("POST", "/", "{\"hush\":"),
    ];
    for (method, target, body) in wrong {
        world.http(method, target, body).await;
    }
    let text = logs.text();
    assert!(text.lines().count() > 50, "{text}");
    assert!(!text.contains(HUSH), "{text}");
}

/// The one part of a request in the log: a tenant, whose name has been checked.
#[tokio::test(start_paused = true)]
async fn a_tenant_s_name_is_logged() {
    let logs = Logs::start();
    let params = with(json!({}), "/tenant", Value::from("acme"));
    World::new().call(Binding::Rest, "ListTasks", params).await.ok();
    assert!(logs.text().contains("tenant=acme"), "{}", logs.text());
}
