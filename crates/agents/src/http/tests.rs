//! Agents behind a scripted server, in a bed.

use std::time::Duration;

use a2a_lambda_protocol::TaskState;
use a2a_lambda_testing::at_every_crash;
use http::HeaderValue;
use serde_json::{Value, json};

use super::scripted::{
    ATTEMPTS, CUT, FAILED, LATE, MALFORMED, Piece, Script, Server, TOO_LARGE, answer, bed, output,
    stream, streamed, whole, without_frame,
};
use super::{Contract, LOST};
use crate::list::Limits;

fn delta(text: &str) -> Value {
    json!({ "event": { "contentBlockDelta": { "delta": { "text": text }, "contentBlockIndex": 0 } } })
}

fn strands(text: &str) -> Value {
    json!({ "message": { "role": "assistant", "content": [{ "text": text }] } })
}

/// An event of Strands that `AgentCore`'s SDK has printed.
fn printed(event: &str) -> Value {
    json!(format!(
        "{{{event}, 'agent': <strands.agent.agent.Agent object at 0x7f>, \
                   'event_loop_cycle_id': UUID('803a3570')}}"
    ))
}

#[tokio::test]
async fn answers_are_read_by_the_rules_of_the_contract() {
    let ours = |value: Value| json!({ "a2a": value });
    for (script, expected) in [
        (whole(r#""hello""#), vec!["response: hello"]),
        (whole(r#"{"response": "hello"}"#), vec!["response: hello"]),
        (
            whole(r#"{"result": {"role": "assistant", "content": [{"text": "hello"}]}}"#),
            vec!["response: hello"],
        ),
        (whole(r#"{"output": {"sum": 3}}"#), vec![r#"response: {"data":{"sum":3}}"#]),
        (whole(r#"{"sum": 1.50}"#), vec![r#"response: {"data":{"sum":1.50}}"#]),
        (whole(" [1, 2] "), vec![r#"response: {"data":[1,2]}"#]),
        (whole("null"), vec![]),
        (whole(r#"{"response": "a", "error": null}"#), vec!["response: a"]),
        (streamed(&[]), vec![]),
        (streamed(&[json!("a "), json!("b")]), vec!["response: a b"]),
        (streamed(&[json!({ "data": "a" }), json!({ "data": "b" })]), vec!["response: ab"]),
        (streamed(&[delta("a"), delta("b")]), vec!["response: ab"]),
        // A Strands agent that passes on all of its events.
        (
            streamed(&[
                json!({ "init_event_loop": true }),
                json!({ "event": { "messageStart": { "role": "assistant" } } }),
                delta("Hello "),
                json!({ "data": "Hello ", "delta": { "text": "Hello " } }),
                delta("you"),
                json!({ "data": "you", "delta": { "text": "you" } }),
                json!({ "event": { "messageStop": { "stopReason": "end_turn" } } }),
                strands("Hello you"),
            ]),
            vec!["response: Hello you"],
        ),
        // A value that JSON cannot express comes as Python prints it.
        (
            streamed(&[delta("Hello "), printed("'data': 'Hello '"), printed("'reasoning': True")]),
            vec!["response: Hello "],
        ),
        (
            streamed(&[
                printed(r"'data': 'It\'s '"),
                printed("'data': 'you'"),
                strands("It's you"),
            ]),
            vec!["response: It's you"],
        ),
        (
            streamed(&[json!("thinking "), json!({ "result": "3" })]),
            vec!["response: thinking ", "result: 3"],
        ),
        (
            streamed(&[json!({ "step": 1 }), json!("done")]),
            vec![r#"response: {"data":{"step":1}}done"#],
        ),
        (
            streamed(&[
                ours(json!({ "progress": "half", "artifacts": [
                    { "name": "sum", "parts": [{ "text": "3" }] }, { "name": "n", "artifactId": "n",
                    "parts": [{ "data": 1 }] }] })),
                ours(json!({ "state": "COMPLETED" })),
            ]),
            vec!["sum: 3", r#"n: {"data":1}"#],
        ),
        // The agent says itself where its answer ends.
        (
            without_frame(streamed(&[json!("a"), ours(json!({ "state": "COMPLETED" }))])),
            vec!["response: a"],
        ),
    ] {
        let server = Server::giving([script]);
        let task = server.bed(false).send("hi").await.completed();
        assert_eq!(output(&task), expected, "{task}");
        assert_eq!(server.asked(), 1);
    }
}

#[tokio::test]
async fn an_answer_of_many_words_fits_the_bounds_of_a_task() {
    let words: Vec<Value> = (0..12_000).map(|word| json!(format!("{word} "))).collect();
    let bed = Server::giving([streamed(&words)]).bed(false);
    let task = bed.send("talk").await;
    let done = bed.settle(&task).await.completed();
    let expected: String = (0..12_000).fold(String::new(), |text, word| text + &format!("{word} "));
    assert_eq!(output(&done), [format!("response: {expected}")]);
}

#[tokio::test]
async fn chunks_are_shown_one_by_one() {
    let server = Server::giving([streamed(&[json!("a "), json!("b "), json!({ "data": "c" })])]);
    let task = server.bed(false).send("hi").await.completed();
    let events: Vec<_> =
        task.events().into_iter().filter(|event| event.starts_with("1.")).collect();
    assert_eq!(events.len(), 4, "{events:?}");
    assert!(events[0].ends_with(": a ") && events[1].contains("+ b"), "{events:?}");
    let task = Server::giving([whole(r#""a b""#)]).bed(false).send("hi").await.completed();
    assert_eq!(task.artifact("response").parts.len(), 1, "{task}");
}

#[tokio::test]
async fn each_way_to_fail_says_whose_fault_it_is() {
    let error =
        |kind: &str| json!({ "error": "db at 10.0.0.7", "error_type": kind, "message": "m" });
    let garbage = Piece::Bytes(b"data: {oops\n\n".into());
    let large = json!("x".repeat(300 * 1024));
    let ours = |value: Value| whole(&json!({ "a2a": value }).to_string());
    for (script, said, asked) in [
        (Script::Down, "The agent cannot be reached.", ATTEMPTS),
        (Script::Hangup, CUT, ATTEMPTS),
        (Script::Late, LATE, ATTEMPTS),
        (
            answer(403, "text/plain", "no"),
            "The agent's server refused the request (status 403).",
            1,
        ),
        (answer(302, "text/plain", ""), "The agent's server refused the request (status 302).", 1),
        (answer(202, "text/plain", ""), "The agent's server refused the request (status 202).", 1),
        (
            answer(503, "text/html", "<"),
            "The agent's server refused the request (status 503).",
            ATTEMPTS,
        ),
        (answer(500, "application/json", r#"{"error": "boom"}"#), FAILED, ATTEMPTS),
        (whole(&error("ValueError").to_string()), "The agent failed (ValueError).", 1),
        (streamed(&[json!("a"), error("OSError")]), "The agent failed (OSError).", ATTEMPTS),
        (streamed(&[error("10.0.0.7 is down")]), FAILED, ATTEMPTS),
        (stream(&[json!("a")], &[Piece::Cut]), CUT, ATTEMPTS),
        (stream(&[json!("a")], &[Piece::Bytes(b"data: \"b".into())]), CUT, ATTEMPTS),
        (without_frame(streamed(&[json!("a")])), CUT, ATTEMPTS),
        (without_frame(whole(r#"{"result": "a"#)), CUT, ATTEMPTS),
        (stream(&[json!("a")], &[Piece::Silence]), LATE, ATTEMPTS),
        (stream(&[json!("a")], &[garbage]), MALFORMED, 1),
        (whole("<html>"), MALFORMED, 1),
        (whole(""), MALFORMED, 1),
        (whole("{} {}"), MALFORMED, 1),
        (answer(200, "text/html", "hello"), MALFORMED, 1),
        (streamed(std::slice::from_ref(&large)), TOO_LARGE, 1),
        (streamed(&vec![json!("x".repeat(200 * 1024)); 22]), TOO_LARGE, 1),
        (whole(&json!(vec![large; 15]).to_string()), TOO_LARGE, 1),
        (ours(json!({ "state": "FAILED", "reason": "No such city." })), "No such city.", 1),
        (ours(json!({ "state": "FAILED" })), MALFORMED, 1),
        (ours(json!({ "state": "DONE" })), MALFORMED, 1),
        (ours(json!({ "question": "Which?" })), MALFORMED, 1),
        (ours(json!({ "state": "COMPLETED", "checkpoint": 1 })), MALFORMED, 1),
        (ours(json!({ "artifacts": [{ "parts": [] }] })), MALFORMED, 1),
        (ours(json!({ "stat": "COMPLETED" })), MALFORMED, 1),
        (streamed(&[json!({ "a2a": { "state": "COMPLETED" } }), json!("a")]), MALFORMED, 1),
        (
            ours(
                json!({ "state": "INPUT_REQUIRED", "question": "?", "checkpoint": "x".repeat(40_000) }),
            ),
            TOO_LARGE,
            1,
        ),
    ] {
        let server = Server::giving([script]);
        let task = server.bed(false).send("hi").await.failed().saying(said);
        assert_eq!(server.asked(), asked, "{task}");
        assert!(!task.to_string().contains("10.0.0.7"), "{task}");
    }
}

#[tokio::test]
async fn an_agent_has_limits_of_its_own() {
    let limits = Limits { answer_bytes: Some(1_024), call: Some(Duration::from_secs(5)) };
    let words = json!("x".repeat(600));
    for (script, is_well) in [
        (whole(&words.to_string()), true),
        (whole(&json!([words, words]).to_string()), false),
        (streamed(std::slice::from_ref(&words)), true),
        (streamed(&[words.clone(), words.clone()]), false),
        (streamed(&[json!("x".repeat(1_100))]), false),
    ] {
        let server = Server::giving([script]);
        let bed = bed(server.calls(Contract::AgentCore).within(&limits));
        let task = bed.send("hi").await;
        if is_well {
            task.completed();
        } else {
            task.failed().saying(TOO_LARGE);
        }
        assert_eq!(server.asked.lock().unwrap()[0].limits.total, Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_call_that_broke_off_is_made_again_and_shows_each_word_once() {
    let cut = stream(&[json!("a "), json!("b ")], &[Piece::Cut]);
    let server =
        Server::giving([cut, Script::Down, streamed(&[json!("a "), json!("b "), json!("c")])]);
    let task = server.bed(false).send("hi").await.completed();
    assert_eq!(output(&task), ["response: a b c"], "{task}");
    let asked = server.asked.lock().unwrap();
    let keys = asked
        .iter()
        .map(|request| &request.headers["x-amzn-bedrock-agentcore-runtime-custom-idempotency-key"]);
    let keys: Vec<_> = keys.collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn at_most_once_a_call_that_may_have_arrived_is_not_made_again() {
    let unknown = "The agent broke off before its answer was complete. The outcome is unknown.";
    for (script, said, asked) in [
        (stream(&[json!("a")], &[Piece::Cut]), unknown, 1),
        (Script::Hangup, unknown, 1),
        (Script::Late, "The agent did not answer in time. The outcome is unknown.", 1),
        (
            answer(502, "text/html", ""),
            "The agent's server refused the request (status 502). The outcome is unknown.",
            1,
        ),
        (answer(403, "text/html", ""), "The agent's server refused the request (status 403).", 1),
        (
            streamed(&[json!({ "error": "x", "error_type": "OSError" })]),
            "The agent failed (OSError).",
            1,
        ),
        (Script::Down, "The agent cannot be reached.", 4),
    ] {
        let server = Server::giving([script]);
        let task = server.bed(true).send("hi").await.failed().saying(said);
        assert_eq!(server.asked(), asked, "{task}");
    }
    let server = Server::giving([Script::Down, whole("1")]);
    server.bed(true).send("hi").await.completed();
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_changes_nothing() {
    let script = || Server::giving([streamed(&[json!("a "), json!("b")])]);
    let crashes = at_every_crash(
        || script().bed(false),
        async |bed| {
            let task = bed.send("hi").await.completed();
            assert_eq!(output(&task), ["response: a b"], "{task}");
        },
    );
    assert!(crashes.await > 4);
    let server = script();
    let crashes = at_every_crash(
        || server.bed(true),
        async |bed| {
            let before = server.asked();
            let task = bed.send("hi").await;
            assert!(server.asked() <= before + 1, "{task}");
            let is_known = task.state() == TaskState::Completed;
            assert!(is_known || task.said() == LOST, "{task}");
        },
    );
    assert!(crashes.await > 4);
}

#[tokio::test]
async fn a_question_waits_and_its_answer_comes_with_the_checkpoint() {
    let asks = json!({ "a2a": { "state": "INPUT_REQUIRED", "question": "Which city?",
        "checkpoint": { "n": 1 } } });
    let refuses = json!({ "a2a": { "state": "REJECTED", "reason": "Not there." } });
    let server = Server::giving([whole(&asks.to_string()), streamed(&[refuses])]);
    let bed = server.bed(false);
    let task = bed.send("weather").await.input_required().saying("Which city?");
    let task = bed.answer(&task, "Atlantis").await.rejected().saying("Not there.");
    let asked = server.asked.lock().unwrap();
    let [first, second] = &asked[..] else { panic!("{} calls", asked.len()) };
    assert_eq!(first.uri, "https://agent.example/a/invocations?q=1");
    assert_eq!(
        (first.method.as_str(), &first.headers["authorization"]),
        ("POST", &HeaderValue::from_static("Bearer token"))
    );
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.headers["x-amzn-bedrock-agentcore-runtime-custom-task"], task.id());
    assert_eq!(first.headers["x-amzn-bedrock-agentcore-runtime-custom-attempt"], "1");
    let session = "x-amzn-bedrock-agentcore-runtime-session-id";
    let id = first.headers[session].to_str().unwrap();
    assert!(id.starts_with("a2a-") && id.len() == 68, "{id}");
    assert_eq!(first.headers[session], second.headers[session]);
    let key = "x-amzn-bedrock-agentcore-runtime-custom-idempotency-key";
    assert_ne!(first.headers[key], second.headers[key]);
    let sent: Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!(sent["prompt"], "Atlantis");
    let said = json!([{ "role": "user", "content": "weather" },
        { "role": "assistant", "content": "Which city?" }, { "role": "user", "content": "Atlantis" }]);
    assert_eq!(sent["messages"], said);
    let a2a = &sent["a2a"];
    assert_eq!((&a2a["task"], &a2a["checkpoint"]), (&json!(task.id()), &json!({ "n": 1 })));
    assert_eq!((&a2a["turn"], &a2a["attempt"]), (&json!(2), &json!(1)));
    assert_eq!(a2a["messages"][0]["parts"], json!([{ "text": "Atlantis" }]));
    assert_eq!(a2a["idempotencyKey"], second.headers[key].to_str().unwrap());
}

#[tokio::test]
async fn a_canceled_turn_hangs_up() {
    let server = Server::giving([stream(&[json!("a")], &[Piece::Silence])]);
    let bed = server.bed(false);
    let task = bed.submit("hi").await;
    bed.advance(Duration::from_secs(3)).await;
    bed.cancel(&task).await.canceled();
    assert_eq!(server.asked(), 1);
}
