//! Bodies as text and as base64.

use serde_json::json;

use crate::support::{Function, at, event, sending};

#[tokio::test(start_paused = true)]
async fn a_body_in_base64_is_decoded() {
    let answer = Function::new().answer(event!("http-api-base64")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["task"]["history"][0]["parts"][0]["text"], "grüß dich");
}

#[tokio::test(start_paused = true)]
async fn a_body_as_text_is_taken_as_it_is() {
    let answer = Function::new().answer(sending(event!("function-url"), "grüß dich")).await;
    assert_eq!(answer.body["task"]["history"][0]["parts"][0]["text"], "grüß dich", "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn malformed_base64_is_refused() {
    for body in ["*", "a", "e30", "ä", "e30=\n", "{}"] {
        let mut event = event!("http-api-base64");
        event["body"] = json!(body);
        let answer = Function::new().answer(event).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert_eq!(answer.body["error"]["message"], "the body is not base64", "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_are_malformed_json() {
    let mut event = event!("http-api-base64");
    event["body"] = json!("//79/A==");
    let answer = Function::new().answer(event.clone()).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer = Function::new().answer(at(event, "POST", "/")).await;
    assert_eq!(answer.body["error"]["code"], -32_700, "{answer:?}");
}
