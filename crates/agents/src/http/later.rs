//! Tests of agents that answer later, and of signed calls.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_testing::{Bed, TaskView, at_every_crash};
use a2a_lambda_webhook::{SigningKeys, sign_request};
use http::HeaderMap;
use serde_json::{Value, json};

use super::scripted::{Script, Server, answer, bed, output, whole};
use super::{Calls, Contract};

const HOURS: Duration = Duration::from_hours(2);

fn patient(server: &Arc<Server>, once: bool) -> Bed {
    bed(Calls { once, patience: Some(HOURS), ..server.calls(Contract::AgentCore) })
}

fn accepted() -> Script {
    answer(202, "text/plain", "")
}

/// The callback's URL in the newest call.
fn url(server: &Server) -> String {
    let asked = server.asked.lock().unwrap();
    let sent: Value = serde_json::from_slice(&asked.last().unwrap().body).unwrap();
    sent["a2a"]["callbackUrl"].as_str().unwrap().to_owned()
}

/// The task once the agent has answered like this.
async fn answered(bed: &Bed, server: &Server, task: &TaskView, answer: Value) -> TaskView {
    bed.answer_callback(&url(server), &answer).await;
    bed.settle(task).await
}

#[tokio::test]
async fn an_agent_that_has_accepted_answers_hours_later() {
    let asks = json!({ "a2a": { "state": "INPUT_REQUIRED", "question": "Which?" } });
    let server = Server::giving([accepted()]);
    let bed = patient(&server, true);
    let task = bed.send("hi").await.working();
    bed.advance(HOURS / 2).await;
    let task = answered(&bed, &server, &task, asks).await.input_required().saying("Which?");
    let first = url(&server);
    let task = bed.answer(&task, "that").await.working();
    assert_ne!(first, url(&server));
    let task = answered(&bed, &server, &task, json!({ "response": "late" })).await.completed();
    assert_eq!((output(&task), server.asked()), (vec!["response: late".to_owned()], 2), "{task}");
}

#[tokio::test]
async fn an_agent_with_a_callback_may_answer_at_once() {
    let server = Server::giving([whole(r#""now""#)]);
    let task = patient(&server, false).send("hi").await.completed();
    assert_eq!(output(&task), ["response: now"]);
}

#[tokio::test]
async fn each_late_answer_that_is_none_fails_the_task_once() {
    for (answer, said) in [
        (
            json!({ "error": "db at 10.0.0.7", "error_type": "OSError" }),
            "The agent failed (OSError).",
        ),
        (json!({ "a2a": { "state": "FAILED", "reason": "No." } }), "No."),
        (json!({ "a2a": { "state": "DONE" } }), "The agent's answer is malformed."),
    ] {
        let server = Server::giving([accepted()]);
        let bed = patient(&server, false);
        let task = bed.send("hi").await.working();
        let task = answered(&bed, &server, &task, answer).await.failed().saying(said);
        assert!(server.asked() == 1 && !task.to_string().contains("10.0.0.7"), "{task}");
    }
    let server = Server::giving([accepted()]);
    let bed = patient(&server, false);
    let task = bed.send("hi").await.working();
    bed.advance(HOURS * 2).await;
    bed.read(&task).await.failed().saying("The agent did not answer in time.");
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_changes_nothing() {
    let server = Server::giving([accepted()]);
    let crashes = at_every_crash(
        || patient(&server, false),
        async |bed| {
            let task = bed.send("hi").await.working();
            let task = answered(&bed, &server, &task, json!("late")).await.completed();
            assert_eq!(output(&task), ["response: late"], "{task}");
        },
    );
    assert!(crashes.await > 4);
}

#[tokio::test]
async fn calls_are_signed_as_pushes_are() {
    let keys = "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo";
    let keys = Arc::new(SigningKeys::parse(keys).unwrap());
    let server = Server::giving([Script::Down, whole(r#""a""#)]);
    let bed = bed(Calls { keys: keys.clone(), ..server.calls(Contract::AgentCore) });
    bed.send("hi").await.completed();
    let asked = server.asked.lock().unwrap();
    let [first, second] = &asked[..] else { panic!("{} calls", asked.len()) };
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    let id = second.headers["webhook-id"].to_str().unwrap();
    let mut expected = HeaderMap::new();
    sign_request(&keys, id, bed.now(), &second.body, &mut expected).unwrap();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert_eq!(second.headers[name], expected[name], "{name}");
    }
}
