//! Streams as clients see them: `SendStreamingMessage` and `SubscribeToTask`.

use std::time::Duration;

use a2a_lambda_core::{AgentProfile, End};
use a2a_lambda_http::{Body, HttpConfig};
use a2a_lambda_protocol::{Artifact, ErrorKind};
use a2a_lambda_testing::script;
use serde_json::{Value, json};

use crate::support::{
    BINDINGS, Binding, Event, Events, Item, World, call_request, follow_up, request, send,
    sending_text,
};

const SUBSCRIPTIONS: [(&str, &str); 4] = [("GET", ""), ("POST", ""), ("POST", "{}"), ("GET", "x")];

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::kind).collect()
}

fn last_state(events: &[Event]) -> &str {
    events.last().unwrap().state().unwrap()
}

#[tokio::test(start_paused = true)]
async fn first_the_task_then_its_updates_until_it_is_settled() {
    let (artifact, status) = ("artifactUpdate", "statusUpdate");
    for (text, kinds_after, state) in [
        ("tck-stream-001", &[status, artifact, status][..], "TASK_STATE_COMPLETED"),
        ("tck-stream-002", &[status, status], "TASK_STATE_COMPLETED"),
        ("tck-complete-task", &[status, status], "TASK_STATE_COMPLETED"),
        (
            "tck-stream-artifact-chunked",
            &[status, artifact, artifact, artifact, status],
            "TASK_STATE_COMPLETED",
        ),
        ("tck-input-required", &[status, status], "TASK_STATE_INPUT_REQUIRED"),
        ("tck-reject-task", &[status, status], "TASK_STATE_REJECTED"),
        ("test-resubscribe-message-id", &[status, status], "TASK_STATE_COMPLETED"),
    ] {
        for binding in BINDINGS {
            let world = World::new();
            let stream = world.stream(binding, "SendStreamingMessage", send(text)).await;
            let events = stream.rest().await;
            let first = &events[0].response["task"];
            assert_eq!(first["status"]["state"], "TASK_STATE_SUBMITTED", "{text}: {first}");
            assert_eq!(kinds(&events[1..]), kinds_after, "{binding:?} {text}");
            assert_eq!(last_state(&events), state, "{binding:?} {text}");
            assert!(events.windows(2).all(|two| two[0].id < two[1].id), "{events:?}");
            for event in &events[1..] {
                let update = &event.response[event.kind()];
                assert_eq!(update["taskId"], first["id"], "{update}");
                assert_eq!(update["contextId"], first["contextId"], "{update}");
            }
            let task = world.call(binding, "GetTask", json!({ "id": first["id"] })).await.ok();
            let last = events.last().unwrap();
            assert_eq!(task["status"], last.response["statusUpdate"]["status"], "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_is_the_only_event() {
    for binding in BINDINGS {
        let params = send("tck-message-response");
        let stream = World::new().stream(binding, "SendStreamingMessage", params).await;
        let events = stream.rest().await;
        assert_eq!(kinds(&events), ["message"], "{events:?}");
        let message = &events[0].response["message"];
        assert_eq!(message["parts"][0]["text"], "Direct message response");
        assert_eq!(message.get("taskId"), None, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_event_of_json_rpc_has_the_request_s_id_as_it_was_written() {
    for id in ["7", "\"r\"", "null", "1.50", "9007199254740993", r#""\u2028""#] {
        let params = send("tck-stream-001");
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"SendStreamingMessage","params":{params}}}"#
        );
        let response = World::new().json_rpc(body).await;
        let text = std::str::from_utf8(response.body()).unwrap();
        let data: Vec<_> = text.lines().filter(|line| line.starts_with("data: ")).collect();
        assert_eq!(data.len(), 4, "{text}");
        for line in data {
            let start = format!(r#"data: {{"jsonrpc":"2.0","id":{id},"result":{{""#);
            assert!(line.starts_with(&start), "{line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_kept_alive() {
    let config = HttpConfig { keep_alive: Duration::from_secs(1), ..HttpConfig::default() };
    for binding in BINDINGS {
        let world = World::with_config(config.clone());
        let params = send("test-resubscribe-message-id");
        let mut stream = world.stream(binding, "SendStreamingMessage", params).await;
        let start = tokio::time::Instant::now();
        let (mut comments, mut events, mut last) = (Vec::new(), Vec::new(), start);
        while let Some(item) = stream.next().await {
            match item {
                Item::KeepAlive => comments.push((last.elapsed(), start.elapsed())),
                Item::Event(event) => events.push(event),
            }
            last = tokio::time::Instant::now();
        }
        // The agent works for four seconds, the first of which is spent on whether it will answer
        // with a message.
        assert!((3..=4).contains(&comments.len()), "{binding:?}: {comments:?}");
        let second = Duration::from_secs(1);
        for (silence, _) in &comments {
            assert!(*silence >= second && *silence < second * 5 / 4, "{comments:?}");
        }
        assert_eq!(last_state(&events), "TASK_STATE_COMPLETED");
    }
}

#[tokio::test(start_paused = true)]
async fn without_silence_there_are_no_comments() {
    let world = World::new();
    let params = send("test-stream-ticks");
    let mut stream = world.stream(Binding::Rest, "SendStreamingMessage", params).await;
    while let Some(item) = stream.next().await {
        assert!(matches!(item, Item::Event(_)), "{item:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_begins_with_the_task_and_outlives_a_question() {
    for binding in BINDINGS {
        let (world, id) = World::with_task("tck-input-required").await;
        let mut stream = world.stream(binding, "SubscribeToTask", json!({ "id": id })).await;
        let first = stream.event().await.unwrap();
        assert_eq!(first.state(), Some("TASK_STATE_INPUT_REQUIRED"), "{first:?}");
        let answered = tokio::spawn({
            let world = world.clone();
            async move {
                tokio::time::sleep(Duration::from_mins(1)).await;
                world.call(binding, "SendMessage", follow_up(&id, "tck-complete-task")).await.ok()
            }
        });
        let rest = stream.rest().await;
        assert_eq!(last_state(&rest), "TASK_STATE_COMPLETED");
        answered.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn subscribing_has_two_methods_and_may_have_no_body() {
    for tenant in ["", "/acme"] {
        for (method, body) in SUBSCRIPTIONS {
            for end in ["", "/"] {
                let world = World::new();
                let message = send("tck-input-required").to_string();
                let target = format!("{tenant}/message:send");
                let sent = world.rest("POST", &target, &message).await.ok();
                let id = sent["task"]["id"].as_str().unwrap();
                let target = format!("{tenant}/tasks/{id}:subscribe{end}");
                let request = request(method, &target, body.into(), &[]);
                let mut stream = Events::of(Binding::Rest, json!(1), world.open(request).await);
                let first = stream.event().await.unwrap();
                assert_eq!(first.response["task"]["id"], id, "{method} {target}");
            }
        }
    }
    let answer = World::new().rest("POST", "/tasks/t:subscribe", "not JSON").await;
    answer.refused_as(ErrorKind::JsonParse, "a body that is there is read");
}

#[tokio::test(start_paused = true)]
async fn an_error_before_a_stream_is_an_ordinary_answer() {
    use ErrorKind::{InvalidParams, TaskNotFound, UnsupportedOperation};
    let (world, over) = World::with_task("tck-complete-task").await;
    for (operation, params, kind) in [
        ("SendStreamingMessage", json!({}), InvalidParams),
        ("SendStreamingMessage", follow_up("unknown", "hi"), TaskNotFound),
        ("SendStreamingMessage", follow_up(&over, "hi"), UnsupportedOperation),
        ("SubscribeToTask", json!({ "id": "unknown" }), TaskNotFound),
        ("SubscribeToTask", json!({ "id": over }), UnsupportedOperation),
    ] {
        for binding in BINDINGS {
            let request = call_request(binding, operation, params.clone(), &[]);
            let response = world.open(request).await;
            assert!(matches!(response.body(), Body::Whole(_)), "{operation}: {response:?}");
            // The form of an error is checked on the way.
            world.call(binding, operation, params.clone()).await.refused_as(kind, operation);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn user_data_keeps_all_its_lines() {
    let text =
        "a\nb\r\nc\rd\u{b}\u{c}\u{85}\u{2028}\u{2029}\u{1c}\u{0}\u{7f}\"\\ data: x\n\nid: 9\n\n:";
    // Between tokens a line end is white space, and not escaped.
    let data = "{\"a\" :\r\n\t[1 ,\n\n2],\r\"\u{2028}\": \"\u{85}ü𝄞\u{2029}\\n\\u2028\"}";
    let part = json!({ "text": text });
    let params = format!(
        r#"{{"message":{{"messageId":"m","role":"ROLE_USER","parts":[{part},{{"data":{data}}}]}}}}"#
    );
    // Shows the parts of its message as an artifact, as they are.
    let mirror = script!(|turn, _| {
        let parts =
            turn.messages().iter().flat_map(|message| message.parts.clone()).collect::<Vec<_>>();
        turn.artifact(Artifact::new(turn.artifact_id(), parts)).await?;
        Ok(End::completed())
    });
    let mut profile = AgentProfile::text("mirror", "gives back what it is given", "1");
    profile.input_modes = vec!["*/*".to_owned()];
    let mirror = mirror.with_profile(profile);
    for binding in BINDINGS {
        let world = World::with_agent(mirror.clone());
        let request = sending_text(binding, "SendStreamingMessage", &params);
        let response = world.open(request).await;
        let events = Events::of(binding, json!("r1"), response).rest().await;
        let parts = json!([{ "text": text }, {
            "data": serde_json::from_str::<Value>(data).unwrap()
        }]);
        assert_eq!(kinds(&events), ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]);
        assert_eq!(events[0].response["task"]["history"][0]["parts"], parts);
        assert_eq!(events[2].response["artifactUpdate"]["artifact"]["parts"], parts);
    }
}
