//! Requests with one thing wrong, and the field that the answer names.

use a2a_lambda_http::HttpConfig;
use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Answer, BINDINGS, Binding, World, send, with, without};

/// Every case on both bindings, and nothing was done by any.
async fn refused<'a>(operation: &str, cases: impl IntoIterator<Item = (Value, &'a [&'a str])>) {
    let world = World::new();
    for (params, fields) in cases {
        for binding in BINDINGS {
            let answer = world.call(binding, operation, params.clone()).await;
            let mut why = params.to_string();
            why.truncate(200);
            answer.names_fields(ErrorKind::InvalidParams, fields, &why);
        }
    }
    let listed = world.call(Binding::Rest, "ListTasks", json!({})).await.ok();
    assert_eq!(listed["totalSize"], 0);
}

fn text_of_bytes(bytes: usize) -> Value {
    json!("x".repeat(bytes))
}

#[tokio::test(start_paused = true)]
async fn fields_that_are_missing_or_empty() {
    let send = || send("hi");
    let cases: [(Value, &[&str]); 10] = [
        (json!({}), &["message"]),
        (json!({ "message": null }), &["message"]),
        (json!({ "message": {} }), &["message.messageId", "message.role", "message.parts"]),
        (without(send(), "/message/messageId"), &["message.messageId"]),
        (with(send(), "/message/messageId", json!("")), &["message.messageId"]),
        (without(send(), "/message/role"), &["message.role"]),
        (with(send(), "/message/role", json!("ROLE_UNSPECIFIED")), &["message.role"]),
        (with(send(), "/message/role", json!(0)), &["message.role"]),
        (without(send(), "/message/parts"), &["message.parts"]),
        (with(send(), "/message/parts", json!([])), &["message.parts"]),
    ];
    refused("SendMessage", cases).await;
}

