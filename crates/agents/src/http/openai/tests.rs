#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values")]

use serde_json::{Value, json};

use crate::http::Contract;
use crate::http::scripted::{
    ATTEMPTS, CUT, FAILED, MALFORMED, Piece, Script, Server, answer, bed, output, stream, streamed,
    whole, without_frame,
};

fn contract() -> Contract {
    Contract::OpenAi { model: "small".to_owned() }
}

fn delta(text: &str) -> Value {
    json!({ "id": "c", "object": "chat.completion.chunk", "model": "small",
        "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
}

fn finished(reason: &str) -> Value {
    json!({ "object": "chat.completion.chunk",
        "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn message(message: Value, reason: &str) -> Script {
    let choice = json!({ "index": 0, "message": message, "finish_reason": reason });
    whole(&json!({ "object": "chat.completion", "choices": [choice] }).to_string())
}

fn done() -> Piece {
    Piece::Bytes(b"data: [DONE]\n\n".into())
}

/// The end of an answer, then silence: the reader must not wait for more.
fn then_nothing() -> [Piece; 2] {
    [done(), Piece::Silence]
}

#[tokio::test]
async fn answers_come_whole_and_streamed() {
    let usage = json!({ "choices": [], "usage": { "total_tokens": 3 } });
    let other = json!({ "choices": [{ "index": 1, "delta": { "content": "other" } }] });
    let role =
        json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }] });
    for (script, expected) in [
        (message(json!({ "role": "assistant", "content": "hello" }), "stop"), "response: hello"),
        (
            message(
                json!({ "content": [{ "type": "text", "text": "a" }, { "text": "b" }] }),
                "stop",
            ),
            "response: ab",
        ),
        (
            stream(
                &[role, delta("a "), delta("b"), other, finished("stop"), usage],
                &then_nothing(),
            ),
            "response: a b",
        ),
        // A server that forgets the last event has said that it has finished.
        (streamed(&[delta("a"), finished("stop")]), "response: a"),
        (without_frame(stream(&[delta("a")], &[done()])), "response: a"),
    ] {
        let server = Server::giving([script]);
        let task = bed(server.calls(contract())).send("hi").await.completed();
        assert_eq!(output(&task), [expected], "{task}");
    }
}

#[tokio::test]
async fn a_refusal_is_the_model_s_own_word() {
    let refuses = |text: &str| json!({ "choices": [{ "index": 0, "delta": { "refusal": text } }] });
    for (script, said) in [
        (
            stream(&[refuses("I will "), refuses("not."), finished("stop")], &[done()]),
            "I will not.",
        ),
        (message(json!({ "content": null, "refusal": "No." }), "stop"), "No."),
        (
            stream(&[delta("Take"), finished("content_filter")], &[done()]),
            "A content filter has stopped the answer.",
        ),
    ] {
        let server = Server::giving([script]);
        bed(server.calls(contract())).send("hi").await.rejected().saying(said);
    }
}

#[tokio::test]
async fn each_way_to_fail_says_whose_fault_it_is() {
    let error = |error: Value| json!({ "error": error });
    for (script, said, asked) in [
        (streamed(&[delta("a")]), CUT, ATTEMPTS),
        (stream(&[delta("a"), finished("stop")], &[Piece::Cut]), CUT, ATTEMPTS),
        (streamed(&[delta("a"), json!("b")]), MALFORMED, 1),
        (streamed(&[json!({ "id": "c" })]), MALFORMED, 1),
        (whole("{}"), MALFORMED, 1),
        (whole(r#"{"choices": []}"#), MALFORMED, 1),
        (whole(r#"{"choices": ["#), MALFORMED, 1),
        (answer(200, "text/html", "<html>"), MALFORMED, 1),
        (stream(&[finished("tool_calls")], &[done()]), MALFORMED, 1),
        (
            stream(&[delta("a"), finished("length")], &[done()]),
            "The answer is incomplete: the model has reached its limit of tokens.",
            1,
        ),
        (
            streamed(&[
                delta("a"),
                error(json!({ "message": "db at 10.0.0.7", "type": "server_error" })),
            ]),
            "The agent failed (server_error).",
            ATTEMPTS,
        ),
        (
            streamed(&[error(json!({ "message": "m", "type": "invalid_request_error" }))]),
            "The agent failed (invalid_request_error).",
            1,
        ),
        (
            streamed(&[error(json!({ "message": "m", "code": 429 }))]),
            "The agent's server refused the request (status 429).",
            ATTEMPTS,
        ),
        (
            streamed(&[
                json!({ "object": "error", "message": "m", "type": "BadRequestError", "code": 400 }),
            ]),
            "The agent's server refused the request (status 400).",
            1,
        ),
        (whole(r#"{"error": "boom"}"#), FAILED, ATTEMPTS),
        (
            answer(401, "application/json", r#"{"error": {"message": "key sk-1"}}"#),
            "The agent's server refused the request (status 401).",
            1,
        ),
    ] {
        let server = Server::giving([script]);
        let task = bed(server.calls(contract())).send("hi").await.failed().saying(said);
        assert_eq!(server.asked(), asked, "{task}");
        assert!(!task.to_string().contains("10.0.0.7"), "{task}");
    }
}

#[tokio::test]
async fn a_request_has_what_every_server_knows() {
    let server = Server::giving([message(json!({ "content": "a" }), "stop")]);
    let bed = bed(server.calls(contract()));
    bed.send("hi").await.completed();
    let asked = server.asked.lock().unwrap();
    let request = &asked[0];
    assert_eq!(request.uri, "https://agent.example/a/chat/completions?q=1");
    assert_eq!(request.headers["authorization"], "Bearer token");
    assert!(request.headers.contains_key("idempotency-key"));
    let is_of_agent_core = |name: &http::HeaderName| name.as_str().starts_with("x-amzn");
    assert!(!request.headers.keys().any(is_of_agent_core), "{:?}", request.headers);
    let mut sent: Value = serde_json::from_slice(&request.body).unwrap();
    let user = sent.as_object_mut().unwrap().remove("user").unwrap();
    assert!(user.as_str().unwrap().starts_with("a2a-"), "{user}");
    let messages = json!([{ "role": "user", "content": "hi" }]);
    assert_eq!(sent, json!({ "model": "small", "stream": true, "messages": messages }));
}
