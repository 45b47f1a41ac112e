//! Streams that go on where another was cut: `Last-Event-ID`.

use std::time::Duration;

use a2a_lambda_http::Body;
use a2a_lambda_protocol::ErrorKind;
use serde_json::json;

use crate::support::{BINDINGS, Binding, Event, World, call_request, follow_up, send, with};

const KEY: (&str, &str) = ("Idempotency-Key", "k1");

/// A stream that was read to its end, and its task's id.
async fn streamed(world: &World, binding: Binding, text: &str) -> (Vec<Event>, String) {
    let stream = world.stream_with(binding, "SendStreamingMessage", send(text), &[KEY]).await;
    let events = stream.rest().await;
    let id = events[0].response["task"]["id"].as_str().unwrap().to_owned();
    (events, id)
}

#[tokio::test(start_paused = true)]
async fn a_subscription_goes_on_behind_every_event_that_it_may_have_had() {
    for text in ["tck-stream-artifact-chunked", "tck-stream-001", "test-stream-ticks"] {
        for binding in BINDINGS {
            let world = World::new();
            let (events, id) = streamed(&world, binding, text).await;
            for had in 0..events.len() - 1 {
                let last = events[had].id.to_string();
                // The binding need not be the same, only the events are.
                for binding in BINDINGS {
                    let headers = [("Last-Event-ID", last.as_str())];
                    let params = json!({ "id": id });
                    let stream =
                        world.stream_with(binding, "SubscribeToTask", params, &headers).await;
                    assert_eq!(stream.rest().await, events[had + 1..], "{text} behind {last}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_repeated_under_its_key_goes_on_too() {
    for text in ["tck-stream-artifact-chunked", "tck-input-required"] {
        for binding in BINDINGS {
            let world = World::new();
            let (events, _) = streamed(&world, binding, text).await;
            for had in 0..events.len() {
                let last = events[had].id.to_string();
                let headers = [KEY, ("Last-Event-ID", last.as_str())];
                for binding in BINDINGS {
                    let stream = world
                        .stream_with(binding, "SendStreamingMessage", send(text), &headers)
                        .await;
                    assert_eq!(stream.rest().await, events[had + 1..], "{text} behind {last}");
                }
            }
            let listed = world.call(binding, "ListTasks", json!({})).await.ok();
            assert_eq!(listed["totalSize"], 1);
        }
    }
}

/// Over all its streams: a message has no event and takes no number.
#[tokio::test(start_paused = true)]
async fn the_events_of_a_task_with_two_follow_ups_are_numbered_without_a_gap() {
    let ids = |events: &[Event]| events.iter().map(|event| event.id).collect::<Vec<_>>();
    for binding in BINDINGS {
        let world = World::new();
        let (asked, id) = streamed(&world, binding, "tck-input-required").await;
        assert_eq!(ids(&asked), [1, 2, 3]);
        let params = json!({ "id": id });
        let mut whole = world.stream(binding, "SubscribeToTask", params.clone()).await;
        let mut events = vec![whole.event().await.unwrap()];
        for (text, expected) in
            [("tck-input-required", [3, 4, 5]), ("tck-complete-task", [5, 6, 7])]
        {
            let params = follow_up(&id, text);
            let stream = world.stream(binding, "SendStreamingMessage", params).await;
            assert_eq!(ids(&stream.rest().await), expected, "{text}");
        }
        events.extend(whole.rest().await);
        assert_eq!(ids(&events), [3, 4, 5, 6, 7]);
        for had in 1..7_u64 {
            let last = had.to_string();
            let headers = [("Last-Event-ID", last.as_str())];
            let stream =
                world.stream_with(binding, "SubscribeToTask", params.clone(), &headers).await;
            assert_eq!(ids(&stream.rest().await), (had + 1..=7).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_while_the_agent_works_misses_nothing() {
    for binding in BINDINGS {
        let world = World::new();
        let whole = {
            let (events, _) = streamed(&World::new(), binding, "test-stream-ticks").await;
            events
        };
        let params = send("test-stream-ticks");
        let mut stream = world.stream_with(binding, "SendStreamingMessage", params, &[KEY]).await;
        let mut had = vec![stream.event().await.unwrap()];
        let id = had[0].response["task"]["id"].clone();
        // One event of each stream, and then it is cut.
        loop {
            drop(stream);
            let last = had.last().unwrap().id.to_string();
            let headers = [("Last-Event-ID", last.as_str())];
            let params = json!({ "id": id });
            let request = call_request(binding, "SubscribeToTask", params, &headers);
            if matches!(world.open(request.clone()).await.body(), Body::Whole(_)) {
                break;
            }
            let params = json!({ "id": id });
            stream = world.stream_with(binding, "SubscribeToTask", params, &headers).await;
            had.push(stream.event().await.unwrap());
        }
        let kinds = |events: &[Event]| -> Vec<_> {
            events.iter().map(|event| (event.id, event.kind().to_owned())).collect()
        };
        assert_eq!(kinds(&had), kinds(&whole));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_of_the_task_s_is_refused() {
    let world = World::new();
    let id = world.task_id("tck-input-required").await;
    for last in ["x", "-1", "1.5", "0x1", "+1", "1,2", "1 2", "99999999999999999999", "1000"] {
        for binding in BINDINGS {
            let headers = [("Last-Event-ID", last)];
            let params = json!({ "id": id });
            let answer = world.call_with(binding, "SubscribeToTask", params, &headers).await;
            answer.names_fields(ErrorKind::InvalidParams, &["Last-Event-ID"], last);
        }
    }
    let most = u64::MAX.to_string();
    for binding in BINDINGS {
        let headers = [("Last-Event-ID", most.as_str())];
        let params = json!({ "id": id });
        let answer = world.call_with(binding, "SubscribeToTask", params, &headers).await;
        answer.names_fields(ErrorKind::InvalidParams, &["Last-Event-ID"], &most);
    }
}

#[tokio::test(start_paused = true)]
async fn the_id_of_no_event_is_none() {
    for last in [" ", "\t"] {
        for binding in BINDINGS {
            let world = World::new();
            let id = world.task_id("tck-input-required").await;
            let headers = [("Last-Event-ID", last)];
            let params = json!({ "id": id });
            let mut stream = world.stream_with(binding, "SubscribeToTask", params, &headers).await;
            assert_eq!(stream.event().await.unwrap().kind(), "task");
        }
    }
}

/// 0 is the number before the first event: the client has had none.
#[tokio::test(start_paused = true)]
async fn who_has_had_nothing_is_sent_everything_of_a_task_that_is_over_or_is_not() {
    for (text, is_over) in [("tck-stream-artifact-chunked", true), ("tck-input-required", false)] {
        for binding in BINDINGS {
            let world = World::new();
            let (events, id) = streamed(&world, binding, text).await;
            let params = json!({ "id": id });
            let mut stream = world
                .stream_with(binding, "SubscribeToTask", params, &[("Last-Event-ID", "0")])
                .await;
            for event in &events {
                assert_eq!(stream.event().await.as_ref(), Some(event), "{text}");
            }
            if is_over {
                assert_eq!(stream.rest().await, []);
            }
            // A message that was sent before, too.
            let headers = [KEY, ("Last-Event-ID", "0")];
            let stream = world.stream_with(binding, "SendStreamingMessage", send(text), &headers);
            assert_eq!(stream.await.event().await.unwrap().kind(), "task");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_had_everything_of_a_task_that_is_over_is_told_so() {
    for binding in BINDINGS {
        let world = World::new();
        let (events, id) = streamed(&world, binding, "tck-complete-task").await;
        let last = events.last().unwrap().id.to_string();
        let headers = [("Last-Event-ID", last.as_str())];
        let params = json!({ "id": id });
        let answer = world.call_with(binding, "SubscribeToTask", params, &headers).await;
        answer.refused_as(ErrorKind::UnsupportedOperation, "there is nothing left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_new_begins_with_its_task_whatever_was_had_before() {
    for binding in BINDINGS {
        for last in ["0", "1", "3", "18446744073709551615"] {
            let headers = [("Last-Event-ID", last)];
            let params = send("tck-complete-task");
            let world = World::new();
            let stream = world.stream_with(binding, "SendStreamingMessage", params, &headers).await;
            let events = stream.rest().await;
            assert_eq!(events[0].kind(), "task", "{last}: {events:?}");
            assert_eq!(events.last().unwrap().state(), Some("TASK_STATE_COMPLETED"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_cannot_resume() {
    for binding in BINDINGS {
        let world = World::new();
        let (events, id) = streamed(&world, binding, "tck-stream-artifact-chunked").await;
        let last = events[0].id.to_string();
        let headers = [("Last-Event-ID", last.as_str())];
        let params = json!({ "id": id });
        let stranger = world.as_visitor("bob");
        for (world, params) in
            [(&stranger, params.clone()), (&world, with(params, "/tenant", json!("acme")))]
        {
            let answer = world.call_with(binding, "SubscribeToTask", params, &headers).await;
            answer.refused_as(ErrorKind::TaskNotFound, "not theirs");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_is_passed_by_who_goes_on_behind_it() {
    for binding in BINDINGS {
        let world = World::new();
        let (events, id) = streamed(&world, binding, "tck-input-required").await;
        let last = events.last().unwrap().id.to_string();
        let headers = [("Last-Event-ID", last.as_str())];
        let stream =
            world.stream_with(binding, "SubscribeToTask", json!({ "id": id }), &headers).await;
        let reader = tokio::spawn(stream.rest());
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.call(binding, "SendMessage", follow_up(&id, "tck-complete-task")).await.ok();
        let rest = reader.await.unwrap();
        assert_eq!(rest.last().unwrap().state(), Some("TASK_STATE_COMPLETED"), "{rest:?}");
        assert!(rest[0].id > events.last().unwrap().id, "{rest:?}");
    }
}
