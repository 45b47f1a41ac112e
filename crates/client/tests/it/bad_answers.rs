//! Answers that no server should give: each says whose fault it is, within bounds.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_client::{
    Binding, Client, Config, Credentials, Fault, Interface, Limits, SendOptions, SignatureFault,
    Version,
};
use a2a_lambda_protocol::GetTaskRequest;

use crate::support::{Canned, Then, URL, text};

const TASK: &str = r#"{"id":"t1","status":{"state":"TASK_STATE_WORKING"}}"#;

fn client(binding: Binding, canned: Canned) -> Client {
    let limits = Limits { answer_bytes: 4_000, stream_bytes: 4_000, ..Limits::default() };
    let credentials = Credentials::none().bearer("s3cret").unwrap();
    let config = Config { limits, credentials, ..Config::default() };
    let url = URL.parse().unwrap();
    let interface = Interface { url, binding, version: Version::V1_0, tenant: String::new() };
    Client::new(Arc::new(canned), interface, config)
}

async fn get(client: &Client) -> a2a_lambda_client::Error {
    client.get(GetTaskRequest::of("t1")).await.unwrap_err()
}

/// Whether no text of the error's chain is in that of another.
fn says_nothing_twice(error: &a2a_lambda_client::Error) -> bool {
    let first: &dyn std::error::Error = error;
    let chain = std::iter::successors(Some(first), |error| error.source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    let said = texts.join(": ");
    texts.iter().all(|text| said.matches(text.as_str()).count() == 1)
}

/// A card's fault is said once, too.
#[test]
fn an_untrusted_card_s_fault_is_said_once() {
    for fault in [SignatureFault::Missing, SignatureFault::NoKey, SignatureFault::Wrong] {
        assert!(says_nothing_twice(&fault.into()), "{fault}");
    }
}

/// Status, media type, body; the rest after it; the error, its fault, whether it is retryable.
type Row<'a> = (u16, &'static str, &'a str, Then, &'a str, Fault, bool);

