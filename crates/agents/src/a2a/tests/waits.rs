//! Waiting for a remote task: by pushes, by polls, and not at all once it is canceled or forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use a2a_lambda_testing::Bed;
use serde_json::{Value, json};

use super::output;
use super::remote::{Remote, Said, Then, chunk, event, having, saying, status, task};
use crate::a2a::Settings;

#[tokio::test]
async fn nothing_runs_between_polls() {
    let remote = Remote::new(false, true)
        .with("SendMessage", [Said::Is(event(&task("SUBMITTED")))])
        .with("GetTask", [Said::Is(task("WORKING"))]);
    let bed = remote.builder().policy(|policy| policy.callback_url = None).build();
    let task_ = bed.send("paint").await;
    let mut polls = vec![remote.asked("GetTask")];
    for seconds in [4, 2, 8, 2, 20, 40] {
        bed.advance(Duration::from_secs(seconds)).await;
        polls.push(remote.asked("GetTask"));
    }
    // At once, and after 5 s, 15 s, 35 s and 75 s.
    assert_eq!(polls, [1, 1, 2, 2, 3, 4, 5], "{:?}", bed.steps());
    remote.says("GetTask", [Said::Is(having(saying("WORKING", "half"), &["oil"]))]);
    bed.advance(Duration::from_secs(90)).await;
    let half = bed.read(&task_).await;
    assert_eq!((half.said().as_str(), output(&half)), ("half", vec!["picture: oil".to_owned()]));
    remote.says("GetTask", [Said::Is(having(task("COMPLETED"), &["oil", " on wood"]))]);
    bed.advance(Duration::from_mins(5)).await;
    let done = bed.settle(&task_).await.completed();
    assert_eq!(output(&done), ["picture: oil on wood"]);
    let appended = done.events().iter().filter(|event| event.contains("+  on wood")).count();
    assert_eq!(appended, 1, "only the rest is shown: {:?}", done.events());
    let chunks = ["a: oil", "a+  on wood."].map(|chunk| done.events().contains(&chunk.to_owned()));
    assert_eq!(chunks, [true; 2], "the last chunk comes with the end: {:?}", done.events());
    assert_eq!(remote.asked("SendMessage"), 1);
    assert_eq!(remote.asked("CreateTaskPushNotificationConfig"), 0, "there is no CALLBACK_URL");
}

#[tokio::test]
async fn a_push_wakes_the_task() {
    let remote = Remote::new(false, true)
        .with("SendMessage", [Said::Is(event(&task("SUBMITTED")))])
        .with(
            "CreateTaskPushNotificationConfig",
            [Said::Is(json!({ "id": "a2a-lambda", "url": "https://x" }))],
        )
        .with("GetTask", [Said::Is(task("WORKING"))]);
    let bed = remote.bed();
    let waiting = bed.send("paint").await;
    bed.advance(Duration::from_mins(4)).await;
    assert_eq!(remote.asked("GetTask"), 1, "nothing is polled meanwhile");
    let config = remote.told("CreateTaskPushNotificationConfig");
    assert_eq!(config["taskId"], "r1");
    remote.says("GetTask", [Said::Is(having(task("COMPLETED"), &["oil"]))]);
    let url = config["url"].as_str().unwrap();
    bed.answer_callback(url, &status(&task("COMPLETED"))).await;
    let done = bed.settle(&waiting).await.completed();
    assert_eq!(output(&done), ["picture: oil"]);
    // A push that is lost is made up for by a poll.
    let waiting = {
        remote.says("GetTask", [Said::Is(task("WORKING")), Said::Is(task("COMPLETED"))]);
        bed.send("paint").await
    };
    bed.advance(Duration::from_mins(6)).await;
    bed.settle(&waiting).await.completed();
    assert_eq!(remote.asked("CreateTaskPushNotificationConfig"), 2);
}

#[tokio::test]
async fn an_agent_that_takes_no_config_is_polled() {
    for refusal in [Said::Error(-32003), Said::Error(-32603), Said::Http(404, ""), Said::Down] {
        let remote = Remote::new(false, true)
            .with("SendMessage", [Said::Is(event(&task("SUBMITTED")))])
            .with("CreateTaskPushNotificationConfig", [refusal])
            .with("GetTask", [Said::Is(task("WORKING")), Said::Is(task("COMPLETED"))]);
        let bed = remote.bed();
        let waiting = bed.send("paint").await;
        bed.advance(Duration::from_secs(6)).await;
        bed.settle(&waiting).await.completed();
    }
}

