//! A task's updates as they come, until it is over.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::scripted::{Answer, Scripted, chunk, status, task};
use crate::{run, started};

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_is_shown_before_the_next_one_comes() {
    for (command, path) in
        [(["stream", "hi"], "/message:stream"), (["watch", "t"], "/tasks/t:subscribe")]
    {
        let events = vec![
            task("WORKING", &[]),
            chunk("a", "answer", "one ", false),
            chunk("a", "answer", "two", true),
            status("COMPLETED"),
        ];
        let agent = Scripted::start(true, [(path, Answer::Events(events))]).await;
        agent.events.forget_permits(usize::MAX);
        let mut child = started(&[command[0], &agent.url, command[1]], &[]);
        let mut out = child.stdout.take().unwrap();
        for shown in ["task t of context c\nWORKING\n", "answer: one ", "two", "\nCOMPLETED\n"] {
            agent.events.add_permits(1);
            let mut read = vec![0; shown.len()];
            let reading = out.read_exact(&mut read);
            let reading = tokio::time::timeout(Duration::from_secs(30), reading).await;
            reading.expect("it comes before the next event").unwrap();
            assert_eq!(String::from_utf8(read).unwrap(), shown, "{command:?}");
        }
        assert!(child.wait().await.unwrap().success());
        assert_eq!(agent.left(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn send_goes_on_when_the_agent_ends_its_wait() {
    let done = || task("COMPLETED", &[("a", "answer", "yes")]);
    let whole = |state| Answer::Json(200, task(state, &[])["task"].take());
    let sent = || ("/message:send", Answer::Json(200, task("WORKING", &[])));
    let subscribed = |events| ("/tasks/t:subscribe", Answer::Events(events));
    let read = || ("/tasks/t", Answer::Json(200, done()["task"].take()));
    let shown = "task t of context c\nanswer: yes\nCOMPLETED\n";
    for (case, streaming, answers, out, code) in [
        (
            "a subscription",
            true,
            vec![sent(), subscribed(vec![task("WORKING", &[]), status("COMPLETED")]), read()],
            shown,
            0,
        ),
        ("no streams", false, vec![sent(), read(), read()], shown, 0),
        ("no such path", true, vec![sent(), read(), read()], shown, 0),
        (
            "a busy server",
            true,
            vec![sent(), ("/tasks/t:subscribe", Answer::Json(503, json!({}))), read(), read()],
            shown,
            0,
        ),
        (
            "a failure",
            true,
            vec![sent(), subscribed(vec![status("FAILED")]), ("/tasks/t", whole("FAILED"))],
            "task t of context c\nFAILED\n",
            1,
        ),
        (
            "a question",
            false,
            vec![
                sent(),
                ("/tasks/t", whole("AUTH_REQUIRED")),
                ("/tasks/t", whole("AUTH_REQUIRED")),
            ],
            "task t of context c\nAUTH_REQUIRED\n",
            0,
        ),
    ] {
        let agent = Scripted::start(streaming, answers).await;
        let ran = run(&["send", &agent.url, "hi"], &[], "").await;
        assert_eq!((ran.out.as_str(), ran.code), (out, code), "{case}: {ran:?}");
        assert_eq!((ran.err.as_str(), agent.left()), ("", 0), "{case}");
    }
    let agent = Scripted::start(false, [sent(), read(), read()]).await;
    let ran = run(&["send", &agent.url, "hi", "--json"], &[], "").await;
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), done(), "one document");
    let agent = Scripted::start(false, [sent(), read()]).await;
    let ran = run(&["send", &agent.url, "hi", "--no-wait"], &[], "").await;
    assert_eq!((ran.out.as_str(), agent.left()), ("task t of context c\nWORKING\n", 1));
    let agent = Scripted::start(false, [sent(), read()]).await;
    let ran = run(&["stream", &agent.url, "hi"], &[], "").await;
    assert_eq!(ran.out, format!("task t of context c\nWORKING\n{shown}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_keeps_its_name_when_a_chunk_does_not_repeat_it() {
    let chunks = |first| {
        let rest = [
            chunk("1-2", "note", "n", false),
            chunk("1-1", "", "y", true),
            status("WORKING"),
            chunk("1-1", "", "z", true),
            chunk("1-3", "", "no name", false),
            status("COMPLETED"),
        ];
        Answer::Events([first].into_iter().chain(rest).collect())
    };
    let shown = "note: n\nresponse: y\nWORKING\nresponse: z\n1-3: no name\nCOMPLETED\n";
    let known = task("WORKING", &[("1-1", "response", "x")]);
    let read = ("/tasks/t", Answer::Json(200, known["task"].clone()));
    let begun = "task t of context c\nresponse: x\nWORKING\n";
    let subscribed = |first| ("/tasks/t:subscribe", chunks(first));
    let named = || chunk("1-1", "response", "x", false);
    for (words, answers, begin) in [
        (&["stream", "hi"][..], vec![("/message:stream", chunks(named()))], "response: x\n"),
        (&["watch", "t"], vec![subscribed(known)], begun),
        (
            &["watch", "t", "--after", "7"],
            vec![read, subscribed(chunk("1-1", "", "x", true))],
            "response: x\n",
        ),
    ] {
        let agent = Scripted::start(true, answers).await;
        let ran = run(&[&[words[0], &agent.url], &words[1..]].concat(), &[], "").await;
        assert_eq!(ran.out, format!("{begin}{shown}"), "{ran:?}");
        assert_eq!(agent.left(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_names_the_task_and_how_to_go_on_only_where_a_task_is_known() {
    let refused = || {
        let body = json!({"error": {"code": 404, "message": "gone", "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TASK_NOT_FOUND",
            "domain": "a2a-protocol.org"}]}});
        Answer::Json(404, body)
    };
    let working = || Answer::Json(200, task("WORKING", &[]));
    let events = |first: &[Value]| Answer::Events(first.to_vec());
    let hint = "\n`watch URL t` goes on with it\n";
    for (command, streaming, answers, begin, end) in [
        (
            "stream",
            true,
            vec![("/message:stream", events(&[]))],
            "the stream is incomplete",
            "incomplete\n",
        ),
        (
            "stream",
            true,
            vec![
                ("/message:stream", events(&[task("WORKING", &[])])),
                ("/tasks/t:subscribe", Answer::Json(200, json!({}))),
            ],
            "no more is known of task t: ",
            hint,
        ),
        (
            "send",
            true,
            vec![
                ("/message:send", working()),
                ("/tasks/t:subscribe", Answer::Json(200, json!({}))),
            ],
            "no more is known of task t: ",
            hint,
        ),
        (
            "send",
            false,
            vec![("/message:send", working()), ("/tasks/t", Answer::Json(401, json!({})))],
            "no more is known of task t: the agent's server answers HTTP 401",
            "\nset A2A_BEARER, or give --bearer-file or --header-file\n",
        ),
        (
            "send",
            false,
            vec![("/message:send", working()), ("/tasks/t", refused())],
            "no more is known of task t: the agent refuses: gone",
            "gone\n",
        ),
    ] {
        let agent = Scripted::start(streaming, answers).await;
        let ran = run(&[command, &agent.url, "hi"], &[], "").await;
        assert!(ran.err.starts_with(begin) && ran.err.ends_with(end), "{command}: {ran:?}");
        assert_eq!((ran.err.contains("watch URL"), ran.code), (end == hint, 1), "{ran:?}");
    }
}
