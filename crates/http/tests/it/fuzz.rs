//! Whatever is sent, there is an answer in the binding's form.

use bytes::Bytes;
use http::{Request, Response};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::support::{Binding, World, check_error_form, send};

/// Answers in a runtime of its own, whose time does not pass by itself.
fn answer(request: Request<Bytes>) -> Response<Bytes> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { World::new().request(request).await })
}

fn check(path: &str, response: &Response<Bytes>) {
    if response.status() == 304 {
        return assert!(response.body().is_empty());
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    if path == "/" && response.status() == 200 {
        assert_eq!(body["jsonrpc"], "2.0", "{body}");
        assert!(body.get("id").is_some(), "{body}");
        if body.get("error").is_some() {
            check_error_form(Binding::JsonRpc, response);
        } else {
            assert!(body["result"].is_object(), "{body}");
        }
    } else if response.status() != 200 {
        check_error_form(Binding::Rest, response);
    }
}

fn post(path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(path).header("A2A-Version", "1.0").body(body.into()).unwrap()
}

const POSTS: [&str; 4] = ["/", "/message:send", "/tasks/t:cancel", "/acme/message:send"];

fn valid(path: &str) -> Value {
    let params = json!({
        "message": {
            "messageId": "m1",
            "role": "ROLE_USER",
            "parts": [{ "text": "hi" }, { "data": { "n": 1 } }, { "raw": "aGk=" }],
            "metadata": { "a": [1, 2.5, null] },
            "extensions": ["https://e.example"],
        },
        "configuration": { "historyLength": 3, "acceptedOutputModes": ["text/plain"] },
    });
    match path {
        "/" => json!({ "jsonrpc": "2.0", "id": 7, "method": "SendMessage", "params": params }),
        "/tasks/t:cancel" => json!({ "metadata": { "why": "so" } }),
        _ => params,
    }
}

/// A value that does not fit in most places.
fn odd() -> impl Strategy<Value = Value> {
    let long = Value::from("x".repeat(300));
    let odd = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("TASK_STATE_COMPLETED"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "text": "a", "url": "b" }),
        long,
        send("nested"),
    ];
    prop_oneof![select(odd), any::<String>().prop_map(Value::from)]
}

/// Puts a value somewhere into another.
fn put(value: &mut Value, way: &[Index], odd: Value) {
    let Some((index, rest)) = way.split_first() else {
        *value = odd;
        return;
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            let at = index.index(object.len());
            put(object.values_mut().nth(at).unwrap(), rest, odd);
        }
        Value::Array(items) if !items.is_empty() => {
            let at = index.index(items.len());
            put(&mut items[at], rest, odd);
        }
        _ => *value = odd,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn random_bytes(path in select(&POSTS[..]), body in vec(any::<u8>(), 0..200)) {
        check(path, &answer(post(path, body)));
    }

    #[test]
    fn requests_with_bytes_changed(
        path in select(&POSTS[..]),
        changes in vec((any::<Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut body = valid(path).to_string().into_bytes();
        for (at, byte, change) in changes {
            let at = at.index(body.len());
            match change {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => drop(body.remove(at)),
            }
        }
        check(path, &answer(post(path, body)));
    }

    #[test]
    fn requests_with_values_changed(
        path in select(&POSTS[..]),
        changes in vec((vec(any::<Index>(), 1..6), odd()), 1..3),
    ) {
        let mut body = valid(path);
        for (way, odd) in changes {
            put(&mut body, &way, odd);
        }
        check(path, &answer(post(path, body.to_string())));
    }

    #[test]
    fn ids_of_any_text(id in "[-+0-9eE.\"\\\\ud8a{}\\[\\]nul]{1,12}") {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ListTasks"}}"#);
        check("/", &answer(post("/", body)));
    }

    #[test]
    fn methods_paths_and_queries(
        method in select(vec!["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
        segments in vec(
            prop_oneof![
                select(vec!["tasks", "t", ":cancel", "t:subscribe", "message:send", "acme", "",
                    ".well-known", "agent-card.json", "%ff", "%", "pushNotificationConfigs"]),
                select(vec!["extendedAgentCard", "a%2Fb", "..", "t:", ":", "%20"]),
            ],
            0..4,
        ),
        query in "([a-zA-Z]{0,4}|pageSize|includeArtifacts|A2A-Version|[%+=&0-9.]){0,6}",
    ) {
        let path = format!("/{}", segments.join("/"));
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?{query}"))
            .header("A2A-Version", "1.0")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let response = answer(request);
        if method == "HEAD" && response.status() == 200 {
            prop_assert!(response.body().is_empty());
        } else {
            let is_json_rpc = segments.iter().all(|segment| segment.is_empty());
            check(if is_json_rpc { "/" } else { &path }, &response);
        }
    }
}
