//! The proxy of a scripted remote agent, in a bed.

mod remote;
mod waits;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use a2a_lambda_core::{Agent as _, HOPS};
use a2a_lambda_https::{Answer, Request, Transport};
use a2a_lambda_protocol::{Struct, TaskState};
use a2a_lambda_signing::{SigningKey, canonical};
use a2a_lambda_testing::{Bed, Input, TaskView, at_every_crash};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use self::remote::{Remote, Said, Then, chunk, event, having, saying, status, task};
use super::A2aAgent;
use super::message::{hop_of, passed_on, why_not_pass_on};

/// A key of Ed25519: 32 times the letter A.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
-----END PRIVATE KEY-----";

/// The text of each of the task's artifacts.
fn output(task: &TaskView) -> Vec<String> {
    let artifacts = task.task().artifacts.iter();
    let texts = artifacts.map(|artifact| {
        let texts = artifact.parts.iter().filter_map(|part| part.as_text());
        format!("{}: {}", artifact.name, texts.collect::<String>())
    });
    texts.collect()
}

#[tokio::test]
async fn an_end_of_the_remote_task_is_the_end_of_the_task() {
    for (state, said, expected, told) in [
        ("COMPLETED", "", TaskState::Completed, ""),
        ("COMPLETED", "Done.", TaskState::Completed, "Done."),
        ("FAILED", "No paint.", TaskState::Failed, "No paint."),
        ("FAILED", "", TaskState::Failed, "The remote agent failed."),
        ("REJECTED", "Ugly.", TaskState::Rejected, "Ugly."),
        ("REJECTED", "", TaskState::Rejected, "The remote agent rejected the task."),
        ("CANCELED", "", TaskState::Failed, "The task was canceled at the remote agent."),
        ("INPUT_REQUIRED", "Red?", TaskState::InputRequired, "Red?"),
        ("AUTH_REQUIRED", "Who?", TaskState::AuthRequired, "Who?"),
    ] {
        let settled = if said.is_empty() { task(state) } else { saying(state, said) };
        let settled = having(settled, &["oil"]);
        let begun = event(&task("SUBMITTED"));
        // As the answer, as the only event, by events, and by a poll.
        let at_once = Remote::new(false, false).with("SendMessage", [Said::Is(event(&settled))]);
        let first = Said::Stream(vec![event(&settled)], Then::Ends);
        let first = Remote::new(true, false).with("SendStreamingMessage", [first]);
        let events = vec![begun.clone(), chunk("oil", false, true), status(&settled)];
        let events = Said::Stream(events, Then::Ends);
        let events = Remote::new(true, false).with("SendStreamingMessage", [events]);
        let polled = Remote::new(false, false)
            .with("SendMessage", [Said::Is(begun)])
            .with("GetTask", [Said::Is(task("WORKING")), Said::Is(settled)]);
        for remote in [at_once, first, events, polled] {
            let bed = remote.bed();
            let mut task = bed.send("paint").await;
            if remote.asked("GetTask") > 0 {
                bed.advance(Duration::from_secs(6)).await;
                task = bed.settle(&task).await;
            }
            assert_eq!((task.state(), task.said().as_str()), (expected, told), "{task}");
            assert_eq!(output(&task), ["picture: oil"], "{task}");
        }
    }
}

