//! `GetTask` with the parameter `generation`: it waits for news.

use std::time::Duration;

use a2a_lambda_http::GENERATION_EXTENSION;
use a2a_lambda_protocol::ErrorKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{BINDINGS, Binding, World, send_and_leave, with};

/// Reads a task and its generation.
async fn get(world: &World, binding: Binding, params: Value) -> (Value, u64) {
    let headers = [("A2A-Extensions", GENERATION_EXTENSION)];
    let task = world.call_with(binding, "GetTask", params, &headers).await.ok();
    let generation = task["metadata"][GENERATION_EXTENSION].as_u64().unwrap();
    (task, generation)
}

#[tokio::test(start_paused = true)]
async fn news_are_waited_for() {
    for binding in BINDINGS {
        let world = World::new();
        let sent =
            world.call(binding, "SendMessage", send_and_leave("test-resubscribe-message-id")).await;
        let id = sent.ok()["task"]["id"].clone();
        let (task, known) = get(&world, binding, json!({ "id": id })).await;
        assert_eq!(task["status"]["state"], "TASK_STATE_WORKING");
        // A number is a number as text, too, as ProtoJSON has it for 64 bits.
        for generation in [json!(known), json!(known.to_string())] {
            let start = Instant::now();
            let params = json!({ "id": id, "generation": generation });
            let (task, generation) = get(&world, binding, params).await;
            assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
            assert!(generation > known, "{generation}");
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_news_the_task_is_answered_as_it_is_in_the_end() {
    for binding in BINDINGS {
        let (world, id) = World::with_task("tck-input-required").await;
        let (before, newest) = get(&world, binding, json!({ "id": id })).await;
        for generation in [newest, newest + 1, u64::MAX] {
            let start = Instant::now();
            let params = json!({ "id": id, "generation": generation });
            let (task, generation) = get(&world, binding, params.clone()).await;
            assert_eq!((task, generation), (before.clone(), newest));
            assert_eq!(start.elapsed(), Duration::from_secs(25));
            let hurried = world.in_a_hurry(Duration::from_secs(3));
            get(&hurried, binding, params).await;
            assert_eq!(start.elapsed(), Duration::from_secs(28));
        }
    }
}

/// A2A 1.1's draft has the parameter under another name.
#[tokio::test(start_paused = true)]
async fn the_parameter_has_two_names_and_one_meaning() {
    for binding in BINDINGS {
        let (world, id) = World::with_task("tck-input-required").await;
        let (_, newest) = get(&world, binding, json!({ "id": id })).await;
        for (params, waited_s) in [
            (json!({ "currentGeneration": newest }), 25),
            (json!({ "currentGeneration": newest - 1 }), 0),
            (json!({ "currentGeneration": newest, "generation": newest.to_string() }), 25),
        ] {
            let start = Instant::now();
            get(&world, binding, with(params.clone(), "/id", json!(id))).await;
            assert_eq!(start.elapsed(), Duration::from_secs(waited_s), "{params}");
        }
        for (generation, current) in [(json!(1), json!(2)), (json!(2), json!("x"))] {
            let params =
                json!({ "id": id, "generation": generation, "currentGeneration": current });
            let answer = world.call(binding, "GetTask", params.clone()).await;
            let why = params.to_string();
            answer.names_fields(ErrorKind::InvalidParams, &["currentGeneration"], &why);
        }
    }
}

/// The parameter is the extension's; a client that names it need not name the extension.
#[tokio::test(start_paused = true)]
async fn the_parameter_alone_waits_and_tells_nothing() {
    for binding in BINDINGS {
        let (world, id) = World::with_task("tck-input-required").await;
        let start = Instant::now();
        let params = json!({ "id": id, "generation": 1_000 });
        let task = world.call(binding, "GetTask", params).await.ok();
        assert_eq!(task.get("metadata"), None, "{task}");
        assert_eq!(start.elapsed(), Duration::from_secs(25));
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_generation_is_refused() {
    let (world, id) = World::with_task("tck-input-required").await;
    for wrong in [
        json!(-1),
        json!(1.5),
        json!("-1"),
        json!("x"),
        json!(""),
        json!(" 1"),
        json!("+1"),
        json!("1e3"),
        json!(true),
        json!([]),
        json!([1]),
        json!({}),
        json!("18446744073709551616"),
    ] {
        for binding in BINDINGS {
            let params = json!({ "id": id, "generation": wrong });
            let answer = world.call(binding, "GetTask", params).await;
            let why = wrong.to_string();
            answer.names_fields(ErrorKind::InvalidParams, &["generation"], &why);
        }
    }
    let params = json!({ "id": id, "generation": null });
    world.call(Binding::JsonRpc, "GetTask", params).await.ok();
    let twice = format!("/tasks/{id}?generation=1&generation=1");
    assert_eq!(world.http("GET", &twice, "").await.status(), 400);
}
