//! The event that answers.

use std::time::Duration;

use a2a_lambda_request::{Config, ResponseMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{EVENTS, Function, at, calling, event, hanging, open, open_doors, sending};

/// The forms as AWS documents them, to the last member.
#[tokio::test(start_paused = true)]
async fn an_answer_is_in_the_form_that_its_event_asks_for() {
    let keys = |value: &Value| {
        let members = value.as_object().unwrap().keys();
        members.map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    for (event, members) in [
        (event!("http-api"), "body headers isBase64Encoded statusCode"),
        (event!("function-url"), "body headers isBase64Encoded statusCode"),
        (event!("rest-api"), "body isBase64Encoded multiValueHeaders statusCode"),
        (event!("http-api-payload-1"), "body isBase64Encoded multiValueHeaders statusCode"),
        (event!("load-balancer"), "body headers isBase64Encoded statusCode statusDescription"),
        (
            event!("load-balancer-multi-value"),
            "body isBase64Encoded multiValueHeaders statusCode statusDescription",
        ),
    ] {
        for (path, status, description) in
            [("/tasks", 200, "200 OK"), ("/tasks/t1", 404, "404 Not Found")]
        {
            let answer = Function::new().answer(at(event.clone(), "GET", path)).await;
            assert_eq!(answer.status, status, "{event}: {answer:?}");
            assert_eq!(keys(&answer.event), members, "{answer:?}");
            assert_eq!(answer.event["isBase64Encoded"], false);
            assert_eq!(answer.header("content-type"), "application/a2a+json");
            assert!(answer.event["body"].is_string(), "{answer:?}");
            let described = answer.event.get("statusDescription");
            assert!(described.is_none_or(|it| it == description), "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_taken_at_each_front_door() {
    for event in open_doors() {
        let answer = Function::new().answer(sending(event.clone(), "grüß dich")).await;
        assert_eq!(answer.status, 200, "{event}: {answer:?}");
        assert_eq!(answer.body["task"]["history"][0]["parts"][0]["text"], "grüß dich");
        let mut call = calling(event, "ListTasks", &json!({}));
        call["body"] = json!(STANDARD.encode(call["body"].as_str().unwrap()));
        call["isBase64Encoded"] = json!(true);
        let answer = Function::new().answer(call).await;
        assert_eq!(answer.body["id"], 7, "{answer:?}");
        assert_eq!(answer.body["result"]["totalSize"], 0, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_s_answers_are_whole_and_have_less_than_1_mb() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        let function = Function::with(Config { response_mode, ..open() });
        let text = "\"".repeat(100_000);
        for _ in 0..4 {
            let answer = function.answer(sending(event!("load-balancer"), &text)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let answer = function.answer(event!("load-balancer-multi-value")).await;
        assert_eq!(answer.body["error"]["status"], "FAILED_PRECONDITION", "{}", answer.status);
        let call = calling(event!("load-balancer"), "ListTasks", &json!({}));
        let answer = function.answer(call).await;
        assert_eq!((&answer.body["id"], answer.body["error"].is_object()), (&json!(7), true));
        let mut less = event!("load-balancer");
        less["queryStringParameters"] = json!({ "pageSize": "2" });
        let answer = function.answer(less).await;
        assert_eq!(answer.body["tasks"].as_array().unwrap().len(), 2);
        assert!(serde_json::to_vec(&answer.event).unwrap().len() < 1_000_000);
        // At an API the same is allowed.
        let function_url = function.answer(event!("function-url")).await;
        assert_eq!(function_url.status, 200);
    }
}

/// A function that streams to one front door can have a load balancer as another.
#[tokio::test(start_paused = true)]
async fn a_load_balancer_s_stream_of_events_is_collected() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        let function = Function::with(Config { response_mode, ..open() });
        let begin = Instant::now();
        let sent = at(sending(event!("load-balancer"), "hi"), "POST", "/message:stream");
        let answer = function.answer_within(sent, Duration::from_mins(15)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, &json!(EVENTS)));
        assert!(answer.body.as_str().unwrap().starts_with("id: 1\n"), "{answer:?}");
        // No longer than a sender waits for an answer.
        assert_eq!(begin.elapsed(), Duration::from_secs(25));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_has_its_headers() {
    let function = Function::new();
    let card = at(event!("http-api"), "GET", "/.well-known/agent-card.json");
    let tag = function.answer(card.clone()).await.event["headers"]["etag"].clone();
    let mut again = card;
    again["headers"]["if-none-match"] = tag.clone();
    let answer = function.answer(again).await;
    assert_eq!((answer.status, &answer.event["headers"]["etag"]), (304, &tag), "{answer:?}");
    assert_eq!(answer.event["body"], "");
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_answered_before_the_invocation_ends() {
    let mut event = sending(event!("http-api"), "hi");
    let body = event["body"].as_str().unwrap().replace("true", "false");
    event["body"] = json!(body);
    let begin = Instant::now();
    let answer = Function::new().answer_within(event.clone(), Duration::from_secs(10)).await;
    assert_eq!(answer.body["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{answer:?}");
    assert_eq!(begin.elapsed(), Duration::from_millis(9_500), "half a second for the way back");
    // Even without time the message is accepted.
    let answer = Function::new().answer_within(event, Duration::ZERO).await;
    assert_eq!(answer.body["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_no_reason_not_to_answer() {
    let function = Function::over(hanging());
    let begin = Instant::now();
    let get = at(event!("http-api"), "GET", "/tasks/t");
    let answer = function.answer_within(get, Duration::from_secs(10)).await;
    assert_eq!((answer.status, &answer.body["error"]["status"]), (503, &json!("UNAVAILABLE")));
    assert_eq!(begin.elapsed(), Duration::from_millis(9_850));

    let call = calling(event!("http-api"), "GetTask", &json!({ "id": "t" }));
    let answer = function.answer_within(call, Duration::from_secs(10)).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (200, &json!(-32603)));
    assert_eq!(answer.body["id"], 7, "the client must know which of its calls it was");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lambda_would_not_take_is_refused_by_name() {
    // Quotes take two bytes each in the event.
    let text = "\"".repeat(174_000);
    let function = Function::new();
    for _ in 0..10 {
        let answer = function.answer(sending(event!("http-api"), &text)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = function.answer(at(event!("http-api"), "GET", "/tasks")).await;
    assert_eq!(answer.body["error"]["status"], "FAILED_PRECONDITION", "{}", answer.status);
    let said = answer.body["error"]["message"].as_str().unwrap();
    assert!(said.contains("ask for less"), "{said}");
    let mut less = at(event!("http-api"), "GET", "/tasks");
    less["rawQueryString"] = json!("pageSize=2");
    assert_eq!(function.answer(less).await.body["tasks"].as_array().unwrap().len(), 2);
}
