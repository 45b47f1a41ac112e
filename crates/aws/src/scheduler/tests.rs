use std::collections::BTreeSet;
use std::net::SocketAddr;

use a2a_lambda_core::engine::chain;
use serde_json::{Value, json};

use super::*;
use crate::clients::{http_client, scheduler_client};
use crate::test_server::{TestResult, UNAVAILABLE, environment, serve};

const ROLE: &str = "arn:aws:iam::123456789012:role/scheduler";
const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:signals";

const SCHEDULED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 35\r\n\r\n\
     {\"ScheduleArn\":\"arn:aws:scheduler\"}";
const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\n\
     x-amzn-errortype: ConflictException\r\ncontent-length: 20\r\n\r\n{\"Message\":\"exists\"}";
const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
     x-amzn-errortype: ValidationException\r\ncontent-length: 26\r\n\r\n{\"Message\":\"no such role\"}";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn signal(json: &str) -> Signal {
    serde_json::from_str(json).expect("a signal")
}

fn timer(address: SocketAddr) -> SchedulerTimer {
    let client = scheduler_client(&environment(&format!("http://{address}")), http_client());
    SchedulerTimer::new(client, "a2a", ROLE, QUEUE)
}

/// The first line of a request, and its body.
fn parts(request: &str) -> (&str, Value) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a whole request");
    let line = head.lines().next().expect("a first line");
    (line, serde_json::from_str(body).expect("a body of JSON"))
}

/// Takes the token that the SDK makes, which is another one for each call.
fn take_token(body: &mut Value) -> String {
    let token = body.as_object_mut().and_then(|fields| fields.remove("ClientToken"));
    token.as_ref().and_then(Value::as_str).expect("a token").to_owned()
}

#[tokio::test]
async fn a_signal_is_one_schedule_however_often_it_is_asked_for() -> TestResult {
    let (address, served) = serve(&[SCHEDULED, CONFLICT]).await?;
    let signal = signal(r#"{"tenant":"Acme & Söhne","taskId":"T1"}"#);
    let time = at("2027-01-31T12:00:00.250Z");

    for _ in 0..2 {
        timer(address).signal_at(&signal, time).await?;
    }

    let requests = served.await??;
    let name = name(&signal, at("2027-01-31T12:00:01Z"));
    for request in &requests {
        let (line, mut body) = parts(request);
        assert_eq!(line, format!("POST /schedules/{name} HTTP/1.1"));
        assert!(request.contains("/eu-central-1/scheduler/aws4_request"), "{request}");
        take_token(&mut body);
        let input = r#"{"v":1,"tenant":"Acme & Söhne","taskId":"T1"}"#;
        assert_eq!(
            body,
            json!({
                "GroupName": "a2a",
                "ScheduleExpression": "at(2027-01-31T12:00:01)",
                "FlexibleTimeWindow": { "Mode": "OFF" },
                "ActionAfterCompletion": "DELETE",
                "Target": {
                    "Arn": QUEUE,
                    "RoleArn": ROLE,
                    "Input": input,
                    "SqsParameters": { "MessageGroupId": signal.group() },
                },
            })
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_again_with_the_same_request() -> TestResult {
    let (address, served) = serve(&[UNAVAILABLE, SCHEDULED]).await?;
    timer(address).signal_at(&signal(r#"{"taskId":"t"}"#), at("2027-01-31T12:00:00Z")).await?;

    let requests = served.await??;
    let [(first, mut first_body), (second, mut second_body)] =
        [&requests[0], &requests[1]].map(|it| parts(it));
    assert_eq!(first, second);
    assert_eq!(take_token(&mut first_body), take_token(&mut second_body));
    assert_eq!(first_body, second_body);
    Ok(())
}

#[tokio::test]
async fn a_service_that_stays_away_is_an_error_after_four_tries() -> TestResult {
    let (address, served) = serve(&[UNAVAILABLE; 4]).await?;
    let timer = timer(address);
    let (signal, time) = (signal(r#"{"taskId":"t"}"#), at("2027-01-31T12:00:00Z"));

    let error = timer.signal_at(&signal, time).await.expect_err("a service that is away");

    assert!(error.source().is_some(), "{error:?}");
    assert_eq!(served.await??.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_an_error_with_its_cause_and_not_retried() -> TestResult {
    let (address, served) = serve(&[REFUSED]).await?;
    let timer = timer(address);
    let (signal, time) = (signal(r#"{"taskId":"t"}"#), at("2027-01-31T12:00:00Z"));

    let error = timer.signal_at(&signal, time).await.expect_err("a refusal");

    let text = chain(&error);
    assert!(text.contains("ValidationException") && text.contains("no such role"), "{text}");
    assert_eq!(served.await??.len(), 1);
    Ok(())
}

#[test]
fn a_time_is_rounded_up_to_a_second() {
    for (given, expected) in [
        ("2026-01-31T12:00:00Z", "at(2026-01-31T12:00:00)"),
        ("2026-01-31T12:00:00.001Z", "at(2026-01-31T12:00:01)"),
        ("2026-12-31T23:59:59.999Z", "at(2027-01-01T00:00:00)"),
        ("1969-12-31T23:59:58.001Z", "at(1969-12-31T23:59:59)"),
        ("2026-01-31T12:00:00.250+01:00", "at(2026-01-31T11:00:01)"),
    ] {
        assert_eq!(expression(whole_second(at(given))), expected);
    }
}

#[test]
fn a_name_stands_for_tenant_task_and_time() {
    let time = at("2026-01-31T12:00:00Z");
    let long = format!(r#"{{"taskId":"{}","tenant":"{}"}}"#, "t".repeat(256), "a".repeat(64));
    let names = [
        name(&signal(r#"{"taskId":"t"}"#), time),
        name(&signal(r#"{"taskId":"u"}"#), time),
        name(&signal(r#"{"taskId":"t"}"#), at("2026-01-31T12:00:01Z")),
        name(&signal(r#"{"taskId":"t","tenant":"acme"}"#), time),
        // Without the fields' lengths, both would have the same bytes.
        name(&signal(r#"{"taskId":"et","tenant":"acm"}"#), time),
        name(&signal(r#"{"taskId":"t t/é\n","tenant":"Ä & Ö"}"#), time),
        name(&signal(&long), time),
    ];
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in &names {
        assert!(name.len() <= 64, "{name}");
        assert!(name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-'), "{name}");
    }
    // The same in every process and version.
    assert_eq!(names[0], "a2a-bb4edbc4643ab5ca76321b9c5843e2b0");
}
