//! Requests that are wrong as a whole. A request with one wrong field is in `wrong`.

use a2a_lambda_http::HttpConfig;
use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Answer, BINDINGS, Binding, World, send, sending_text, with};

#[tokio::test(start_paused = true)]
async fn a_path_has_an_id() {
    let answer = World::new().rest("POST", "/tasks/:cancel", "").await;
    answer.names_fields(ErrorKind::InvalidParams, &["id"], "no id in the path");
}

#[tokio::test(start_paused = true)]
async fn malformed_json_in_a_body() {
    let half = r#"{"message":{"messageId":"m"#;
    for target in ["/message:send", "/tasks/t:cancel"] {
        for body in ["{", "nonsense", "{}{}", "{\"a\":}", "[1,", half, "{\u{feff}}"] {
            let answer = World::new().rest("POST", target, body).await;
            answer.refused_as(ErrorKind::JsonParse, body);
        }
        for body in ["[]", "1", "\"x\"", "null"] {
            let answer = World::new().rest("POST", target, body).await;
            answer.names_fields(ErrorKind::InvalidParams, &[""], body);
        }
    }
    let answer = World::new().rest("POST", "/message:send", "").await;
    answer.refused_as(ErrorKind::JsonParse, "no body at all");
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit() {
    let config = HttpConfig { max_body_bytes: 1_000, ..HttpConfig::default() };
    for (bytes, too_large) in [(1_000, false), (1_001, true)] {
        for binding in BINDINGS {
            let mut request = sending_text(binding, "SendMessage", &send("hi").to_string());
            let mut body = request.body().to_vec();
            body.resize(bytes, b' ');
            *request.body_mut() = body.into();
            let world = World::with_config(config.clone());
            let response = world.request(request).await;
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
