//! Streams that go on where another was cut: `Last-Event-ID`.

use a2a_lambda_protocol::ErrorKind;
use serde_json::json;

use crate::support::{BINDINGS, Binding, Event, World, send, with};

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

#[tokio::test(start_paused = true)]
async fn an_id_of_no_event_of_the_task_is_refused() {
    let (world, id) = World::with_task("tck-input-required").await;
    let most = u64::MAX.to_string();
    for last in ["x", "-1", "1.5", "0x1", "+1", "1,2", "1 2", "99999999999999999999", "1000", &most]
    {
        for binding in BINDINGS {
            let headers = [("Last-Event-ID", last)];
            let params = json!({ "id": id });
            let answer = world.call_with(binding, "SubscribeToTask", params, &headers).await;
            answer.names_fields(ErrorKind::InvalidParams, &["Last-Event-ID"], last);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_id_of_no_event_is_none() {
    for last in [" ", "\t"] {
        for binding in BINDINGS {
            let (world, id) = World::with_task("tck-input-required").await;
            let headers = [("Last-Event-ID", last)];
            let params = json!({ "id": id });
            let mut stream = world.stream_with(binding, "SubscribeToTask", params, &headers).await;
            assert_eq!(stream.event().await.unwrap().kind(), "task");
        }
    }
}

/// 0 is the number before the first event: the client has had none.
#[tokio::test(start_paused = true)]
async fn a_client_without_events_gets_all_of_an_open_or_ended_task() {
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
async fn a_client_with_all_events_of_an_ended_task_learns_its_end() {
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
