//! The pushes that receivers get: tasks, updates, messages, in either version of A2A.

use a2a_lambda_core::log::fold;
use a2a_lambda_core::operations::SendOptions;
use a2a_lambda_core::push::Origin;
use a2a_lambda_core::{Delivered, End, Policy, TraceContext};
use a2a_lambda_protocol::{
    Artifact, Part, SendMessageConfiguration, SendMessageRequest, SendMessageResponse,
    StreamResponse, TaskPushNotificationConfig,
};

use super::{config, sent, url};
use crate::delivery::streams;
use crate::support::{Manner, World, answers_after, millis, script, secs, user};

#[tokio::test(start_paused = true)]
async fn the_bodies_are_those_of_a_stream() {
    let world = World::new(streams(&["a", "b"], 100));
    let key = world.attended_for("hook").await;
    let snapshot = world.snapshot(&key).await;
    let head = &snapshot.head;
    let first = StreamResponse::Task(fold(head, &snapshot.tail[..1]));
    let rest = snapshot.tail.iter().filter_map(|entry| entry.to_stream(head));
    let expected: Vec<_> = std::iter::once(first)
        .chain(rest)
        .map(|response| serde_json::to_string(&response).unwrap())
        .collect();
    let arrived = world.receivers.arrived(&url("hook"));
    let bodies: Vec<_> = arrived
        .iter()
        .map(|arrived| String::from_utf8(arrived.push.body.clone()).unwrap())
        .collect();
    assert_eq!(bodies, expected);
    for arrived in &arrived {
        assert_eq!(arrived.push.content_type, "application/a2a+json");
        assert_eq!(arrived.push.timeout, Policy::default().push_timeout);
        assert_eq!(arrived.push.at, arrived.at);
        let id = &arrived.push.id;
        assert!(id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    }
}

#[cfg(feature = "v0_3")]
#[tokio::test(start_paused = true)]
async fn in_0_3_it_is_the_whole_task_each_time() {
    let world = World::new(streams(&["a", "b"], 100));
    let options =
        SendOptions { version: a2a_lambda_core::ProtocolVersion::V0_3, ..SendOptions::default() };
    let key = world.submit_with(user("go"), config("hook"), &options).await;
    world.attend(&key).await;
    let snapshot = world.snapshot(&key).await;
    let whole = |through: usize| {
        let task = fold(&snapshot.head, &snapshot.tail[..through]);
        serde_json::to_string(&a2a_lambda_protocol::v0_3::Task::from(task)).unwrap()
    };
    let arrived = world.receivers.arrived(&url("hook"));
    let bodies: Vec<_> = arrived
        .iter()
        .map(|arrived| String::from_utf8(arrived.push.body.clone()).unwrap())
        .collect();
    assert_eq!(bodies, [whole(1), whole(2), whole(3), whole(4), whole(5)]);
    assert!(arrived.iter().all(|arrived| arrived.push.content_type == "application/json"));
}

#[tokio::test(start_paused = true)]
async fn a_switched_off_push_of_the_task_is_not_sent() {
    let world = World::under(|policy| policy.push_task = false).with(streams(&["a", "b"], 100));
    let key = world.attended_for("hook").await;
    let all = ["status WORKING", "artifact \"a\"", "artifact \"b\"", "status COMPLETED"];
    assert_eq!(world.told("hook"), all);
    // One that is made when all is over has nothing to be sent.
    world.register(&key, "late").await;
    assert_eq!(world.deliver(&key).await, sent(0));
    assert_eq!(world.head(&key).await.mark(), None);

    let world =
        World::under(|policy| policy.push_artifacts = false).with(streams(&["a", "b"], 100));
    let key = world.attended_for("hook").await;
    assert_eq!(world.told("hook"), ["task SUBMITTED", "status WORKING", "status COMPLETED"]);
    assert_eq!(world.head(&key).await.mark(), None);
}

/// A sender that may be answered directly, and waits for it.
async fn waits(world: &World) -> SendMessageResponse {
    let configuration = SendMessageConfiguration {
        task_push_notification_config: Some(config("hook")),
        ..SendMessageConfiguration::default()
    };
    let request = SendMessageRequest::of(user("go"), configuration);
    let options = SendOptions { may_answer_directly: true, ..SendOptions::default() };
    let operations = world.operations();
    let alice = World::alice();
    let sending = Box::pin(operations.send(&alice, request, &options));
    world.served(async { sending.await.unwrap() }).await
}

#[tokio::test(start_paused = true)]
async fn of_a_direct_message_the_receiver_hears_as_the_sender_does() {
    for wait_ms in [0, 500, 5_000, 20_000] {
        let world = World::new(answers_after(wait_ms));
        let SendMessageResponse::Message(answer) = waits(&world).await else { panic!("a task") };
        tokio::time::sleep(secs(1)).await;
        assert_eq!(world.told("hook"), ["message \"just this\""], "after {wait_ms} ms");
        let body = &world.receivers.arrived(&url("hook"))[0].push.body;
        let expected = serde_json::to_vec(&StreamResponse::Message(answer)).unwrap();
        assert_eq!(*body, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_message_that_comes_too_late_is_a_task_to_the_receiver_too() {
    let world = World::new(answers_after(40_000));
    let begin = world.passed();
    assert!(matches!(waits(&world).await, SendMessageResponse::Task(_)));
    assert_eq!(world.passed().saturating_sub(begin).as_secs(), 25);
    let key = world.list_one().await;
    // The runner that began is dead: the receiver still learns of the wait's end.
    world.live(&key, secs(120)).await;
    let told = world.told("hook");
    assert_eq!(told, ["task SUBMITTED", "status WORKING", "status COMPLETED"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_shows_something_is_pushed_at_once() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(secs(2)).await;
        turn.progress("half").await?;
        turn.sleep(secs(10)).await;
        Ok(End::completed())
    }));
    waits(&world).await;
    tokio::time::sleep(secs(1)).await;
    let arrived = world.receivers.arrived(&url("hook"));
    assert_eq!(arrived[0].told(), "task SUBMITTED");
    assert!(arrived[2].at <= crate::support::TestClock::START.saturating_add(millis(2_500)));
}

#[tokio::test(start_paused = true)]
async fn chunks_are_sent_as_one_up_to_a_number_and_a_size() {
    for (adjust, expected) in [
        ((|policy| policy.push_chunks = 2) as fn(&mut Policy), ["a", "bc", "de", "f"]),
        (|policy| policy.push_bytes = 1, ["a", "b", "c", "d"]),
    ] {
        let world = World::under(adjust).with(streams(&["a", "b", "c", "d", "e", "f"], 100));
        world.receivers.script(&url("hook"), |n| {
            if n == 3 { Manner::Slow(secs(5)) } else { Manner::Answers(200) }
        });
        world.attended_for("hook").await;
        let expected = expected.map(|text| format!("artifact {text:?}"));
        assert_eq!(world.told("hook")[2..6], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn only_chunks_of_one_artifact_that_follow_each_other_are_one() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(millis(10)).await;
        let (mut one, mut two) = (turn.chunked("one"), turn.chunked("two"));
        one.push(vec![Part::text("a")]).await?;
        one.push(vec![Part::text("b")]).await?;
        two.push(vec![Part::text("c")]).await?;
        two.finish(vec![Part::text("d")]).await?;
        turn.progress("half").await?;
        one.finish(vec![Part::text("e")]).await?;
        Ok(End::completed())
    }));
    let key = world.attended_for("hook").await;
    let told = world.told("hook");
    let expected = [
        "task SUBMITTED",
        "status WORKING",
        "artifact \"ab\"",
        "artifact \"cd\"",
        "status WORKING",
        "artifact \"e\"",
        "status COMPLETED",
    ];
    assert_eq!(told, expected);
    let arrived = world.receivers.arrived(&url("hook"));
    let chunk = |n: usize| arrived[n].json()["artifactUpdate"].clone();
    assert_eq!((chunk(2).get("lastChunk"), chunk(2).get("append")), (None, None));
    assert_eq!(chunk(3)["lastChunk"], true);
    assert_eq!((&chunk(5)["append"], &chunk(5)["lastChunk"]), (&true.into(), &true.into()));
    assert_eq!(world.deliver(&key).await, Delivered::Nothing);
}

#[tokio::test(start_paused = true)]
async fn an_artifact_that_takes_the_place_of_another_is_not_appended_to_it() {
    let world = World::new(script!(|turn, _| {
        turn.sleep(millis(10)).await;
        for text in ["a", "b"] {
            turn.artifact(Artifact::new("one", [Part::text(text)])).await?;
        }
        Ok(End::completed())
    }));
    world.attended_for("hook").await;
    assert_eq!(world.told("hook")[2..4], ["artifact \"a\"", "artifact \"b\""]);
}

#[tokio::test(start_paused = true)]
async fn pushes_belong_to_the_trace_of_the_request_that_made_their_config() {
    let world = World::new(streams(&[], 100));
    let trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let options = SendOptions { trace: trace.clone(), ..SendOptions::default() };
    let key = world.submit_with(user("go"), config("inline"), &options).await;
    let task_id = key.task.as_str().to_owned();
    let made = TaskPushNotificationConfig { task_id, ..config("made") };
    let origin = Origin { trace, ..Origin::default() };
    world.operations().create_push_config(&World::alice(), made, origin).await.unwrap();
    world.register(&key, "untraced").await;
    world.attend(&key).await;
    for name in ["inline", "made"] {
        let arrived = world.receivers.arrived(&url(name));
        let mut spans: Vec<_> =
            arrived.iter().map(|it| it.push.traceparent.clone().unwrap()).collect();
        let of_trace = |span: &String| span.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-");
        assert!(spans.iter().all(of_trace), "{spans:?}");
        spans.dedup();
        assert_eq!(spans.len(), 3, "each is a span of its own: {spans:?}");
    }
    assert!(
        world.receivers.arrived(&url("untraced")).iter().all(|it| it.push.traceparent.is_none())
    );
}
