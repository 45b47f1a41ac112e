//! Streams of A2A 0.3 that are refused: its clients read an error from a stream only.

use a2a_lambda_core::Owner;
use a2a_lambda_http::{HttpConfig, Principal};
use a2a_lambda_protocol::{A2aError, ErrorKind};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::support::{World, request};

const STREAMS: [&str; 2] = ["message/stream", "tasks/resubscribe"];

fn old(method: &str, params: &Value) -> Request<Bytes> {
    let call = json!({ "jsonrpc": "2.0", "id": "r1", "method": method, "params": params });
    request("POST", "/", call.to_string().into(), &[("A2A-Version", "")])
}

/// The one event of a stream that is refused.
fn refusal(response: &Response<Bytes>) -> Value {
    let text = std::str::from_utf8(response.body()).unwrap();
    assert_eq!((response.status().as_u16(), media_type(response)), (200, "text/event-stream"));
    assert_eq!(response.headers()["x-accel-buffering"], "no", "{text}");
    let data = text.strip_prefix("data: ").and_then(|text| text.strip_suffix("\n\n")).unwrap();
    assert!(!data.contains('\n'), "{data}");
    serde_json::from_str(data).unwrap()
}

fn media_type(response: &Response<Bytes>) -> &str {
    response.headers()["content-type"].to_str().unwrap()
}

fn error(code: i32, answer: &Value) {
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!("r1")), "{answer}");
    assert_eq!(answer["error"]["code"], code, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_is_a_stream_of_the_error() {
    let (world, ended) = World::with_task("tck-complete-task").await;
    let message = |more: Value| {
        let mut message = json!({ "kind": "message", "messageId": "m", "role": "user",
            "parts": [{ "kind": "text", "text": "hi" }] });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "message": message })
    };
    for (method, params, code) in [
        ("message/stream", message(json!({ "taskId": "none" })), -32_001),
        ("message/stream", message(json!({ "taskId": ended })), -32_004),
        ("message/stream", message(json!({ "parts": [] })), -32_602),
        ("message/stream", message(json!({ "parts": "\u{2028}" })), -32_602),
        ("message/stream", json!([]), -32_602),
        ("tasks/resubscribe", json!({ "id": "none" }), -32_001),
        ("tasks/resubscribe", json!({ "id": ended }), -32_004),
        ("tasks/resubscribe", json!({}), -32_602),
    ] {
        error(code, &refusal(&world.request(old(method, &params)).await));
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_is_broken_off_and_one_where_0_3_is_not_spoken() {
    let only_new = World::with_config(HttpConfig { v0_3: false, ..HttpConfig::default() });
    let world = World::new();
    for method in STREAMS {
        error(-32_009, &refusal(&only_new.request(old(method, &json!({}))).await));
        let (parts, body) = old(method, &json!({})).into_parts();
        let late = A2aError::new(ErrorKind::Unavailable, "late");
        error(-32_603, &refusal(&world.bindings.refuse(&parts, &body, &late)));
    }
}

/// A path, a body, headers, and the code that the client must see.
type Case<'a> = (&'a str, String, &'a [(&'static str, &'static str)], i32);

/// The method and the version are unknown: the client has said which form it reads.
#[tokio::test(start_paused = true)]
async fn one_that_was_not_read_is_a_stream_if_the_client_asks_for_one() {
    let world = World::new();
    let call = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"message/stream"}}"#);
    let large = format!("{}{}", call("\"r1\""), " ".repeat(1024 * 1024));
    let cases: [Case<'_>; 6] = [
        ("/", large, &[], -32_602),
        ("/", call("1"), &[("Content-Encoding", "gzip")], -32_600),
        ("/", call("1"), &[("A2A-Version", "7")], -32_009),
        ("/", "{".into(), &[], -32_700),
        ("/", call("{}"), &[], -32_600),
        ("/", r#"{"jsonrpc":"1.0","id":1,"method":"message/stream"}"#.into(), &[], -32_600),
    ];
    let accepts = |accept: &'static str, more: &[(&'static str, &'static str)]| {
        let has_version = more.iter().any(|(name, _)| *name == "A2A-Version");
        let version = [("A2A-Version", "")].into_iter().filter(move |_| !has_version);
        let all = more.iter().copied().chain(version).chain([("Accept", accept)]);
        all.collect::<Vec<_>>()
    };
    for (path, body, headers, code) in cases {
        let place = format!("{path} {headers:?} {body:.60}");
        let send = async |headers: &[(&str, &str)]| {
            world.request(request("POST", path, body.clone().into(), headers)).await
        };
        for accept in ["text/event-stream", "Text/Event-Stream;q=0.9, text/plain"] {
            let response = send(&accepts(accept, headers)).await;
            assert_eq!(refusal(&response)["error"]["code"], code, "{place}");
        }
        for accept in ["application/json, text/event-stream", "application/json", "*/*"] {
            let response = send(&accepts(accept, headers)).await;
            assert_eq!(media_type(&response), "application/json", "{place} {accept}");
        }
        if !headers.iter().any(|(name, _)| *name == "A2A-Version") {
            let new = [("A2A-Version", "1.0"), ("Accept", "text/event-stream")];
            let new: Vec<_> = new.iter().chain(headers).copied().collect();
            assert_eq!(media_type(&send(&new).await), "application/json", "{place}, by 1.0");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_stay_json() {
    let world = World::new();
    let malformed = request("POST", "/", "{".into(), &[("A2A-Version", "")]);
    let mut no_id = old("message/stream", &json!({}));
    *no_id.body_mut() = r#"{"jsonrpc":"2.0","method":"message/stream"}"#.into();
    let unknown = request(
        "POST",
        "/",
        old("message/stream", &json!({})).into_body(),
        &[("A2A-Version", "7")],
    );
    for request in [malformed, no_id, unknown, old("tasks/get", &json!({})), old("x", &json!({}))] {
        let response = world.request(request).await;
        assert_eq!((response.status().as_u16(), media_type(&response)), (200, "application/json"));
    }
    // HTTP itself says that the caller is unknown: clients look at the status first.
    for principal in [Principal::Nobody, Principal::Anybody(Owner::parse("a").unwrap())] {
        let is_known = principal != Principal::Nobody;
        let world = world.as_principal(principal);
        let response = world.request(old("tasks/resubscribe", &json!({ "id": "t" }))).await;
        if is_known {
            error(-32_001, &refusal(&response));
        } else {
            let found = (response.status().as_u16(), media_type(&response));
            assert_eq!(found, (401, "application/json"));
        }
    }
    // Clients of 1.0 read JSON where they asked for a stream.
    for binding in crate::support::BINDINGS {
        let answer = world.call(binding, "SubscribeToTask", json!({ "id": "none" })).await;
        answer.refused_as(ErrorKind::TaskNotFound, "none");
    }
}
