use std::sync::Arc;

use a2a_lambda_https::testing::frame;
use a2a_lambda_runtime::Variables;
use a2a_lambda_testing::{Bed, TestClock};
use serde_json::{Value, json};

use super::*;
use crate::http::Contract;
use crate::http::scripted::{
    ATTEMPTS, CUT, FAILED, MALFORMED, Piece, Script, Server, TOO_LARGE, answer, output,
};

fn account() -> Account {
    let lookup = |name: &str| {
        let text = match name {
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY" => "very-secret",
            _ => return None,
        };
        Some(text.to_owned())
    };
    Account::from_variables(&Variables::local(&lookup)).unwrap().ok().unwrap()
}

fn bed(server: &Arc<Server>, function: &str, once: bool) -> Bed {
    let calls = Calls { once, ..server.calls(Contract::AgentCore) };
    let function = Function::parse(function).unwrap();
    let clock = Arc::new(TestClock::skipping());
    Bed::new(LambdaAgent::new(calls, &function, &account(), clock).unwrap())
}

/// A stream of Lambda's: these pieces of the function's, and its end.
fn stream(pieces: &[&str], end: Option<Value>) -> Script {
    let mut bytes: Vec<u8> =
        pieces.iter().flat_map(|piece| frame("event", "PayloadChunk", piece.as_bytes())).collect();
    bytes.extend(
        end.into_iter()
            .flat_map(|end| frame("event", "InvokeComplete", end.to_string().as_bytes())),
    );
    bytes_of(bytes)
}

fn bytes_of(bytes: Vec<u8>) -> Script {
    let media = "application/vnd.amazon.eventstream";
    Script::Answer {
        status: 200,
        media,
        more: None,
        framed: false,
        body: vec![Piece::Bytes(bytes)],
    }
}

fn complete() -> Value {
    json!({ "ErrorCode": null, "ErrorDetails": null, "LogResult": null })
}

const NULS: &str = "\0\0\0\0\0\0\0\0";
const SSE: &str =
    r#"{"statusCode":200,"headers":{"Content-Type":"text/event-stream"},"cookies":[]}"#;

fn proxied(status: u16, media: &str, body: &str) -> String {
    json!({ "statusCode": status, "headers": { "content-type": media }, "body": body }).to_string()
}

