//! The outcomes of requests.

use std::time::Duration;

use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Command, Engine};
use a2a_lambda_protocol::TaskState;
use a2a_lambda_testing::{Fault, VaultFault};
use a2a_lambda_webhook_function::{Context, MAX_BODY_BYTES};

use crate::support::World;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test(start_paused = true)]
async fn the_first_answer_counts_and_can_be_repeated() {
    let world = World::new().await;
    for (below, body, status, said) in [
        ("", "{", 400, "INVALID_ARGUMENT"),
        ("x", "true", 404, "NOT_FOUND"),
        ("/other", "true", 404, "NOT_FOUND"),
        ("/heartbeat", "", 200, r#"{"result":"extended"}"#),
        ("", r#"{"approved": true}"#, 200, r#"{"result":"answered"}"#),
        ("/", r#"{"approved":true}"#, 200, r#"{"result":"repeated"}"#),
        ("/heartbeat", "", 200, r#"{"result":"repeated"}"#),
        ("", r#"{"approved":false}"#, 409, "ALREADY_EXISTS"),
        ("/fail", "\"closed\"", 409, "ALREADY_EXISTS"),
    ] {
        let answer = world.post(below, body).await;
        assert_eq!(answer.status, status, "{below} {body}: {answer:?}");
        assert!(answer.body.contains(said), "{below} {body}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(world.run().await, (TaskState::Completed, r#"{"approved":true}"#.to_owned()));
    assert_eq!(world.post("", r#"{"approved":true}"#).await.status, 200, "after the end, too");
    assert_eq!(world.post("", "1").await.status, 409);
}

#[tokio::test(start_paused = true)]
async fn the_other_side_gives_up_and_says_why() {
    let world = World::new().await;
    for _ in 0..2 {
        assert_eq!(world.post("/fail", r#"{"reason":"closed"}"#).await.status, 200);
    }
    assert_eq!(world.run().await, (TaskState::Completed, "gave up: closed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn another_agent_pushes_its_progress_and_its_end() {
    let world = World::new().await;
    let event = |state: &str| {
        format!(
            r#"{{"statusUpdate":{{"taskId":"t","contextId":"c","status":{{"state":"{state}"}}}}}}"#
        )
    };
    let a2a = [("content-type", "application/a2a+json")];
    for (state, said) in [
        ("TASK_STATE_WORKING", "extended"),
        ("TASK_STATE_COMPLETED", "answered"),
        ("TASK_STATE_COMPLETED", "repeated"),
    ] {
        tokio::time::advance(Duration::from_mins(50)).await;
        let answer = world.send("POST", &world.path, &a2a, &event(state)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains(said), "{answer:?}");
    }
    let (state, text) = world.run().await;
    assert_eq!((state, text), (TaskState::Completed, event("TASK_STATE_COMPLETED")));
}

#[tokio::test(start_paused = true)]
async fn a_page_asks_and_its_form_answers() {
    let world = World::new().await;
    for method in ["GET", "HEAD"] {
        let page = world.send(method, &world.path, &[HTML], "").await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.header(name), value, "{page:?}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(page.body.contains("pay &#60;invoice&#62;") && !page.body.contains("<script"));
    }
    assert_eq!(world.told().await.0, TaskState::Working, "it changes nothing");
    let comment = "comment=&decision=decline";
    for (body, status, said) in [
        (comment, 200, "on its way"),
        (comment, 200, "given before"),
        ("comment=&decision=approve", 409, "Another answer"),
    ] {
        let answer = world.send("POST", &world.path, &[HTML, FORM], body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
        assert!(answer.body.contains(said), "{answer:?}");
    }
    let late = world.send("GET", &world.path, &[HTML], "").await;
    assert!(late.status == 410 && late.body.contains("This link is over"), "{late:?}");
    let answer = r#"{"comment":"","decision":"decline"}"#;
    assert_eq!(world.run().await, (TaskState::Completed, answer.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_of_pushes_is_challenged_by_its_url() {
    let world = World::new().await;
    let mut event = crate::support::event!("function-url");
    event["rawQueryString"] = "validationToken=to%20ken".into();
    for (path, status, body) in [
        (world.path.clone(), 200, "to ken"),
        // Nobody else's text is given back.
        ("/callbacks/forged".to_owned(), 404, ""),
    ] {
        event["rawPath"] = path.into();
        let answer = world.handle(&event).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 200 {
            assert_eq!(
                (&*answer.body, answer.header("content-type")),
                (body, "text/plain; charset=utf-8")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_requests_are_refused() {
    let world = World::new().await;
    let large = "x".repeat(MAX_BODY_BYTES + 1);
    let fail = format!("{}/fail", world.path);
    for (method, path, body, status, allowed) in [
        ("POST", &*world.path, &*large, 413, ""),
        ("PUT", &world.path, "1", 405, "GET, HEAD, POST"),
        ("OPTIONS", &world.path, "", 405, "GET, HEAD, POST"),
        ("GET", &fail, "", 405, "POST"),
        ("GET", "/", "", 404, ""),
        ("POST", "/callbacks/", "1", 404, ""),
        ("POST", "/callbacks/forged", "1", 404, ""),
        ("GET", "/callbacks/forged", "", 404, ""),
        ("POST", "/callbacks/%2e%2e/x\"y", "1", 404, ""),
    ] {
        let answer = world.send(method, path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("allow"), allowed, "{method}");
    }
    assert_eq!(world.told().await.0, TaskState::Working);
}

#[tokio::test(start_paused = true)]
async fn a_genuine_token_is_over_with_its_patience_or_its_task() {
    let (late, canceled) = (World::new().await, World::new().await);
    let found = canceled.engine.read(&canceled.key, Depth::Tail).await.unwrap().unwrap();
    canceled.engine.transact(found, Command::Cancel).await.unwrap();
    tokio::time::advance(Duration::from_mins(61)).await;
    for world in [late, canceled] {
        for below in ["", "/fail", "/heartbeat"] {
            assert_eq!(world.post(below, "1").await.status, 410, "{below}");
        }
        assert_eq!(world.send("GET", &world.path, &[], "").await.status, 410);
        assert_eq!(world.post("x", "1").await.status, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn where_something_fails_the_sender_may_try_again() {
    let world = World::new().await;
    let refuse = |fault: fn() -> Fault| world.doubles.store.plan(move |_| Some(fault()));
    let unavailable = async |what: &str, context: &Context| {
        let json = [("content-type", "application/json"), ("accept", "*/*")];
        let mut event = crate::support::event!("function-url");
        event["rawPath"] = world.path.clone().into();
        event["requestContext"]["http"]["method"] = "POST".into();
        event["headers"][json[0].0] = json[0].1.into();
        event["body"] = "1".into();
        let answer = crate::support::handled(&event, context, &world.engine).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{what}: {answer:?}");
    };
    refuse(|| Fault::Refuse);
    unavailable("the store refuses", &world.context).await;
    refuse(|| Fault::HangBefore);
    unavailable("the store hangs", &world.context).await;
    world.doubles.store.heal();
    world.doubles.vault.set_fault(Some(VaultFault::Unavailable));
    let engine = Engine { vault: world.doubles.vault.clone(), ..world.engine.clone() };
    unavailable("the key's keeper is away", &Context::new(engine)).await;
    assert_eq!(world.post("", "1").await.status, 200, "nothing was lost");
}
