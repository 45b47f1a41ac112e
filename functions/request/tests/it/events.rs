//! Events of other front doors, of other functions, and of other senders.

use std::time::Duration;

use a2a_lambda_agents::Echo;
use a2a_lambda_aws::EventError;
use a2a_lambda_request::{Answer, Config, ResponseMode};
use serde_json::{Value, json};

use crate::support::{Function, at, event, hanging, open, open_doors, with_header};

#[tokio::test(start_paused = true)]
async fn an_unserved_front_door_learns_the_served_ones() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        for event in [event!("web-socket"), json!({ "requestContext": { "connectionId": "c" } })] {
            let function = Function::with(Config { response_mode, ..open() });
            let answer = function.answer(event).await;
            assert_eq!(answer.status, 501, "{answer:?}");
            assert_eq!(answer.body["error"]["status"], "UNIMPLEMENTED");
            let text = answer.body["error"]["message"].as_str().unwrap();
            assert!(text.contains("WebSocket API") && text.contains("REST APIs"), "{text}");
        }
    }
}

/// An emulator states a version that AWS does not, and a client of a load balancer may send anything.
#[tokio::test(start_paused = true)]
async fn a_front_door_is_told_by_shape_and_not_by_version() {
    for (event, is_array, is_described) in [
        (event!("rest-api"), true, false),
        (event!("http-api"), false, false),
        (event!("load-balancer"), false, true),
        (event!("load-balancer-multi-value"), true, true),
    ] {
        for version in [json!("1.0"), json!("2.0"), json!(7), Value::Null] {
            let mut event = event.clone();
            event["version"] = version.clone();
            let answer = Function::new().answer(event).await;
            assert_eq!(answer.status, 200, "{version}: {answer:?}");
            assert_eq!(answer.event["multiValueHeaders"].is_object(), is_array, "{answer:?}");
            assert_eq!(answer.event["headers"].is_object(), !is_array, "{answer:?}");
            let described = &answer.event["statusDescription"];
            assert_eq!(described == "200 OK", is_described, "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_s_health_check_is_answered_without_the_store() {
    for response_mode in [ResponseMode::Buffer, ResponseMode::Stream] {
        let config = || Config { response_mode, ..Config::default() };
        let function = Function::made_of(hanging(), Echo, config());
        let mut many = event!("load-balancer-multi-value");
        many["multiValueHeaders"] = json!({ "user-agent": ["ELB-HealthChecker/2.0"] });
        let elsewhere = at(event!("load-balancer-health-check"), "GET", "/tasks");
        for event in [event!("load-balancer-health-check"), many, elsewhere] {
            let has_arrays = event["multiValueHeaders"].is_object();
            let answer = function.answer_within(event, Duration::ZERO).await;
            assert_eq!((answer.status, &answer.body["message"]), (200, &json!("healthy")));
            assert_eq!(answer.event["multiValueHeaders"].is_object(), has_arrays, "{answer:?}");
        }
        // It is a check only where it comes from a load balancer, and asks for something.
        let agent = "ELB-HealthChecker/2.0";
        let at_api = with_header(event!("http-api"), "user-agent", agent);
        let posted = at(event!("load-balancer-health-check"), "POST", "/message:send");
        for event in [at_api, posted] {
            let answer = Function::with(config()).answer(event).await;
            assert_ne!(answer.status, 200, "{answer:?}");
        }
    }
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
    let with = |mut event: Value, pointer: &str, value: Value| {
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let (http, rest, elb) = (event!("http-api"), event!("rest-api"), event!("load-balancer"));
    for event in [
        json!({ "requestContext": { "http": {} } }),
        json!({ "requestContext": { "http": "GET" } }),
        with(http.clone(), "/requestContext/http/method", json!("")),
        with(http.clone(), "/requestContext/http/method", json!("A B")),
        with(http.clone(), "/requestContext/http/method", json!(7)),
        with(http.clone(), "/rawPath", json!(7)),
        with(http.clone(), "/headers", json!([])),
        with(http.clone(), "/headers", json!("a: b")),
        with(http, "/isBase64Encoded", json!("true")),
        json!({ "httpMethod": "" }),
        with(rest.clone(), "/httpMethod", json!("A B")),
        with(rest.clone(), "/httpMethod", json!(7)),
        with(rest.clone(), "/requestContext", json!("here")),
        with(rest.clone(), "/requestContext/path", json!(7)),
        with(rest.clone(), "/multiValueHeaders", json!([])),
        with(rest.clone(), "/multiValueQueryStringParameters", json!("a=b")),
        with(rest.clone(), "/resource", json!({})),
        with(rest, "/body", json!({})),
        with(elb.clone(), "/httpMethod", Value::Null),
        with(elb.clone(), "/path", json!(7)),
        with(elb.clone(), "/headers", json!(7)),
        with(elb, "/queryStringParameters", json!(["a"])),
    ] {
        let answer = Function::new().answer(event.clone()).await;
        assert_eq!(answer.status, 400, "{event}: {answer:?}");
        let text = answer.body["error"]["message"].as_str().unwrap();
        assert!(!text.contains("expected") && !text.contains("line "), "{text}");
        let is_described = event.pointer("/requestContext/elb").is_some();
        assert_eq!(answer.event["statusDescription"].is_string(), is_described, "{answer:?}");
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
    for event in open_doors() {
        let event = with_header(event, "x", &"y".repeat(1_000_000));
        assert_eq!(Function::new().answer(event).await.status, 413);
    }
    let mut event = event!("rest-api");
    event["multiValueHeaders"]["x"] = json!(vec!["y"; 60_000]);
    assert_eq!(Function::new().answer(event).await.status, 413);
}

#[tokio::test(start_paused = true)]
async fn malformed_headers_are_left_out() {
    let mut event = event!("http-api");
    for (name, value) in
        [("", json!("y")), ("x y", json!("y")), ("x", Value::Null), ("y", json!(7))]
    {
        event["headers"][name] = value;
    }
    event["headers"]["z"] = json!("a\nb");
    let answer: Result<Answer, EventError> = Function::new().try_answer(event).await;
    assert!(matches!(answer, Ok(Answer::Buffered(response, _)) if response.status() == 200));
}
