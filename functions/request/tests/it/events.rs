//! Events of other front doors, of other functions, and of nobody.

use a2a_lambda_aws::EventError;
use a2a_lambda_request::{Answer, Config, ResponseMode};
use serde_json::{Value, json};

use crate::support::{Function, event, open};

/// A REST API's event, as far as it has to do with what it is.
fn rest_api() -> Value {
    json!({
        "resource": "/{proxy+}", "path": "/tasks", "httpMethod": "GET",
        "headers": { "Accept": "*/*" }, "multiValueHeaders": { "Accept": ["*/*"] },
        "requestContext": { "resourcePath": "/{proxy+}", "httpMethod": "GET", "stage": "prod" },
        "body": null, "isBase64Encoded": false,
    })
}

fn load_balancer() -> Value {
    json!({
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:x" } },
        "httpMethod": "GET", "path": "/tasks", "multiValueHeaders": { "accept": ["*/*"] },
        "body": "", "isBase64Encoded": false,
    })
}

#[tokio::test(start_paused = true)]
async fn a_front_door_that_is_not_served_is_told_what_is() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        for (event, name) in [
            (rest_api(), "REST API"),
            (load_balancer(), "Load Balancer"),
            (json!({ "requestContext": { "connectionId": "c" } }), "WebSocket API"),
        ] {
            let function = Function::with(Config { response_mode, ..open() });
            let answer = function.answer(event).await;
            assert_eq!(answer.status, 501, "{answer:?}");
            assert_eq!(answer.body["error"]["status"], "UNIMPLEMENTED");
            let text = answer.body["error"]["message"].as_str().unwrap();
            assert!(text.contains(name) && text.contains("payload 2.0"), "{text}");
        }
    }
    let answer = Function::new().answer(load_balancer()).await;
    let types = &answer.event["multiValueHeaders"]["content-type"];
    assert_eq!(types, &json!(["application/a2a+json"]), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_warmer_s_event_is_no_failure() {
    for event in [
        json!({}),
        json!({ "warmer": true }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} }),
        json!("warm"),
        json!([]),
        Value::Null,
    ] {
        let answer = Function::new().answer(event.clone()).await;
        assert_eq!(answer.status, 200, "{event}: {answer:?}");
        assert_eq!(answer.body["message"], "this event is no request: nothing was done");
    }
}

#[tokio::test(start_paused = true)]
async fn another_function_s_batch_is_refused_by_name() {
    for (source, name) in [
        ("aws:sqs", "a batch of an SQS queue"),
        ("aws:dynamodb", "a batch of a DynamoDB stream"),
        ("aws:kinesis", "a batch of aws:kinesis"),
    ] {
        let event = json!({ "Records": [{ "eventSource": source, "body": "{}" }] });
        let error = Function::new().try_answer(event).await.unwrap_err();
        assert!(matches!(error, EventError::Foreign { function: "request", .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("this event is {name}; ")), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read_has_an_answer() {
    let with = |pointer: &str, value: Value| {
        let mut event = event!("http-api");
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    for event in [
        json!({ "requestContext": { "http": {} } }),
        json!({ "requestContext": { "http": "GET" } }),
        with("/requestContext/http/method", json!("")),
        with("/requestContext/http/method", json!("A B")),
        with("/requestContext/http/method", json!(7)),
        with("/rawPath", json!(7)),
        with("/headers", json!([])),
        with("/headers", json!("a: b")),
        with("/isBase64Encoded", json!("true")),
    ] {
        let answer = Function::new().answer(event.clone()).await;
        assert_eq!(answer.status, 400, "{event}: {answer:?}");
        let text = answer.body["error"]["message"].as_str().unwrap();
        assert!(!text.contains("expected") && !text.contains("line "), "{text}");
    }
}

/// A map of so many names panics.
#[tokio::test(start_paused = true)]
async fn more_headers_than_fit_are_refused() {
    for (names, status) in [(900, 200), (1_100, 413), (24_577, 413), (60_000, 413)] {
        let mut event = event!("http-api");
        let headers = event["headers"].as_object_mut().unwrap();
        headers.extend((0..names).map(|i| (format!("x-{i}"), json!("y"))));
        let answer = Function::new().answer(event).await;
        assert_eq!(answer.status, status, "{names}: {answer:?}");
    }
    let mut event = event!("http-api");
    event["headers"]["x"] = json!("y".repeat(1_000_000));
    assert_eq!(Function::new().answer(event).await.status, 413);
}

#[tokio::test(start_paused = true)]
async fn headers_that_are_none_are_left_out() {
    let mut event = event!("http-api");
    for (name, value) in
        [("", json!("y")), ("x y", json!("y")), ("x", Value::Null), ("y", json!(7))]
    {
        event["headers"][name] = value;
    }
    event["headers"]["z"] = json!("a\nb");
    let answer: Result<Answer, EventError> = Function::new().try_answer(event).await;
    assert!(matches!(answer, Ok(Answer::Buffered(event)) if event.status_code == 200));
}
