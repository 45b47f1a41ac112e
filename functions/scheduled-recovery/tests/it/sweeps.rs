//! A sweep's work and its answer.

use std::time::Duration;

use a2a_lambda_scheduled_recovery::MARGIN;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{Function, INVOCATION, TICK, wait};

/// Scheduler's event for a target whose `Input` has context attributes.
const CUSTOM: &str = include_str!("../events/custom.json");

#[tokio::test(start_paused = true)]
async fn nothing_due_is_nothing_done() {
    let answer = Function::new().handle(TICK).await.unwrap();
    assert_eq!(
        answer,
        json!({
            "due": 0, "lostSignals": 0, "deadLeases": 0, "wakeTimes": 0, "lateUsers": 0,
            "lapsed": 0, "expired": 0, "pushes": 0, "settled": 0, "failed": 0, "unread": 0, "errors": [], "more": false,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_schedule_may_send_any_object() {
    let function = Function::new();
    let rule =
        r#"{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#;
    for event in [TICK, CUSTOM, rule, "{}", "null", r#"{"detail":{"Records":[7]}}"#] {
        function.task("work").await;
        wait(Duration::from_mins(2)).await;
        assert_eq!(function.handle(event).await.unwrap()["lostSignals"], 1, "{event}");
        let signaled = function.take_signals().remove(0);
        function.attend(&signaled).await;
    }
}

/// An event that is accepted is lost: its sender counts it as handled.
#[tokio::test(start_paused = true)]
async fn another_function_s_event_is_refused_by_name() {
    let function = Function::new();
    function.task("work").await;
    wait(Duration::from_mins(2)).await;
    for (event, name) in [
        (r#"{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}"#, "a batch of an SQS queue"),
        (r#"{"Records":[{"eventSource":"aws:dynamodb"}]}"#, "a batch of a DynamoDB stream"),
        (r#"{"Records":[]}"#, "a batch of records that name no source"),
        (r#"{"requestContext":{"http":{"method":"GET"}}}"#, "an HTTP API"),
        (r#"{"httpMethod":"GET","path":"/"}"#, "a REST API"),
        (
            r#"{"version":"1","triggerSource":"PreSignUp_SignUp","userPoolId":"p","request":{}}"#,
            "an event of a Cognito user pool",
        ),
        (
            r#"{"RequestType":"Create","ResponseURL":"https://x","StackId":"s"}"#,
            "an event of CloudFormation",
        ),
        (
            r#"{"type":"TOKEN","authorizationToken":"t","methodArn":"a"}"#,
            "an event of an API Gateway authorizer",
        ),
        (
            r#"{"arguments":{},"identity":null,"request":{},"info":{"fieldName":"f"}}"#,
            "an event of AppSync",
        ),
        (r#"{"awslogs":{"data":""}}"#, "an event of CloudWatch Logs"),
        ("[]", "neither a batch of records nor a request"),
        ("7", "neither a batch of records nor a request"),
        (r#""tick""#, "neither a batch of records nor a request"),
    ] {
        let error = function.handle(event).await.unwrap_err();
        assert!(error.starts_with(&format!("this event is {name}")), "{error}");
        assert!(error.ends_with("scheduled-recovery takes the ticks of a schedule"), "{error}");
    }
    assert_eq!(function.handle(TICK).await.unwrap()["lostSignals"], 1, "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn every_stage_is_counted_and_signaled() {
    let function = Function::new();
    let lost = function.task("work").await;
    let dead = function.task("wait").await;
    function.attend_for(&dead, Duration::from_secs(5)).await;
    let parked = function.task("park").await;
    let asking = function.task("ask").await;
    let done = function.task("work").await;
    for key in [&parked, &asking, &done] {
        function.attend(key).await;
    }
    wait(Duration::from_mins(4)).await;
    let answer = function.handle(TICK).await.unwrap();
    for stage in ["lostSignals", "deadLeases", "wakeTimes", "lateUsers"] {
        assert_eq!(answer[stage], 1, "{answer}");
    }
    assert_eq!((&answer["due"], &answer["failed"]), (&json!(4), &json!(0)), "{answer}");
    let mut signaled = function.take_signals();
    signaled.sort();
    let mut expected = vec![lost, dead, parked, asking];
    expected.sort();
    assert_eq!(signaled, expected);
    // Tasks with a live lease stay untouched.
    assert_eq!(function.handle(TICK).await.unwrap()["due"], 0);
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_and_the_next_goes_on() {
    let function = Function::new();
    for _ in 0..200 {
        function.task("work").await;
    }
    wait(Duration::from_mins(2)).await;
    let commit = Duration::from_secs(4);
    function.let_commits_take(commit);
    let begin = Instant::now();
    let first = function.handle(TICK).await.unwrap();
    let took = begin.elapsed();
    assert!(took + MARGIN >= INVOCATION, "the time is used: {took:?}");
    assert!(took + MARGIN <= INVOCATION + commit, "time for the answer: {took:?}");
    assert_eq!(first["more"], true, "{first}");

    function.let_commits_take(Duration::ZERO);
    let second = function.handle(TICK).await.unwrap();
    let lost = |answer: &serde_json::Value| answer["lostSignals"].as_u64().unwrap();
    assert!(lost(&first) > 8 && lost(&second) > 0, "{first} {second}");
    assert_eq!(lost(&first) + lost(&second), 200, "{first} {second}");
    assert_eq!(second["more"], false);
}
