//! Inline execution: there is no executor, and the task is done.

use a2a_lambda_request::{Config, ResponseMode};
use serde_json::json;

use crate::streamed::streaming_message;
use crate::support::{Function, at, event, open};

const COMPLETED: &str = "TASK_STATE_COMPLETED";

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_has_its_agent_run_by_this_very_function() {
    let function = Function::with(Config { inline: true, ..open() });
    let mut sent = at(event!("http-api"), "POST", "/message:send");
    let message = json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": "hi" }] });
    sent["body"] = json!(json!({ "message": message }).to_string());
    let answer = function.answer(sent).await;
    assert_eq!(answer.body["task"]["status"]["state"], COMPLETED, "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_of_an_agent_in_its_own_invocation() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        let function = Function::with(Config { inline: true, response_mode, ..open() });
        let answer = function.answer(streaming_message(event!("http-api"), "k")).await;
        let events = answer.body.as_str().unwrap();
        assert!(events.contains(COMPLETED), "{response_mode:?}: {events}");
    }
}
