//! The function as the process that Lambda starts: its protocol, its log and its end. And the life
//! of a task through both functions' processes.

// In a helper, too, a panic is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod streams;
mod support;
#[path = "../shared/work.rs"]
mod work;

use a2a_lambda_aws_emulator::events::sqs_event;
use serde_json::{Value, json};

use crate::support::{REQUEST, aws, executor, http, http_event, message, rest_event, signals};

#[tokio::test]
async fn a_task_lives_through_both_processes() {
    let aws = aws().await;
    let request = aws.function(REQUEST, &[]).await;
    let executor = aws.function(executor(), &[("METRICS", "all")]).await;

    let card = http(&request, "GET", "/.well-known/agent-card.json", "", 200).await;
    assert_eq!(card["name"], "echo");
    let url = "https://id.execute-api.us-east-1.amazonaws.com";
    assert_eq!(card["supportedInterfaces"][1]["url"], url);

    let text = "tell nobody of this";
    let sent = http(&request, "POST", "/acme/message:send", &message(text), 200).await;
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    let id = sent["task"]["id"].as_str().unwrap();
    let signals = signals(&aws).await;
    assert_eq!(signals.len(), 1, "{signals:?}");
    let mut signal: Value = serde_json::from_str(&signals[0].body).unwrap();
    let group = signal.as_object_mut().unwrap().remove("group");
    assert_eq!(group.unwrap().as_str().map(str::len), Some(32), "a digest");
    let expected = json!({ "v": 1, "tenant": "acme", "taskId": id });
    assert_eq!(signal, expected, "and nothing of the message");

    let answer = executor.answer(sqs_event(&signals)).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));

    let task = http(&request, "GET", &format!("/acme/tasks/{id}"), "", 200).await;
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    let parts = task["artifacts"][0]["parts"].as_array().unwrap();
    let said: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert_eq!(said, text);
    let other = http(&request, "GET", &format!("/tasks/{id}"), "", 404).await;
    assert_eq!(other["error"]["status"], "NOT_FOUND");

    let line = executor.line("signal_done").await;
    executor.log(&[text, "nobody"]);
    assert_eq!((&line["tenant"], &line["task"]), (&json!("acme"), &json!(id)), "{line}");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message_id"], signals[0].id.as_str());
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    request.log(&[text, "nobody", "eyJhbGciOi"]);

    executor.line("CloudWatchMetrics").await;
    let log = executor.log(&[text]);
    let lines: Vec<_> = log.iter().filter(|line| line.get("_aws").is_some()).collect();
    let [line] = lines[..] else { panic!("{lines:?}") };
    assert_eq!((&line["TasksCompleted"], &line["ColdStart"]), (&json!(1), &json!(1)), "{line}");
    assert!(line["TurnMillis"].is_u64() && line["Attempts"] == 1, "{line}");
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
    assert!(request.log(&[]).iter().all(|line| line.get("_aws").is_none()), "it is switched on");
}

#[tokio::test]
async fn a_refused_request_is_logged_with_its_id_and_without_its_content() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[]).await;
    let body = r#"{"message":{"messageId":"m1","role":"hunter2","parts":[{"text":"hunter2"}]}}"#;
    http(&function, "POST", "/message:send", body, 400).await;
    let line = function.line("request_refused").await;
    function.log(&["hunter2", "eyJhbGciOi"]);
    assert_eq!((&line["operation"], &line["code"]), (&json!("SendMessage"), &json!(-32_602)));
    assert_eq!(line["function_request_id"].as_str().map(str::len), Some(36), "{line}");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_our_fault_and_logged_with_its_cause() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[("TABLE_NAME", "another-table")]).await;
    let answer = http(&function, "GET", "/tasks/t1", "", 500).await;
    assert_eq!(answer["error"]["message"], "the task could not be read or written");
    let line = function.line("request_failed").await.to_string();
    assert!(line.contains("ResourceNotFoundException"), "{line}");
    function.log(&["eyJhbGciOi"]);
}

#[tokio::test]
async fn events_that_are_not_served_are_named_and_the_next_is_served() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[]).await;
    // A warmer's.
    for event in ["{}", "[]", "null", "\"warm\""] {
        assert_eq!(function.answer(event).await["statusCode"], 200, "{event}");
    }
    let web_socket = json!({ "requestContext": { "connectionId": "c" } });
    assert_eq!(function.answer(web_socket).await["statusCode"], 501);
    let unreadable = json!({ "requestContext": { "http": { "method": 7 } } });
    assert_eq!(function.answer(unreadable).await["statusCode"], 400);
    // The claims of another kind of authorizer are not guessed at.
    let mut strange = http_event("GET", "/tasks", "");
    strange["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = json!(7);
    assert_eq!(function.answer(strange).await["statusCode"], 401);
    let mut crowded = http_event("GET", "/tasks", "");
    let headers = crowded["headers"].as_object_mut().unwrap();
    headers.extend((0..24_577).map(|i| (format!("x-{i}"), json!(""))));
    assert_eq!(function.answer(crowded).await["statusCode"], 413);
    let batch = json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] });
    let report = function.error(batch).await;
    let message = report["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("this event is a batch of an SQS queue"), "{report}");
    http(&function, "GET", "/tasks", "", 200).await;
    function.log(&[]);
}

#[tokio::test]
async fn each_front_door_is_answered_in_its_own_form() {
    let aws = aws().await;
    let function = aws.function(REQUEST, &[("ALLOW_ANONYMOUS", "true")]).await;
    let types = json!(["application/a2a+json"]);
    let rest = function.answer(rest_event("GET", "/tasks", "")).await;
    assert_eq!(rest["statusCode"], 200, "{rest}");
    assert_eq!(rest["multiValueHeaders"]["content-type"], types, "{rest}");
    let event = include_str!("../events/load-balancer-multi-value.json");
    let balanced = function.answer(event).await;
    assert_eq!(balanced["statusDescription"], "200 OK", "{balanced}");
    assert_eq!(balanced["multiValueHeaders"]["content-type"], types, "{balanced}");
    let healthy = function.answer(include_str!("../events/load-balancer-health-check.json")).await;
    assert_eq!(
        (&healthy["statusCode"], &healthy["multiValueHeaders"]),
        (&json!(200), &json!(null))
    );
    http(&function, "GET", "/tasks", "", 200).await;
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_ends_the_process_with_a_line_that_names_it() {
    let wrong = [
        ("AGENT", ""),
        ("TABLE_NAME", ""),
        ("QUEUE_URL", ""),
        ("RESPONSE_MODE", "Stream"),
        ("ALB_ARN", "my-alb"),
    ];
    aws().await.refuses(REQUEST, &wrong).await;
}
