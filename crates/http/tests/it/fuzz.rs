//! Every request gets an answer in the binding's form.

mod operations;

use bytes::Bytes;
use http::{Request, Response, header};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::support::{Binding, World, check_error_form, check_events, send};

/// Answers in a runtime of its own, whose time does not pass by itself.
fn answer(request: Request<Bytes>) -> Response<Bytes> {
    in_runtime(async { World::new().request(request).await })
}

fn in_runtime<T>(what: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(what)
}

/// Panics unless this is how 1.0 answers at this path. Nothing is broken on this side, and so no
/// answer says so.
fn check(path: &str, response: &Response<Bytes>) {
    assert!(response.status().as_u16() < 500, "{response:?}");
    assert!(response.headers().contains_key(header::CACHE_CONTROL), "{response:?}");
    if response.status() == 304 {
        return assert!(response.body().is_empty());
    }
    let binding = if matches!(path, "" | "/") { Binding::JsonRpc } else { Binding::Rest };
    let is_stream = response.headers()[header::CONTENT_TYPE] == "text/event-stream";
    if is_stream {
        assert_eq!(response.status(), 200);
        return check_events(binding, &json!("r1"), response.body());
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    if binding == Binding::JsonRpc && matches!(response.status().as_u16(), 200 | 401) {
        assert_eq!(body["jsonrpc"], "2.0", "{body}");
        assert!(body.get("id").is_some(), "{body}");
        if body.get("error").is_some() {
            check_error_form(Binding::JsonRpc, response);
            assert_ne!(body["error"]["code"], -32_603, "{body}");
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

const POSTS: [&str; 7] = [
    "/",
    "/message:send",
    "/message:stream",
    "/tasks/t:cancel",
    "/tasks/t:subscribe",
    "/tasks/t/pushNotificationConfigs",
    "/acme/message:send",
];

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