#[tokio::test]
async fn a_function_answers_streamed_or_whole() {
    let base64 =
        json!({ "statusCode": 200, "headers": { "content-type": "application/json", "n": 1 },
        "isBase64Encoded": true, "body": "ImhlbGxvIg==" })
        .to_string();
    let plain = proxied(200, "application/json", r#""hello""#);
    let events = format!("{SSE}{NULS}data: \"hel\"\n\n");
    for (function, script) in [
        ("agent", stream(&[SSE, NULS, "data: \"hel\"\n\n", "data: \"lo\"\n\n"], Some(complete()))),
        // The divider comes in two pieces, and the body begins in the second one.
        (
            "agent",
            stream(
                &[
                    &events[..events.len() - 18],
                    &events[events.len() - 18..],
                    "",
                    "data: \"lo\"\n\n",
                ],
                Some(complete()),
            ),
        ),
        // A function that does not stream, and a handler that knows nothing of HTTP.
        ("agent", stream(&[&plain[..9], &plain[9..]], Some(complete()))),
        ("agent", stream(&[r#"{"response": "hello"}"#], Some(complete()))),
        ("agent?invoke=whole", answer(200, "application/json", &plain)),
        ("agent?invoke=whole", answer(200, "application/json", &base64)),
        ("agent?invoke=whole", answer(200, "application/json", r#""hello""#)),
    ] {
        let server = Server::giving([script]);
        let task = bed(&server, function, false).send("hi").await.completed();
        assert_eq!(output(&task), ["response: hello"], "{task}");
    }
}

#[tokio::test]
async fn each_way_to_fail_says_whose_fault_it_is() {
    let begun = |end: Option<Value>| stream(&[SSE, NULS, "data: \"a\"\n\n"], end);
    let error = |code: &str, details: &str| {
        begun(Some(json!({ "ErrorCode": code, "ErrorDetails": details })))
    };
    let failed = |body: Value| {
        let body = vec![Piece::Bytes(body.to_string().into())];
        let more = Some(("x-amz-function-error", "Unhandled"));
        Script::Answer { status: 200, media: "application/json", more, framed: true, body }
    };
    let mut damaged = frame("event", "PayloadChunk", b"{}");
    damaged[14] ^= 1;
    let throttled = frame("exception", "TooManyRequestsException", b"{}");
    let (streams, whole) = ("agent", "agent?invoke=whole");
    for (function, script, said, asked) in [
        (streams, begun(None), CUT, ATTEMPTS),
        (streams, error("Runtime.ExitError", "exit status 1"), CUT, ATTEMPTS),
        (
            streams,
            error("Unhandled", "2026-01-01 r Task timed out after 3.00 seconds"),
            CUT,
            ATTEMPTS,
        ),
        (
            streams,
            error("Unhandled", r#"{"errorType":"ValueError","errorMessage":"10.0.0.7"}"#),
            "The agent failed (ValueError).",
            1,
        ),
        (streams, error("Unhandled", "at 10.0.0.7"), FAILED, ATTEMPTS),
        (
            streams,
            stream(&[], Some(json!({ "ErrorCode": "OSError" }))),
            "The agent failed (OSError).",
            ATTEMPTS,
        ),
        (streams, bytes_of(throttled), CUT, ATTEMPTS),
        (streams, bytes_of(damaged), MALFORMED, 1),
        (streams, bytes_of(b"<html><body>no frames</body></html>".to_vec()), TOO_LARGE, 1),
        (streams, bytes_of(frame("event", "PayloadChunk", b"{}")[..20].to_vec()), CUT, ATTEMPTS),
        (streams, stream(&["[", NULS], Some(complete())), MALFORMED, 1),
        (streams, stream(&["<html>"], Some(complete())), MALFORMED, 1),
        (streams, stream(&[], Some(complete())), MALFORMED, 1),
        (streams, stream(&[r#"{"statusCode": 99}"#], Some(complete())), MALFORMED, 1),
        (streams, stream(&[r#"{"statusCode": 200, "body": 1}"#], Some(complete())), MALFORMED, 1),
        (streams, stream(&[&proxied(200, "text/html", "<")], Some(complete())), MALFORMED, 1),
        (
            streams,
            stream(&[&proxied(500, "application/json", r#"{"error": "x"}"#)], Some(complete())),
            FAILED,
            ATTEMPTS,
        ),
        (
            streams,
            stream(&[&proxied(404, "text/html", "")], Some(complete())),
            "The agent's server refused the request (status 404).",
            1,
        ),
        (
            whole,
            failed(json!({ "errorType": "KeyError", "errorMessage": "'a'" })),
            "The agent failed (KeyError).",
            1,
        ),
        (
            whole,
            failed(json!({ "errorMessage": "r Task timed out after 3.00 seconds" })),
            CUT,
            ATTEMPTS,
        ),
        (whole, failed(json!([])), FAILED, ATTEMPTS),
        // Lambda itself.
        (
            whole,
            answer(404, "application/json", r#"{"Message": "arn:aws:lambda:x"}"#),
            "The agent's server refused the request (status 404).",
            1,
        ),
        (
            whole,
            answer(429, "application/json", "{}"),
            "The agent's server refused the request (status 429).",
            ATTEMPTS,
        ),
        (streams, Script::Down, "The agent cannot be reached.", ATTEMPTS),
    ] {
        let server = Server::giving([script]);
        let task = bed(&server, function, false).send("hi").await.failed().saying(said);
        assert_eq!(server.asked(), asked, "{task}");
        assert!(!task.to_string().contains("10.0.0.7"), "{task}");
    }
    let server = Server::giving([error("Runtime.ExitError", "")]);
    let unknown = format!("{CUT} The outcome is unknown.");
    bed(&server, streams, true).send("hi").await.failed().saying(&unknown);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn an_invocation_is_signed_and_has_the_event_of_an_http_api() {
    let arn = "arn:aws:lambda:us-west-2:123456789012:function:agent:live";
    for (function, url, region) in [
        (
            "agent",
            "https://lambda.eu-central-1.amazonaws.com/2021-11-15/functions/agent/\
            response-streaming-invocations",
            "eu-central-1",
        ),
        (
            arn,
            "https://lambda.us-west-2.amazonaws.com/2021-11-15/functions/\
            arn%3Aaws%3Alambda%3Aus-west-2%3A123456789012%3Afunction%3Aagent%3Alive/\
            response-streaming-invocations",
            "us-west-2",
        ),
        (
            "agent:$LATEST?invoke=whole",
            "https://lambda.eu-central-1.amazonaws.com/2015-03-31/\
            functions/agent%3A%24LATEST/invocations",
            "eu-central-1",
        ),
    ] {
        let whole = answer(200, "application/json", r#""a""#);
        let script =
            if function.contains('?') { whole } else { stream(&[r#""a""#], Some(complete())) };
        let server = Server::giving([script]);
        let task = bed(&server, function, false).send("hi").await.completed();
        let asked = server.asked.lock().unwrap();
        assert_eq!(asked[0].uri.to_string(), url);
        let signature = asked[0].headers["authorization"].to_str().unwrap();
        assert!(signature.contains(&format!("/{region}/lambda/aws4_request")), "{signature}");
        let event: Value = serde_json::from_slice(&asked[0].body).unwrap();
        assert_eq!((&event["version"], &event["rawPath"]), (&json!("2.0"), &json!("/invocations")));
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        let headers = &event["headers"];
        assert_eq!(headers["x-amzn-bedrock-agentcore-runtime-custom-task"], task.id());
        assert_eq!(
            (&headers["authorization"], &headers["host"]),
            (&Value::Null, &json!("lambda.internal"))
        );
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["prompt"], "hi");
    }
}

#[test]
fn functions_are_named_as_lambda_names_them() {
    for name in [
        "",
        "a b",
        "a:",
        ":a",
        "a:b:c",
        "a/b",
        "a?",
        "a?invoke=fast",
        "arn:aws:lambda:eu-central-1:123456789012:function",
        "arn:aws:lambda:eu-central-1:123456789012:layer:a",
        "arn:aws:lambda:eu-central-1:123456789012:function:a:b:c",
        "arn:aws:lambda::123456789012:function:a",
        &"a".repeat(171),
    ] {
        assert!(Function::parse(name).is_err(), "{name}");
    }
}