#[tokio::test(start_paused = true)]
async fn every_field_of_a_message_has_a_type() {
    let mut cases: Vec<(Value, Vec<String>)> = Vec::new();
    for (place, wrong) in [
        ("/tenant", vec![json!(1), json!({}), json!([]), json!(true)]),
        ("/message", vec![json!(1), json!("hi"), json!([]), json!(true)]),
        ("/configuration", vec![json!(1), json!("x"), json!([])]),
        ("/metadata", vec![json!(1), json!("x"), json!([])]),
        ("/message/messageId", vec![json!(1), json!({}), json!([]), json!(true)]),
        ("/message/contextId", vec![json!(1), json!({}), json!(["c"])]),
        ("/message/taskId", vec![json!(1), json!({}), json!(["t"])]),
        ("/message/role", vec![json!("user"), json!("USER"), json!(3), json!(1.5), json!({})]),
        ("/message/parts", vec![json!({}), json!("hi"), json!(1)]),
        ("/message/metadata", vec![json!([]), json!("x"), json!(1)]),
        ("/message/extensions", vec![json!("e"), json!({})]),
        ("/message/referenceTaskIds", vec![json!("t"), json!(1)]),
    ] {
        let field = place[1..].replace('/', ".");
        cases.extend(wrong.into_iter().map(|w| (with(send("hi"), place, w), vec![field.clone()])));
    }
    for (name, wrong) in [
        (
            "historyLength",
            vec![json!("x"), json!(1.5), json!(true), json!({}), json!(3_000_000_000_u32)],
        ),
        ("returnImmediately", vec![json!("true"), json!(1), json!({})]),
        ("acceptedOutputModes", vec![json!("text/plain"), json!({})]),
        ("taskPushNotificationConfig", vec![json!("x"), json!([])]),
    ] {
        for wrong in wrong {
            let configuration = json!({ name: wrong });
            let field = format!("configuration.{name}");
            cases.push((with(send("hi"), "/configuration", configuration), vec![field]));
        }
    }
    for (params, fields) in &cases {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        refused("SendMessage", [(params.clone(), fields.as_slice())]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_has_exactly_one_content() {
    for (part, field) in [
        (json!({}), "message.parts[0]"),
        (json!({ "text": null }), "message.parts[0]"),
        (json!({ "mediaType": "text/plain" }), "message.parts[0]"),
        (json!({ "kind": "text" }), "message.parts[0]"),
        (json!({ "text": "a", "url": "https://b.example" }), "message.parts[0]"),
        (json!({ "text": "a", "data": null }), "message.parts[0]"),
        (json!("hi"), "message.parts[0]"),
        (json!(null), "message.parts[0]"),
        (json!([]), "message.parts[0]"),
        (json!({ "text": 1 }), "message.parts[0].text"),
        (json!({ "text": {} }), "message.parts[0].text"),
        (json!({ "raw": "*" }), "message.parts[0].raw"),
        (json!({ "raw": 1 }), "message.parts[0].raw"),
        (json!({ "url": [] }), "message.parts[0].url"),
        (json!({ "text": "a", "filename": 1 }), "message.parts[0].filename"),
        (json!({ "text": "a", "mediaType": {} }), "message.parts[0].mediaType"),
        (json!({ "text": "a", "metadata": "m" }), "message.parts[0].metadata"),
    ] {
        let params = with(send("hi"), "/message/parts", json!([part]));
        // An error about the object as a whole may be noticed at its last member.
        for binding in BINDINGS {
            let answer = World::new().call(binding, "SendMessage", params.clone()).await;
            let error = answer.refused_as(ErrorKind::InvalidParams, &part.to_string());
            assert!(error.to_string().contains(&format!("\"field\":\"{field}")), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_agents_are_not_taken() {
    for role in [json!("ROLE_AGENT"), json!(2)] {
        let fields: &[&str] = &["message.role"];
        refused("SendMessage", [(with(send("hi"), "/message/role", role), fields)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large() {
    let many = |item: Value, count: usize| Value::from(vec![item; count]);
    let cases: [(Value, &[&str]); 7] = [
        (with(send("hi"), "/message/messageId", text_of_bytes(257)), &["message.messageId"]),
        (with(send("hi"), "/message/contextId", text_of_bytes(257)), &["message.contextId"]),
        (with(send("hi"), "/message/taskId", text_of_bytes(257)), &["message.taskId"]),
        (
            with(send("hi"), "/message/parts", many(json!({ "text": "" }), 1_001)),
            &["message.parts"],
        ),
        (with(send("hi"), "/message/extensions", many(json!("e"), 101)), &["message.extensions"]),
        (
            with(send("hi"), "/message/referenceTaskIds", many(json!("t"), 101)),
            &["message.referenceTaskIds"],
        ),
        // Within the body's limit, and beyond that of one entry in the store.
        (with(send("hi"), "/message/parts/0/text", text_of_bytes(400 * 1024)), &["message"]),
    ];
    refused("SendMessage", cases).await;
}

#[tokio::test(start_paused = true)]
async fn lengths_are_not_negative() {
    let fields: &[&str] = &["configuration.historyLength"];
    let params = with(send("hi"), "/configuration", json!({ "historyLength": -1 }));
    refused("SendMessage", [(params, fields)]).await;
    let fields: &[&str] = &["historyLength"];
    refused("GetTask", [(json!({ "id": "t", "historyLength": -1 }), fields)]).await;
    refused("ListTasks", [(json!({ "historyLength": -1 }), fields)]).await;
}

#[tokio::test(start_paused = true)]
async fn the_bounds_of_a_list() {
    for (field, wrong) in [
        ("pageSize", vec![json!(0), json!(101), json!(-1), json!("abc"), json!(1.5)]),
        ("status", vec![json!("COMPLETED"), json!("completed"), json!(""), json!("9")]),
        (
            "statusTimestampAfter",
            vec![json!("yesterday"), json!(""), json!("2025-13-01T00:00:00Z")],
        ),
        ("contextId", vec![text_of_bytes(257)]),
        ("pageToken", vec![json!("x")]),
        ("includeArtifacts", vec![json!("yes"), json!("")]),
        ("historyLength", vec![json!("x")]),
    ] {
        for wrong in wrong {
            refused("ListTasks", [(json!({ field: wrong }), &[field][..])]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ids_of_tasks_are_required_and_bounded() {
    for operation in ["GetTask", "CancelTask"] {
        let answer = World::new().call(Binding::JsonRpc, operation, json!({ "id": "" })).await;
        answer.names_fields(ErrorKind::InvalidParams, &["id"], operation);
        refused(operation, [(json!({ "id": text_of_bytes(257) }), &["id"][..])]).await;
        for wrong in [json!(1), json!({}), json!(["t"])] {
            let answer =
                World::new().call(Binding::JsonRpc, operation, json!({ "id": wrong })).await;
            answer.names_fields(ErrorKind::InvalidParams, &["id"], operation);
        }
    }
    let response = World::new().http("POST", "/tasks/:cancel", "").await;
    let answer = Answer::of(Binding::Rest, &Value::Null, &response);
    answer.names_fields(ErrorKind::InvalidParams, &["id"], "no id in the path");
}

#[tokio::test(start_paused = true)]
async fn malformed_json_in_a_body() {
    let half = r#"{"message":{"messageId":"m"#;
    for target in ["/message:send", "/tasks/t:cancel"] {
        for body in ["{", "nonsense", "{}{}", "{\"a\":}", "[1,", half, "{\u{feff}}"] {
            let response = World::new().http("POST", target, body).await;
            let answer = Answer::of(Binding::Rest, &Value::Null, &response);
            answer.refused_as(ErrorKind::JsonParse, body);
        }
        for body in ["[]", "1", "\"x\"", "null"] {
            let response = World::new().http("POST", target, body).await;
            let answer = Answer::of(Binding::Rest, &Value::Null, &response);
            answer.names_fields(ErrorKind::InvalidParams, &[""], body);
        }
    }
    let response = World::new().http("POST", "/message:send", "").await;
    let answer = Answer::of(Binding::Rest, &Value::Null, &response);
    answer.refused_as(ErrorKind::JsonParse, "no body at all");
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit() {
    let config = HttpConfig { max_body_bytes: 1_000, ..HttpConfig::default() };
    for (bytes, too_large) in [(1_000, false), (1_001, true)] {
        for binding in BINDINGS {
            let params = send("hi").to_string();
            let (target, body) = match binding {
                Binding::Rest => ("/message:send", params),
                Binding::JsonRpc => (
                    "/",
                    format!(
                        r#"{{"jsonrpc":"2.0","id":"r1","method":"SendMessage","params":{params}}}"#
                    ),
                ),
            };
            let body = format!("{body:<bytes$}");
            let world = World::with_config(config.clone());
            let response = world.http("POST", target, &body).await;
            if too_large {
                let answer = Answer::of(binding, &Value::Null, &response);
                answer.refused_as(ErrorKind::PayloadTooLarge, "a byte too much");
                let status = if binding == Binding::Rest { 413 } else { 200 };
                assert_eq!(response.status(), status);
            } else {
                Answer::of(binding, &json!("r1"), &response).ok();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_not_repeated() {
    for (place, wrong) in [
        ("/message/role", json!("hunter2")),
        ("/message/parts/0/text", json!(["hunter2"])),
        ("/message/parts", json!("hunter2")),
    ] {
        for binding in BINDINGS {
            let params = with(send("hi"), place, wrong.clone());
            let answer = World::new().call(binding, "SendMessage", params).await;
            let error = answer.refused_as(ErrorKind::InvalidParams, place).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
