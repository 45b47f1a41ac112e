//! `A2A-Version`.

use a2a_lambda_http::HttpConfig;
use a2a_lambda_protocol::ErrorKind;
use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::support::{Answer, BINDINGS, Binding, World, operations, request};

/// A world that speaks 1.0 and nothing else.
fn world() -> World {
    World::with_config(HttpConfig { v0_3: false, ..HttpConfig::default() })
}

#[tokio::test(start_paused = true)]
async fn every_operation_refuses_other_versions() {
    let world = world();
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
            world().call_with(binding, "ListTasks", json!({}), &headers).await.ok();
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
            let response = world().request(request).await;
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
        let answer = world().call_with(binding, "ListTasks", json!({}), &headers).await;
        let error = answer.refused_as(ErrorKind::VersionNotSupported, "0.3").to_string();
        assert!(error.contains(r#""supportedVersions":"1.0""#), "{error}");
    }
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn where_0_3_is_spoken_a_request_without_a_version_is_of_0_3() {
    let world = World::new();
    for (operation, params) in operations() {
        for version in ["", "0.3", "0.3.0"] {
            let headers = [("A2A-Version", version)];
            let call = |binding| world.call_with(binding, operation, params.clone(), &headers);
            // The methods of 1.0 have other names in 0.3, and its paths are below `/v1`.
            call(Binding::JsonRpc).await.refused_as(ErrorKind::MethodNotFound, operation);
            call(Binding::Rest).await.refused_as(ErrorKind::VersionNotSupported, operation);
        }
        for version in ["0.2", "1", "1.1", "2.0"] {
            for binding in BINDINGS {
                let headers = [("A2A-Version", version)];
                let answer = world.call_with(binding, operation, params.clone(), &headers).await;
                answer.refused_as(ErrorKind::VersionNotSupported, operation);
            }
        }
    }
    let listed = world.call(Binding::Rest, "ListTasks", json!({})).await.ok();
    assert_eq!(listed["totalSize"], 0, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn the_card_is_for_every_version() {
    let request = request("GET", "/.well-known/agent-card.json", "".into(), &[("A2A-Version", "")]);
    assert_eq!(world().request(request.clone()).await.status(), 200);
    assert_eq!(World::new().request(request).await.status(), 200);
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn the_error_names_0_3_where_that_is_spoken() {
    for binding in BINDINGS {
        let headers = [("A2A-Version", "0.2")];
        let answer = World::new().call_with(binding, "ListTasks", json!({}), &headers).await;
        let error = answer.refused_as(ErrorKind::VersionNotSupported, "0.2").to_string();
        assert!(error.contains(r#""supportedVersions":"1.0, 0.3""#), "{error}");
    }
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn at_an_interface_of_0_3_alone_another_version_is_refused_by_name() {
    let call = json!({ "jsonrpc": "2.0", "id": "r1", "method": "ListTasks" }).to_string();
    let world = World::new();
    for version in ["1.0", "9.9"] {
        for (path, body, binding) in [
            ("/echo", call.as_str(), Binding::JsonRpc),
            ("/echo/v1/message:send", "{}", Binding::Rest),
        ] {
            let request = Request::post(path).header("A2A-Version", version);
            let body = Bytes::copy_from_slice(body.as_bytes());
            let response = world.request(request.body(body).unwrap()).await;
            let answer = Answer::of(binding, &json!("r1"), &response);
            answer.refused_as(ErrorKind::VersionNotSupported, path);
        }
    }
}

/// The last event of such a stream says that it is the last.
#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn a_subscription_of_0_3_ends_when_the_task_waits_for_its_user() {
    let (world, id) = World::with_task("tck-input-required").await;
    let begin = tokio::time::Instant::now();
    let params = json!({ "id": id });
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tasks/resubscribe", "params": params });
    let request = Request::post("/").header("Content-Type", "application/json");
    let response = world.request(request.body(Bytes::from(call.to_string())).unwrap()).await;
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(text.contains("input-required"), "{text}");
    assert!(begin.elapsed() < std::time::Duration::from_mins(1), "{:?}", begin.elapsed());
}