#[tokio::test]
async fn chunks_and_words_pass_through_as_they_come() {
    let events = vec![
        event(&task("SUBMITTED")),
        status(&saying("WORKING", "mixing")),
        chunk("oil ", false, false),
        chunk("on ", true, false),
        chunk("wood", true, true),
        status(&saying("COMPLETED", "Done.")),
    ];
    let remote = Remote::new(true, true);
    let remote = remote.with("SendStreamingMessage", [Said::Stream(events, Then::Ends)]);
    let bed = remote.bed();
    let task = bed.send("paint").await.completed().saying("Done.");
    assert_eq!(output(&task), ["picture: oil on wood"]);
    let artifact = &task.task().artifacts[0];
    assert_eq!((artifact.artifact_id.as_str(), artifact.parts.len()), ("a", 3));
    assert_eq!(artifact.metadata, Some(Struct::parse(r#"{"m":4}"#).unwrap()));
    let told = serde_json::to_string(task.task()).unwrap();
    assert!(told.contains("mixing") && told.contains(r#""metadata":{"n":1}"#), "{told}");
    for theirs in [r#""r1""#, r#""rc""#] {
        assert!(!told.contains(theirs), "the ids of the remote task are not shown: {told}");
    }
    assert_eq!((remote.asked("GetTask"), remote.asked("SendStreamingMessage")), (0, 1));
    // The request that the remote agent received.
    let sent = remote.told("SendStreamingMessage");
    let message = &sent["message"];
    assert_eq!(message["parts"], json!([{ "text": "paint" }]));
    assert!(message.get("taskId").is_none(), "{sent}");
    let context = message["contextId"].as_str().unwrap();
    assert!(context.len() == 36 && context != task.task().context_id, "{sent}");
    assert_eq!(remote.headers("authorization"), ["Bearer hunter2"]);
    assert_eq!(remote.headers("a2a-hops"), [hop_of("https://agent.example")]);
    assert_eq!(remote.headers("idempotency-key")[0], message["messageId"].as_str().unwrap());
}

#[tokio::test]
async fn an_answer_without_a_task_is_one() {
    let message = json!({ "message": { "messageId": "m", "role": "ROLE_AGENT",
        "parts": [{ "text": "hello" }] } });
    let streams = Said::Stream(vec![message.clone()], Then::Ends);
    for remote in [
        Remote::new(false, false).with("SendMessage", [Said::Is(message)]),
        Remote::new(true, false).with("SendStreamingMessage", [streams]),
    ] {
        let task = remote.bed().send("hi").await.completed().saying("hello");
        assert!(task.to_string().contains("hello"), "{task}");
    }
}

#[tokio::test]
async fn an_answer_to_a_question_goes_to_the_same_remote_task() {
    let remote = Remote::new(false, false).with(
        "SendMessage",
        [
            Said::Is(event(&saying("INPUT_REQUIRED", "Which colour?"))),
            Said::Is(event(&having(task("COMPLETED"), &["red"]))),
        ],
    );
    let bed = remote.bed();
    let asked = bed.send("paint").await.input_required().saying("Which colour?");
    let first = remote.told("SendMessage")["message"].clone();
    let done = bed.answer(&asked, "red").await.completed();
    assert_eq!(output(&done), ["picture: red"]);
    let second = remote.told("SendMessage")["message"].clone();
    assert_eq!((&second["taskId"], &second["contextId"]), (&json!("r1"), &json!("rc")));
    assert_eq!(second["parts"], json!([{ "text": "red" }]));
    assert_ne!(first["messageId"], second["messageId"]);
}

/// How often a call is made for a fault of an agent that is not there, and for one of its own.
const PATIENT: usize = 12;
const FAILED: usize = 5;

#[tokio::test]
async fn each_way_to_fail_says_whose_fault_it_is() {
    let malformed = "The remote agent's answer is malformed.";
    let broke_off = "The remote agent broke off before its answer was complete.";
    let refused = |name: &str| format!("The remote agent refused the request ({name}).");
    let status_of =
        |status: u16| format!("The remote agent's server refused the request (status {status}).");
    let no_artifact_id = json!({ "task": { "id": "r1", "status": { "state": "TASK_STATE_COMPLETED" },
        "artifacts": [{ "artifactId": "", "parts": [{ "text": "x" }] }] } });
    for (said, text, asked) in [
        (Said::Down, "The remote agent cannot be reached.".to_owned(), PATIENT),
        (Said::Hangup, broke_off.to_owned(), PATIENT),
        (Said::Late, "The remote agent did not answer in time.".to_owned(), PATIENT),
        (Said::Http(403, "no"), status_of(403), 1),
        (Said::Http(503, "<"), status_of(503), PATIENT),
        (Said::Http(500, "<"), status_of(500), FAILED),
        (Said::Http(200, "<html>"), malformed.to_owned(), 1),
        (Said::Http(302, ""), malformed.to_owned(), 1),
        (Said::Error(-32603), refused("INTERNAL"), FAILED),
        (Said::Error(-32602), refused("INVALID_ARGUMENT"), 1),
        (Said::Error(-32005), refused("CONTENT_TYPE_NOT_SUPPORTED"), 1),
        (Said::Error(-1), refused("-1"), 1),
        (Said::Is(json!(7)), malformed.to_owned(), 1),
        (Said::Is(json!({ "task": { "id": "" } })), malformed.to_owned(), 1),
        (Said::Is(json!({ "task": { "id": "r1" } })), malformed.to_owned(), 1),
        (Said::Is(no_artifact_id), malformed.to_owned(), 1),
    ] {
        let remote = Remote::new(false, false).with("SendMessage", [said]);
        let task = remote.bed().send("hi").await.failed();
        assert_eq!((task.said(), remote.asked("SendMessage")), (text, asked), "{task}");
        let shown = task.to_string();
        assert!(!shown.contains("10.0.0.7") && !shown.contains("hunter2"), "{task}");
        let keys = remote.headers("idempotency-key");
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
    let other = chunk("x", false, false).to_string().replace("r1", "r2");
    let other = vec![event(&task("WORKING")), serde_json::from_str(&other).unwrap()];
    for (streamed, asked) in [
        (Said::Stream(vec![], Then::Ends), PATIENT),
        (Said::Stream(vec![], Then::Breaks), PATIENT),
        (Said::Stream(other, Then::Ends), 1),
        (Said::Stream(vec![json!({ "nothing": 1 })], Then::Ends), 1),
    ] {
        let remote = Remote::new(true, false).with("SendStreamingMessage", [streamed]);
        let task = remote.bed().send("hi").await.failed();
        assert_eq!(remote.asked("SendStreamingMessage"), asked, "one in each attempt: {task}");
    }
    for (change, text) in [
        (json!([]), "The remote agent's answer is malformed."),
        (
            json!([{ "url": "https://x.example", "protocolBinding": "GRPC", "protocolVersion": "1.0" }]),
            "The remote agent speaks no version of A2A that is known here.",
        ),
        (
            json!([{ "url": "http://10.0.0.7", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }]),
            "The remote agent's card names another server.",
        ),
    ] {
        let remote = Remote::new(false, false);
        remote.change_card(|card| card["supportedInterfaces"] = change);
        remote.bed().send("hi").await.failed().saying(text);
    }
}

#[tokio::test]
async fn at_most_once_a_message_that_may_have_arrived_is_not_sent_again() {
    for (said, asked, is_unknown) in [
        (Said::Hangup, 1, true),
        (Said::Late, 1, true),
        (Said::Http(502, ""), 1, true),
        (Said::Error(-32602), 1, false),
        (Said::Down, PATIENT, false),
    ] {
        let remote = Remote::new(false, false).with("SendMessage", [said]);
        let settings = super::Settings { once: true, ..remote.settings() };
        let task = Bed::new(Remote::agent(settings)).send("hi").await.failed();
        assert_eq!(task.said().contains("The outcome is unknown."), is_unknown, "{task}");
        assert!(remote.asked("SendMessage") <= asked, "{task}");
    }
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_changes_nothing() {
    let remote = || {
        let events = vec![event(&task("SUBMITTED")), chunk("oil ", false, false)];
        Remote::new(true, false)
            .with("SendStreamingMessage", [Said::Stream(events, Then::IsSilent)])
            .with(
                "SubscribeToTask",
                [Said::Stream(
                    vec![
                        event(&having(task("WORKING"), &["oil "])),
                        chunk("on wood", true, true),
                        status(&task("COMPLETED")),
                    ],
                    Then::Ends,
                )],
            )
            .with("GetTask", [Said::Is(having(task("COMPLETED"), &["oil ", "on wood"]))])
    };
    let crashes = at_every_crash(
        || remote().bed(),
        async |bed| {
            let task = bed.send("paint").await;
            bed.advance(Duration::from_mins(2)).await;
            let task = bed.settle(&task).await.completed();
            assert_eq!(output(&task), ["picture: oil on wood"], "{task}");
        },
    );
    assert!(crashes.await > 6);
}

#[tokio::test]
async fn messages_are_not_passed_on_in_a_circle() {
    let own = hop_of("https://agent.example");
    let hops = |named: &[&str]| named.iter().map(|hop| (*hop).to_owned()).collect::<Vec<_>>();
    assert_eq!(own, hop_of("https://agent.example/"));
    assert_eq!(why_not_pass_on(&hops(&["a", "b"]), &own), None);
    assert_eq!(passed_on(&hops(&["a", "b"]), &own), format!("a, b, {own}"));
    assert!(why_not_pass_on(&hops(&["a"; 7]), &own).is_none());
    for (made, why) in [(vec!["x"; 8], "Too many agents"), (vec!["x", &own], "in a circle")] {
        let remote = Remote::new(false, false);
        let input = Input::from("hi").with_metadata(&json!({ HOPS: made }).to_string());
        let task = remote.bed().send(input).await.rejected();
        assert!(task.said().contains(why), "{task}");
        assert_eq!(remote.asked("SendMessage"), 0);
    }
}

#[tokio::test]
async fn the_card_is_the_remote_agent_s() {
    let remote = Remote::new(true, true);
    let agent = Remote::agent(remote.settings());
    assert_eq!(agent.profile().name, "a2a", "nothing is known yet");
    assert!(agent.renew_profile().await);
    let profile = agent.profile();
    assert!(!agent.renew_profile().await);
    assert_eq!(remote.asked("card"), 1, "it is kept");
    assert_eq!((profile.name.as_str(), profile.version.as_str()), ("painter", "7"));
    assert_eq!(profile.provider.unwrap().organization, "Brush");
    assert_eq!(
        (profile.input_modes, profile.output_modes),
        (vec!["text/plain".to_owned()], vec!["image/png".to_owned()])
    );
    assert_eq!(profile.skills.len(), 1);
    assert!(profile.skills[0].security_requirements.is_empty(), "they are of other schemes");
    let extensions: Vec<_> = profile.extensions.iter().map(|it| it.uri.as_str()).collect();
    assert_eq!(extensions, ["https://e.example/x"]);
    // A turn has found the card, before anybody asked for it.
    let found = Remote::agent(remote.settings());
    assert_eq!(found.profile().name, "a2a");
    found.remote.find().await;
    assert!(found.renew_profile().await && found.profile().name == "painter");
    let gone = Remote::new(true, true).with("card", [Said::Down]);
    let agent = Remote::agent(gone.settings());
    assert!(!agent.renew_profile().await && !agent.renew_profile().await);
    assert_eq!(
        (agent.profile().name.as_str(), gone.asked("card")),
        ("a2a", 1),
        "not at each request"
    );
}

#[tokio::test]
async fn cards_are_not_asked_for_in_a_circle() {
    /// The remote agent asks this one for its card before it answers, as a proxy of it would.
    struct Circle(Arc<Remote>, OnceLock<Weak<A2aAgent>>);
    #[async_trait]
    impl Transport for Circle {
        async fn exchange(&self, request: &Request) -> Result<Answer, a2a_lambda_https::Error> {
            let agent = self.1.get().unwrap().upgrade().unwrap();
            assert!(!agent.renew_profile().await, "{:?}", agent.profile());
            self.0.exchange(request).await
        }
    }
    let remote = Remote::new(true, true);
    let circle = Arc::new(Circle(remote.clone(), OnceLock::new()));
    let settings = super::Settings { transport: circle.clone(), ..remote.settings() };
    let agent = Arc::new(Remote::agent(settings));
    circle.1.set(Arc::downgrade(&agent)).unwrap();
    // The clock of the waits is stopped, and goes on by itself when all wait.
    tokio::time::pause();
    agent.renew_profile().await;
    assert_eq!(remote.asked("card"), 1, "one request at a time");
    let hop = hop_of("https://agent.example");
    assert_eq!(remote.headers_of("card", "a2a-hops"), [hop], "a proxy there does not ask on");
    // Clients that come at the same time have the same card.
    let remote = Remote::new(true, true);
    let agent = Remote::agent(remote.settings());
    tokio::join!(agent.renew_profile(), agent.renew_profile(), agent.renew_profile());
    assert_eq!((remote.asked("card"), agent.profile().name.as_str()), (1, "painter"));
}

#[tokio::test]
async fn what_the_remote_agent_repeats_of_the_user_is_no_word_of_its_own() {
    let mut repeats = saying("SUBMITTED", "paint");
    repeats["status"]["message"]["role"] = json!("ROLE_USER");
    let said = [repeats, saying("WORKING", "Mixing."), task("COMPLETED")];
    let events = said.iter().map(status).collect();
    let remote = Remote::new(true, false);
    let remote = remote.with("SendStreamingMessage", [Said::Stream(events, Then::Ends)]);
    let task = remote.bed().send("paint").await.completed();
    assert_eq!(task.history(), ["user: paint", "agent: Mixing."]);
}

#[tokio::test]
async fn a_card_that_must_be_signed_is_trusted_by_its_signature_only() {
    let key = SigningKey::from_pem(KEY).unwrap();
    let set = json!({ "keys": [key.public_jwk("k1")] }).to_string();
    let card_keys = Some(Arc::new(super::card_keys(&set).unwrap()));
    let untrusted = "The remote agent's card is not trusted.";
    for (is_signed, changed, keys, said) in [
        (true, false, &card_keys, None),
        (true, true, &card_keys, Some(untrusted)),
        (false, false, &card_keys, Some(untrusted)),
        (false, false, &None, None),
    ] {
        let done = [Said::Is(event(&task("COMPLETED")))];
        let remote = Remote::new(false, false).with("SendMessage", done);
        remote.change_card(|card| {
            if is_signed {
                let protected = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"k1"}"#);
                let signed = URL_SAFE_NO_PAD.encode(canonical(card).unwrap());
                let signature = key.sign(format!("{protected}.{signed}").as_bytes()).unwrap();
                let signature = URL_SAFE_NO_PAD.encode(signature);
                card["signatures"] = json!([{ "protected": protected, "signature": signature }]);
            }
            if changed {
                card["supportedInterfaces"][0]["url"] = json!("https://agent.example/other");
            }
        });
        let settings = super::Settings { card_keys: keys.clone(), ..remote.settings() };
        let task = Bed::new(Remote::agent(settings)).send("paint").await;
        match said {
            None => drop(task.completed()),
            Some(said) => drop(task.failed().saying(said)),
        }
        assert_eq!(remote.asked("SendMessage"), usize::from(said.is_none()));
    }
    for set in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AA"}]}"#] {
        assert!(super::card_keys(set).is_err(), "{set}");
    }
}

#[test]
fn the_log_has_no_credentials() {
    let log = |authorization: &str, text: &str| {
        let place = super::Place::parse("https://agent.example").unwrap();
        let authorization = Some(authorization.to_owned());
        super::Remote::new(Remote::new(false, false), authorization, None, 1024, &place)
            .redacted(text.to_owned())
    };
    assert_eq!(
        log("Bearer hunter2", "no: Bearer hunter2, hunter2"),
        "no: Bearer <secret>, <secret>"
    );
    assert_eq!(log("hunter2", "no: hunter2"), "no: <secret>");
    assert_eq!(log("Bearer ", "no"), "no");
}