#[tokio::test]
async fn a_stream_is_followed_for_a_time_and_then_left() {
    let begun = vec![event(&task("SUBMITTED")), chunk("oil", false, false)];
    let remote = Remote::new(true, false)
        .with("SendStreamingMessage", [Said::Stream(begun, Then::IsSilent)])
        .with(
            "GetTask",
            [
                Said::Is(having(task("WORKING"), &["oil"])),
                Said::Is(having(task("COMPLETED"), &["oil"])),
            ],
        );
    let bed = remote.bed();
    let waiting = bed.submit("paint").await;
    bed.advance(Duration::from_secs(50)).await;
    assert_eq!(remote.asked("GetTask"), 0);
    bed.advance(Duration::from_secs(15)).await;
    assert_eq!(remote.asked("GetTask"), 1, "it is a minute old");
    bed.advance(Duration::from_secs(15)).await;
    let done = bed.settle(&waiting).await.completed();
    assert_eq!(
        (output(&done), remote.asked("SubscribeToTask")),
        (vec!["picture: oil".to_owned()], 0)
    );
}

#[tokio::test]
async fn an_invocation_that_ends_hands_the_stream_on() {
    let begun = vec![event(&task("SUBMITTED"))];
    let on = vec![event(&task("WORKING")), chunk("oil", false, true), status(&task("COMPLETED"))];
    let remote = Remote::new(true, false)
        .with("SendStreamingMessage", [Said::Stream(begun, Then::IsSilent)])
        .with("SubscribeToTask", [Said::Stream(on, Then::Ends)])
        .with("GetTask", [Said::Is(having(task("COMPLETED"), &["oil"]))]);
    let bed = remote.builder().invocation(Duration::from_secs(30)).build();
    let done = bed.send("paint").await.completed();
    assert_eq!(output(&done), ["picture: oil"]);
    assert_eq!((remote.asked("SendStreamingMessage"), remote.asked("SubscribeToTask")), (1, 1));
}

#[tokio::test]
async fn a_cancel_is_passed_on_wherever_the_task_is() {
    let working = || {
        Remote::new(true, false)
            .with("SendMessage", [Said::Is(event(&task("WORKING")))])
            .with("GetTask", [Said::Is(task("WORKING"))])
    };
    let stream = Said::Stream(vec![event(&task("WORKING"))], Then::IsSilent);
    let asks = Said::Stream(vec![event(&saying("INPUT_REQUIRED", "?"))], Then::Ends);
    for (said, wait) in [(stream, 5), (asks, 5)] {
        let remote = working().with("SendStreamingMessage", [said]);
        // The remote server is down at first.
        let remote = remote.with("CancelTask", [Said::Down, Said::Is(task("CANCELED"))]);
        let bed = remote.bed();
        let begun = bed.submit("paint").await;
        bed.advance(Duration::from_secs(wait)).await;
        bed.cancel(&begun).await.canceled();
        bed.advance(Duration::from_mins(2)).await;
        assert_eq!(remote.told("CancelTask")["id"], "r1");
        assert!(remote.asked("CancelTask") >= 2);
    }
    // Between two polls, and of a task that the remote agent has ended, or forgotten, meanwhile.
    for answer in [Said::Is(task("CANCELED")), Said::Error(-32002), Said::Error(-32001)] {
        let remote = working().with("CancelTask", [answer]);
        let settings = Settings { stream_for: Duration::ZERO, ..remote.settings() };
        let bed = Bed::new(Remote::agent(settings));
        let begun = bed.send("paint").await;
        bed.cancel(&begun).await.canceled();
        bed.advance(Duration::from_mins(2)).await;
        // The signal of the next poll passes it on once more.
        assert_eq!(remote.asked("CancelTask"), 2);
    }
    // Nothing was sent yet.
    let remote = working();
    let bed = remote.bed();
    let submitted = bed.submit("paint").await;
    bed.cancel(&submitted).await.canceled();
    bed.advance(Duration::from_mins(2)).await;
    assert_eq!((remote.asked("CancelTask"), remote.asked("SendStreamingMessage")), (0, 0));
}