const JSON: &str = "application/json";

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn a_bad_answer_is_an_error_that_says_what_is_wrong() {
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(5_000));
    let whole = format!(r#"{{"jsonrpc":"2.0","id":{{id}},"result":{TASK}}}"#);
    let (cut, no_state) = (&whole[..40], whole.replace("WORKING", "UNSPECIFIED"));
    let wrong_type = whole.replace("\"t1\"", "[]");
    let rows: &[Row<'_>] = &[
        (
            200,
            "text/html",
            "<!doctype html><p>",
            Then::End,
            "it is HTML or XML, not JSON at byte 0",
            Fault::Agent,
            false,
        ),
        (
            200,
            JSON,
            cut,
            Then::End,
            "JSON at byte 37, where it ends too early",
            Fault::Agent,
            false,
        ),
        (
            200,
            JSON,
            "",
            Then::End,
            "not JSON at byte 0, where it ends too early",
            Fault::Agent,
            false,
        ),
        (200, JSON, "{}", Then::End, "no answer of JSON-RPC", Fault::Agent, false),
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":9,"result":{}}"#,
            Then::End,
            "answers another request",
            Fault::Agent,
            false,
        ),
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":{id},"result":{}}"#,
            Then::End,
            "the task's id is missing",
            Fault::Agent,
            false,
        ),
        (200, JSON, &no_state, Then::End, "the task's state is missing", Fault::Agent, false),
        (
            200,
            JSON,
            &wrong_type,
            Then::End,
            "id must be a string, not an array",
            Fault::Agent,
            false,
        ),
        (200, JSON, &long, Then::End, "larger than 4000 bytes", Fault::Agent, false),
        (200, JSON, cut, Then::Cut, "broke before the answer was whole", Fault::Agent, true),
        (200, JSON, cut, Then::Silence, "too slow", Fault::Agent, true),
        (200, JSON, "", Then::Drip, "too slow", Fault::Agent, true),
        (302, JSON, "", Then::End, "a redirection (HTTP 302)", Fault::Agent, false),
        (
            500,
            "text/html",
            "<h1>oops",
            Then::End,
            "HTTP 500 without an error of A2A",
            Fault::Agent,
            true,
        ),
        (503, JSON, r#"{"message":null}"#, Then::End, "HTTP 503 without", Fault::Agent, true),
        (401, JSON, r#"{"x":1}"#, Then::End, "HTTP 401 without", Fault::Caller, false),
        (404, JSON, "not found", Then::End, "HTTP 404 without", Fault::Caller, false),
        (500, JSON, &whole, Then::End, "HTTP 500 without", Fault::Agent, true),
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":{id},"error":{"code":-32603,"message":"boom"}}"#,
            Then::End,
            "refuses: boom",
            Fault::Agent,
            true,
        ),
        (
            500,
            JSON,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"gone"}}"#,
            Then::End,
            "refuses: gone",
            Fault::Caller,
            false,
        ),
        (
            429,
            JSON,
            r#"{"jsonrpc":"2.0","id":{id},"error":{"code":-32000,"message":"slow down"}}"#,
            Then::End,
            "refuses: slow down",
            Fault::Agent,
            true,
        ),
    ];
    for &(status, media_type, body, then, expected, fault, retryable) in rows {
        let canned = Canned { status, media_type, body: body.to_owned(), then };
        let client = client(Binding::JsonRpc, canned);
        let error = get(&client).await;
        let said = format!("{status} {body:.60}: {error}: {error:?} {client:?}");
        assert!(error.to_string().contains(expected), "{said}");
        assert_eq!((error.fault(), error.is_retryable()), (fault, retryable), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
        if status == 429 || status == 503 {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_stream_is_an_error_within_bounds() {
    const SSE: &str = "text/event-stream; charset=utf-8";
    let event =
        format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{{id}},\"result\":{{\"task\":{TASK}}}}}\n\n");
    let many = event.repeat(50);
    let other = event.replace("{id}", "77");
    let rows: &[Row<'_>] = &[
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":{id},"result":{}}"#,
            Then::End,
            "no stream of events",
            Fault::Agent,
            false,
        ),
        (200, "text/html", "<p>", Then::End, "HTML", Fault::Agent, false),
        (502, SSE, &event, Then::End, "HTTP 502 without", Fault::Agent, true),
        (200, SSE, &other, Then::End, "answers another request", Fault::Agent, false),
        (200, SSE, "data: {}\n\n", Then::End, "no answer of JSON-RPC", Fault::Agent, false),
        (200, SSE, &many, Then::Silence, "larger than 4000 bytes", Fault::Agent, false),
        // These come again and again, until the client has tried often enough.
        (200, SSE, "", Then::End, "incomplete", Fault::Agent, true),
        (200, SSE, "data: {\n", Then::End, "incomplete", Fault::Agent, true),
        (200, SSE, "", Then::Cut, "incomplete", Fault::Agent, true),
        (200, SSE, "", Then::Silence, "incomplete", Fault::Agent, true),
        (200, SSE, "", Then::Drip, "larger than 4000 bytes", Fault::Agent, false),
    ];
    for &(status, media_type, body, then, expected, fault, retryable) in rows {
        let canned = Canned { status, media_type, body: body.to_owned(), then };
        let client = client(Binding::JsonRpc, canned);
        let error = match client.stream(text("x"), &SendOptions::default()).await {
            Err(error) => error,
            Ok(mut stream) => loop {
                match stream.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{body:.60} {then:?} ended"),
                    Err(error) => break error,
                }
            },
        };
        let said = format!("{status} {body:.60} {then:?}: {error}: {error:?}");
        assert!(error.to_string().contains(expected), "{said}");
        assert_eq!((error.fault(), error.is_retryable()), (fault, retryable), "{said}");
        assert!(says_nothing_twice(&error), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_answer_over_http_json_is_an_error_that_says_what_is_wrong() {
    let not_found = r#"{"error":{"code":404,"status":"NOT_FOUND","message":"gone","details":[
        {"@type":"x","reason":"TASK_NOT_FOUND","domain":"a2a-protocol.org"}]}}"#;
    let rows: &[Row<'_>] = &[
        (200, "text/html", "<p>", Then::End, "HTML", Fault::Agent, false),
        (200, JSON, &TASK[..20], Then::End, "JSON at byte 20, where it ends", Fault::Agent, false),
        (200, JSON, "", Then::End, "malformed JSON", Fault::Agent, false),
        (200, JSON, "{}", Then::End, "the task's id is missing", Fault::Agent, false),
        (200, JSON, "[1]", Then::End, "must be an object, not an array", Fault::Agent, false),
        (404, JSON, not_found, Then::End, "refuses: gone", Fault::Caller, false),
        (404, JSON, "{}", Then::End, "HTTP 404 without", Fault::Caller, false),
        (
            403,
            JSON,
            r#"{"message":"Forbidden"}"#,
            Then::End,
            "refuses: Forbidden",
            Fault::Caller,
            false,
        ),
        (504, JSON, r#"{"message":"Timeout"}"#, Then::End, "refuses: Timeout", Fault::Agent, true),
        (500, "text/plain", "oops", Then::End, "HTTP 500 without", Fault::Agent, true),
    ];
    for &(status, media_type, body, then, expected, fault, retryable) in rows {
        let canned = Canned { status, media_type, body: body.to_owned(), then };
        let error = get(&client(Binding::HttpJson, canned)).await;
        let said = format!("{status} {body:.60}: {error}: {error:?}");
        assert!(error.to_string().contains(expected), "{said}");
        assert_eq!((error.fault(), error.is_retryable()), (fault, retryable), "{said}");
    }
    // An error within a stream, as the official SDK writes it.
    let body = format!("event: error\ndata: {}\n\n", not_found.replace('\n', " "));
    let canned = Canned { status: 200, media_type: "text/event-stream", body, then: Then::End };
    let client = client(Binding::HttpJson, canned);
    let mut stream = client.stream(text("x"), &SendOptions::default()).await.unwrap();
    let error = stream.next().await.unwrap_err();
    assert!(error.to_string().contains("refuses: gone"), "{error:?}");
}

/// An endless stream of comments ends when its time is over, however large it may be.
#[tokio::test(start_paused = true)]
async fn a_stream_that_never_ends_is_ended() {
    let canned = Canned {
        status: 200,
        media_type: "text/event-stream",
        body: String::new(),
        then: Then::Drip,
    };
    let url = URL.parse().unwrap();
    let (binding, version) = (Binding::JsonRpc, Version::V1_0);
    let interface = Interface { url, binding, version, tenant: String::new() };
    let limits = Limits { stream: Duration::from_mins(5), ..Limits::default() };
    let client = Client::new(Arc::new(canned), interface, Config { limits, ..Config::default() });
    let begun = tokio::time::Instant::now();
    let mut stream = client.stream(text("x"), &SendOptions::default()).await.unwrap();
    let error = stream.next().await.unwrap_err();
    assert!(error.to_string().contains("too slow"), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_mins(5));
}