#[tokio::test]
async fn a_task_that_the_remote_agent_has_forgotten_fails_or_is_sent_again() {
    let forgets = || {
        Remote::new(false, false)
            .with("SendMessage", [Said::Is(event(&task("SUBMITTED")))])
            .with("GetTask", [Said::Is(task("WORKING")), Said::Error(-32001)])
    };
    let remote = forgets();
    let bed = remote.bed();
    let waiting = bed.send("paint").await;
    bed.advance(Duration::from_secs(20)).await;
    bed.settle(&waiting).await.failed().saying("The remote agent has forgotten the task.");
    assert_eq!(
        (remote.asked("SendMessage"), remote.asked("GetTask")),
        (1, 4),
        "it is asked thrice"
    );

    let remote = forgets();
    let again = having(task("COMPLETED"), &["oil"]);
    let again = json!({ "task": serde_json::from_str::<serde_json::Value>(&again.to_string().replace("r1", "r2")).unwrap() });
    remote.says("SendMessage", [Said::Is(event(&task("SUBMITTED"))), Said::Is(again)]);
    let bed = Bed::new(Remote::agent(Settings { sends_again: true, ..remote.settings() }));
    let waiting = bed.send("paint").await;
    bed.advance(Duration::from_secs(20)).await;
    let done = bed.settle(&waiting).await.completed();
    assert_eq!((output(&done), remote.asked("SendMessage")), (vec!["picture: oil".to_owned()], 2));
    let keys = remote.headers("idempotency-key");
    assert_ne!(keys[0], keys[1], "else the remote agent would find the task that it forgot");

    // The answer to a question comes too late: all that the user said goes along.
    for sends_again in [false, true] {
        let asks = Said::Is(event(&saying("INPUT_REQUIRED", "Which colour?")));
        let answers = [asks, Said::Error(-32001), Said::Is(event(&task("COMPLETED")))];
        let remote = Remote::new(false, false).with("SendMessage", answers);
        let bed = Bed::new(Remote::agent(Settings { sends_again, ..remote.settings() }));
        let asked = bed.send("paint").await.input_required();
        let done = bed.answer(&asked, "red").await;
        if sends_again {
            done.completed();
            let sent = remote.told("SendMessage")["message"].clone();
            assert!(sent.get("taskId").is_none(), "{sent}");
            assert_eq!(sent["parts"], json!([{ "text": "paint" }, { "text": "red" }]));
        } else {
            done.failed().saying("The remote agent has forgotten the task.");
        }
    }
}

#[tokio::test]
async fn what_a_forgotten_task_has_shown_is_taken_back() {
    let of_second = |task: Value| {
        let text = task.to_string().replace("r1", "r2");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let sketch = |task: Value| {
        let text = having(task, &["ink"]).to_string();
        let text = text.replace(r#""a""#, r#""s""#).replace("picture", "sketch");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    // The same artifact is replaced, and another one is empty.
    for (first, times, expected) in [
        (having(task("WORKING"), &["oil"]), 2, vec!["picture: oil on wood"]),
        (sketch(task("WORKING")), 1, vec!["picture: oil on wood", "sketch: "]),
    ] {
        let second = of_second(having(task("WORKING"), &["oil"]));
        let done = of_second(having(task("COMPLETED"), &["oil", " on wood"]));
        // The second is read in several turns, each of which asks for the first.
        let forgotten = || Said::Error(-32001);
        let gets = [
            vec![Said::Is(first)],
            vec![forgotten(), forgotten(), forgotten(), Said::Is(second.clone())],
            vec![forgotten(), forgotten(), forgotten(), Said::Is(second)],
            vec![forgotten(), forgotten(), forgotten(), Said::Is(done)],
        ];
        let begun = [task("SUBMITTED"), of_second(task("SUBMITTED"))];
        let remote = Remote::new(false, false)
            .with("SendMessage", begun.map(|begun| Said::Is(event(&begun))))
            .with("GetTask", gets.into_iter().flatten().collect::<VecDeque<_>>());
        let bed = Bed::new(Remote::agent(Settings { sends_again: true, ..remote.settings() }));
        let mut task = bed.send("paint").await;
        for _ in 0..4 {
            bed.advance(Duration::from_mins(1)).await;
            task = bed.settle(&task).await;
        }
        let task = task.completed();
        let mut output = output(&task);
        output.sort();
        assert_eq!(output, expected, "{task}");
        let shown = |word: &str| task.events().iter().filter(|it| it.contains(word)).count();
        assert_eq!((shown("oil"), shown("wood")), (times, 1), "{task}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_or_is_made_up_for() {
    let begun =
        || Said::Stream(vec![event(&task("SUBMITTED")), chunk("oil ", false, false)], Then::Breaks);
    let on = Said::Stream(
        vec![
            event(&having(task("WORKING"), &["oil "])),
            chunk("on wood", true, true),
            status(&task("COMPLETED")),
        ],
        Then::Ends,
    );
    for again in [on, Said::Error(-32004), Said::Http(404, "")] {
        let remote = Remote::new(true, false)
            .with("SendStreamingMessage", [begun()])
            .with("SubscribeToTask", [again])
            .with("GetTask", [Said::Is(having(task("COMPLETED"), &["oil ", "on wood"]))]);
        let done = remote.bed().send("paint").await.completed();
        assert_eq!(output(&done), ["picture: oil on wood"], "{:?}", done.events());
        assert_eq!(remote.asked("SendStreamingMessage"), 1);
    }
}
